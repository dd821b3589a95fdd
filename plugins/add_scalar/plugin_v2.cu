// AddScalar for TensorRT 8: an IPluginV2DynamicExt. TensorRT 10 still takes it, and calls it deprecated; 11 does not.
#include "add_scalar/plugin.h"
#include "common/plugin_v2.h"

using namespace nvinfer1;

namespace
{
class AddScalar : public cookbook::PluginV2<AddScalar, AddScalarAttributes>
{
public:
    using PluginV2::PluginV2;

    // -- while the network is built -------------------------------------------------------------------------------
    int32_t getNbOutputs() const noexcept override
    {
        return 1;
    }

    DimsExprs getOutputDimensions(int32_t, DimsExprs const* inputs, int32_t, IExprBuilder&) noexcept override
    {
        return inputs[0];
    }

    DataType getOutputDataType(int32_t, DataType const* inputTypes, int32_t) const noexcept override
    {
        return inputTypes[0];
    }

    // Asked for each tensor and each type and format: pos 0 is the input, pos 1 the output.
    bool supportsFormatCombination(
        int32_t pos, PluginTensorDesc const* inOut, int32_t inputs, int32_t outputs) noexcept override
    {
        return countsFit(inputs, outputs) && formatFits(inOut[pos], inOut[0]);
    }

    // -- while it runs --------------------------------------------------------------------------------------------
    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const*, void const* const* inputs,
        void* const* outputs, void*, cudaStream_t stream) noexcept override
    {
        return enqueueAdd(mAttributes, inputDesc[0], inputs[0], outputs[0], stream);
    }
};

using AddScalarCreator = cookbook::CreatorV2<AddScalar, AddScalarAttributes>;
} // namespace

REGISTER_TENSORRT_PLUGIN(AddScalarCreator); // runs when the library is loaded
