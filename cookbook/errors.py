"""Every error that the helper package raises.

Each message names the thing (tensor, node, file, option) and what to do.
"""


class CookbookError(Exception):
    """Base of all errors of this package."""


class BackendError(CookbookError):
    """No TensorRT is installed, or the one that was asked for is not."""


class NoGpuError(CookbookError):
    """The step needs a GPU that this TensorRT can run on, and there is none."""


class CudaError(CookbookError):
    """A CUDA call returned a status other than success."""


class DeviceMemoryError(CudaError):
    """The GPU has too little free memory."""


class RequiresError(CookbookError):
    """A ``%%requires`` line is malformed."""


class BuildError(CookbookError):
    """A model could not be read, parsed or built."""


class PlanError(CookbookError):
    """A plan is damaged, or was built by another TensorRT or for another GPU."""


class PluginError(CookbookError):
    """A plugin cannot be compiled, loaded or found."""


class SessionError(CookbookError):
    """A session was given wrong inputs or used in a wrong way."""


class ProcessError(CookbookError):
    """A child process failed, died or took too long."""


class MeasureError(CookbookError):
    """A measurement cannot be made, or cannot answer what it is asked."""


class ComparisonError(CookbookError, AssertionError):
    """Two results differ by more than the tolerance."""
