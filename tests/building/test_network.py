"""Parsing: what is accepted, who keeps what alive, and looking at a network."""

import gc
import os
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

import cookbook
from cookbook import backend, log, trt
from cookbook.building import network
from cookbook.building.network import create_builder, create_network, network_summary, network_table
from cookbook.building.profiles import add_profiles
from tests import onnx_samples as samples
from tests.onnx_samples import chain, node

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)


def builds(parsed, ranges=samples.PROFILE):
    """Whether what ``parse`` returned makes a plan."""
    builder, made = parsed
    config = builder.create_builder_config()
    add_profiles(builder, made, config, ranges)
    return builder.build_serialized_network(made, config) is not None


def parse_fails(source):
    with pytest.raises(cookbook.BuildError) as caught:
        cookbook.parse(source)
    return str(caught.value)


@can_build
class TestSources:
    def test_a_model(self):
        assert builds(cookbook.parse(samples.linear()))

    def test_an_input_that_is_an_output_keeps_its_name(self, monkeypatch):
        """8.6's parser puts two underscores before it."""
        feed = network._feed

        def renaming(parser, source, model):
            done = feed(parser, source, model)
            made[0].get_input(0).name = "__y"
            return done

        made = []
        create = network.create_network
        monkeypatch.setattr(network, "create_network", lambda b: made.append(create(b)) or made[0])
        monkeypatch.setattr(network, "_feed", renaming)
        _, parsed = cookbook.parse(samples.linear())
        assert parsed.get_input(0).name == "x"

    def test_what_the_parser_throws_is_one_error(self, monkeypatch):
        def throw(parser, source, model):
            raise RuntimeError("Unable to open library: libnvinfer_vc_plugin.so.8")

        monkeypatch.setattr(network, "_feed", throw)
        said = parse_fails(samples.linear())
        assert said == (
            f"{backend.product()} cannot parse the ONNX model: "
            "Unable to open library: libnvinfer_vc_plugin.so.8"
        )

    def test_onnx_is_asked_before_a_parser_that_would_crash(self, monkeypatch):
        monkeypatch.setattr(backend, "api_version", lambda: (8, 6, 1))
        monkeypatch.setattr(network, "create_builder", lambda: pytest.fail("too late"))
        said = parse_fails(chain(node("Softmax", ["x"], ["y"], "soft", axis=7)))
        assert "onnx.checker says: " in said

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_path(self, tmp_path, kind):
        onnx.save(samples.linear(), tmp_path / "größe 模型.onnx")
        assert builds(cookbook.parse(kind(tmp_path / "größe 模型.onnx")))

    def test_weights_outlive_what_they_came_from(self):
        parsed = cookbook.parse(samples.linear())
        gc.collect()
        assert builds(parsed)

    def test_weights_in_another_file_and_links_to_both(self, tmp_path):
        samples.with_external_weights(tmp_path / "big.onnx")
        assert builds(cookbook.parse(tmp_path / "big.onnx"))
        cache = tmp_path / "cache"
        cache.mkdir()
        for name in ("big.onnx", "weights.bin"):
            (cache / name).symlink_to(tmp_path / name)
        assert builds(cookbook.parse(cache / "big.onnx"))

    def test_missing_weights_are_named(self, tmp_path):
        samples.with_external_weights(tmp_path / "big.onnx")
        (tmp_path / "weights.bin").unlink()
        assert "weight 'w'" in parse_fails(tmp_path / "big.onnx")

    @pytest.mark.parametrize("ending", ["json", "textproto"])
    def test_onnx_as_text(self, tmp_path, ending):
        onnx.save(samples.linear(), tmp_path / f"linear.{ending}")
        assert builds(cookbook.parse(tmp_path / f"linear.{ending}"))

    def test_a_path_that_is_no_utf8(self, tmp_path):
        samples.with_external_weights(tmp_path / "plain.onnx")
        path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe4.onnx")
        shutil.copyfile(tmp_path / "plain.onnx", path)
        assert builds(cookbook.parse(path))

    def test_an_error_names_the_file(self, tmp_path):
        path = tmp_path / "odd.onnx"
        onnx.save(samples.unknown_operator(), path)
        said = parse_fails(path)
        assert said.startswith(f"{backend.product()} cannot parse {path}:\n")
        onnx.save(chain(node("Relu", ["nowhere"], ["y"])), path)
        assert parse_fails(path).startswith(f"{path} is not a model that TensorRT can read:\n")

    def test_functions(self):
        constant = node("Constant", [], ["two"], value_float=2.0)
        model = samples.with_function(constant, node("Mul", ["a", "two"], ["b"]))
        assert builds(cookbook.parse(model), None)

    def test_other_threads(self):
        made = []
        work = threading.Thread(target=lambda: made.append(cookbook.parse(samples.linear())))
        work.start()
        work.join()
        assert builds(made[0])


