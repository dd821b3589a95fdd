"""The words of ``%%requires``: how they are read, and what of them is missing."""

import types

import pytest

import cookbook
from cookbook import backend, cmake, one_kernel, process, requires, tools
from cookbook.errors import PluginError, ProcessError

HERE = ".".join(str(part) for part in backend.api_version())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("gpu", [("gpu", "")]),
        ("gpu, trt<11", [("gpu", ""), ("trt", "<11")]),
        ("trt>=10,trt<11", [("trt", ">=10"), ("trt", "<11")]),
        ("torch>=2.6", [("torch", ">=2.6")]),
        ("torch", [("torch", "")]),
        ("compute-sanitizer", [("compute-sanitizer", "")]),
        ("NvInfer.h", [("NvInfer.h", "")]),
        ("trt >= 10", [("trt", ">=10")]),
        ("trt==8.6.1", [("trt", "==8.6.1")]),
    ],
)
def test_parse_reads_words_and_versions(spec, words):
    assert requires.parse(spec) == words


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "cannot read ''"),
        ("gppu", "cannot read 'gppu'.*known words: gpu, trt"),
        ("gpu,", "cannot read ''"),
        ("trt", "trt needs a version, as in trt<11"),
        ("trt<", "cannot read 'trt<'"),
        ("trt<x", "cannot read 'trt<x'"),
        ("trt<10.x", "trt needs a version"),
        ("gpu>=2", "gpu takes no version"),
        ("nvcc<12", "nvcc takes no version"),
        ("trt>=10,<11", "cannot read '<11'"),
        ("gpu trt<11", "cannot read 'gpu trt<11'"),
    ],
)
def test_a_malformed_line_is_an_error_that_shows_the_line(spec, reason):
    with pytest.raises(cookbook.RequiresError, match=reason) as caught:
        requires.parse(spec)
    assert f"%%requires {spec}:" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "spec"),
    [
        ("%%requires gpu\nx = 1", "gpu"),
        ("\n%%requires trt<11", "trt<11"),
        ("%%requires  gpu ,trt<11 \n", "gpu ,trt<11"),
        ("%%requires\nx", ""),
        ("x = 1\n%%requires gpu", None),
        ("%%requiresgpu", None),
        ("# %%requires gpu", None),
    ],
)
def test_spec_is_the_first_line_only(source, spec):
    assert requires.spec_of(source) == spec


@pytest.mark.parametrize(
    ("found", "comparison", "met"),
    [
        ((8, 6, 1), ">=8.6.1", True),
        ((8, 6, 1), ">=8.6.2", False),
        ((8, 6, 1), "==8.6", True),
        ((8, 6, 1), "!=8.6", False),
        ((8, 6, 1), "<10", True),
        ((10, 6, 0), "==10", True),
        ((10, 6, 0), "<=10", True),
        ((10, 6, 0), ">10", False),
        ((10, 6, 0), ">=10", True),
        ((10, 6, 0), "<10.6", False),
        ((10, 6, 0), "<10.7", True),
        ((10, 16, 1, 11), ">10.6", True),
        ((11, 0), "<11", False),
        ((11, 0), "==11.0.0", True),
        ((11, 0), ">=11.0.1", False),
    ],
)
def test_versions_are_compared_in_as_many_parts_as_are_written(found, comparison, met):
    assert requires.meets(found, comparison) is met


def test_a_comparison_that_is_none_is_named():
    with pytest.raises(cookbook.RequiresError, match="cannot read the version '11'"):
        requires.meets((11, 0), "11")


def test_what_is_here_is_not_missing():
    assert requires.unmet(f"torch>=2.0, trt>={HERE}, trt=={HERE}") == []


def test_what_is_missing_comes_with_its_remedy():
    (problem,) = requires.unmet("trt>=99")
    assert problem.startswith(f"TensorRT>=99 ({backend.product()} is here")
    assert problem.endswith("): see the environments in README.md")
    assert requires.unmet("torch>=99") == ["torch>=99: pip install torch"]
    assert len(requires.unmet("trt>=99, torch>=99")) == 2


def test_tensorrt_rtx_is_said_to_have_the_api_of_11(monkeypatch):
    monkeypatch.setattr(backend, "product", lambda: "TensorRT-RTX 1.7")
    monkeypatch.setattr(backend, "api_version", lambda: (11, 0))
    monkeypatch.setattr(backend, "is_rtx", lambda: True)
    assert "(TensorRT-RTX 1.7 is here, with the API of 11)" in requires.unmet("trt<11")[0]
    assert requires.unmet("rtx") == []


def test_rtx_is_missing_where_tensorrt_is_used(monkeypatch):
    monkeypatch.setattr(backend, "is_rtx", lambda: False)
    assert requires.unmet("rtx") == [
        "TensorRT-RTX: pip install tensorrt-rtx, on a GPU that it supports"
    ]


def test_versions_of_a_package_are_compared_as_versions(monkeypatch):
    monkeypatch.setattr(tools, "package_version", lambda name: "2.11.0+cu130")
    assert requires.unmet("torch>=2.6") == []
    assert requires.unmet("torch<2.6") == ["torch<2.6: pip install torch"]


def test_a_prerelease_of_a_container_counts(monkeypatch):
    monkeypatch.setattr(tools, "package_version", lambda name: "2.3.0a0+6ddf5cf85e.nv24.4")
    assert requires.unmet("torch>=2.2") == []


