// What a rehearsal is given: attributes and inputs, one a line.
#pragma once

#include <NvInfer.h>

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <list>
#include <sstream>
#include <string>
#include <vector>

namespace rehearsal
{
using namespace nvinfer1;

struct Name
{
    DataType type;
    char const* text;
};

constexpr Name kTYPES[] = {
    {DataType::kFLOAT, "FLOAT"}, {DataType::kHALF, "HALF"}, {DataType::kINT8, "INT8"}, {DataType::kINT32, "INT32"}};

std::string nameOf(DataType type)
{
    for (Name const& name : kTYPES)
    {
        if (name.type == type)
        {
            return name.text;
        }
    }
    return "another type";
}

DataType typeOf(std::string const& text)
{
    for (Name const& name : kTYPES)
    {
        if (text == name.text)
        {
            return name.type;
        }
    }
    std::cerr << "no such type: " << text << std::endl;
    std::exit(2);
}

// The attributes and inputs of the script. Values live here while fields point to them.
struct Script
{
    std::list<std::string> names;
    std::list<std::vector<int32_t>> integers;
    std::list<std::vector<float>> floats;
    std::vector<PluginField> fields;
    std::vector<PluginTensorDesc> inputs;

    void read(std::istream& lines)
    {
        std::string line;
        while (std::getline(lines, line))
        {
            std::istringstream words(line);
            std::string kind;
            words >> kind;
            if (kind == "attribute")
            {
                readAttribute(words);
            }
            else if (kind == "tensor")
            {
                readTensor(words);
            }
        }
    }

    void readAttribute(std::istream& words)
    {
        std::string name;
        std::string type;
        words >> name >> type;
        names.push_back(name);
        if (type == "INT32")
        {
            integers.emplace_back(std::istream_iterator<int32_t>(words), std::istream_iterator<int32_t>());
            add(PluginFieldType::kINT32, integers.back());
        }
        else
        {
            floats.emplace_back();
            for (std::string word; words >> word;)
            {
                floats.back().push_back(std::stof(word)); // unlike >>, it also reads inf and nan
            }
            add(PluginFieldType::kFLOAT32, floats.back());
        }
    }

    template <typename Values>
    void add(PluginFieldType type, Values const& values)
    {
        fields.emplace_back(names.back().c_str(), values.data(), type, static_cast<int32_t>(values.size()));
    }

    void readTensor(std::istream& words)
    {
        std::string type;
        words >> type;
        PluginTensorDesc tensor{};
        tensor.type = typeOf(type);
        tensor.format = TensorFormat::kLINEAR;
        int64_t size = 0;
        while (words >> size)
        {
            tensor.dims.d[tensor.dims.nbDims++] = static_cast<int32_t>(size);
        }
        inputs.push_back(tensor);
    }

    std::vector<DataType> types() const
    {
        std::vector<DataType> all;
        for (PluginTensorDesc const& tensor : inputs)
        {
            all.push_back(tensor.type);
        }
        return all;
    }

    PluginFieldCollection collection() const
    {
        return {static_cast<int32_t>(fields.size()), fields.data()};
    }
};
} // namespace rehearsal
