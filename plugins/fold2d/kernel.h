// Fold2d, plain CUDA: no TensorRT here, so that the kernel can be compiled, tested and profiled on its own.
#pragma once

#include <cstdint>

#include <cuda_fp16.h>
#include <cuda_runtime.h>

// Everything that the kernel must know about one call. Pairs are (height, width).
struct FoldShape
{
    int64_t batch;
    int32_t channels;    // of the image
    int32_t image[2];    // size of the image
    int32_t block[2];    // size of one patch
    int32_t stride[2];   // step from patch to patch
    int32_t pad[2];      // rows and columns of padding above and to the left
    int32_t dilation[2]; // step inside a patch
    int32_t grid[2];     // how many patches there are
};

// image (batch, channels, H, W) = sum of overlapping patches (batch, channels * kh * kw, grid_h * grid_w).
// Only enqueues work on the stream; both pointers are device memory. An empty batch does nothing.
cudaError_t fold2d(FoldShape const& shape, float const* patches, float* image, cudaStream_t stream);
cudaError_t fold2d(FoldShape const& shape, __half const* patches, __half* image, cudaStream_t stream);

// The same for callers that know no C++, such as Python's ctypes: half is 0 for float and 1 for __half. Returns 0, or
// CUDA's number of the error.
extern "C" int32_t fold2d_launch(
    FoldShape const* shape, int32_t half, void const* patches, void* image, cudaStream_t stream);
