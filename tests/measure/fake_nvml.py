"""A stand-in for ``pynvml``: one GPU that reports what a test wants."""

from types import SimpleNamespace


class FakeNvml:
    """The functions of pynvml that the course uses. A value of None means: not supported.

    Values are in NVML's own units: milliwatts, millijoules, MHz. A list is read step by step, and
    its last value stays.
    """

    NVML_CLOCK_SM = 1
    NVML_CLOCK_MEM = 2
    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        """What pynvml raises."""

    def __init__(self, **values):
        self.values = values
        self.opened = 0
        self.handles = []
        self.init_error = None

    def nvmlInit(self):
        if self.init_error:
            raise self.NVMLError(self.init_error)
        self.opened += 1

    def nvmlShutdown(self):
        self.opened -= 1

    def nvmlDeviceGetHandleByIndex(self, index):
        self.handles.append(("index", index))
        return "handle"

    def nvmlDeviceGetHandleByPciBusId(self, address):
        self.handles.append(("pci", address))
        return "handle"

    def _value(self, name, handle):
        assert handle == "handle"
        value = self.values.get(name)
        if isinstance(value, list):
            value = value.pop(0) if len(value) > 1 else value[0]
        if value is None:
            raise self.NVMLError("Not Supported")
        return value

    def nvmlDeviceGetPowerUsage(self, handle):
        return self._value("power", handle)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        return self._value("energy", handle)

    def nvmlDeviceGetClockInfo(self, handle, which):
        return self._value({1: "sm", 2: "memory"}[which], handle)

    def nvmlDeviceGetTemperature(self, handle, sensor):
        assert sensor == self.NVML_TEMPERATURE_GPU
        return self._value("temperature", handle)

    def nvmlDeviceGetUtilizationRates(self, handle):
        gpu, memory = self._value("rates", handle)
        return SimpleNamespace(gpu=gpu, memory=memory)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):
        return self._value("reasons", handle)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        return self._value("processes", handle)


class OldNvml(FakeNvml):
    """Before driver 535 the reasons had another name."""

    nvmlDeviceGetCurrentClocksEventReasons = None

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        return self._value("reasons", handle)
