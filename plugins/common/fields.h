// The attributes of a plugin, described once. A plugin has a plain struct for them, with default values, which names
// its members to a `Fields`:
//
//     struct ScaleAttributes
//     {
//         static constexpr char const* kNAME = "Scale";
//         static constexpr char const* kVERSION = "1";
//         float factor{};
//         int32_t axes[2]{0, 1};
//
//         void describe(cookbook::Fields& fields)
//         {
//             fields.required("factor", factor);
//             fields.optional("axes", axes);
//         }
//         std::string problem() const; // what is wrong with the values; empty if nothing is
//     };
//
// From this one description come the creator's list of fields, the reading of attributes with its refusals, and what a
// plan stores. Members are int32_t, float, or arrays of them.
#pragma once

#include "common/log.h"

#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

namespace cookbook
{
inline constexpr nvinfer1::PluginFieldType fieldType(int32_t)
{
    return nvinfer1::PluginFieldType::kINT32;
}

inline constexpr nvinfer1::PluginFieldType fieldType(float)
{
    return nvinfer1::PluginFieldType::kFLOAT32;
}

// The name that a type has in TensorRT's documentation.
inline std::string typeName(nvinfer1::PluginFieldType type)
{
    switch (type)
    {
    case nvinfer1::PluginFieldType::kFLOAT16: return "FLOAT16";
    case nvinfer1::PluginFieldType::kFLOAT32: return "FLOAT32";
    case nvinfer1::PluginFieldType::kFLOAT64: return "FLOAT64";
    case nvinfer1::PluginFieldType::kINT8: return "INT8";
    case nvinfer1::PluginFieldType::kINT16: return "INT16";
    case nvinfer1::PluginFieldType::kINT32: return "INT32";
    case nvinfer1::PluginFieldType::kCHAR: return "CHAR";
    default: return "type " + std::to_string(static_cast<int32_t>(type));
    }
}

// Holds addresses of the members of one attribute struct: use it no longer than that struct lives.
class Fields
{
public:
    template <typename Attributes>
    explicit Fields(Attributes& attributes)
    {
        attributes.describe(*this);
    }

    template <typename Member>
    void required(char const* name, Member& member)
    {
        add(name, member, true);
    }

    template <typename Member>
    void optional(char const* name, Member& member)
    {
        add(name, member, false);
    }

    // For a creator's getFieldNames: names, types and lengths.
    std::vector<nvinfer1::PluginField> names() const
    {
        std::vector<nvinfer1::PluginField> fields;
        for (Entry const& entry : mEntries)
        {
            fields.emplace_back(entry.name, nullptr, entry.type, entry.length);
        }
        return fields;
    }

    // For getFieldsToSerialize: the same with values. They are not copied.
    std::vector<nvinfer1::PluginField> values() const
    {
        std::vector<nvinfer1::PluginField> fields;
        for (Entry const& entry : mEntries)
        {
            fields.emplace_back(entry.name, entry.data, entry.type, entry.length);
        }
        return fields;
    }

    // Copies the values of a collection into the struct. Returns what is wrong; empty if nothing is.
    std::string read(nvinfer1::PluginFieldCollection const& given)
    {
        for (int32_t i = 0; i < given.nbFields; ++i)
        {
            std::string const wrong = readOne(given.fields[i]);
            if (!wrong.empty())
            {
                return wrong;
            }
        }
        for (Entry const& entry : mEntries)
        {
            if (entry.isRequired && !entry.wasGiven)
            {
                return std::string("attribute ") + entry.name + " is missing";
            }
        }
        return "";
    }

    // The same from a plan, which stores every attribute, also those that were optional.
    std::string readAll(nvinfer1::PluginFieldCollection const& stored)
    {
        for (Entry& entry : mEntries)
        {
            entry.isRequired = true;
        }
        std::string const wrong = read(stored);
        return wrong.empty() ? "" : wrong + kHINT;
    }

    // The values one after the other, without the gaps that a struct may have: what a plan stores of a V2 plugin.
    size_t size() const
    {
        size_t total = 0;
        for (Entry const& entry : mEntries)
        {
            total += entry.bytes;
        }
        return total;
    }

    void write(void* buffer) const
    {
        auto* position = static_cast<char*>(buffer);
        for (Entry const& entry : mEntries)
        {
            std::memcpy(position, entry.data, entry.bytes);
            position += entry.bytes;
        }
    }

    std::string readAll(void const* buffer, size_t length)
    {
        if (length != size())
        {
            return "the plan holds " + std::to_string(length) + " bytes for it, not " + std::to_string(size()) + kHINT;
        }
        auto const* position = static_cast<char const*>(buffer);
        for (Entry const& entry : mEntries)
        {
            std::memcpy(entry.data, position, entry.bytes);
            position += entry.bytes;
        }
        return "";
    }

private:
    static constexpr char const* kHINT = ": was the plan built with another version of this plugin?";

    struct Entry
    {
        char const* name;
        nvinfer1::PluginFieldType type;
        int32_t length; // how many values
        void* data;
        size_t bytes;
        bool isRequired;
        bool wasGiven;
    };

    template <typename Member>
    void add(char const* name, Member& member, bool isRequired)
    {
        using Value = std::remove_extent_t<Member>;
        auto const length = static_cast<int32_t>(sizeof(Member) / sizeof(Value));
        mEntries.push_back({name, fieldType(Value{}), length, &member, sizeof(Member), isRequired, false});
    }

    std::string readOne(nvinfer1::PluginField const& field)
    {
        std::string known;
        for (Entry& entry : mEntries)
        {
            if (std::strcmp(entry.name, field.name) == 0)
            {
                return copyInto(entry, field);
            }
            known += known.empty() ? entry.name : std::string(", ") + entry.name;
        }
        return std::string("attribute ") + field.name + " is unknown; it has " + (known.empty() ? "none" : known);
    }

    static std::string copyInto(Entry& entry, nvinfer1::PluginField const& field)
    {
        if (field.type != entry.type || field.length != entry.length || field.data == nullptr)
        {
            return std::string("attribute ") + entry.name + " must be " + typeName(entry.type) + " with "
                + std::to_string(entry.length) + " values, not " + typeName(field.type) + " with "
                + std::to_string(field.length);
        }
        std::memcpy(entry.data, field.data, entry.bytes);
        entry.wasGiven = true;
        return "";
    }

    std::vector<Entry> mEntries;
};

// Fields in the form in which TensorRT takes them. They live as long as this does; holding the same number of them
// again leaves them in their place, so that what TensorRT was given before stays right.
class Collection
{
public:
    void hold(std::vector<nvinfer1::PluginField> const& fields)
    {
        mFields = fields;
        mCollection.nbFields = static_cast<int32_t>(mFields.size());
        mCollection.fields = mFields.data();
    }

    nvinfer1::PluginFieldCollection const* get() const
    {
        return &mCollection;
    }

private:
    std::vector<nvinfer1::PluginField> mFields;
    nvinfer1::PluginFieldCollection mCollection{};
};

// The attributes, if nothing is wrong with what was read and with their values. Else nothing, and a line in the log.
template <typename Attributes>
std::optional<Attributes> approve(Attributes const& attributes, std::string const& wrongReading)
{
    std::string const wrong = wrongReading.empty() ? attributes.problem() : wrongReading;
    if (wrong.empty())
    {
        return attributes;
    }
    complain(Attributes::kNAME, wrong);
    return std::nullopt;
}
} // namespace cookbook
