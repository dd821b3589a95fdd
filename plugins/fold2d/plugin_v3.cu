// Fold2d for TensorRT 10 and 11: an IPluginV3.
#include "common/plugin_v3.h"
#include "fold2d/plugin.h"

using namespace nvinfer1;

namespace
{
class Fold2d : public cookbook::PluginV3<Fold2d, Fold2dAttributes>
{
public:
    using PluginV3::PluginV3;

    // -- build: while the engine is made --------------------------------------------------------------------------
    int32_t getNbOutputs() const noexcept override
    {
        return 1;
    }

    int32_t getOutputShapes(DimsExprs const* inputs, int32_t nbInputs, DimsExprs const*, int32_t, DimsExprs* outputs,
        int32_t nbOutputs, IExprBuilder& builder) noexcept override
    {
        if (!countsFit(nbInputs, nbOutputs))
        {
            return 1;
        }
        if (inputs[0].nbDims != 3)
        {
            complainOfInput(mAttributes);
            return 1;
        }
        outputs[0] = imageShape(mAttributes, inputs[0], builder);
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
        if (!mAttributes.fits(inOut[0].desc.dims))
        {
            complainOfInput(mAttributes);
            return false;
        }
        return formatFits(inOut[pos].desc, inOut[0].desc);
    }

    // -- runtime: while it runs -----------------------------------------------------------------------------------
    // Called before enqueue when the shapes are new: they are known now, so what could not be checked before is.
    int32_t onShapeChange(PluginTensorDesc const* inputs, int32_t, PluginTensorDesc const*, int32_t) noexcept override
    {
        if (!mAttributes.fits(inputs[0].dims))
        {
            complainOfInput(mAttributes);
            return 1;
        }
        return 0;
    }

    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const* outputDesc, void const* const* inputs,
        void* const* outputs, void*, cudaStream_t stream) noexcept override
    {
        return enqueueFold(mAttributes, inputDesc[0], outputDesc[0], inputs[0], outputs[0], stream);
    }
};

using Fold2dCreator = cookbook::CreatorV3<Fold2d, Fold2dAttributes>;
} // namespace

REGISTER_TENSORRT_PLUGIN(Fold2dCreator); // runs when the library is loaded
