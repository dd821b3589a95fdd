"""Child processes, and hushed blocks."""

import ctypes
import json
import logging
import os
import sys
import time
import warnings

import pytest

from cookbook import paths, process
from cookbook.errors import ProcessError
from cookbook.process import Finished, hushed, run, run_python


def program(tmp_path, text, name="child.py"):
    file = tmp_path / name
    file.write_text(text)
    return file


def test_a_command_and_what_it_wrote():
    done = run(["sh", "-c", "echo one; echo two >&2"])
    assert (done.code, done.output, done.errors) == (0, "one\n", "two\n")
    assert done.command == ("sh", "-c", "echo one; echo two >&2")
    assert done.ok
    assert done.ending == "exit code 0"
    assert done.text == "one\ntwo\n"
    assert 0 < done.seconds < 60


def test_folder_variables_and_input(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "yes")
    done = run(["sh", "-c", "pwd; echo $KEPT $NEW; cat"], cwd=tmp_path, env={"NEW": "1"}, stdin="x")
    assert done.output == f"{tmp_path}\nyes 1\nx"
    assert "NEW" not in os.environ


def test_a_failure_is_raised_with_its_last_lines():
    many = "for i in $(seq 30); do echo line $i; done; echo wrong >&2; exit 3"
    with pytest.raises(ProcessError) as error:
        run(["/bin/sh", "-c", many])
    first, *lines = str(error.value).splitlines()
    assert first.startswith("sh -c ")
    assert first.endswith(": exit code 3. Its last lines:")
    assert lines == [f"line {i}" for i in range(17, 31)] + ["wrong"]


def test_a_silent_failure_says_so():
    with pytest.raises(ProcessError, match="^false: exit code 1. It printed nothing.$"):
        run(["false"])


def test_a_failure_can_be_looked_at():
    done = run(["sh", "-c", "exit 3"], check=False)
    assert not done.ok
    assert done.ending == "exit code 3"


def test_the_signal_that_killed_it_is_named(tmp_path):
    crash = program(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    done = run_python(crash, check=False)
    assert done.code == -11
    assert done.ending == "killed by SIGSEGV"
    with pytest.raises(ProcessError, match="child.py: killed by SIGSEGV. It printed nothing"):
        run_python(crash)
    assert Finished((), -99, "", "", 0.0).ending == "killed by signal 99"


def test_a_time_limit_kills_it_and_all_that_it_started(tmp_path):
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}; echo started; wait"
    start = time.monotonic()
    with pytest.raises(ProcessError) as error:
        run(["sh", "-c", script], time_limit=0.5)
    assert time.monotonic() - start < 30
    assert "not done after 0.5 seconds, and killed. Give it more time (time_limit)" in str(
        error.value
    )
    assert str(error.value).endswith("Its last lines:\nstarted")
    grandchild = int(note.read_text())
    deadline = time.monotonic() + 20
    while alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(grandchild)


def test_a_child_that_left_its_group_does_not_hold_us_up(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "KILL_SECONDS", 0.2)
    note = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ > {note}; exec sleep 60' & wait"
    start = time.monotonic()
    with pytest.raises(ProcessError, match="not done after 0.5 seconds.* It printed nothing"):
        run(["sh", "-c", script], time_limit=0.5)
    assert time.monotonic() - start < 40
    os.kill(int(note.read_text()), 9)


