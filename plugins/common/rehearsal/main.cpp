// Plays TensorRT to one plugin, with neither TensorRT nor a GPU: takes it through its life up to the kernel, and prints
// what it answers, one fact a line. It is compiled with the headers of the TensorRT that the plugin was compiled for.
//
//     rehearsal NAME.so < script        each line of the script is one of
//         attribute NAME INT32|FLOAT32 VALUE …
//         tensor FLOAT|HALF|INT8|INT32 DIMENSION …        an input; -1 is a dimension that is not known yet
#include "script.h"
#include "stored.h"
#include "tensorrt.h"
#if IS_V3
#include "stage_v3.h"
#else
#include "stage_v2.h"
#endif

#include <dlfcn.h>

#include <memory>

using namespace nvinfer1;
using namespace rehearsal;

namespace
{
constexpr TensorFormat kFORMATS[] = {TensorFormat::kLINEAR, TensorFormat::kCHW32};

using Owned = std::unique_ptr<Plugin, Deleter>;

void printFields(Creator& creator)
{
    std::cout << "creator: " << full(creator).getPluginName() << " " << full(creator).getPluginVersion() << std::endl;
    PluginFieldCollection const& fields = *full(creator).getFieldNames();
    for (int32_t i = 0; i < fields.nbFields; ++i)
    {
        PluginField const& field = fields.fields[i];
        char const* type = field.type == PluginFieldType::kINT32 ? "INT32" : "FLOAT32";
        std::cout << "field: " << field.name << " " << type << " " << field.length << std::endl;
    }
}

std::vector<PluginTensorDesc> rehearseShapes(Plugin& plugin, Script const& script)
{
    Expressions expressions;
    std::vector<DimsExprs> inputs;
    for (PluginTensorDesc const& tensor : script.inputs)
    {
        inputs.push_back(expressions.of(tensor.dims));
    }
    std::vector<DataType> types;
    std::vector<DimsExprs> outputs;
    if (!infer(plugin, script, inputs, expressions, types, outputs))
    {
        std::cout << "outputs: refused" << std::endl;
        return {};
    }
    std::vector<PluginTensorDesc> described;
    for (size_t i = 0; i < outputs.size(); ++i)
    {
        PluginTensorDesc tensor{};
        tensor.type = types[i];
        tensor.dims = Expressions::valuesOf(outputs[i]);
        std::cout << "output: " << nameOf(tensor.type);
        for (int32_t axis = 0; axis < tensor.dims.nbDims; ++axis)
        {
            std::cout << " " << tensor.dims.d[axis];
        }
        std::cout << std::endl;
        described.push_back(tensor);
    }
    return described;
}

// Every combination of types and formats, asked tensor by tensor as TensorRT does; prints those that are accepted.
void rehearseFormats(Plugin& plugin, std::vector<Tensor>& tensors, size_t position, int32_t inputs)
{
    if (position == tensors.size())
    {
        std::cout << "accepts:";
        for (Tensor& tensor : tensors)
        {
            bool const isLinear = described(tensor).format == TensorFormat::kLINEAR;
            std::cout << " " << nameOf(described(tensor).type) << (isLinear ? "" : "/CHW32");
        }
        std::cout << std::endl;
        return;
    }
    for (Name const& name : kTYPES)
    {
        for (TensorFormat format : kFORMATS)
        {
            described(tensors[position]).type = name.type;
            described(tensors[position]).format = format;
            if (accepts(plugin, static_cast<int32_t>(position), tensors, inputs))
            {
                rehearseFormats(plugin, tensors, position + 1, inputs);
            }
        }
    }
}

// Into a plan and out of it, with and without damage; and a copy that outlives its original.
void rehearsePlan(Creator& creator, Owned plugin)
{
    Stored const stored = store(*plugin);
    stored.print();
    Owned const again(load(creator, stored));
    std::cout << "loaded: " << (again && store(*again).equals(stored) ? "same" : "different") << std::endl;
    Owned const copy(static_cast<Plugin*>(plugin->clone()));
    plugin.reset();
    std::cout << "copy: " << (store(*copy).equals(stored) && isNamed(*copy, creator) ? "same" : "different")
              << std::endl;
    Stored damaged = store(*copy);
    if (!damaged.loseLast())
    {
        return; // a plugin without attributes stores nothing
    }
    Owned const cut(load(creator, damaged));
    std::cout << "cut: " << (cut ? "taken" : "refused") << std::endl;
}

void rehearse(Creator& creator, Script const& script)
{
    printFields(creator);
    Owned plugin(create(creator, script));
    if (!plugin)
    {
        std::cout << "created: refused" << std::endl;
        return;
    }
    std::cout << "created: " << (isNamed(*plugin, creator) ? "named as its creator" : "under another name")
              << std::endl;
    std::vector<PluginTensorDesc> outputs;
    if (!script.inputs.empty())
    {
        outputs = rehearseShapes(*plugin, script);
    }
    if (!outputs.empty())
    {
        std::vector<Tensor> tensors;
        for (std::vector<PluginTensorDesc> const& group : {script.inputs, outputs})
        {
            for (PluginTensorDesc const& tensor : group)
            {
                tensors.emplace_back();
                described(tensors.back()) = tensor;
            }
        }
        rehearseFormats(*plugin, tensors, 0, static_cast<int32_t>(script.inputs.size()));
        rehearseContext(*plugin, script);
    }
    rehearsePlan(creator, std::move(plugin));
}
} // namespace

int main(int count, char** arguments)
{
    if (count != 2 || dlopen(arguments[1], RTLD_NOW) == nullptr)
    {
        std::cerr << (count == 2 ? dlerror() : "usage: rehearsal NAME.so < script") << std::endl;
        return 2;
    }
    Script script;
    script.read(std::cin);
    for (Creator* creator : static_cast<Registry*>(getPluginRegistry())->creators)
    {
        rehearse(*creator, script);
    }
    return 0;
}
