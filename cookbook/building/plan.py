"""A plan: the serialised engine, where it comes from, and the way back to an engine."""

import dataclasses
import hashlib
import json
from pathlib import Path

from .. import backend, files
from ..backend import trt
from ..errors import PlanError
from ..log import LOG, Line, capture_log, log_excerpt
from .interrupt import HeldInterrupt
from .onnx_file import shown
from .plan_file import plan_bytes, product_of, version_of

ORIGIN_KEYS = {"tensorrt", "gpu", "capability"}


def origin() -> dict[str, str]:
    """What a plan built here depends on: product and version, GPU and compute capability.

    The GPU is ``any`` for TensorRT-RTX, which compiles for the GPU when it loads the plan.
    """
    card = None if backend.is_rtx() else backend.gpu()
    if card is None:
        return {"tensorrt": backend.product(), "gpu": "any", "capability": "any"}
    major, minor = card.capability
    return {"tensorrt": backend.product(), "gpu": card.name, "capability": f"{major}.{minor}"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A serialised engine and where it comes from. A plan is code: load only what you trust.

    Attributes:
        bytes: the plan itself.
        build_seconds: wall-clock seconds of the build; NaN where they are unknown.
        origin: product and version, GPU and compute capability that it was built for, as
            ``cookbook.building.plan.origin`` gives them; empty where they are unknown.
        log: the lines that TensorRT logged during the build, as (level, message).
    """

    bytes: bytes = dataclasses.field(repr=False)
    build_seconds: float
    origin: dict[str, str]
    log: tuple[Line, ...] = dataclasses.field(default=(), repr=False, compare=False)

    @property
    def size(self) -> int:
        """Size of the plan in bytes."""
        return len(self.bytes)

    def save(self, path: str | Path) -> Path:
        """Write the plan to ``path``, as trtexec would, and its origin beside it: ``path.json``.

        Raises: PlanError where that fails; a plan that was there before is then still there.
        """
        path = Path(path)
        about = {
            "origin": self.origin,
            "build_seconds": self.build_seconds,
            "size": self.size,
            "sha256": hashlib.sha256(self.bytes).hexdigest(),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            about_file = (_about_path(path), json.dumps(about).encode())
            files.write_whole((path, self.bytes), about_file)
        except OSError as error:
            raise PlanError(
                f"plan {shown(path)} was not saved: {error.strerror}. What was there before is "
                "unchanged; make room, or choose another path"
            ) from error
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Plan":
        """Read a plan; one without the .json beside it (from trtexec) has an unknown origin.

        Raises: PlanError if the file is missing, no plan, truncated or changed, or of another
            TensorRT or GPU, and if the .json beside it is not what ``save`` writes.
        """
        path = Path(path)
        data = _read(path)
        about = _read_about(path)
        if about and hashlib.sha256(data).hexdigest() != about["sha256"]:
            raise PlanError(
                f"plan {shown(path)} is damaged: {len(data):,} bytes, {about['size']:,} were "
                "saved. Copy it again, or rebuild it from its model"
            )
        data = plan_bytes(data, f"plan {shown(path)}")
        plan = cls(data, about.get("build_seconds", float("nan")), about.get("origin", {}))
        plan.check(f"plan {shown(path)}")
        return plan

    def check(self, name: str = "this plan") -> None:
        """Raise PlanError unless the TensorRT and the GPU at hand are those of ``origin``.

        A plan of unknown origin passes, unless its first bytes are those of the other product.
        """
        made = self.origin
        here = origin()
        if not made:
            _check_product(self.bytes, name)
            return
        if made["tensorrt"] != here["tensorrt"]:
            raise PlanError(
                f"{name} was built by {made['tensorrt']}, here is {here['tensorrt']}: plans do not "
                "move between versions or products. Rebuild it from its model"
            )
        if "any" in (made["gpu"], here["gpu"]):
            return
        if made["capability"] != here["capability"]:
            raise PlanError(
                f"{name} was built for {made['gpu']} (compute capability {made['capability']}), "
                f"here is {here['gpu']} ({here['capability']}): rebuild it here, or build it with "
                "hardware compatibility"
            )


def _about_path(path: Path) -> Path:
    """The file beside a plan that tells where it comes from."""
    return Path(f"{path}.json")


def _read(path: Path) -> bytes:
    """The bytes of a file. Raises: PlanError."""
    if path.is_dir():
        raise PlanError(f"{shown(path)} is a folder: pass the path of the plan in it")
    if not path.exists():
        raise PlanError(
            f"plan {shown(path)} does not exist: build it, or check the path "
            f"(working folder: {Path.cwd().name})"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise PlanError(f"plan {shown(path)} cannot be read: {error.strerror}") from error


def _read_about(path: Path) -> dict:
    """What ``save`` wrote beside a plan; {} where there is no such file. Raises: PlanError."""
    beside = _about_path(path)
    if not beside.exists():
        return {}
    reason = "it is not what Plan.save writes"
    try:
        about = json.loads(beside.read_bytes())
    except (OSError, ValueError) as error:
        about = None
        reason = str(error)
    if not _is_about(about):
        raise PlanError(
            f"{shown(beside)}, which should tell where the plan beside it comes from, cannot be "
            f"used: {reason}. Delete it to load the plan with an unknown origin, or save the plan "
            "again"
        )
    return about


def _is_about(about) -> bool:
    """Whether a .json file holds what ``save`` writes."""
    if not isinstance(about, dict):
        return False
    kinds = {"origin": dict, "build_seconds": float, "size": int, "sha256": str}
    if any(not isinstance(about.get(key), kind) for key, kind in kinds.items()):
        return False
    return not about["origin"] or ORIGIN_KEYS.issubset(about["origin"])


def _check_product(data: bytes, name: str) -> None:
    """Raise PlanError if the first bytes of a plan are those of the other product."""
    made = product_of(data)
    here = backend.product()
    if made and made != here.split()[0]:
        raise PlanError(
            f"{name} was built by {made} {version_of(data)}, here is {here}: plans do not move "
            "between products. Rebuild it from its model"
        )


def deserialize(plan: Plan | bytes):
    """A plan's ``ICudaEngine``.

    Args:
        plan: a Plan, or the bytes of one.
    Raises: NoGpuError; PlanError, with the log lines that matter, if it is no plan or TensorRT
        refuses it.
    Source: IRuntime::deserializeCudaEngine in NVIDIA's API reference.
    """
    if not isinstance(plan, Plan):
        plan = Plan(_as_bytes(plan), float("nan"), {})
    backend.require_gpu("loading a plan")
    data = plan_bytes(plan.bytes, "this plan")
    plan.check()
    with capture_log() as log, HeldInterrupt():
        engine = trt.Runtime(LOG).deserialize_cuda_engine(data)
    if engine is None:
        made = plan.origin.get("tensorrt") or f"{product_of(data)} {version_of(data)}".strip()
        raise PlanError(
            f"{backend.product()} refused the plan ({len(data):,} bytes, built by "
            f"{made or 'an unknown version'}): it is damaged, or of another version, product or "
            f"GPU. Rebuild it from its model.{log_excerpt(log)}"
        )
    return engine


def _as_bytes(data) -> bytes:
    """The bytes of anything that holds bytes, as ``trt.IHostMemory`` does. Raises: PlanError."""
    try:
        return bytes(memoryview(data))
    except TypeError:
        raise PlanError(
            f"{type(data).__name__} is no plan: pass a Plan, its bytes, or Plan.load(path)"
        ) from None
