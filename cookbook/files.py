"""Files that are written whole or not at all."""

import errno
import os
import tempfile
from pathlib import Path


def write_whole(*contents: tuple[Path, bytes]) -> None:
    """Write (path, data) so that no reader sees half of a file, and a failure changes none of them.

    Raises: OSError.
    """
    waiting: list[tuple[Path, str]] = []
    try:
        for path, data in contents:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            waiting.append((path, _written_beside(path, data)))
        while waiting:
            path, temporary = waiting[0]
            os.replace(temporary, path)
            waiting.pop(0)
    finally:
        for _, temporary in waiting:
            os.unlink(temporary)


def _written_beside(path: Path, data: bytes) -> str:
    """The name of a new file with this data, in the folder of ``path``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)  # mkstemp's files are readable by their owner alone
    except BaseException:
        os.unlink(name)
        raise
    return name
