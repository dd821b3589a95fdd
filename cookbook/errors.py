"""Every error that the helper package raises. Each message names the thing (tensor, node, file) and what to do."""


class CookbookError(Exception):
    """Base of all errors of this package."""


def _kind(name: str, doc: str, *bases: type) -> type:
    return type(name, bases or (CookbookError,), {"__doc__": doc, "__module__": __name__})


BackendError = _kind("BackendError", "No TensorRT is installed, or the one that was asked for is not.")
NoGpuError = _kind("NoGpuError", "The step needs a GPU that this TensorRT can run on, and there is none.")
CudaError = _kind("CudaError", "A CUDA call returned a status other than success.")
DeviceMemoryError = _kind("DeviceMemoryError", "The GPU has too little free memory.", CudaError)
RequiresError = _kind("RequiresError", "A ``%%requires`` line is malformed.")
BuildError = _kind("BuildError", "A model could not be read, parsed or built.")
PlanError = _kind("PlanError", "A plan is damaged, or was built by another TensorRT or for another GPU.")
PluginError = _kind("PluginError", "A plugin cannot be compiled, loaded or found.")
SessionError = _kind("SessionError", "A session was given wrong inputs or used in a wrong way.")
ComparisonError = _kind("ComparisonError", "Two results differ by more than the tolerance.", CookbookError, AssertionError)
