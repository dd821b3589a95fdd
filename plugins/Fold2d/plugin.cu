// Fold2d, the glue: what TensorRT 8 and 10 ask a plugin, answered. IPluginV2DynamicExt for TensorRT before 11.
//
// Attributes (INT32), with the names and meaning that they have in the ONNX operator Col2Im:
//   image_shape (2), block_shape (2): required;  strides (2): 1, 1;  pads (4: top, left, bottom, right): 0;
//   dilations (2): 1, 1.
#include "kernel.h"

#include <NvInfer.h>

// Three methods have names that older base classes use for other methods. That is meant.
#pragma nv_diag_suppress 997

#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace nvinfer1;

namespace
{
constexpr char const* kNAME = "Fold2d";
constexpr char const* kVERSION = "1";

// What a plan stores: plain numbers, so that serialising is copying.
struct Attributes
{
    int32_t image[2]{0, 0};
    int32_t block[2]{0, 0};
    int32_t strides[2]{1, 1};
    int32_t pads[4]{0, 0, 0, 0};
    int32_t dilations[2]{1, 1};

    // Patches along one axis, 0 for height and 1 for width; not positive where no patch fits.
    int32_t grid(int32_t axis) const
    {
        int32_t const room = image[axis] + pads[axis] + pads[axis + 2] - dilations[axis] * (block[axis] - 1) - 1;
        return room < 0 ? 0 : room / strides[axis] + 1;
    }
};

// TensorRT calls a plugin through noexcept functions: report with the logger and a return value, never by throwing.
void complain(std::string const& text)
{
    if (ILogger* logger = getLogger())
    {
        logger->log(ILogger::Severity::kERROR, (std::string(kNAME) + ": " + text).c_str());
    }
}

// What is wrong with the attributes; empty if nothing is.
std::string problem(Attributes const& a)
{
    for (int32_t k = 0; k < 2; ++k)
    {
        if (a.image[k] < 1 || a.block[k] < 1 || a.strides[k] < 1 || a.dilations[k] < 1)
        {
            return "image_shape, block_shape, strides and dilations must be given and positive";
        }
    }
    for (int32_t pad : a.pads)
    {
        if (pad < 0)
        {
            return "pads must not be negative";
        }
    }
    return a.grid(0) < 1 || a.grid(1) < 1 ? "block_shape is larger than the padded image" : "";
}

class Fold2d : public IPluginV2DynamicExt
{
public:
    explicit Fold2d(Attributes const& attributes) : mAttributes(attributes) {}

    // -- who it is ------------------------------------------------------------------------------------------------
    char const* getPluginType() const noexcept override { return kNAME; }
    char const* getPluginVersion() const noexcept override { return kVERSION; }
    void setPluginNamespace(char const* name) noexcept override { mNamespace = name ? name : ""; }
    char const* getPluginNamespace() const noexcept override { return mNamespace.c_str(); }
    int32_t getNbOutputs() const noexcept override { return 1; }

    // -- while the network is built -------------------------------------------------------------------------------
    // (n, channels * kh * kw, patches) -> (n, channels, H, W), as expressions, because n may be dynamic.
    DimsExprs getOutputDimensions(int32_t, DimsExprs const* inputs, int32_t, IExprBuilder& builder) noexcept override
    {
        if (inputs[0].nbDims != 3)
        {
            return inputs[0]; // supportsFormatCombination refuses it, with a message
        }
        int32_t const area = mAttributes.block[0] * mAttributes.block[1];
        DimsExprs output{};
        output.nbDims = 4;
        output.d[0] = inputs[0].d[0];
        output.d[1] = builder.operation(DimensionOperation::kFLOOR_DIV, *inputs[0].d[1], *builder.constant(area));
        output.d[2] = builder.constant(mAttributes.image[0]);
        output.d[3] = builder.constant(mAttributes.image[1]);
        return output;
    }

    DataType getOutputDataType(int32_t, DataType const* inputTypes, int32_t) const noexcept override
    {
        return inputTypes[0];
    }

    // Linear FP32 or FP16, the same for input (pos 0) and output (pos 1).
    bool supportsFormatCombination(int32_t pos, PluginTensorDesc const* inOut, int32_t inputs, int32_t outputs) noexcept
        override
    {
        if (inputs != 1 || outputs != 1)
        {
            complain("takes one input, the patches; image_shape and block_shape are attributes");
            return false;
        }
        Dims const& d = inOut[0].dims;
        int32_t const area = mAttributes.block[0] * mAttributes.block[1];
        int32_t const patches = mAttributes.grid(0) * mAttributes.grid(1);
        if (d.nbDims != 3 || (d.d[1] >= 0 && d.d[1] % area != 0) || (d.d[2] >= 0 && d.d[2] != patches))
        {
            complain("the input must be (n, channels * " + std::to_string(area) + ", " + std::to_string(patches)
                + "): values of a patch, patches");
            return false;
        }
        bool const known = inOut[pos].type == DataType::kFLOAT || inOut[pos].type == DataType::kHALF;
        return known && inOut[pos].format == TensorFormat::kLINEAR && inOut[pos].type == inOut[0].type;
    }

    void configurePlugin(DynamicPluginTensorDesc const*, int32_t, DynamicPluginTensorDesc const*, int32_t) noexcept
        override
    {
    }

