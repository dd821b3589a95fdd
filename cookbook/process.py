"""Child processes with a time limit, and blocks whose chatter is swallowed."""

import contextlib
import dataclasses
import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import paths
from .errors import ProcessError

LAST_LINES = 15  # of a child's output, that an error shows
KILL_SECONDS = 5.0  # to read what a killed child had written


@dataclasses.dataclass(frozen=True)
class Finished:
    """A child process that has ended.

    command – with its arguments; code – exit code, negative where a signal ended it; output and
    errors – what it wrote to the two streams; seconds – how long it ran.
    """

    command: tuple[str, ...]
    code: int
    output: str
    errors: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.code == 0

    @property
    def ending(self) -> str:
        """How it ended, in words: ``exit code 1``, or ``killed by SIGSEGV``."""
        return _ending(self.code)

    @property
    def text(self) -> str:
        """What it wrote to both streams: output, then errors."""
        return self.output + self.errors

    def json(self) -> Any:
        """The last line of its output, read as JSON: how a child hands back a result.

        Raises: ProcessError, with the last lines, where that line is no JSON.
        """
        lines = self.output.strip().splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, ValueError) as error:
            raise ProcessError(
                f"{_shown(self.command)}: the last line of its output is no JSON."
                f"{_last_lines(self.text)}"
            ) from error


def run(
    command: Sequence[str | os.PathLike],
    *,
    time_limit: float = 120,
    check: bool = True,
    cwd: str | os.PathLike | None = None,
    env: dict[str, str] | None = None,
    stdin: str = "",
) -> Finished:
    """Run a command to its end and keep what it writes. For several at once, use threads.

    Args: command – program and arguments; time_limit – seconds, after which it and every process
        that it started are killed; check – raise for an exit code other than 0; cwd – folder to
        run in; env – variables beside this process's own; stdin – what it reads.
    Raises: ProcessError, with the last lines of its output, for a program that cannot be started,
        a time limit that was reached and, with ``check``, a failure.
    """
    words = tuple(os.fspath(word) for word in command)
    start = time.perf_counter()
    child = _start(words, cwd, env)
    try:
        output, errors = child.communicate(stdin, timeout=time_limit)
    except subprocess.TimeoutExpired:
        output, errors = _kill(child)
        raise ProcessError(
            f"{_shown(words)}: not done after {time_limit:g} seconds, and killed. Give it more "
            f"time (time_limit) or less to do.{_last_lines(output + errors)}"
        ) from None
    except BaseException:  # such as an interrupted cell: leave no child behind
        _kill(child)
        raise
    finished = Finished(words, child.returncode, output, errors, time.perf_counter() - start)
    if check and not finished.ok:
        raise ProcessError(f"{_shown(words)}: {finished.ending}.{_last_lines(finished.text)}")
    return finished


def _start(words: tuple[str, ...], cwd, env: dict[str, str] | None) -> subprocess.Popen:
    """Start a command in a process group of its own, so that its children can be killed, too."""
    try:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessError(f"{_shown(words)}: cannot be started: {error}") from error


def run_python(
    program: str | os.PathLike,
    *arguments: object,
    time_limit: float = 120,
    check: bool = True,
    cwd: str | os.PathLike | None = None,
    env: dict[str, str] | None = None,
    stdin: str = "",
) -> Finished:
    """Run a Python program in a process of its own, where it can crash without harm.

    It runs in this Python, and finds ``cookbook`` wherever it runs.

    Args: program – path of a file, or ``-m`` with the module's name as first argument;
        arguments – what it finds in ``sys.argv``, as text; the others as in ``run``.
    Raises: ProcessError as ``run`` does, and for a file that is not there.
    """
    name = os.fspath(program)
    folder = Path(cwd or ".")
    if name != "-m" and not (folder / name).is_file():
        raise ProcessError(f"{name}: there is no such program")
    known = [str(paths.ROOT)]
    inherited = {**os.environ, **(env or {})}.get("PYTHONPATH")
    if inherited:
        known.append(inherited)
    variables = {**(env or {}), "PYTHONPATH": os.pathsep.join(known)}
    command = [sys.executable, name, *(str(argument) for argument in arguments)]
    return run(command, time_limit=time_limit, check=check, cwd=cwd, env=variables, stdin=stdin)


@dataclasses.dataclass
class Hushed:
    """What a hushed block said; empty until the block has ended."""

    text: str = ""


@contextlib.contextmanager
def hushed() -> Iterator[Hushed]:
    """Swallow what Python and C++ print in the block, warnings, and log lines below an error.

    Exceptions pass. ``with hushed() as said: …`` leaves what was printed in ``said.text``; what C++
    printed is swallowed where the package wurlitzer is installed.
    """
    said = Hushed()
    printed = io.StringIO()
    level = logging.root.manager.disable
    native: tuple = ()
    with contextlib.ExitStack() as stack:
        native = stack.enter_context(_native_pipes())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        stack.callback(logging.disable, level)
        logging.disable(max(level, logging.WARNING))
        try:
            yield said
        finally:
            stack.close()
            said.text = printed.getvalue() + "".join(stream.read() for stream in native)


def _native_pipes():
    """A context in which the process's own streams are read: those that C++ prints to."""
    try:
        from wurlitzer import pipes
    except ImportError:
        return contextlib.nullcontext(())
    return pipes()


def _kill(child: subprocess.Popen) -> tuple[str, str]:
    """Kill a child and every process of its group. Returns what they had written."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    try:
        return child.communicate(timeout=KILL_SECONDS)
    except subprocess.TimeoutExpired:  # one that left the group holds the streams open
        return "", ""


def _ending(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _shown(command: tuple[str, ...]) -> str:
    """A command as its user would recognise it: names without folders."""
    return " ".join(Path(word).name if os.sep in word else word for word in command)


def _last_lines(text: str) -> str:
    """The last lines of an output, for an error's text."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return " It printed nothing."
    return " Its last lines:\n" + "\n".join(lines[-LAST_LINES:])
