"""The driver's management library, NVML, through NVIDIA's package nvidia-ml-py."""

from typing import Any

from ..backend import cuda_check
from ..errors import CudaError, MeasureError

# What keeps the clocks from rising further; bits of nvmlDeviceGetCurrentClocksEventReasons.
CLOCK_REASONS = {
    0x001: "idle",
    0x002: "clocks set by hand",
    0x004: "power limit",
    0x008: "slowed by hardware",
    0x010: "synchronised with other GPUs",
    0x020: "hot (software)",
    0x040: "hot (hardware)",
    0x080: "power brake",
    0x100: "display clocks",
}


class Nvml:
    """One GPU as NVML sees it. A value that this GPU or driver does not report is None.

    Args: index – NVML's number of the GPU; None: the one that CUDA counts as its current device,
        found by its place on the PCI bus, because the two may count differently;
        module – ``pynvml``, or what stands for it in a test.
    Raises: MeasureError where the package, the driver or the GPU is missing.
    Source: NVML API reference.
    """

    def __init__(self, index: int | None = None, module: Any = None):
        self.module = module or _pynvml()
        try:
            self.module.nvmlInit()
            self.handle = self._handle(index)
        except self.module.NVMLError as error:
            raise MeasureError(f"NVML: {error}. It needs an NVIDIA GPU and its driver") from error

    def _handle(self, index: int | None):
        if index is not None:
            return self.module.nvmlDeviceGetHandleByIndex(index)
        address = _pci_address()
        if address is None:
            return self.module.nvmlDeviceGetHandleByIndex(0)
        return self.module.nvmlDeviceGetHandleByPciBusId(address)

    def close(self) -> None:
        """Give NVML back."""
        self.module.nvmlShutdown()

    def _ask(self, name: str, *arguments):
        """What the function of that name says about this GPU, None where it cannot say."""
        function = getattr(self.module, name, None)
        if function is None:  # an older nvidia-ml-py
            return None
        try:
            return function(self.handle, *arguments)
        except self.module.NVMLError:
            return None

    def watts(self) -> float | None:
        """Power draw. On GPUs since Ampere (GA100 excepted) it is a mean over the last second."""
        milliwatts = self._ask("nvmlDeviceGetPowerUsage")
        return None if milliwatts is None else milliwatts / 1e3

    def joules(self) -> float | None:
        """Energy since the driver was loaded; since Volta."""
        millijoules = self._ask("nvmlDeviceGetTotalEnergyConsumption")
        return None if millijoules is None else millijoules / 1e3

    def sm_mhz(self) -> int | None:
        """Clock of the streaming multiprocessors."""
        return self._ask("nvmlDeviceGetClockInfo", self.module.NVML_CLOCK_SM)

    def memory_mhz(self) -> int | None:
        """Clock of the memory."""
        return self._ask("nvmlDeviceGetClockInfo", self.module.NVML_CLOCK_MEM)

    def celsius(self) -> int | None:
        """Temperature of the GPU."""
        return self._ask("nvmlDeviceGetTemperature", self.module.NVML_TEMPERATURE_GPU)

    def utilisation(self) -> tuple[int, int] | None:
        """Percent of the last moments in which a kernel ran, and in which memory was accessed."""
        rates = self._ask("nvmlDeviceGetUtilizationRates")
        return None if rates is None else (rates.gpu, rates.memory)

    def clock_reasons(self) -> tuple[str, ...] | None:
        """What keeps the clocks from rising further, in words."""
        bits = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if bits is None:  # the name before driver 535
            bits = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        if bits is None:
            return None
        return tuple(words for bit, words in CLOCK_REASONS.items() if bits & bit)

    def process_memory(self, process: int) -> int | None:
        """Bytes of GPU memory that the process uses; None where NVML cannot tell.

        In a container NVML may know the process by another number, and then cannot tell.
        """
        listed = self._ask("nvmlDeviceGetComputeRunningProcesses")
        for entry in listed or []:
            if entry.pid == process:
                return entry.usedGpuMemory
        return None


def _pynvml():
    """The module of nvidia-ml-py."""
    try:
        import pynvml
    except ImportError as error:
        raise MeasureError("NVML needs the package nvidia-ml-py: `make setup`") from error
    return pynvml


def _pci_address() -> bytes | None:
    """PCI bus address of CUDA's current device; None where CUDA has none."""
    try:
        from cuda.bindings import runtime as cudart

        device = cuda_check(cudart.cudaGetDevice())
        address = cuda_check(cudart.cudaDeviceGetPCIBusId(32, device))
    except (ImportError, CudaError):
        return None
    return address.split(b"\0")[0]
