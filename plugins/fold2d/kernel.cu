// Fold2d, the kernel: one thread makes one pixel of the image and *gathers* what the patches hold of it.
//
// The other way round, one thread for each value of a patch, would have several threads add to one pixel: that needs
// atomics, and the order of the additions, so the last bit of the result, would change from run to run.
#include "kernel.h"

#include <algorithm>

namespace
{
constexpr int32_t kTHREADS = 256;
constexpr int64_t kMAX_BLOCKS = 65535;

template <typename T>
__global__ void foldKernel(FoldShape s, int64_t pixels, T const* __restrict__ patches, T* __restrict__ image)
{
    int64_t const step = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t pixel = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; pixel < pixels; pixel += step)
    {
        int32_t const x = static_cast<int32_t>(pixel % s.image[1]);
        int32_t const y = static_cast<int32_t>(pixel / s.image[1] % s.image[0]);
        int64_t const plane = pixel / s.image[1] / s.image[0]; // batch index * channels + channel
        float sum = 0.0F;
        for (int32_t ky = 0; ky < s.block[0]; ++ky)
        {
            // The patch whose row ky is at y begins at top, if there is such a patch.
            int32_t const top = y + s.pad[0] - ky * s.dilation[0];
            if (top < 0 || top % s.stride[0] != 0 || top / s.stride[0] >= s.grid[0])
            {
                continue;
            }
            for (int32_t kx = 0; kx < s.block[1]; ++kx)
            {
                int32_t const left = x + s.pad[1] - kx * s.dilation[1];
                if (left < 0 || left % s.stride[1] != 0 || left / s.stride[1] >= s.grid[1])
                {
                    continue;
                }
                int64_t const row = (plane * s.block[0] + ky) * s.block[1] + kx;
                int64_t const patch = int64_t{top / s.stride[0]} * s.grid[1] + left / s.stride[1];
                sum += static_cast<float>(patches[row * s.grid[0] * s.grid[1] + patch]);
            }
        }
        image[pixel] = static_cast<T>(sum);
    }
}

template <typename T>
cudaError_t launch(FoldShape const& s, T const* patches, T* image, cudaStream_t stream)
{
    int64_t const pixels = s.batch * s.channels * s.image[0] * s.image[1];
    if (pixels == 0)
    {
        return cudaSuccess; // a grid of no blocks would be an error
    }
    auto const blocks = static_cast<uint32_t>(std::min((pixels + kTHREADS - 1) / kTHREADS, kMAX_BLOCKS));
    foldKernel<T><<<blocks, kTHREADS, 0, stream>>>(s, pixels, patches, image);
    return cudaGetLastError(); // a launch that the GPU refused
}
} // namespace

cudaError_t fold2d(FoldShape const& shape, float const* patches, float* image, cudaStream_t stream)
{
    return launch(shape, patches, image, stream);
}

cudaError_t fold2d(FoldShape const& shape, __half const* patches, __half* image, cudaStream_t stream)
{
    return launch(shape, patches, image, stream);
}

extern "C" int32_t fold2d_launch(
    FoldShape const* shape, int32_t half, void const* patches, void* image, cudaStream_t stream)
{
    if (half != 0)
    {
        return fold2d(*shape, static_cast<__half const*>(patches), static_cast<__half*>(image), stream);
    }
    return fold2d(*shape, static_cast<float const*>(patches), static_cast<float*>(image), stream);
}
