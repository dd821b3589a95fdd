"""``build``, ``parse`` and ``Plan``: what works, and that every misuse is named. Needs no GPU with TensorRT-RTX."""
import ctypes
import gc
import os
from pathlib import Path

import onnx
import pytest

import cookbook
from cookbook import backend, builder, trt
from tests import onnx_samples as samples

PROFILE = {"x": ((1, 4), (4, 4), (8, 4))}
can_build = pytest.mark.skipif(bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU to build")
typed = pytest.mark.skipif(backend.api_version() < (11, 0), reason="only strongly typed versions convert the model")
weak = pytest.mark.skipif(backend.api_version() >= (11, 0), reason="only weakly typed versions have these flags")


def _fails(error, *words):
    """Context: raises ``error`` with all the words in its message."""
    return pytest.raises(error, match="(?s)" + "".join(f"(?=.*{word})" for word in words))


@pytest.fixture(scope="module")
def plan():
    return cookbook.build(samples.linear(), profiles=PROFILE)


@can_build
def test_build_takes_model_path_and_network(tmp_path, plan):
    onnx.save(samples.linear(), tmp_path / "linear.onnx")
    from_path = cookbook.build(tmp_path / "linear.onnx", profiles=PROFILE)
    _, network = cookbook.parse(samples.linear())
    from_network = cookbook.build(network, profiles=[PROFILE])
    for made in (plan, from_path, from_network):
        assert made.size == len(made.bytes) > 1000 and made.build_seconds > 0
        assert made.origin["tensorrt"] == backend.product()


@can_build
def test_configure_sees_the_config_last_and_options_reach_it(plan):
    seen = {}
    def look(config):
        seen.update(level=config.builder_optimization_level, profiles=config.num_optimization_profiles,
                    workspace=config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE), tf32=config.get_flag(trt.BuilderFlag.TF32))
    cookbook.build(samples.linear(), profiles=[PROFILE, PROFILE], level=1, workspace=1 << 26, configure=look)
    assert seen == {"level": 1, "profiles": 2, "workspace": 1 << 26, "tf32": False}
    cookbook.build(samples.linear(), profiles=PROFILE, precision="tf32", configure=look)
    assert seen["tf32"]


@can_build
@typed
def test_fp16_converts_the_model_where_types_are_strong(plan):
    source = samples.linear()
    half = cookbook.build(source, profiles=PROFILE, precision="fp16")
    assert half.bytes != plan.bytes and source == samples.linear()  # the caller's model is not touched


@can_build
@typed
@pytest.mark.parametrize("precision, words", [("bf16", ["BF16", "bfloat16"]), ("int8", ["INT8", "QuantizeLinear"])])
def test_precisions_that_cannot_be_had_say_what_to_do(precision, words):
    with _fails(cookbook.BuildError, *words):
        cookbook.build(samples.linear(), profiles=PROFILE, precision=precision)


@can_build
@typed
def test_a_typed_network_cannot_be_given_another_precision():
    _, network = cookbook.parse(samples.linear())
    with _fails(cookbook.BuildError, "fp16", "network"):
        cookbook.build(network, profiles=PROFILE, precision="fp16")


@can_build
@weak
def test_flags_follow_precision_where_types_are_weak():
    flags = {}
    for precision in ("fp32", "fp16"):
        cookbook.build(samples.linear(), profiles=PROFILE, precision=precision,
                       configure=lambda config: flags.update({precision: config.get_flag(trt.BuilderFlag.FP16)}))  # trt<11
    assert flags == {"fp32": False, "fp16": True}


@can_build
def test_unknown_precision():
    with _fails(cookbook.BuildError, "fp64", "fp16"):
        cookbook.build(samples.linear(), precision="fp64")


def test_file_missing(tmp_path):
    with _fails(cookbook.BuildError, "nothing.onnx", "export"):
        cookbook.builder.read_onnx(tmp_path / "nothing.onnx")


@pytest.mark.parametrize("content", [b"", os.urandom(400), b"hello, I am text", samples.linear().SerializeToString()[:60]],
                         ids=["empty", "random", "text", "truncated"])
def test_file_that_is_not_a_whole_onnx_model(tmp_path, content):
    (tmp_path / "broken.onnx").write_bytes(content)
    with _fails(cookbook.BuildError, "broken.onnx", "export it again"):
        builder.read_onnx(tmp_path / "broken.onnx")


@can_build
def test_external_weights_are_found_and_missed(tmp_path):
    samples.with_external_weights(tmp_path / "big.onnx")
    assert cookbook.build(tmp_path / "big.onnx", profiles=PROFILE).size
    (tmp_path / "weights.bin").unlink()
    with _fails(cookbook.BuildError, "big.onnx", "weights.bin", "tensor name: w"):
        cookbook.build(tmp_path / "big.onnx", profiles=PROFILE)


@can_build
def test_unsupported_operator_names_its_node(tmp_path):
    onnx.save(samples.unknown_operator(), tmp_path / "odd.onnx")
    for source in (samples.unknown_operator(), tmp_path / "odd.onnx"):
        with _fails(cookbook.BuildError, "the_culprit", "Frobnicate", "plugin"):
            cookbook.parse(source)