    size_t getWorkspaceSize(PluginTensorDesc const*, int32_t, PluginTensorDesc const*, int32_t) const noexcept override
    {
        return 0; // scratch memory is asked for here, never allocated in enqueue
    }

    // -- while it runs --------------------------------------------------------------------------------------------
    int32_t initialize() noexcept override { return 0; }
    void terminate() noexcept override {}

    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const* outputDesc, void const* const* inputs,
        void* const* outputs, void*, cudaStream_t stream) noexcept override
    {
        Attributes const& a = mAttributes;
        FoldShape const shape{outputDesc[0].dims.d[0], static_cast<int32_t>(outputDesc[0].dims.d[1]),
            {a.image[0], a.image[1]}, {a.block[0], a.block[1]}, {a.strides[0], a.strides[1]}, {a.pads[0], a.pads[1]},
            {a.dilations[0], a.dilations[1]}, {a.grid(0), a.grid(1)}};
        Dims const& d = inputDesc[0].dims;
        if (d.d[1] != shape.channels * a.block[0] * a.block[1] || d.d[2] != shape.grid[0] * shape.grid[1])
        {
            complain("the input's shape at run time does not fit the attributes");
            return 1;
        }
        bool const half = inputDesc[0].type == DataType::kHALF;
        cudaError_t const status = half
            ? fold2d(shape, static_cast<__half const*>(inputs[0]), static_cast<__half*>(outputs[0]), stream)
            : fold2d(shape, static_cast<float const*>(inputs[0]), static_cast<float*>(outputs[0]), stream);
        if (status != cudaSuccess)
        {
            complain(cudaGetErrorString(status));
        }
        return status == cudaSuccess ? 0 : 1;
    }

    // -- copies and plans -----------------------------------------------------------------------------------------
    size_t getSerializationSize() const noexcept override { return sizeof(Attributes); }
    void serialize(void* buffer) const noexcept override { std::memcpy(buffer, &mAttributes, sizeof(Attributes)); }
    void destroy() noexcept override { delete this; }

    IPluginV2DynamicExt* clone() const noexcept override
    {
        auto copy = std::make_unique<Fold2d>(mAttributes);
        copy->setPluginNamespace(mNamespace.c_str());
        return copy.release();
    }

private:
    Attributes mAttributes;
    std::string mNamespace;
};

// TensorRT finds the creator in the registry, by name, version and namespace, and asks it for plugins.
class Fold2dCreator : public IPluginCreator
{
public:
    Fold2dCreator()
    {
        for (char const* name : {"image_shape", "block_shape", "strides", "pads", "dilations"})
        {
            mFields.emplace_back(name, nullptr, PluginFieldType::kINT32, std::strcmp(name, "pads") ? 2 : 4);
        }
        mCollection.nbFields = static_cast<int32_t>(mFields.size());
        mCollection.fields = mFields.data();
    }

    char const* getPluginName() const noexcept override { return kNAME; }
    char const* getPluginVersion() const noexcept override { return kVERSION; }
    PluginFieldCollection const* getFieldNames() noexcept override { return &mCollection; }
    void setPluginNamespace(char const* name) noexcept override { mNamespace = name ? name : ""; }
    char const* getPluginNamespace() const noexcept override { return mNamespace.c_str(); }

    // From attributes: the ONNX parser's, or those of network code. A null pointer means refusal.
    IPluginV2* createPlugin(char const*, PluginFieldCollection const* fields) noexcept override
    {
        Attributes a;
        for (int32_t i = 0; i < fields->nbFields; ++i)
        {
            PluginField const& field = fields->fields[i];
            std::string const name = field.name;
            int32_t* target = name == "image_shape" ? a.image
                : name == "block_shape"             ? a.block
                : name == "strides"                 ? a.strides
                : name == "pads"                    ? a.pads
                : name == "dilations"               ? a.dilations
                                                    : nullptr;
            int32_t const count = name == "pads" ? 4 : 2;
            if (target == nullptr || field.type != PluginFieldType::kINT32 || field.length != count)
            {
                complain("attribute " + name + (target ? " must be " + std::to_string(count) + " INT32 values"
                                                       : " is unknown"));
                return nullptr;
            }
            std::memcpy(target, field.data, count * sizeof(int32_t));
        }
        return make(a);
    }

    // From a plan.
    IPluginV2* deserializePlugin(char const*, void const* data, size_t length) noexcept override
    {
        if (length != sizeof(Attributes))
        {
            complain("the plan holds " + std::to_string(length) + " bytes for it, " + std::to_string(sizeof(Attributes))
                + " are needed: built with another version of this plugin?");
            return nullptr;
        }
        Attributes a;
        std::memcpy(&a, data, sizeof(Attributes));
        return make(a);
    }

private:
    IPluginV2* make(Attributes const& a)
    {
        std::string const wrong = problem(a);
        if (!wrong.empty())
        {
            complain(wrong);
            return nullptr;
        }
        auto plugin = std::make_unique<Fold2d>(a);
        plugin->setPluginNamespace(mNamespace.c_str());
        return plugin.release();
    }

    std::vector<PluginField> mFields;
    PluginFieldCollection mCollection{};
    std::string mNamespace;
};
} // namespace

REGISTER_TENSORRT_PLUGIN(Fold2dCreator); // runs when the library is loaded