def test_a_gpu_is_there_or_named(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU: buy one")
    assert requires.unmet("gpu") == ["a CUDA GPU: buy one"]
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    assert requires.unmet("gpu") == []


def test_tools_are_found_or_named(monkeypatch):
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    assert requires.unmet("nvcc") == ["nvcc: install the CUDA toolkit"]
    assert requires.unmet("trtexec")[0].startswith("trtexec: comes with TensorRT's containers")
    monkeypatch.setattr(tools, "find_tool", lambda name: f"/somewhere/{name}")
    assert requires.unmet("nvcc, trtexec, NvInfer.h") == []


def test_cmake_may_be_inside_a_package(monkeypatch):
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    monkeypatch.setattr(cmake, "find_cmake", lambda: "/somewhere/data/bin/cmake")
    assert requires.unmet("cmake") == []


def test_cmake_that_is_nowhere_is_named(monkeypatch):
    def refuse():
        raise PluginError("no cmake on this machine")

    monkeypatch.setattr(tools, "find_tool", lambda name: f"/somewhere/{name}")
    monkeypatch.setattr(cmake, "find_cmake", refuse)
    assert requires.unmet("nvcc, cmake") == ["cmake: pip install cmake"]


def test_every_word_that_can_be_missing_has_a_remedy():
    for word, need in requires.KNOWN.items():
        assert need.kind in ("gpu", "trt", "rtx", "counters", "cmake", "tool", "package")
        assert bool(need.remedy) == (word != "gpu")


COUNTED = """\
==PROF== Connected to process 4711 (/usr/bin/python3.12)
==PROF== Profiling "one_kernel": 0%....50%....100% - 1 pass
==PROF== Disconnected from process 4711
"ID","Process ID","Process Name","Host Name","Kernel Name","sm__cycles_elapsed.max"
"","","","","","cycle"
"0","4711","python3.12","127.0.0.1","one_kernel","1,508"
"""
REFUSED = """\
==PROF== Connected to process 4711 (/usr/bin/python3.12)
==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU Performance \
Counters on the target device 0. For instructions see: https://developer.nvidia.com
==PROF== Disconnected from process 4711
==WARNING== No kernels were profiled.
"""


@pytest.fixture
def ncu(monkeypatch):
    """A function that puts an `ncu` in place which prints this; returns the commands it got."""

    def put(text, code=0):
        commands = []

        def run(command, check, time_limit, cwd):
            commands.append(command)
            if isinstance(text, Exception):
                raise text
            return process.Finished(tuple(command), code, text, "", 1.0)

        monkeypatch.setattr(requires, "process", types.SimpleNamespace(run=run))
        monkeypatch.setattr(tools, "find_tool", lambda name: f"/somewhere/{name}")
        monkeypatch.setattr(backend, "gpu_problem", lambda: None)
        requires.counters_refused.cache_clear()
        return commands

    yield put
    requires.counters_refused.cache_clear()


def test_counters_are_tried_once_with_a_kernel(ncu):
    commands = ncu(COUNTED)
    assert requires.unmet("gpu, counters") == []
    assert requires.unmet("counters") == []
    ((tool, *options, minus_m, module),) = commands
    assert tool == "/somewhere/ncu"
    assert {"--csv", "--metrics"} <= set(options)
    assert options[options.index("--clock-control") + 1] == "none", "not ours to change"
    assert (minus_m, module) == ("-m", one_kernel.__name__)


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        (REFUSED, 1, "ERR_NVGPUCTRPERM - The user does not have permission"),
        (COUNTED.partition('"ID"')[0], 0, "ncu counted nothing, exit code 0"),
        ("", -11, "ncu counted nothing, killed by SIGSEGV"),
        (ProcessError("ncu: not done after 120 seconds\nmore"), 0, "ncu, not done after 120"),
    ],
)
def test_counters_that_cannot_be_read_are_said_to_be_with_what_ncu_said(ncu, text, code, reason):
    ncu(text, code)
    (problem,) = requires.unmet("counters")
    what, remedy = problem.split(": ", 1)
    assert what.startswith(f"counters ({reason}")
    assert what.endswith(")")
    assert "ERR_NVGPUCTRPERM" in remedy
    assert "--cap-add SYS_ADMIN" in remedy


def test_counters_need_ncu_and_a_gpu(ncu, monkeypatch):
    commands = ncu(COUNTED)
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU: buy one")
    assert requires.unmet("counters") == ["a CUDA GPU: buy one"]
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    assert requires.unmet("counters") == ["counters (no ncu): install Nsight Compute"]
    assert commands == []


@pytest.mark.gpu
def test_counters_here_are_read_or_refused_by_name():
    if tools.find_tool("ncu") is None:
        pytest.skip("no ncu")
    problems = requires.unmet("counters")
    assert problems == [] or "ERR_NVGPUCTRPERM" in problems[0].split(": ")[0]


class Driver:
    """libcuda.so.1 that notes what it is asked for. failing: a function that returns status 100."""

    def __init__(self, failing=""):
        self.failing = failing
        self.asked = []

    def __getattr__(self, name):
        def function(*arguments):
            self.asked.append((name, len(arguments)))
            return 100 if name == self.failing else 0

        return function


def test_the_program_to_try_with_starts_one_kernel_and_waits(monkeypatch):
    driver = Driver()
    monkeypatch.setattr(one_kernel.ctypes, "CDLL", lambda name: driver)
    one_kernel.main()
    assert driver.asked[-2:] == [("cuLaunchKernel", 11), ("cuCtxSynchronize", 0)]
    failing = Driver("cuModuleLoadData")
    monkeypatch.setattr(one_kernel.ctypes, "CDLL", lambda name: failing)
    with pytest.raises(SystemExit, match="the driver returned status 100"):
        one_kernel.main()
    assert failing.asked[-1][0] == "cuModuleLoadData"
