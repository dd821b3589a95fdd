// What a plan would hold of a plugin, on its own: nothing in it points into the plugin.
#pragma once

#include "tensorrt.h"

#include <cstdio>
#include <string>

namespace rehearsal
{
using Bytes = std::vector<char>;

inline std::string hex(Bytes const& bytes)
{
    std::string text;
    for (char byte : bytes)
    {
        char digits[3];
        std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(byte));
        text += digits;
    }
    return text;
}

struct Stored
{
    std::list<std::string> names; // one for V2, which has no names
    std::list<Bytes> values;
    std::vector<PluginField> fields;

    void print() const
    {
        auto name = names.begin();
        for (Bytes const& value : values)
        {
            std::cout << "stored: " << *name++ << " " << hex(value) << std::endl;
        }
    }

    bool equals(Stored const& other) const
    {
        return names == other.names && values == other.values;
    }

    // Damages it; false if there is nothing to lose.
    bool loseLast()
    {
        if (values.empty() || values.back().empty())
        {
            return false;
        }
#if IS_V3
        fields.pop_back();
#else
        values.back().pop_back();
#endif
        return true;
    }
};
} // namespace rehearsal
