"""The timing cache on disk: what builds have timed, so that the next need not time it again."""

import re
from pathlib import Path

from filelock import FileLock, Timeout

from .. import backend, files, paths
from ..errors import BuildError
from ..log import capture_log

NOT_USED = "timing cache will not be used"  # what 10 logs when it takes an empty one instead
WAIT_SECONDS = 60  # for another process that writes the same file


class TimingCache:
    """A file in which builds of one TensorRT on one GPU keep what they timed.

    Several processes may use it at once: each replaces the file as a whole, after adding what
    others have written in the meantime.
    Source: ITimingCache in NVIDIA's API reference.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        """shared: the course's own file, which is begun anew when TensorRT refuses it."""
        self.path = path
        self.shared = shared

    def attach(self, config) -> None:
        """Let a builder's config start from the file. Raises: BuildError, naming the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            saved = self._read()
        except OSError as error:
            raise BuildError(
                f"timing cache {self.path} cannot be read: {error.strerror}. Give timing_cache the "
                "path of a file, or False"
            ) from error
        accepted = self._set(config, saved)
        if not accepted and self.shared:
            accepted = self._set(config, b"")
        if not accepted:
            raise BuildError(
                f"TensorRT refused the timing cache {self.path}: it is damaged, or comes from "
                "another version or GPU. Delete it, or give timing_cache another path"
            )

    def save(self, config) -> None:
        """Add what a build timed to the file; where that fails, a printed line says so."""
        try:
            with FileLock(f"{self.path}.lock", timeout=WAIT_SECONDS):
                files.write_whole((self.path, self._merged(config)))
        except (OSError, Timeout) as error:
            print(f"the timing cache {self.path} was not saved: {error}")

    def _merged(self, config) -> bytes:
        """The config's cache together with what is in the file by now."""
        cache = config.get_timing_cache()
        saved = self._read()
        if saved:
            others = config.create_timing_cache(saved)
            if others is not None:
                cache.combine(others, False)
        return bytes(cache.serialize())

    def _read(self) -> bytes:
        if not self.path.exists():
            return b""
        return self.path.read_bytes()

    @staticmethod
    def _set(config, data: bytes) -> bool:
        with capture_log() as log:
            cache = config.create_timing_cache(data)
        if cache is None or any(NOT_USED in message for _, message in log):
            return False
        return config.set_timing_cache(cache, False)


def choose_cache(option: bool | str | Path) -> TimingCache | None:
    """The timing cache that ``build(timing_cache=option)`` means; None for a build without one.

    Raises: BuildError for anything but True, False or a path.
    """
    if not isinstance(option, (bool, str, Path)):
        raise BuildError(f"timing_cache={option!r}: must be True, False or the path of a file")
    # TensorRT-RTX times nothing while it builds, and asking it for a cache would need a GPU.
    if option is False or backend.is_rtx():
        return None
    if option is not True:
        return TimingCache(Path(option))
    return TimingCache(shared_path(), shared=True)


def shared_path() -> Path:
    """The course's own file for this TensorRT and this GPU."""
    card = backend.gpu()
    gpu_name = card.name if card else "none"
    words = re.sub(r"[^\w.]+", "-", f"{backend.product()} {gpu_name}").lower()
    return paths.BUILD / "timing" / f"{words}.cache"
