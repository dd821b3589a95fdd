"""``deserialize``: what it takes, and what follows a refusal."""

import pytest

import cookbook
from cookbook import Plan, PlanError, backend
from cookbook.building import plan as plan_module
from cookbook.building import plan_file
from cookbook.building.plan import origin
from tests import onnx_samples as samples

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
TAG = b"vtrt" if backend.is_rtx() else b"ftrt"
ABOUT = {"origin": {}, "build_seconds": 1.0, "size": 3, "sha256": "0"}  # what save writes
DATA = TAG + b"\0" * 20 + bytes([10, 6, 0, 26]) + b"the rest"


@pytest.fixture
def plan():
    return Plan(DATA, 1.5, origin(), (("W", "careful"),))


class TestDeserialize:
    """What comes before TensorRT is asked, and what follows a refusal."""

    @pytest.fixture
    def on_gpu(self, monkeypatch):
        """A GPU that can be used, and a runtime that gives ``engine`` and keeps what it got."""
        asked = []

        class Runtime:
            engine = None

            def __init__(self, logger):
                assert logger is cookbook.LOG

            def deserialize_cuda_engine(self, data):
                asked.append(data)
                cookbook.LOG.log(cookbook.trt.ILogger.ERROR, "magic tag does not match")
                return Runtime.engine

        class Trt:
            pass

        Trt.Runtime = Runtime
        monkeypatch.setattr(backend, "require_gpu", lambda what: None)
        monkeypatch.setattr(plan_module, "trt", Trt)
        Runtime.asked = asked
        return Runtime

    @pytest.mark.parametrize("kind", ["plan", "bytes", "memory"])
    def test_plans_and_bytes(self, on_gpu, plan, kind):
        on_gpu.engine = "an engine"
        given = {"plan": plan, "bytes": DATA, "memory": memoryview(bytearray(DATA))}[kind]
        assert cookbook.deserialize(given) == "an engine"
        assert on_gpu.asked == [DATA]

    def test_a_header_of_json_is_taken_off(self, on_gpu):
        on_gpu.engine = "an engine"
        cookbook.deserialize(b"\x02\0\0\0{}" + DATA)
        assert on_gpu.asked == [DATA]

    def test_a_refusal_comes_with_the_log(self, on_gpu, plan):
        with pytest.raises(PlanError) as caught:
            cookbook.deserialize(plan)
        assert str(caught.value) == (
            f"{backend.product()} refused the plan ({len(DATA)} bytes, built by "
            f"{backend.product()}): it is damaged, or of another version, product or GPU. Rebuild "
            "it from its model.\nTensorRT's log says:\n  [E] magic tag does not match"
        )

    def test_a_refusal_of_unknown_origin_names_the_version_in_the_header(self, on_gpu):
        with pytest.raises(PlanError, match=f"built by {plan_file.TAGS[TAG]} 10.6.0.26\\)"):
            cookbook.deserialize(DATA)
        with pytest.raises(PlanError, match="built by an unknown version"):
            cookbook.deserialize(b"\x00\x01")

    def test_another_origin_is_refused_before(self, on_gpu):
        with pytest.raises(PlanError, match="was built by TensorRT 7,"):
            cookbook.deserialize(Plan(DATA, 0.0, {**origin(), "tensorrt": "TensorRT 7"}))
        assert on_gpu.asked == []

    @pytest.mark.parametrize(("data", "kind"), [(b"", "is empty"), (b"hello", "is a text")])
    def test_what_is_no_plan(self, on_gpu, data, kind):
        with pytest.raises(PlanError, match=f"this plan is not a plan: it {kind}"):
            cookbook.deserialize(data)
        assert on_gpu.asked == []

    @pytest.mark.parametrize("given", [None, 3, "a.plan"])
    def test_what_has_no_bytes(self, given):
        with pytest.raises(PlanError) as caught:
            cookbook.deserialize(given)
        assert str(caught.value) == (
            f"{type(given).__name__} is no plan: pass a Plan, its bytes, or Plan.load(path)"
        )

    @pytest.mark.skipif(not backend.gpu_problem(), reason="a GPU is here")
    def test_without_a_gpu(self, plan):
        with pytest.raises(cookbook.NoGpuError, match="loading a plan needs"):
            cookbook.deserialize(plan)


@can_build
def test_the_tag_of_a_real_plan_is_known():
    """The tags are documented nowhere; a version that changes them shows here."""
    made = cookbook.build(samples.linear(), profiles=samples.PROFILE)
    product, version = backend.product().split()
    assert plan_file.product_of(made.bytes) == product
    assert plan_file.version_of(made.bytes).startswith(version.split(".post")[0][:5])


@pytest.mark.gpu
class TestOnGpu:
    @pytest.fixture
    def built(self):
        return cookbook.build(samples.linear(), profiles=samples.PROFILE)

    def test_an_engine(self, built, tmp_path):
        engine = cookbook.deserialize(Plan.load(built.save(tmp_path / "a.plan")))
        assert engine.num_io_tensors == 3

    def test_a_plan_that_trtexec_could_have_written(self, built):
        assert cookbook.deserialize(built.bytes).num_io_tensors == 3

    def test_damage_is_refused_with_tensorrts_words(self, built):
        with pytest.raises(PlanError, match=r"(?s)refused the plan.*TensorRT's log says"):
            cookbook.deserialize(built.bytes[: built.size // 2])

    @pytest.mark.skipif(backend.is_rtx(), reason="TensorRT-RTX's plans are for every version")
    def test_a_version_compatible_plan_is_taken_for_a_plan(self, tmp_path):
        """Its first bytes may be others than a usual plan's."""
        trt = cookbook.trt

        def configure(config):
            config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
            config.set_flag(trt.BuilderFlag.EXCLUDE_LEAN_RUNTIME)

        made = cookbook.build(samples.linear(), profiles=samples.PROFILE, configure=configure)
        loaded = Plan.load(made.save(tmp_path / "a.plan"))
        assert cookbook.deserialize(loaded).num_io_tensors == 3
