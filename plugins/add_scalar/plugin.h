// AddScalar, what both glues say of it: its attribute, its formats, and how the kernel is called.
#pragma once

#include "add_scalar/kernel.h"
#include "common/fields.h"

#include <cmath>

struct AddScalarAttributes
{
    static constexpr char const* kNAME = "AddScalar";
    static constexpr char const* kVERSION = "1";

    float scalar{};

    void describe(cookbook::Fields& fields)
    {
        fields.required("scalar", scalar);
    }

    std::string problem() const
    {
        if (!std::isfinite(scalar))
        {
            return "scalar must be a finite number";
        }
        return "";
    }
};

// Whether there is one input, and one output.
inline bool countsFit(int32_t inputs, int32_t outputs)
{
    if (inputs != 1 || outputs != 1)
    {
        cookbook::complain(AddScalarAttributes::kNAME, "takes one input; scalar is an attribute");
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

// Puts the kernel on the stream. Returns 0, or 1 after a complaint: what TensorRT wants of enqueue.
inline int32_t enqueueAdd(AddScalarAttributes const& a, nvinfer1::PluginTensorDesc const& input, void const* from,
    void* to, cudaStream_t stream)
{
    int64_t count = 1;
    for (int32_t axis = 0; axis < input.dims.nbDims; ++axis)
    {
        count *= input.dims.d[axis];
    }
    int32_t const half = input.type == nvinfer1::DataType::kHALF ? 1 : 0;
    int32_t const status = add_scalar_launch(count, a.scalar, half, from, to, stream);
    if (status == cudaSuccess)
    {
        return 0;
    }
    cookbook::complain(AddScalarAttributes::kNAME, cudaGetErrorString(static_cast<cudaError_t>(status)));
    return 1;
}
