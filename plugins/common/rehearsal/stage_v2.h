// What TensorRT 8 asks a plugin, an IPluginV2DynamicExt.
#pragma once

#include "script.h"
#include "stored.h"

namespace rehearsal
{
struct Deleter
{
    void operator()(Plugin* plugin) const
    {
        plugin->destroy();
    }
};

using Tensor = PluginTensorDesc;

inline IPluginCreator& full(Creator& creator)
{
    return creator;
}

inline Plugin* create(Creator& creator, Script const& script)
{
    PluginFieldCollection const fields = script.collection();
    return static_cast<Plugin*>(creator.createPlugin("rehearsal", &fields));
}

inline Stored store(Plugin& plugin)
{
    Stored stored;
    stored.names.emplace_back("all");
    stored.values.emplace_back(plugin.getSerializationSize());
    plugin.serialize(stored.values.back().data());
    return stored;
}

inline Plugin* load(Creator& creator, Stored const& stored)
{
    Bytes const& bytes = stored.values.back();
    return static_cast<Plugin*>(creator.deserializePlugin("rehearsal", bytes.data(), bytes.size()));
}

inline bool isNamed(Plugin& plugin, Creator& creator)
{
    return std::string(plugin.getPluginType()) == creator.getPluginName()
        && std::string(plugin.getPluginVersion()) == creator.getPluginVersion()
        && std::string(plugin.getPluginNamespace()) == creator.getPluginNamespace();
}

inline bool infer(Plugin& plugin, Script const& script, std::vector<DimsExprs> const& inputs, Expressions& expressions,
    std::vector<DataType>& types, std::vector<DimsExprs>& outputs)
{
    auto const count = static_cast<int32_t>(inputs.size());
    std::vector<DataType> const given = script.types();
    for (int32_t i = 0; i < plugin.getNbOutputs(); ++i)
    {
        types.push_back(plugin.getOutputDataType(i, given.data(), count));
        outputs.push_back(plugin.getOutputDimensions(i, inputs.data(), count, expressions));
    }
    return true;
}

inline bool accepts(Plugin& plugin, int32_t position, std::vector<Tensor> const& tensors, int32_t inputs)
{
    auto const outputs = static_cast<int32_t>(tensors.size()) - inputs;
    return plugin.supportsFormatCombination(position, tensors.data(), inputs, outputs);
}

inline PluginTensorDesc& described(Tensor& tensor)
{
    return tensor;
}

inline void rehearseContext(Plugin&, Script const&) {}
} // namespace rehearsal
