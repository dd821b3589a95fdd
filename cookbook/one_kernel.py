"""A program that starts one empty kernel, with nothing but the driver.

``%%requires counters`` runs it under Nsight Compute, to see whether the GPU's counters can be read.
"""

import ctypes
import sys

NAME = b"one_kernel"
PTX = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry one_kernel() { ret; }
"""


def check(status: int) -> None:
    """End the program upon a status of the driver's other than success."""
    if status:
        sys.exit(f"the driver returned status {status}")


def main() -> None:
    """Start the kernel on the first GPU, and wait for its end."""
    cuda = ctypes.CDLL("libcuda.so.1")
    device = ctypes.c_int()
    context = ctypes.c_void_p()
    module = ctypes.c_void_p()
    kernel = ctypes.c_void_p()
    one = ctypes.c_uint(1)
    none = ctypes.c_void_p()
    check(cuda.cuInit(0))
    check(cuda.cuDeviceGet(ctypes.byref(device), 0))
    check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    check(cuda.cuCtxSetCurrent(context))
    check(cuda.cuModuleLoadData(ctypes.byref(module), PTX))
    check(cuda.cuModuleGetFunction(ctypes.byref(kernel), module, NAME))
    grid_and_block = [one] * 6
    shared_memory = ctypes.c_uint(0)
    check(cuda.cuLaunchKernel(kernel, *grid_and_block, shared_memory, none, none, none))
    check(cuda.cuCtxSynchronize())


if __name__ == "__main__":
    main()
