// How a plugin speaks. TensorRT calls it through noexcept functions: it reports with a line in the log and a return
// value, and never throws.
#pragma once

#include <NvInfer.h>

#include <iostream>
#include <string>

namespace cookbook
{
// An error in TensorRT's log, with the plugin's name in front. The logger is that of the first builder or runtime;
// while there is none, the line goes to the standard error stream.
inline void complain(char const* plugin, std::string const& text)
{
    std::string const line = std::string(plugin) + ": " + text;
    nvinfer1::ILogger* logger = getLogger();
    if (logger == nullptr)
    {
        std::cerr << line << std::endl;
        return;
    }
    logger->log(nvinfer1::ILogger::Severity::kERROR, line.c_str());
}
} // namespace cookbook
