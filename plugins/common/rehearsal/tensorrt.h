// The parts of TensorRT that a plugin calls: log, registry, arithmetic with dimensions. No GPU, no library of TensorRT.
#pragma once

#include <NvInfer.h>

#include <algorithm>
#include <iostream>
#include <list>
#include <utility>
#include <vector>

#define IS_V3 (NV_TENSORRT_MAJOR >= 10 || NV_TENSORRT_MAJOR == 1) // TensorRT-RTX counts from 1

namespace rehearsal
{
using namespace nvinfer1;

#if IS_V3
using Creator = IPluginCreatorInterface;
using Plugin = IPluginV3;
#else
using Creator = IPluginCreator;
using Plugin = IPluginV2DynamicExt;
class IPluginCreatorInterface;
class IPluginResource;
#endif

class Log : public ILogger
{
    void log(Severity, char const* text) noexcept override
    {
        std::cout << "log: " << text << std::endl;
    }
};

// Takes creators and does nothing else. Which functions there are depends on the version: those of all are here.
class Registry : public IPluginRegistry
{
public:
    std::vector<Creator*> creators;

    // clang-format off
    bool registerCreator(Creator& creator, char const* const) noexcept { creators.push_back(&creator); return true; }
#if IS_V3
    bool registerCreator(IPluginCreator&, char const* const) noexcept { return false; }
    bool deregisterCreator(IPluginCreator const&) noexcept { return false; }
    IPluginCreatorInterface* getCreator(char const* const, char const* const, char const* const) noexcept { return nullptr; }
#endif
    bool deregisterCreator(Creator const&) noexcept { return false; }
    IPluginCreator* const* getPluginCreatorList(int32_t* const) const noexcept { return nullptr; }
    IPluginCreator* getPluginCreator(char const* const, char const* const, char const* const) noexcept { return nullptr; }
    IPluginCreatorInterface* const* getAllCreators(int32_t* const) const noexcept { return nullptr; }
    IPluginCreatorInterface* const* getAllCreatorsRecursive(int32_t* const) noexcept { return nullptr; }
    void setErrorRecorder(IErrorRecorder* const) noexcept {}
    IErrorRecorder* getErrorRecorder() const noexcept { return nullptr; }
    bool isParentSearchEnabled() const { return false; }
    void setParentSearchEnabled(bool const) {}
    PluginLibraryHandle loadLibrary(char const*) noexcept { return nullptr; }
    void deregisterLibrary(PluginLibraryHandle) noexcept {}
    IPluginResource* acquirePluginResource(char const*, IPluginResource*) noexcept { return nullptr; }
    int32_t releasePluginResource(char const*) noexcept { return 0; }
    // clang-format on
};

// A dimension: a number, or -1 for one that is not known yet.
class Dimension : public IDimensionExpr, public apiv::VDimensionExpr
{
public:
    using Number = decltype(std::declval<apiv::VDimensionExpr>().getConstantValue());

    explicit Dimension(int64_t value)
        : mValue(static_cast<Number>(value))
    {
        mImpl = this;
    }

    bool isConstant() const override
    {
        return mValue >= 0;
    }

    Number getConstantValue() const override
    {
        return mValue;
    }

    bool isSizeTensor() const // newer versions ask this
    {
        return false;
    }

private:
    Number mValue;
};

// What a plugin may calculate with dimensions.
class Expressions : public IExprBuilder, public apiv::VExprBuilder
{
public:
    Expressions()
    {
        mImpl = this;
    }

    IDimensionExpr const* constant(Dimension::Number value) override
    {
        mDimensions.emplace_back(value);
        return &mDimensions.back();
    }

    IDimensionExpr const* operation(
        DimensionOperation op, IDimensionExpr const& first, IDimensionExpr const& second) override
    {
        auto const a = static_cast<Dimension const&>(first).Dimension::getConstantValue();
        auto const b = static_cast<Dimension const&>(second).Dimension::getConstantValue();
        if (a < 0 || b < 0)
        {
            return constant(-1);
        }
        switch (op)
        {
        case DimensionOperation::kSUM: return constant(a + b);
        case DimensionOperation::kPROD: return constant(a * b);
        case DimensionOperation::kMAX: return constant(std::max(a, b));
        case DimensionOperation::kMIN: return constant(std::min(a, b));
        case DimensionOperation::kSUB: return constant(a - b);
        case DimensionOperation::kFLOOR_DIV: return constant(a / b);
        case DimensionOperation::kCEIL_DIV: return constant((a + b - 1) / b);
        default: return constant(-1);
        }
    }

    DimsExprs of(Dims const& dims)
    {
        DimsExprs expressions{};
        expressions.nbDims = dims.nbDims;
        for (int32_t axis = 0; axis < dims.nbDims; ++axis)
        {
            expressions.d[axis] = constant(dims.d[axis]);
        }
        return expressions;
    }

    static Dims valuesOf(DimsExprs const& expressions)
    {
        Dims dims{};
        dims.nbDims = expressions.nbDims;
        for (int32_t axis = 0; axis < dims.nbDims; ++axis)
        {
            dims.d[axis] = expressions.d[axis]->getConstantValue();
        }
        return dims;
    }

    // Newer versions: the size of an output that depends on data.
    IDimensionExpr const* declareSizeTensor(int32_t, IDimensionExpr const&, IDimensionExpr const&)
    {
        return constant(-1);
    }

private:
    std::list<Dimension> mDimensions;
};
} // namespace rehearsal

extern "C" nvinfer1::ILogger* getLogger() noexcept
{
    static rehearsal::Log log;
    return &log;
}

extern "C" nvinfer1::IPluginRegistry* getPluginRegistry() noexcept
{
    static rehearsal::Registry registry;
    return &registry;
}
