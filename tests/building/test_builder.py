"""``build``: what it accepts, what reaches the builder, and that every misuse is named."""

import numpy as np
import onnx
import pytest

import cookbook
from cookbook import backend, log, trt
from cookbook.building import builder
from tests import onnx_samples as samples
from tests.onnx_samples import PROFILE, chain, node

pytestmark = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)


@pytest.fixture(scope="module")
def plan():
    return cookbook.build(samples.linear(), profiles=PROFILE)


def build_fails(source, **options):
    with pytest.raises(cookbook.BuildError) as caught:
        cookbook.build(source, **options)
    return str(caught.value)


class TestSources:
    def check(self, made):
        assert made.size == len(made.bytes) > 1000
        assert made.build_seconds > 0
        assert made.origin == cookbook.building.plan.origin()
        assert made.log

    def test_a_model(self, plan):
        self.check(plan)

    def test_a_path(self, tmp_path):
        onnx.save(samples.linear(), tmp_path / "linear.onnx")
        self.check(cookbook.build(tmp_path / "linear.onnx", profiles=PROFILE))
        self.check(cookbook.build(str(tmp_path / "linear.onnx"), profiles=[PROFILE]))

    def test_a_network(self):
        _, network = cookbook.parse(samples.linear())
        self.check(cookbook.build(network, profiles=PROFILE))

    def test_what_parse_returned(self):
        self.check(cookbook.build(cookbook.parse(samples.linear()), profiles=PROFILE))

    @pytest.mark.parametrize("given", [None, b"model", (1, 2), (1, 2, 3), []])
    def test_anything_else(self, given):
        assert build_fails(given).startswith("cannot build from ")

    def test_the_callers_model_is_not_touched(self):
        model = samples.linear()
        cookbook.build(model, profiles=PROFILE)
        assert model == samples.linear()

    def test_a_build_can_be_repeated(self, plan):
        _, network = cookbook.parse(samples.linear())
        for _ in range(2):
            assert cookbook.build(network, profiles=PROFILE).size > 1000


class TestOptions:
    def seen(self, **options):
        """What the config holds in the end."""
        found = {}

        def look(config):
            found["level"] = config.builder_optimization_level
            found["profiles"] = config.num_optimization_profiles
            found["workspace"] = config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE)
            found["tf32"] = config.get_flag(trt.BuilderFlag.TF32)
            found["verbosity"] = config.profiling_verbosity

        cookbook.build(samples.linear(), **{"profiles": PROFILE, **options}, configure=look)
        return found

    def test_by_default(self):
        found = self.seen()
        assert found["workspace"] > 1 << 20
        del found["workspace"]
        assert found == {
            "level": 2,
            "profiles": 1,
            "tf32": False,
            "verbosity": trt.ProfilingVerbosity.DETAILED,
        }

    def test_as_given(self):
        found = self.seen(profiles=[PROFILE, PROFILE], level=1, workspace=1 << 26, precision="tf32")
        assert found["level"] == 1
        assert found["profiles"] == 2
        assert found["workspace"] == 1 << 26
        assert found["tf32"]

    @pytest.mark.parametrize("level", [0, 5, np.int64(3)])
    def test_levels(self, level):
        assert self.seen(level=level)["level"] == level

    def test_configure_comes_last(self):
        def configure(config):
            config.builder_optimization_level = 0
            raise RuntimeError(f"{config.num_optimization_profiles} profile")

        with pytest.raises(RuntimeError, match="1 profile"):
            cookbook.build(samples.linear(), profiles=PROFILE, configure=configure)

    @pytest.mark.skipif(backend.api_version() >= (10, 0), reason="later versions always share")
    def test_before_10_contexts_share_profiles(self):
        def look(config):
            assert config.get_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806)  # trt<11

        cookbook.build(samples.linear(), profiles=PROFILE, configure=look)

    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("level", -1, "must be a whole number from 0 (quick build) to 5"),
            ("level", 6, "must be a whole number from 0 (quick build) to 5"),
            ("level", "2", "must be a whole number from 0 (quick build) to 5"),
            ("level", 2.0, "must be a whole number from 0 (quick build) to 5"),
            ("level", True, "must be a whole number from 0 (quick build) to 5"),
            ("level", None, "must be a whole number from 0 (quick build) to 5"),
            ("workspace", -1, "must be a number of bytes, or None"),
            ("workspace", 0, "must be a number of bytes, or None"),
            ("workspace", "1 GB", "must be a number of bytes, or None"),
            ("workspace", 1.5, "must be a number of bytes, or None"),
            ("progress", "yes", "must be True, False or None"),
            ("progress", 2, "must be True, False or None"),
            ("configure", 3, "must be a function that takes the IBuilderConfig"),
            ("timing_cache", 3, "must be True, False or the path of a file"),
            ("timing_cache", None, "must be True, False or the path of a file"),
            ("precision", "fp64", "must be one of fp32, tf32, fp16, bf16, int8"),
            ("precision", None, "must be one of fp32, tf32, fp16, bf16, int8"),
        ],
    )
    def test_wrong_ones_are_named_before_anything_is_read(self, option, value, words):
        said = build_fails("a file that does not exist", **{option: value})
        assert said == f"{option}={value!r}: {words}"

    def test_profiles_are_checked(self):
        assert build_fails(samples.linear()).startswith("input 'x' has the dynamic shape (-1, 4)")


