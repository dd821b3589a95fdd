"""What Python does if an exception is set without its global lock; no TensorRT is involved.

    python 106_lock.py held|released

``PyErr_SetString`` is the function of Python's C interface that sets an exception. ctypes keeps the
lock while it calls a function of a ``PyDLL``, and releases it for one of a ``CDLL``.
"""

import ctypes
import sys

KINDS = {"held": ctypes.PyDLL, "released": ctypes.CDLL}


def set_exception(kind):
    """Set a RuntimeError from C, through a library of this kind."""
    function = kind(None).PyErr_SetString
    function.argtypes = [ctypes.py_object, ctypes.c_char_p]
    function.restype = None
    function(RuntimeError, b"set by C code")


def main():
    try:
        set_exception(KINDS[sys.argv[1]])
    except RuntimeError as error:
        print("RuntimeError,", error)


if __name__ == "__main__":
    main()
