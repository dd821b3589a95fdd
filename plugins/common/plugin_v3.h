// What every plugin for TensorRT 10 and 11 (IPluginV3) needs beside its own work: who it is, its three capabilities,
// copies, plans, a creator. The class of a plugin derives from PluginV3 and adds shapes, types, formats and enqueue:
//
//     class Scale : public cookbook::PluginV3<Scale, ScaleAttributes> { … };
//     using ScaleCreator = cookbook::CreatorV3<Scale, ScaleAttributes>;
//     REGISTER_TENSORRT_PLUGIN(ScaleCreator);
#pragma once

#include "common/fields.h"

namespace cookbook
{
// TensorRT asks an IPluginV3 for its capabilities, and then speaks with those. Here one object is all of them.
template <typename Plugin, typename Attributes>
class PluginV3 : public nvinfer1::IPluginV3,
                 public nvinfer1::IPluginV3OneCore,
                 public nvinfer1::IPluginV3OneBuild,
                 public nvinfer1::IPluginV3OneRuntime
{
public:
    explicit PluginV3(Attributes const& attributes)
        : mAttributes(attributes)
    {
    }

    // Each cast shifts the address to another base class; without it TensorRT would call the wrong functions.
    nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override
    {
        switch (type)
        {
        case nvinfer1::PluginCapabilityType::kCORE: return static_cast<nvinfer1::IPluginV3OneCore*>(this);
        case nvinfer1::PluginCapabilityType::kBUILD: return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
        case nvinfer1::PluginCapabilityType::kRUNTIME: return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
        }
        return nullptr;
    }

    // -- core: who it is ------------------------------------------------------------------------------------------
    char const* getPluginName() const noexcept override
    {
        return Attributes::kNAME;
    }

    char const* getPluginVersion() const noexcept override
    {
        return Attributes::kVERSION;
    }

    char const* getPluginNamespace() const noexcept override
    {
        return "";
    }

    // -- copies and plans -----------------------------------------------------------------------------------------
    // A copy has everything that the plugin has, configured or not. Who asked for it deletes it.
    nvinfer1::IPluginV3* clone() noexcept override
    {
        return new Plugin(static_cast<Plugin const&>(*this));
    }

    // Each execution context works with a copy of its own.
    nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext*) noexcept override
    {
        return clone();
    }

    // TensorRT stores these fields in the plan, and gives them to the creator when the plan is loaded. They are made
    // at each call, because those of a plugin that was copied point into the original.
    nvinfer1::PluginFieldCollection const* getFieldsToSerialize() noexcept override
    {
        mStored.hold(Fields(mAttributes).values());
        return mStored.get();
    }

    // -- build and runtime: what most plugins do not need ---------------------------------------------------------
    int32_t configurePlugin(nvinfer1::DynamicPluginTensorDesc const*, int32_t, nvinfer1::DynamicPluginTensorDesc const*,
        int32_t) noexcept override
    {
        return 0;
    }

    // Scratch memory is asked for here, never allocated in enqueue.
    size_t getWorkspaceSize(nvinfer1::DynamicPluginTensorDesc const*, int32_t, nvinfer1::DynamicPluginTensorDesc const*,
        int32_t) const noexcept override
    {
        return 0;
    }

    int32_t onShapeChange(
        nvinfer1::PluginTensorDesc const*, int32_t, nvinfer1::PluginTensorDesc const*, int32_t) noexcept override
    {
        return 0;
    }

protected:
    Attributes mAttributes;

private:
    Collection mStored;
};

// TensorRT finds the creator in its registry, by name, version and namespace, and asks it for plugins.
template <typename Plugin, typename Attributes>
class CreatorV3 : public nvinfer1::IPluginCreatorV3One
{
public:
    CreatorV3()
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

    char const* getPluginNamespace() const noexcept override
    {
        return "";
    }

    nvinfer1::PluginFieldCollection const* getFieldNames() noexcept override
    {
        return mNames.get();
    }

    // In the build phase the fields are attributes: the ONNX parser's, or those of network code. In the runtime phase
    // they come out of a plan, where getFieldsToSerialize put them. A null pointer means refusal.
    nvinfer1::IPluginV3* createPlugin(
        char const*, nvinfer1::PluginFieldCollection const* fields, nvinfer1::TensorRTPhase phase) noexcept override
    {
        Attributes attributes;
        std::string wrong;
        if (phase == nvinfer1::TensorRTPhase::kBUILD)
        {
            wrong = Fields(attributes).read(*fields);
        }
        else
        {
            wrong = Fields(attributes).readAll(*fields);
        }
        std::optional<Attributes> const approved = approve(attributes, wrong);
        if (!approved)
        {
            return nullptr;
        }
        return new Plugin(*approved);
    }

private:
    Collection mNames;
};
} // namespace cookbook
