"""Headers of TensorRT to compile plugins with: they are NVIDIA's, so none are in this repository.

For each version a variable names their folder (the ``include`` of an archive of TensorRT, or of the
branch release/VERSION of NVIDIA/TensorRT on GitHub). The headers at hand (TRT_INCLUDE, or those of
the system) serve their own version. For 11, the Rust package trtx-sys brings public headers, and
cargo fetches it where cargo is; other package registries have none.
"""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from cookbook import tools

VARIABLES = {
    "8.6": "TRT_INCLUDE_8_6",
    "10.6": "TRT_INCLUDE_10_6",
    "10.16": "TRT_INCLUDE_10_16",
    "11": "TRT_INCLUDE_11",
}
CRATE = "trtx-sys@0.9.1"
INSIDE_CRATE = "registry/src/*/trtx-sys-0.9.1*/TensorRT-Headers/TRT-Enterprise-11.4"


def version_of(include: Path) -> str:
    """Version of a folder of headers, as in 10.6; "" if it does not tell one."""
    text = (include / "NvInferVersion.h").read_text(encoding="utf-8")
    numbers = []
    for part in ("MAJOR", "MINOR"):
        match = re.search(rf"(?:NV_TENSORRT|TRT)_{part}[_A-Z]*\s+(\d+)", text)
        numbers.append(match[1] if match else "")
    return ".".join(numbers).strip(".")


def is_of(include: Path, version: str) -> bool:
    """Whether a folder of headers is of a version: 11.4 is of 11."""
    return f"{version_of(include)}.".startswith(f"{version}.")


@functools.cache
def from_crate() -> Path | None:
    """The headers of TensorRT 11 that the Rust package brings; fetched once, then found."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    found = sorted(home.glob(INSIDE_CRATE))
    cargo = shutil.which("cargo")
    if not found and cargo is not None:
        subprocess.run([cargo, "info", CRATE], capture_output=True, timeout=120)
        found = sorted(home.glob(INSIDE_CRATE))
    return found[0] if found else None


def find(version: str) -> Path | None:
    """The folder of headers of a version, or None."""
    if named := os.environ.get(VARIABLES[version]):
        return Path(named)
    here = tools.find_tool("NvInfer.h")
    if here is not None and is_of(Path(here).parent, version):
        return Path(here).parent
    if version == "11":
        return from_crate()
    return None


def remedy(version: str) -> str:
    """Why a test is skipped."""
    return (
        f"no headers of TensorRT {version}: set {VARIABLES[version]} to the include folder of its "
        f"archive, or of the branch release/{version} of NVIDIA/TensorRT"
    )
