"""Progress of a build: bars in a terminal, and a way to stop."""

from ..backend import trt
from .interrupt import HeldInterrupt


def build_monitor(interrupt: HeldInterrupt, bars: bool):
    """A progress monitor that cancels the build after Ctrl-C, and draws bars if wanted.

    Returns: a ``trt.IProgressMonitor``; None where TensorRT has none (before 10).
    Source: IProgressMonitor in NVIDIA's API reference.
    """
    if not hasattr(trt, "IProgressMonitor"):
        return None

    class BuildMonitor(trt.IProgressMonitor):  # trt>=10
        """TensorRT calls it at the start, at each step and at the end of a phase."""

        def __init__(self):
            trt.IProgressMonitor.__init__(self)  # trt>=10
            self._bars = {}

        def phase_start(self, phase_name, parent_phase, num_steps):
            if bars:
                self._bars[phase_name] = _bar(phase_name, num_steps)

        def step_complete(self, phase_name, step):
            """Returns: whether to go on."""
            if phase_name in self._bars:
                self._bars[phase_name].update()
            return not interrupt.requested

        def phase_finish(self, phase_name):
            if phase_name in self._bars:
                self._bars.pop(phase_name).close()

    return BuildMonitor()


def _bar(phase: str, steps: int):
    from tqdm.auto import tqdm

    return tqdm(total=steps, desc=phase, leave=False)