class TestFailures:
    def test_a_build_that_gives_nothing_shows_the_network_and_the_log(self):
        made = trt.Builder(cookbook.LOG)
        network = cookbook.create_network(made)
        network.add_input("x", trt.float32, (1, 4))  # no layer, no output
        said = build_fails(network)
        start = "built nothing from the network (inputs: 'x' (1, 4); layers: none).\n"
        assert said.startswith(f"{backend.product()} {start}TensorRT's log says:\n  [E] ")

    def test_models_that_crash_the_parser_do_not_reach_it(self):
        model = chain(node("DepthToSpace", ["x"], ["y"], "fold", blocksize=0), shape=(1, 4, 2, 2))
        assert "node 0 'fold' (operator DepthToSpace): attribute 'blocksize' is 0" in build_fails(
            model
        )


class TestWarnings:
    @pytest.fixture(autouse=True)
    def nothing_shown(self, monkeypatch):
        monkeypatch.setattr(log, "_shown", set())

    RANGES = {"x": ((4,), (8,), (12,)), "shape": ((2, 2), (2, 4), (9, 9))}

    def test_a_profile_whose_ends_cannot_run_is_shown_once(self, capsys):
        made = cookbook.build(samples.reshape(), profiles=self.RANGES)
        said = capsys.readouterr().out
        assert said.startswith("TensorRT warns: Profile kMAX values are not self-consistent.")
        assert any("kMAX" in message for level, message in made.log if level == "W")
        cookbook.build(samples.reshape(), profiles=self.RANGES)
        assert capsys.readouterr().out == ""

    def test_a_good_build_prints_nothing(self, capfd):
        cookbook.build(samples.linear(), profiles=PROFILE)
        assert capfd.readouterr() == ("", "")


class TestTimingCache:
    """With a stand-in for the cache, since TensorRT-RTX has none."""

    class Cache:
        def __init__(self):
            self.calls = []

        def attach(self, config):
            assert isinstance(config, trt.IBuilderConfig)
            self.calls.append("attach")

        def save(self, config):
            self.calls.append("save")

    @pytest.fixture
    def cache(self, monkeypatch):
        made = self.Cache()

        def choose(option):
            made.calls.append(option)
            return made

        monkeypatch.setattr(builder, "choose_cache", choose)
        return made

    def test_it_is_read_and_written(self, cache):
        cookbook.build(samples.linear(), profiles=PROFILE, timing_cache="a file")
        assert cache.calls == ["a file", "attach", "save"]

    def test_by_default_it_is_the_shared_one(self, cache):
        cookbook.build(samples.linear(), profiles=PROFILE)
        assert cache.calls[0] is True

    def test_configure_finds_it(self, cache):
        def configure(config):
            cache.calls.append("configure")

        cookbook.build(samples.linear(), profiles=PROFILE, configure=configure)
        assert cache.calls == [True, "attach", "configure", "save"]

    def test_a_build_that_gives_nothing_saves_nothing(self, cache):
        made = trt.Builder(cookbook.LOG)
        network = cookbook.create_network(made)
        build_fails(network)
        assert cache.calls == [True, "attach"]

    def test_a_cancelled_build_saves_what_it_timed(self, cache, monkeypatch):
        answers = [True, False]  # while it is built Ctrl-C is pressed

        class Interrupt:
            @property
            def requested(self):
                return answers.pop()

            def __init__(self, notice):
                self.notice = notice

            def __enter__(self):
                return self

            def __exit__(self, *_):
                return False

        monkeypatch.setattr(builder, "HeldInterrupt", Interrupt)
        made = trt.Builder(cookbook.LOG)
        network = cookbook.create_network(made)
        build_fails(network)
        assert cache.calls == [True, "attach", "save"]


@pytest.mark.parametrize(("version", "notice"), [((8, 6, 1), builder.CANNOT_STOP), ((10, 0), "")])
def test_a_notice_where_a_build_cannot_be_stopped(monkeypatch, version, notice):
    notices = []

    class Stop(Exception):
        pass

    def interrupt(notice):
        notices.append(notice)
        raise Stop

    parsed = cookbook.parse(samples.linear())
    monkeypatch.setattr(builder, "HeldInterrupt", interrupt)
    monkeypatch.setattr(backend, "api_version", lambda: version)
    with pytest.raises(Stop):
        cookbook.build(parsed)
    assert notices == [notice]


@pytest.mark.parametrize(
    ("terminal", "option", "bars"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_bars_by_default_in_a_terminal(monkeypatch, terminal, option, bars):
    asked = []
    monkeypatch.setattr(builder.sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(builder, "build_monitor", lambda interrupt, bars: asked.append(bars))
    cookbook.build(samples.linear(), profiles=PROFILE, progress=option)
    assert asked == [bars]


def test_no_gpu_is_said_before_a_file_is_read(monkeypatch):
    monkeypatch.setattr(backend, "is_rtx", lambda: False)
    monkeypatch.setattr(backend, "gpu", lambda: None)
    monkeypatch.setattr(backend, "product", lambda: "TensorRT 8.6.1")
    with pytest.raises(
        cookbook.NoGpuError, match=r"^building with TensorRT 8\.6\.1 needs a CUDA GPU"
    ):
        cookbook.build("a file that does not exist")


@pytest.mark.gpu
@pytest.mark.skipif(backend.is_rtx(), reason="needs the builder that times")
def test_a_long_chain_of_layers_is_built():
    names = ["x", *[f"h{k}" for k in range(3999)], "y"]
    nodes = [node("Relu", [names[k]], [names[k + 1]]) for k in range(4000)]
    assert cookbook.build(chain(*nodes), level=0).size > 1000
