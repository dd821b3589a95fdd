// Fold2d, what both glues say of it: attributes, what they mean for shapes and types, and how the kernel is called.
#pragma once

#include "common/fields.h"
#include "fold2d/kernel.h"

// Names and meaning are those of the ONNX operator Col2Im. Pairs are (height, width).
struct Fold2dAttributes
{
    static constexpr char const* kNAME = "Fold2d";
    static constexpr char const* kVERSION = "1";

    int32_t image[2]{};
    int32_t block[2]{};
    int32_t strides[2]{1, 1};
    int32_t pads[4]{}; // top, left, bottom, right
    int32_t dilations[2]{1, 1};

    void describe(cookbook::Fields& fields)
    {
        fields.required("image_shape", image);
        fields.required("block_shape", block);
        fields.optional("strides", strides);
        fields.optional("pads", pads);
        fields.optional("dilations", dilations);
    }

    std::string problem() const
    {
        for (int32_t axis = 0; axis < 2; ++axis)
        {
            if (image[axis] < 1 || block[axis] < 1 || strides[axis] < 1 || dilations[axis] < 1)
            {
                return "image_shape, block_shape, strides and dilations must be positive";
            }
        }
        for (int32_t pad : pads)
        {
            if (pad < 0)
            {
                return "pads must not be negative";
            }
        }
        if (grid(0) < 1 || grid(1) < 1)
        {
            return "block_shape is larger than the padded image";
        }
        return "";
    }

    // Patches along one axis, 0 for height and 1 for width; 0 where no patch fits.
    int32_t grid(int32_t axis) const
    {
        int32_t const room = image[axis] + pads[axis] + pads[axis + 2] - dilations[axis] * (block[axis] - 1) - 1;
        if (room < 0)
        {
            return 0;
        }
        return room / strides[axis] + 1;
    }

    int32_t patches() const
    {
        return grid(0) * grid(1);
    }

    // Values of one channel in one patch.
    int32_t area() const
    {
        return block[0] * block[1];
    }

    // Whether a tensor of patches fits, as far as its shape is known yet (-1 is unknown).
    bool fits(nvinfer1::Dims const& dims) const
    {
        if (dims.nbDims != 3)
        {
            return false;
        }
        bool const rowsFit = dims.d[1] < 0 || dims.d[1] % area() == 0;
        bool const columnsFit = dims.d[2] < 0 || dims.d[2] == patches();
        return rowsFit && columnsFit;
    }
};

// Says which input would be right.
inline void complainOfInput(Fold2dAttributes const& a)
{
    cookbook::complain(Fold2dAttributes::kNAME,
        "the input must be (n, channels * " + std::to_string(a.area()) + ", " + std::to_string(a.patches())
            + "): values of a patch, patches");
}

// Whether there is one input, and one output.
inline bool countsFit(int32_t inputs, int32_t outputs)
{
    if (inputs != 1 || outputs != 1)
    {
        cookbook::complain(
            Fold2dAttributes::kNAME, "takes one input, the patches; image_shape and block_shape are attributes");
        return false;
    }
    return true;
}

// Linear FP32 or FP16, the same for input and output.
inline bool formatFits(nvinfer1::PluginTensorDesc const& tensor, nvinfer1::PluginTensorDesc const& input)
{
    bool const isKnown = tensor.type == nvinfer1::DataType::kFLOAT || tensor.type == nvinfer1::DataType::kHALF;
    return isKnown && tensor.format == nvinfer1::TensorFormat::kLINEAR && tensor.type == input.type;
}

// (n, channels * kh * kw, patches) -> (n, channels, H, W), as expressions, because n may be dynamic.
inline nvinfer1::DimsExprs imageShape(
    Fold2dAttributes const& a, nvinfer1::DimsExprs const& patches, nvinfer1::IExprBuilder& builder)
{
    nvinfer1::IDimensionExpr const* area = builder.constant(a.area());
    nvinfer1::DimsExprs image{};
    image.nbDims = 4;
    image.d[0] = patches.d[0];
    image.d[1] = builder.operation(nvinfer1::DimensionOperation::kFLOOR_DIV, *patches.d[1], *area);
    image.d[2] = builder.constant(a.image[0]);
    image.d[3] = builder.constant(a.image[1]);
    return image;
}

// Puts the kernel on the stream. Returns 0, or 1 after a complaint: what TensorRT wants of enqueue.
inline int32_t enqueueFold(Fold2dAttributes const& a, nvinfer1::PluginTensorDesc const& patches,
    nvinfer1::PluginTensorDesc const& image, void const* from, void* to, cudaStream_t stream)
{
    FoldShape shape{};
    shape.batch = image.dims.d[0];
    shape.channels = static_cast<int32_t>(image.dims.d[1]);
    for (int32_t axis = 0; axis < 2; ++axis)
    {
        shape.image[axis] = a.image[axis];
        shape.block[axis] = a.block[axis];
        shape.stride[axis] = a.strides[axis];
        shape.pad[axis] = a.pads[axis];
        shape.dilation[axis] = a.dilations[axis];
        shape.grid[axis] = a.grid(axis);
    }
    int32_t const half = patches.type == nvinfer1::DataType::kHALF ? 1 : 0;
    int32_t const status = fold2d_launch(&shape, half, from, to, stream);
    if (status == cudaSuccess)
    {
        return 0;
    }
    cookbook::complain(Fold2dAttributes::kNAME, cudaGetErrorString(static_cast<cudaError_t>(status)));
    return 1;
}
