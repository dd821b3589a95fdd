// What every plugin for TensorRT 8 (IPluginV2DynamicExt) needs beside its own work: who it is, copies, plans, a
// creator. The class of a plugin derives from PluginV2 and adds shapes, types, formats and enqueue:
//
//     class Scale : public cookbook::PluginV2<Scale, ScaleAttributes> { … };
//     using ScaleCreator = cookbook::CreatorV2<Scale, ScaleAttributes>;
//     REGISTER_TENSORRT_PLUGIN(ScaleCreator);
#pragma once

#include "common/fields.h"

#include <string>

// Methods here have names that older base classes use for others. That is meant.
#pragma nv_diag_suppress 997

namespace cookbook
{
template <typename Plugin, typename Attributes>
class PluginV2 : public nvinfer1::IPluginV2DynamicExt
{
public:
    explicit PluginV2(Attributes const& attributes)
        : mAttributes(attributes)
    {
    }

    // -- who it is ------------------------------------------------------------------------------------------------
    char const* getPluginType() const noexcept override
    {
        return Attributes::kNAME;
    }

    char const* getPluginVersion() const noexcept override
    {
        return Attributes::kVERSION;
    }

    void setPluginNamespace(char const* name) noexcept override
    {
        mNamespace = name;
    }

    char const* getPluginNamespace() const noexcept override
    {
        return mNamespace.c_str();
    }

    // -- copies and plans -----------------------------------------------------------------------------------------
    // A copy has everything that the plugin has, configured or not.
    nvinfer1::IPluginV2DynamicExt* clone() const noexcept override
    {
        return new Plugin(static_cast<Plugin const&>(*this));
    }

    void destroy() noexcept override
    {
        delete this;
    }

    size_t getSerializationSize() const noexcept override
    {
        Attributes copy = mAttributes;
        return Fields(copy).size();
    }

    void serialize(void* buffer) const noexcept override
    {
        Attributes copy = mAttributes;
        Fields(copy).write(buffer);
    }

    // -- what most plugins do not need ----------------------------------------------------------------------------
    void configurePlugin(nvinfer1::DynamicPluginTensorDesc const*, int32_t, nvinfer1::DynamicPluginTensorDesc const*,
        int32_t) noexcept override
    {
    }

    // Scratch memory is asked for here, never allocated in enqueue.
    size_t getWorkspaceSize(
        nvinfer1::PluginTensorDesc const*, int32_t, nvinfer1::PluginTensorDesc const*, int32_t) const noexcept override
    {
        return 0;
    }

    int32_t initialize() noexcept override
    {
        return 0;
    }

    void terminate() noexcept override {}

protected:
    Attributes mAttributes;

private:
    std::string mNamespace;
};

// TensorRT finds the creator in its registry, by name, version and namespace, and asks it for plugins.
template <typename Plugin, typename Attributes>
class CreatorV2 : public nvinfer1::IPluginCreator
{
public:
    CreatorV2()
    {
        Attributes attributes;
        mNames.hold(Fields(attributes).names());
    }

    char const* getPluginName() const noexcept override
    {
        return Attributes::kNAME;
    }

    char const* getPluginVersion() const noexcept override
    {
        return Attributes::kVERSION;
    }

    void setPluginNamespace(char const* name) noexcept override
    {
        mNamespace = name;
    }

    char const* getPluginNamespace() const noexcept override
    {
        return mNamespace.c_str();
    }

    nvinfer1::PluginFieldCollection const* getFieldNames() noexcept override
    {
        return mNames.get();
    }

    // From attributes: the ONNX parser's, or those of network code. A null pointer means refusal.
    nvinfer1::IPluginV2* createPlugin(char const*, nvinfer1::PluginFieldCollection const* fields) noexcept override
    {
        Attributes attributes;
        std::string const wrong = Fields(attributes).read(*fields);
        return make(approve(attributes, wrong));
    }

    // From a plan.
    nvinfer1::IPluginV2* deserializePlugin(char const*, void const* data, size_t length) noexcept override
    {
        Attributes attributes;
        std::string const wrong = Fields(attributes).readAll(data, length);
        return make(approve(attributes, wrong));
    }

private:
    nvinfer1::IPluginV2* make(std::optional<Attributes> const& attributes)
    {
        if (!attributes)
        {
            return nullptr;
        }
        auto* plugin = new Plugin(*attributes);
        plugin->setPluginNamespace(mNamespace.c_str());
        return plugin;
    }

    Collection mNames;
    std::string mNamespace;
};
} // namespace cookbook
