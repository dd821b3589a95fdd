// AddScalar for TensorRT 10 and 11: an IPluginV3.
#include "add_scalar/plugin.h"
#include "common/plugin_v3.h"

using namespace nvinfer1;

namespace
{
class AddScalar : public cookbook::PluginV3<AddScalar, AddScalarAttributes>
{
public:
    using PluginV3::PluginV3;

    // -- build: while the engine is made --------------------------------------------------------------------------
    int32_t getNbOutputs() const noexcept override
    {
        return 1;
    }

    int32_t getOutputShapes(DimsExprs const* inputs, int32_t nbInputs, DimsExprs const*, int32_t, DimsExprs* outputs,
        int32_t nbOutputs, IExprBuilder&) noexcept override
    {
        if (!countsFit(nbInputs, nbOutputs))
        {
            return 1;
        }
        outputs[0] = inputs[0];
        return 0;
    }

    int32_t getOutputDataTypes(
        DataType* outputTypes, int32_t nbOutputs, DataType const* inputTypes, int32_t nbInputs) const noexcept override
    {
        if (!countsFit(nbInputs, nbOutputs))
        {
            return 1;
        }
        outputTypes[0] = inputTypes[0];
        return 0;
    }

    // Asked for each tensor and each type and format: pos 0 is the input, pos 1 the output.
    bool supportsFormatCombination(
        int32_t pos, DynamicPluginTensorDesc const* inOut, int32_t, int32_t) noexcept override
    {
        return formatFits(inOut[pos].desc, inOut[0].desc);
    }

    // -- runtime: while it runs -----------------------------------------------------------------------------------
    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const*, void const* const* inputs,
        void* const* outputs, void*, cudaStream_t stream) noexcept override
    {
        return enqueueAdd(mAttributes, inputDesc[0], inputs[0], outputs[0], stream);
    }
};

using AddScalarCreator = cookbook::CreatorV3<AddScalar, AddScalarAttributes>;
} // namespace

REGISTER_TENSORRT_PLUGIN(AddScalarCreator); // runs when the library is loaded