@can_build
@pytest.mark.parametrize("profiles, words", [
    (None, ["'x'", "dynamic", "profiles="]),
    ({"z": ((1, 4),) * 3}, ["'z'", "inputs are", "'x'"]),
    ({"x": ((4, 4), (2, 4), (8, 4))}, ["'x'", "min <= opt <= max"]),
    ({"x": ((1, 4), (8, 4), (4, 4))}, ["'x'", "min <= opt <= max"]),
    ({"x": ((1, 4), (8, 4), (8, 5))}, ["'x'", "max", r"\(8, 5\)", "does not fit"]),
    ({"x": ((1,), (8,), (8,))}, ["'x'", "does not fit"]),
    ({"x": (1, 4)}, ["'x'", "three shapes"]),
    ({"x": 7}, ["'x'", "three shapes"]),
])
def test_bad_profiles(profiles, words):
    with _fails(cookbook.BuildError, *words):
        cookbook.build(samples.linear(), profiles=profiles)


@can_build
def test_the_first_builder_is_kept_so_that_libraries_and_logger_stay():
    kept = [cookbook.parse(samples.linear()) and builder._FIRST[0] for _ in range(2)]
    assert isinstance(kept[0], trt.Builder) and kept[0] is kept[1]
    maps, stem = Path("/proc/self/maps").read_text(encoding="utf-8").split(), "tensorrt_rtx" if backend.is_rtx() else "nvinfer"
    library = ctypes.CDLL(next(path for path in maps if f"/lib{stem}.so" in path))
    library.getLogger.restype = ctypes.c_void_p
    gc.collect()
    assert library.getLogger()  # null without a living builder or runtime: a plugin would have nobody to complain to


@can_build
def test_a_build_that_returns_nothing_shows_the_log():
    made = trt.Builder(builder.LOG)
    network = builder.create_network(made)
    network.add_input("x", trt.float32, (1, 4))  # no layer, no output
    with _fails(cookbook.BuildError, "built nothing", "log says", r"\[E\]"):
        cookbook.build(network)


@can_build
@pytest.mark.skipif(not hasattr(trt, "IProgressMonitor"), reason="this version has no progress monitor")
def test_progress_is_drawn_on_request(capfd):
    cookbook.build(samples.linear(), profiles=PROFILE, progress=True)
    assert "Building engine" in capfd.readouterr().err


@pytest.mark.gpu
@pytest.mark.skipif(backend.is_rtx(), reason="TensorRT-RTX has no timing cache")
def test_timing_cache_is_written_and_read(tmp_path):
    file = tmp_path / "sub" / "timing.cache"
    cookbook.build(samples.linear(), profiles=PROFILE, timing_cache=file)
    first = file.read_bytes()
    cookbook.build(samples.linear(), profiles=PROFILE, timing_cache=file)
    assert len(first) > 100 and len(file.read_bytes()) == len(first)  # the second build found all it asked for


@pytest.mark.skipif(not backend.gpu_problem() or backend.is_rtx(), reason="a GPU is here, or none is needed")
def test_no_gpu_is_said_before_building():
    with _fails(cookbook.NoGpuError, "GPU"):
        cookbook.build(samples.linear(), profiles=PROFILE)


def test_capture_log_nests_and_ends():
    with cookbook.capture_log() as outer:
        with cookbook.capture_log() as inner:
            builder.LOG.log(trt.ILogger.WARNING, "both")
        builder.LOG.log(trt.ILogger.ERROR, "outer only")
    builder.LOG.log(trt.ILogger.ERROR, "nobody")
    assert inner == [("W", "both")] and outer == [("W", "both"), ("E", "outer only")]
    assert "outer only" in builder.log_excerpt(outer) and "both" in builder.log_excerpt(inner) and builder.log_excerpt([]) == ""


@can_build
class TestPlan:
    def test_saved_plan_is_read_back(self, plan, tmp_path):
        path = plan.save(tmp_path / "sub" / "a.plan")
        again = cookbook.Plan.load(path)
        assert again == plan and path.read_bytes() == plan.bytes

    def test_missing(self, tmp_path):
        with _fails(cookbook.PlanError, "no.plan", "does not exist"):
            cookbook.Plan.load(tmp_path / "no.plan")

    def test_truncated(self, plan, tmp_path):
        path = plan.save(tmp_path / "a.plan")
        path.write_bytes(plan.bytes[:-100])
        with _fails(cookbook.PlanError, "a.plan", "damaged", f"{plan.size:,}"):
            cookbook.Plan.load(path)

    def test_changed(self, plan, tmp_path):
        path = plan.save(tmp_path / "a.plan")
        path.write_bytes(plan.bytes[:-1] + bytes([plan.bytes[-1] ^ 1]))
        with _fails(cookbook.PlanError, "damaged"):
            cookbook.Plan.load(path)

    def test_of_another_version(self, plan, tmp_path):
        other = cookbook.Plan(plan.bytes, 1.0, {**plan.origin, "tensorrt": "TensorRT 7.0"}).save(tmp_path / "old.plan")
        with _fails(cookbook.PlanError, "old.plan", "TensorRT 7.0", "Rebuild"):
            cookbook.Plan.load(other)

    def test_of_another_gpu(self, plan, tmp_path, monkeypatch):
        monkeypatch.setattr(builder, "_origin", lambda: {**plan.origin, "gpu": "NVIDIA Here", "capability": "9.0"})
        other = cookbook.Plan(plan.bytes, 1.0, {**plan.origin, "gpu": "NVIDIA There", "capability": "7.5"}).save(tmp_path / "there.plan")
        with _fails(cookbook.PlanError, "NVIDIA There", "7.5", "NVIDIA Here"):
            cookbook.Plan.load(other)

    def test_without_origin_is_taken_as_it_is(self, plan, tmp_path):
        (tmp_path / "trtexec.plan").write_bytes(plan.bytes)
        assert cookbook.Plan.load(tmp_path / "trtexec.plan").origin == {}
