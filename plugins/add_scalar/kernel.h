// AddScalar, plain CUDA: no TensorRT here, so that the kernel can be compiled, tested and profiled on its own.
#pragma once

#include <cstdint>

#include <cuda_fp16.h>
#include <cuda_runtime.h>

// output = input + scalar, for count values. Only enqueues work on the stream; both pointers are device memory and may
// be the same. A count of zero does nothing.
cudaError_t addScalar(int64_t count, float scalar, float const* input, float* output, cudaStream_t stream);
cudaError_t addScalar(int64_t count, float scalar, __half const* input, __half* output, cudaStream_t stream);

// The same for callers that know no C++, such as Python's ctypes: half is 0 for float and 1 for __half. Returns 0, or
// CUDA's number of the error.
extern "C" int32_t add_scalar_launch(
    int64_t count, float scalar, int32_t half, void const* input, void* output, cudaStream_t stream);
