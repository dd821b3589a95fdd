"""What the machine has beside Python modules of its own: executables, headers, packages."""

import functools
import glob
import importlib.metadata
import os
import shutil
import sysconfig

# Places that are not on every PATH: NVIDIA's containers and archives put tools and headers there.
KNOWN_FOLDERS = (
    "/usr/src/tensorrt/bin",
    "/opt/tensorrt/bin",
    "/usr/local/cuda/bin",
    "/usr/local/bin",
    "/usr/include/x86_64-linux-gnu",
    "/usr/include/aarch64-linux-gnu",
    "/usr/local/tensorrt/include",
)


def folders() -> list[str]:
    """The folders to search, in order: PATH, CUDA_HOME, TRT_INCLUDE, and NVIDIA's usual places."""
    found = os.environ.get("PATH", "").split(os.pathsep)
    if cuda_home := os.environ.get("CUDA_HOME"):
        found.append(os.path.join(cuda_home, "bin"))
    if include := os.environ.get("TRT_INCLUDE"):
        found.append(include)
    found.extend(KNOWN_FOLDERS)
    packages = sysconfig.get_path("purelib")
    found.extend(sorted(glob.glob(os.path.join(packages, "nvidia", "*", "bin"))))
    return [folder for folder in found if folder]


def find_tool(name: str) -> str | None:
    """Path of an executable, or of a header (a name that ends in ``.h``); None if there is none."""
    mode = os.F_OK | os.X_OK
    if name.endswith(".h"):
        mode = os.F_OK
    return shutil.which(name, mode, os.pathsep.join(folders()))


@functools.cache
def _distributions() -> dict[str, list[str]]:
    """{import name: names of distributions}; asking takes a while, and many cells ask."""
    return dict(importlib.metadata.packages_distributions())


def package_version(name: str) -> str | None:
    """Version of a package, by its import name or its distribution's; None if it is not here."""
    candidates = [name, *_distributions().get(name.replace("-", "_"), [])]
    for candidate in candidates:
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