def alive(pid):
    """Whether a process runs; one that nobody has waited for is dead."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_an_interrupt_leaves_no_child_behind(monkeypatch):
    import subprocess

    children = []

    class Popen(subprocess.Popen):
        def communicate(self, *args, **options):
            children.append(self)
            if len(children) == 1:
                raise KeyboardInterrupt
            return super().communicate(*args, **options)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "60"])
    assert children[0].returncode == -9


def test_a_command_that_is_not_there():
    with pytest.raises(ProcessError, match="nonesuch --help: cannot be started: .*nonesuch"):
        run(["/nowhere/nonesuch", "--help"])


def test_python_finds_the_package_and_its_arguments(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    text = (
        "import cookbook, json, sys\n"
        "print('chatter')\n"
        "print(json.dumps([sys.executable, sys.argv[1:], cookbook.__file__, sys.path]))\n"
    )
    done = run_python(program(tmp_path, text), 1, tmp_path / "x", cwd=tmp_path)
    executable, arguments, found, places = done.json()
    assert executable == sys.executable
    assert arguments == ["1", str(tmp_path / "x")]
    assert found == str(paths.ROOT / "cookbook" / "__init__.py")
    assert "/somewhere/else" in places


def test_python_with_variables_input_and_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    program(tmp_path, "import os, sys\nprint(os.environ['A'], sys.stdin.read(), sys.path)\n")
    done = run_python("child.py", cwd=tmp_path, env={"A": "b", "PYTHONPATH": "/c"}, stdin="in")
    assert done.output.startswith("b in ")
    assert "'/c'" in done.output
    assert f"'{paths.ROOT}'" in done.output


def test_python_modules():
    done = run_python("-m", "json.tool", stdin='{"a": 1}')
    assert json.loads(done.output) == {"a": 1}


def test_python_programs_have_a_time_limit(tmp_path):
    forever = program(tmp_path, "while True: pass")
    with pytest.raises(ProcessError, match="child.py: not done after 0.3 seconds"):
        run_python(forever, time_limit=0.3)


def test_a_python_program_that_is_not_there(tmp_path):
    with pytest.raises(ProcessError, match="missing.py: there is no such program"):
        run_python(tmp_path / "missing.py")


@pytest.mark.parametrize("output", ["", "no JSON\n", '{"a": 1}\nmore\n'])
def test_a_last_line_that_is_no_json(output):
    done = Finished(("python", "/far/away/child.py"), 0, output, "trouble\n", 1.0)
    with pytest.raises(ProcessError) as error:
        done.json()
    assert str(error.value).startswith("python child.py: the last line of its output is no JSON.")
    assert str(error.value).endswith("trouble")


def test_the_last_line_is_the_result():
    assert Finished((), 0, 'chatter\n{"a": [1]}\n\n', "", 1.0).json() == {"a": [1]}


def test_a_hushed_block_says_nothing(capfd):
    libc = ctypes.CDLL(None)
    with hushed() as said:
        print("from Python")
        print("to stderr", file=sys.stderr)
        libc.puts(b"from C")
        os.write(2, b"straight to the stream\n")
        assert said.text == ""
    assert capfd.readouterr() == ("", "")
    for words in ("from Python", "to stderr", "from C", "straight to the stream"):
        assert words in said.text


def test_warnings_and_log_lines_are_hushed_and_come_back(caplog):
    logger = logging.getLogger("some.exporter")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with hushed():
            warnings.warn("deprecated", stacklevel=1)
            logger.warning("quiet")
            logger.error("loud")
        with pytest.raises(UserWarning, match="again"):
            warnings.warn("again", stacklevel=1)
    logger.warning("after")
    assert [record.message for record in caplog.records] == ["loud", "after"]


def test_a_higher_threshold_of_the_logs_stays():
    logging.disable(logging.CRITICAL)
    try:
        with hushed():
            assert logging.root.manager.disable == logging.CRITICAL
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)


def test_exceptions_pass_and_what_was_said_is_kept(capfd):
    heard = []

    def block():
        with hushed() as said:
            heard.append(said)
            print("before")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        block()
    print("audible")
    assert heard[0].text == "before\n"
    assert capfd.readouterr().out == "audible\n"


def test_hushed_blocks_may_be_nested(capfd):
    with hushed() as outer:
        print("one")
        with hushed() as inner:
            print("two")
        print("three")
    assert inner.text == "two\n"
    assert outer.text == "one\nthree\n"
    assert capfd.readouterr().out == ""


def test_without_wurlitzer_python_is_hushed_still(capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "wurlitzer", None)
    with hushed() as said:
        print("from Python")
        os.write(1, b"from C\n")
    assert said.text == "from Python\n"
    assert capfd.readouterr().out == "from C\n"
