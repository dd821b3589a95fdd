"""The logger: who hears what, and what of it is quoted and shown."""

import ctypes
import gc
import threading
from pathlib import Path

import pytest

import cookbook
from cookbook import LOG, backend, log, trt
from cookbook.log import capture_log, keep_alive, log_excerpt, shortened, show_warnings
from tests import onnx_samples as samples

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
WARNING = trt.ILogger.WARNING


def in_thread(function):
    """Run a function in another Python thread, and wait."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def in_foreign_thread(message):
    """Log from a thread that Python did not start, as TensorRT's own threads do."""
    start_type = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)

    @start_type
    def start(_):
        LOG.log(WARNING, message)
        return None

    threads = ctypes.CDLL(None)
    handle = ctypes.c_ulong()
    assert threads.pthread_create(ctypes.byref(handle), None, start, None) == 0
    threads.pthread_join(handle, None)


class TestCapture:
    def test_levels_are_letters(self):
        with capture_log() as lines:
            for name in ("INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"):
                LOG.log(getattr(trt.ILogger, name), name)
        assert lines == [
            ("F", "INTERNAL_ERROR"),
            ("E", "ERROR"),
            ("W", "WARNING"),
            ("I", "INFO"),
            ("V", "VERBOSE"),
        ]

    def test_captures_nest_and_end(self):
        with capture_log() as outer:
            with capture_log() as inner:
                LOG.log(WARNING, "both")
            LOG.log(WARNING, "outer only")
        LOG.log(WARNING, "nobody")
        assert inner == [("W", "both")]
        assert outer == [("W", "both"), ("W", "outer only")]

    def test_a_capture_ends_with_an_exception(self):
        with pytest.raises(ValueError, match="odd"), capture_log() as lines:
            raise ValueError("odd")
        LOG.log(WARNING, "nobody")
        assert lines == []

    def test_equal_captures_end_one_by_one(self):
        with capture_log() as outer:
            with capture_log():
                pass
            LOG.log(WARNING, "still heard")
        assert outer == [("W", "still heard")]

    def test_another_python_thread_is_not_heard(self):
        with capture_log() as lines:
            in_thread(lambda: LOG.log(WARNING, "elsewhere"))
        assert lines == []

    def test_another_python_thread_hears_itself(self):
        heard = []

        def work():
            with capture_log() as lines:
                LOG.log(WARNING, "there")
            heard.append(lines)

        with capture_log() as here:
            in_thread(work)
            LOG.log(WARNING, "here")
        assert heard == [[("W", "there")]]
        assert here == [("W", "here")]

    def test_a_thread_of_tensorrt_is_heard(self):
        with capture_log() as lines:
            in_foreign_thread("from a worker")
        assert lines == [("W", "from a worker")]

    @can_build
    def test_errors_of_two_threads_are_not_mixed_up(self):
        wrong = []

        def parse(name):
            model = samples.unknown_operator()
            model.graph.node[1].name = name
            for _ in range(20):
                try:
                    cookbook.parse(model)
                except cookbook.BuildError as error:
                    others = {"one", "two"} - {name}
                    if name not in str(error) or others.pop() in str(error):
                        wrong.append(str(error))

        threads = [threading.Thread(target=parse, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


class TestExcerpt:
    def test_errors_come_without_warnings(self):
        lines = [("W", "careful"), ("E", "wrong"), ("I", "by the way"), ("F", "very wrong")]
        assert log_excerpt(lines) == "\nTensorRT's log says:\n  [E] wrong\n  [F] very wrong"

    def test_warnings_where_there_is_no_error(self):
        assert log_excerpt([("I", "hello"), ("W", " careful \n")]) == (
            "\nTensorRT's log says:\n  [W] careful"
        )

    @pytest.mark.parametrize("lines", [[], [("I", "hello"), ("V", "details")]])
    def test_nothing_where_nothing_matters(self, lines):
        assert log_excerpt(lines) == ""

    def test_the_last_six_lines(self):
        lines = [("E", f"error {k}") for k in range(9)]
        kept = log_excerpt(lines).splitlines()[2:]
        assert kept == [f"  [E] error {k}" for k in range(3, 9)]
        assert log_excerpt(lines, most=1).endswith("says:\n  [E] error 8")

    def test_a_remedy_at_the_end_of_a_long_line_is_kept(self):
        message = "a" * 1900 + " remedy"
        assert message in log_excerpt([("E", message)])

    def test_a_missing_gpu_is_no_reason(self, monkeypatch):
        noise = "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (cudaError 35)"
        lines = [("E", f"the reason\n{noise}"), ("E", noise)]
        monkeypatch.setattr(backend, "gpu", lambda: None)
        assert log_excerpt(lines) == "\nTensorRT's log says:\n  [E] the reason"
        assert log_excerpt([("E", noise)]) == ""
        monkeypatch.setattr(backend, "gpu", lambda: "a GPU")
        assert log_excerpt(lines).count("catchCudaError") == 2

    def test_shortened(self):
        assert shortened("x" * 2000) == "x" * 2000
        assert shortened("a" * 1500 + "b" * 1000 + "c" * 500) == f"{'a' * 1500} […] {'c' * 500}"


class TestWarnings:
    MIN = "Profile kMIN values are not self-consistent. IShuffleLayer"

    @pytest.fixture(autouse=True)
    def nothing_shown(self, monkeypatch):
        monkeypatch.setattr(log, "_shown", set())

    def test_what_matters_is_printed_once(self, capsys):
        show_warnings([("W", f" {self.MIN} x\n"), ("W", "CUDA lazy loading is not enabled")])
        assert capsys.readouterr() == (f"TensorRT warns: {self.MIN} x\n", "")
        show_warnings([("W", f"{self.MIN} y")])
        assert capsys.readouterr().out == ""

    def test_several_of_a_kind_are_counted(self, capsys):
        show_warnings([("W", f"{self.MIN} {k}") for k in range(3)])
        assert capsys.readouterr().out == (
            f"TensorRT warns: {self.MIN} 0 (and 2 more like it in plan.log)\n"
        )

    def test_each_kind_has_its_line(self, capsys):
        show_warnings([("W", self.MIN), ("W", "values which would overflow in FP16")])
        assert len(capsys.readouterr().out.splitlines()) == 2

    def test_warnings_alone_are_shown(self, capsys):
        show_warnings([("I", self.MIN), ("E", self.MIN), ("V", self.MIN)])
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        "words",
        [
            "Profile kMAX values are not self-consistent. ",
            "- 1 weights are affected by this issue: Detected finite FP32 values which would "
            "overflow in BF16 and converted them to the closest finite BF16 value.",
            "Detected values which are outside of int8_t range and clipped them to int8_t range.",
            "One or more weights outside the range of INT32 was clamped",
            "Running layernorm after self-attention in FP16 may cause overflow. Exporting",
            "Missing scale and zero-point for tensor h, expect fall back to non-int8 "
            "implementation for any layer consuming or producing given tensor",
            "Tactic Device request: 9MB Available: 8MB. Device memory is insufficient to use "
            "tactic.",
        ],
    )
    def test_words_of_tensorrt_that_matter(self, capsys, words):
        show_warnings([("W", words)])
        assert capsys.readouterr().out == f"TensorRT warns: {words.strip()}\n"


@can_build
def test_keep_alive_keeps_the_libraries_and_their_logger():
    keep_alive()
    keep_alive()
    name = "tensorrt_rtx" if backend.is_rtx() else "nvinfer"
    loaded = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    library = ctypes.CDLL(next(path for path in loaded if f"/lib{name}.so" in path))
    library.getLogger.restype = ctypes.c_void_p
    gc.collect()
    assert library.getLogger()  # null without a living builder: a plugin could not complain


@can_build
def test_keep_alive_makes_one_builder(monkeypatch):
    made = []
    monkeypatch.setattr(log, "_kept", [])
    monkeypatch.setattr(log.trt, "Builder", lambda logger: made.append(logger) or len(made))
    keep_alive()
    keep_alive()
    assert made == [LOG]
