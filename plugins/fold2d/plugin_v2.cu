// Fold2d for TensorRT 8: an IPluginV2DynamicExt. TensorRT 10 still takes it, and calls it deprecated; 11 does not.
#include "common/plugin_v2.h"
#include "fold2d/plugin.h"

using namespace nvinfer1;

namespace
{
class Fold2d : public cookbook::PluginV2<Fold2d, Fold2dAttributes>
{
public:
    using PluginV2::PluginV2;

    // -- while the network is built -------------------------------------------------------------------------------
    int32_t getNbOutputs() const noexcept override
    {
        return 1;
    }

    DimsExprs getOutputDimensions(int32_t, DimsExprs const* inputs, int32_t, IExprBuilder& builder) noexcept override
    {
        if (inputs[0].nbDims != 3)
        {
            return inputs[0]; // this function cannot refuse; supportsFormatCombination will
        }
        return imageShape(mAttributes, inputs[0], builder);
    }

    DataType getOutputDataType(int32_t, DataType const* inputTypes, int32_t) const noexcept override
    {
        return inputTypes[0];
    }

    // Asked for each tensor and each type and format: pos 0 is the input, pos 1 the output.
    bool supportsFormatCombination(
        int32_t pos, PluginTensorDesc const* inOut, int32_t inputs, int32_t outputs) noexcept override
    {
        if (!countsFit(inputs, outputs))
        {
            return false;
        }
        if (!mAttributes.fits(inOut[0].dims))
        {
            complainOfInput(mAttributes);
            return false;
        }
        return formatFits(inOut[pos], inOut[0]);
    }

    // -- while it runs --------------------------------------------------------------------------------------------
    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const* outputDesc, void const* const* inputs,
        void* const* outputs, void*, cudaStream_t stream) noexcept override
    {
        if (!mAttributes.fits(inputDesc[0].dims))
        {
            complainOfInput(mAttributes);
            return 1;
        }
        return enqueueFold(mAttributes, inputDesc[0], outputDesc[0], inputs[0], outputs[0], stream);
    }
};

using Fold2dCreator = cookbook::CreatorV2<Fold2d, Fold2dAttributes>;
} // namespace

REGISTER_TENSORRT_PLUGIN(Fold2dCreator); // runs when the library is loaded