@can_build
class TestOtherThings:
    def test_a_network(self):
        _, made = cookbook.parse(samples.linear())
        assert parse_fails(made) == (
            "a TensorRT network needs no parsing: pass it to cookbook.build"
        )

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (None, "NoneType: pass the path of an ONNX file, an onnx.ModelProto or a TensorRT"),
            (3, "int: pass the path of an ONNX file"),
            (b"bytes", "bytes: pass onnx.load_model_from_string(data) for an ONNX model, or save"),
            (bytearray(b""), "bytearray: pass onnx.load_model_from_string(data)"),
            (memoryview(b""), "memoryview: pass onnx.load_model_from_string(data)"),
            (
                torch.nn.Linear(2, 2),
                "Linear: export it with torch.onnx.export(model, inputs, path)",
            ),
            (SimpleNamespace(model_proto=None), "SimpleNamespace: pass its model_proto"),
            (
                cookbook.Plan(b"", 0.0, {}),
                "Plan: it is a plan already; give it to cookbook.Session",
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_is_no_model(self, given, words):
        assert parse_fails(given).startswith(f"cannot build from {words}")


class TestBefore10:
    """Where the parser reads no functions, it is given a model without them."""

    class Parser:
        def parse(self, data):
            self.model = onnx.load_model_from_string(data)
            return False

        def parse_from_file(self, path):
            raise AssertionError("the file has a function")

        num_errors = 0

        def supports_operator(self, name):
            return True

    @pytest.fixture
    def parser(self, monkeypatch):
        parser = self.Parser()
        fake = SimpleNamespace(
            OnnxParser=lambda made, logger: parser, INetworkDefinition=SimpleNamespace
        )
        monkeypatch.setattr(network, "create_builder", lambda: None)
        monkeypatch.setattr(network, "create_network", lambda builder: None)
        monkeypatch.setattr(network, "trt", fake)
        monkeypatch.setattr(network, "refusals", lambda parser, model, log: "")
        monkeypatch.setattr(backend, "api_version", lambda: (8, 6, 1))
        return parser

    def test_functions_are_inlined(self, parser, tmp_path):
        model = samples.with_function(node("Relu", ["a"], ["b"]))
        parse_fails(model)
        assert [made.op_type for made in parser.model.graph.node] == ["Relu"]
        assert not parser.model.functions
        onnx.save(model, tmp_path / "function.onnx")
        parse_fails(tmp_path / "function.onnx")
        assert [made.op_type for made in parser.model.graph.node] == ["Relu"]

    def test_a_model_without_functions_stays(self, parser):
        parse_fails(samples.linear())
        assert parser.model == samples.linear()

    def test_from_10_on_functions_stay(self, parser, monkeypatch):
        monkeypatch.setattr(backend, "api_version", lambda: (10, 0))
        parse_fails(samples.with_function(node("Relu", ["a"], ["b"])))
        assert len(parser.model.functions) == 1


class TestBuilder:
    @can_build
    def test_one_is_made(self):
        assert isinstance(create_builder(), trt.Builder)

    def test_a_tensorrt_that_needs_a_gpu_says_so(self, monkeypatch):
        monkeypatch.setattr(backend, "is_rtx", lambda: False)
        monkeypatch.setattr(backend, "gpu", lambda: None)
        monkeypatch.setattr(backend, "product", lambda: "TensorRT 8.6.1")
        with pytest.raises(
            cookbook.NoGpuError, match=r"^a builder of TensorRT 8\.6\.1 needs a CUDA"
        ):
            create_builder()

    def test_what_the_bindings_make_of_a_failure(self, monkeypatch):
        def fail(logger):
            logger.log(trt.ILogger.ERROR, "the driver is too old")
            raise TypeError("factory function returned nullptr")

        monkeypatch.setattr(backend, "require_gpu", lambda what: None)
        monkeypatch.setattr(log, "_kept", ["a builder"])
        monkeypatch.setattr(network.trt, "Builder", fail)
        with pytest.raises(cookbook.BuildError) as caught:
            create_builder()
        assert str(caught.value) == (
            f"{backend.product()} made no builder: is its installation complete, and does the "
            "driver fit?\nTensorRT's log says:\n  [E] the driver is too old"
        )


class TestCreateNetwork:
    class Builder:
        def create_network(self, flags):
            return flags

    def test_before_10_the_batch_is_explicit(self, monkeypatch):
        flags = SimpleNamespace(EXPLICIT_BATCH=3)
        fake = SimpleNamespace(NetworkDefinitionCreationFlag=flags)
        monkeypatch.setattr(network, "trt", fake)
        monkeypatch.setattr(backend, "api_version", lambda: (8, 6, 1))
        assert create_network(self.Builder()) == 8

    def test_from_10_on_it_always_is(self, monkeypatch):
        monkeypatch.setattr(backend, "api_version", lambda: (10, 0))
        assert create_network(self.Builder()) == 0

    @can_build
    def test_it_is_empty(self):
        builder = create_builder()
        made = create_network(builder)
        assert (made.num_inputs, made.num_layers) == (0, 0)


@can_build
class TestLooking:
    @pytest.fixture
    def made(self):
        builder = create_builder()
        made = create_network(builder)
        x = made.add_input("x", trt.float32, (-1, 4))
        relu = made.add_activation(x, trt.ActivationType.RELU)
        relu.name = "relu"
        relu.get_output(0).name = "r"
        top = made.add_topk(relu.get_output(0), trt.TopKOperation.MAX, 2, 1 << 1)
        top.name = "best"
        for index, name in enumerate(("values", "places")):
            top.get_output(index).name = name
            made.mark_output(top.get_output(index))
        yield made
        del builder

    def test_a_table_has_a_row_a_layer(self, made):
        table = network_table(made)
        assert list(table.columns) == ["layer", "type", "inputs", "outputs"]
        assert table.to_numpy().tolist() == [
            ["relu", "ACTIVATION", "x", "r (-1, 4)"],
            ["best", "TOPK", "r", "values (-1, 2), places (-1, 2)"],
        ]

    def test_an_empty_network_has_an_empty_table(self):
        builder = create_builder()
        assert len(network_table(create_network(builder))) == 0

    def test_a_summary(self, made):
        assert network_summary(made) == (
            "inputs: 'x' (-1, 4); layers: 'relu' (ACTIVATION), 'best' (TOPK)"
        )

    def test_a_summary_of_nothing(self):
        builder = create_builder()
        assert network_summary(create_network(builder)) == "inputs: none; layers: none"

    def test_a_summary_names_four_layers_at_most(self):
        names = ["x", *[f"h{k}" for k in range(5)], "y"]
        nodes = [node("Neg", [names[k]], [names[k + 1]], f"n{k}") for k in range(6)]
        _, made = cookbook.parse(chain(*nodes))
        assert network_summary(made).endswith("'n3' (UNARY), and 2 more")

    def test_inputs_that_are_left_out_are_not_in_the_table(self, made):
        data = made.add_constant((1, 4), np.ones((1, 4), np.float32))
        resize = made.add_slice(data.get_output(0), (0, 0), (1, 2), (1, 1))
        where = made.add_constant((2,), np.zeros(2, np.int32))
        resize.set_input(2, where.get_output(0))  # its second input stays empty
        table = network_table(made)
        assert table["inputs"].iloc[3].count(",") == 1
