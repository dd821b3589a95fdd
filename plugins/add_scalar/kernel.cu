// AddScalar, the kernel: a thread adds to one value, then goes on with the value that is a whole grid further on.
#include "kernel.h"

#include <algorithm>

namespace
{
constexpr int32_t kTHREADS = 256;
constexpr int64_t kMAX_BLOCKS = 65535;

template <typename T>
__global__ void addScalarKernel(int64_t count, float scalar, T const* input, T* output)
{
    int64_t const step = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
    {
        output[i] = static_cast<T>(static_cast<float>(input[i]) + scalar);
    }
}

template <typename T>
cudaError_t launch(int64_t count, float scalar, T const* input, T* output, cudaStream_t stream)
{
    if (count == 0)
    {
        return cudaSuccess; // a grid of no blocks would be an error
    }
    auto const blocks = static_cast<uint32_t>(std::min((count + kTHREADS - 1) / kTHREADS, kMAX_BLOCKS));
    addScalarKernel<T><<<blocks, kTHREADS, 0, stream>>>(count, scalar, input, output);
    return cudaGetLastError(); // a launch that the GPU refused
}
} // namespace

cudaError_t addScalar(int64_t count, float scalar, float const* input, float* output, cudaStream_t stream)
{
    return launch(count, scalar, input, output, stream);
}

cudaError_t addScalar(int64_t count, float scalar, __half const* input, __half* output, cudaStream_t stream)
{
    return launch(count, scalar, input, output, stream);
}

extern "C" int32_t add_scalar_launch(
    int64_t count, float scalar, int32_t half, void const* input, void* output, cudaStream_t stream)
{
    if (half != 0)
    {
        return addScalar(count, scalar, static_cast<__half const*>(input), static_cast<__half*>(output), stream);
    }
    return addScalar(count, scalar, static_cast<float const*>(input), static_cast<float*>(output), stream);
}
