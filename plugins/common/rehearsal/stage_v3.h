// What TensorRT 10 and 11 ask a plugin, an IPluginV3.
#pragma once

#include "script.h"
#include "stored.h"

#include <memory>

namespace rehearsal
{
using Deleter = std::default_delete<Plugin>;
using Tensor = DynamicPluginTensorDesc;

inline IPluginCreatorV3One& full(Creator& creator)
{
    return static_cast<IPluginCreatorV3One&>(creator);
}

inline IPluginV3OneCore& core(Plugin& plugin)
{
    return *static_cast<IPluginV3OneCore*>(plugin.getCapabilityInterface(PluginCapabilityType::kCORE));
}

inline IPluginV3OneBuild& build(Plugin& plugin)
{
    return *static_cast<IPluginV3OneBuild*>(plugin.getCapabilityInterface(PluginCapabilityType::kBUILD));
}

inline IPluginV3OneRuntime& runtime(Plugin& plugin)
{
    return *static_cast<IPluginV3OneRuntime*>(plugin.getCapabilityInterface(PluginCapabilityType::kRUNTIME));
}

inline Plugin* create(Creator& creator, Script const& script)
{
    PluginFieldCollection const fields = script.collection();
    return full(creator).createPlugin("rehearsal", &fields, TensorRTPhase::kBUILD);
}

inline Stored store(Plugin& plugin)
{
    Stored stored;
    PluginFieldCollection const& all = *runtime(plugin).getFieldsToSerialize();
    for (int32_t i = 0; i < all.nbFields; ++i)
    {
        PluginField const& field = all.fields[i];
        auto const* bytes = static_cast<char const*>(field.data);
        stored.names.emplace_back(field.name);
        stored.values.emplace_back(bytes, bytes + 4 * field.length); // INT32 and FLOAT32 have four bytes each
        stored.fields.emplace_back(stored.names.back().c_str(), stored.values.back().data(), field.type, field.length);
    }
    return stored;
}

inline Plugin* load(Creator& creator, Stored const& stored)
{
    PluginFieldCollection const fields{static_cast<int32_t>(stored.fields.size()), stored.fields.data()};
    return full(creator).createPlugin("rehearsal", &fields, TensorRTPhase::kRUNTIME);
}

inline bool isNamed(Plugin& plugin, Creator& creator)
{
    return std::string(core(plugin).getPluginName()) == full(creator).getPluginName()
        && std::string(core(plugin).getPluginVersion()) == full(creator).getPluginVersion()
        && std::string(core(plugin).getPluginNamespace()) == full(creator).getPluginNamespace();
}

// Types and shapes of the outputs. False if the plugin refuses.
inline bool infer(Plugin& plugin, Script const& script, std::vector<DimsExprs> const& inputs, Expressions& expressions,
    std::vector<DataType>& types, std::vector<DimsExprs>& outputs)
{
    auto const count = static_cast<int32_t>(inputs.size());
    outputs.resize(build(plugin).getNbOutputs());
    types.resize(outputs.size());
    auto const results = static_cast<int32_t>(outputs.size());
    std::vector<DataType> const given = script.types();
    int32_t const wrongTypes = build(plugin).getOutputDataTypes(types.data(), results, given.data(), count);
    int32_t const wrongShapes =
        build(plugin).getOutputShapes(inputs.data(), count, nullptr, 0, outputs.data(), results, expressions);
    return wrongTypes == 0 && wrongShapes == 0;
}

inline bool accepts(Plugin& plugin, int32_t position, std::vector<Tensor> const& tensors, int32_t inputs)
{
    auto const outputs = static_cast<int32_t>(tensors.size()) - inputs;
    return build(plugin).supportsFormatCombination(position, tensors.data(), inputs, outputs);
}

inline PluginTensorDesc& described(Tensor& tensor)
{
    return tensor.desc;
}

// What only V3 has: a copy for each execution context, and news about shapes.
inline void rehearseContext(Plugin& plugin, Script const& script)
{
    std::unique_ptr<Plugin> const attached(runtime(plugin).attachToContext(nullptr));
    bool const isCopy = attached.get() != &plugin && store(*attached).equals(store(plugin));
    std::cout << "context: " << (isCopy ? "a copy" : "no copy") << std::endl;
    auto const count = static_cast<int32_t>(script.inputs.size());
    int32_t const status = runtime(*attached).onShapeChange(script.inputs.data(), count, nullptr, 0);
    std::cout << "shape change: " << (status == 0 ? "taken" : "refused") << std::endl;
}
} // namespace rehearsal
