"""Ctrl-C while TensorRT works."""

import os
import signal
import threading

import pytest

import cookbook
from cookbook import backend
from cookbook.building.interrupt import HeldInterrupt
from tests import onnx_samples as samples

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)


def press():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def handler_of_python():
    """The handler that a program has by default; what was there is put back."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_it_comes_at_the_end_of_the_block():
    requested = []

    def block():
        with HeldInterrupt() as interrupt:
            requested.append(interrupt.requested)
            press()
            requested.append(interrupt.requested)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert requested == [False, True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_it_nothing_happens():
    with HeldInterrupt() as interrupt:
        pass
    assert not interrupt.requested
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_goes_before_an_error():
    def block():
        with HeldInterrupt():
            press()
            raise ValueError("because it was cancelled")

    with pytest.raises(KeyboardInterrupt):
        block()


def test_an_error_without_it_passes():
    with pytest.raises(ValueError, match="odd"), HeldInterrupt():
        raise ValueError("odd")


def test_a_handler_of_the_programs_own_is_called():
    calls = []
    signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    with HeldInterrupt():
        press()
        assert calls == []
    assert calls == [signal.SIGINT]


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_other_settings_are_left_alone(handler):
    signal.signal(signal.SIGINT, handler)
    with HeldInterrupt():
        assert signal.getsignal(signal.SIGINT) == handler
    assert signal.getsignal(signal.SIGINT) == handler


def test_another_thread_has_no_signals():
    found = []

    def work():
        with HeldInterrupt():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


def test_a_notice_says_why_nothing_ends_yet(capfd):
    with pytest.raises(KeyboardInterrupt), HeldInterrupt("wait for it"):
        press()
    assert capfd.readouterr().err == "wait for it\n"


def test_no_notice_is_no_line(capfd):
    with pytest.raises(KeyboardInterrupt), HeldInterrupt():
        press()
    assert capfd.readouterr().err == ""


@pytest.fixture
def press_when_tensorrt_logs(monkeypatch):
    """Ctrl-C arrives inside of a callback from TensorRT, where an exception would be lost."""
    logger = type(cookbook.LOG)
    log = logger.log
    pressed = []

    def interrupted(self, severity, message):
        log(self, severity, message)
        if not pressed:
            pressed.append(True)
            press()

    def start():
        monkeypatch.setattr(logger, "log", interrupted)

    return start


@can_build
def test_a_build_is_cancelled(press_when_tensorrt_logs):
    _, network = cookbook.parse(samples.linear())

    def press_while_building(config):
        press_when_tensorrt_logs()

    with pytest.raises(KeyboardInterrupt), cookbook.capture_log() as log:
        cookbook.build(network, profiles=samples.PROFILE, configure=press_while_building)
    cancelled = any("ancel" in message for level, message in log if level == "E")
    assert cancelled == (backend.api_version() >= (10, 0))


@can_build
@pytest.mark.parametrize("timing_cache", [True, False])
def test_a_build_is_interrupted_before_it_begins(
    press_when_tensorrt_logs, monkeypatch, timing_cache
):
    """Whatever call logs first: that of a builder, of its config, of the timing cache."""
    _, network = cookbook.parse(samples.linear())
    press_when_tensorrt_logs()
    with pytest.raises(KeyboardInterrupt):
        cookbook.build(network, profiles=samples.PROFILE, timing_cache=timing_cache)
    monkeypatch.undo()
    made = cookbook.build(samples.linear(), profiles=samples.PROFILE)
    assert made.size > 0


@can_build
def test_parsing_is_interrupted(press_when_tensorrt_logs):
    press_when_tensorrt_logs()
    with pytest.raises(KeyboardInterrupt):
        cookbook.parse(samples.linear())
