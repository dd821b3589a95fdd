"""Reading ONNX files: what is not there, not whole, not ONNX, or in another file."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import EncodeError
from onnx import numpy_helper

from cookbook import BuildError
from cookbook.building import onnx_file
from cookbook.building.onnx_file import is_binary, read_onnx, serialized, shown
from tests import onnx_samples as samples

LINEAR = samples.linear().SerializeToString()


def fails(path, **options):
    """What the error says that reading this raises."""
    with pytest.raises(BuildError) as caught:
        read_onnx(path, **options)
    return str(caught.value)


def test_a_model_is_returned_as_it_is():
    model = samples.linear()
    assert read_onnx(model) is model


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_read(tmp_path, kind):
    onnx.save(samples.linear(), tmp_path / "linear.onnx")
    assert read_onnx(kind(tmp_path / "linear.onnx")) == samples.linear()


@pytest.mark.filterwarnings("ignore:The onnxtxt format is experimental")
@pytest.mark.parametrize("ending", ["onnxtxt", "json", "textproto", "prototxt"])
def test_onnx_as_text_is_read(tmp_path, ending):
    path = tmp_path / f"linear.{ending}"
    onnx.save(samples.linear(), path)
    graph = read_onnx(path).graph
    assert [made.name for made in graph.node] == ["multiply", "double"]
    np.testing.assert_allclose(numpy_helper.to_array(graph.initializer[0]), samples.WEIGHT, 1e-5)
    assert not is_binary(path)


@pytest.mark.parametrize("name", ["a.onnx", "a.pb", "a", "a.model"])
def test_other_names_are_binary(name):
    assert is_binary(Path(name))


def test_a_missing_file_with_the_folder_that_it_is_looked_for_in(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert fails("gone.onnx") == (
        "ONNX file gone.onnx does not exist: export it first, or check the path "
        "(working folder: here)"
    )


def test_a_folder(tmp_path):
    assert fails(tmp_path) == f"{tmp_path} is a folder: pass the path of the ONNX file in it"


def test_an_unreadable_file():
    assert fails("/proc/self/mem") == "ONNX file /proc/self/mem cannot be read: Input/output error"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no graph in it"),
        (LINEAR[:60], ""),
        (b"hello, I am text", ""),
        (bytes(range(255, 0, -1)), ""),
        (b"PK\x03\x04 and more", "it is a PyTorch or zip file"),
        (b"ftrt and more", "it is a plan"),
        (b"vtrt and more", "it is a plan"),
    ],
    ids=["empty", "truncated", "text", "bytes", "zip", "plan", "plan of TensorRT-RTX"],
)
def test_a_file_that_is_no_whole_onnx_model(tmp_path, content, reason):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    said = fails(path)
    assert said.startswith(
        f"{path} ({len(content)} bytes) is not an ONNX model, or only a part of one ({reason}"
    )
    assert said.endswith("): export it again, or copy it whole")


@pytest.mark.filterwarnings("ignore:The onnxtxt format is experimental")
@pytest.mark.parametrize("ending", ["onnxtxt", "json", "textproto"])
@pytest.mark.parametrize("content", [b"hello {", b'{"a": 1}', b"\xff\xfe"])
def test_a_text_that_is_no_onnx(tmp_path, ending, content):
    (tmp_path / f"broken.{ending}").write_bytes(content)
    said = fails(tmp_path / f"broken.{ending}")
    assert f"broken.{ending} ({len(content)} bytes) is not an ONNX model" in said
    assert "\n" not in said


def test_a_file_of_more_than_two_gib(tmp_path):
    path = tmp_path / "large.onnx"
    path.write_bytes(b"")
    os.truncate(path, 2**31)
    assert fails(path) == (
        f"{path} has 2,147,483,648 bytes, protobuf reads 2 GiB at most: save the model again with "
        "onnx.save_model(model, path, save_as_external_data=True)"
    )


class TestSerialized:
    def test_a_model(self):
        assert serialized(samples.linear()) == LINEAR

    def test_one_that_is_too_large(self, monkeypatch):
        monkeypatch.setattr(onnx_file, "LARGEST_PROTO", len(LINEAR))
        assert serialized(samples.linear()) == LINEAR
        monkeypatch.setattr(onnx_file, "LARGEST_PROTO", len(LINEAR) - 1)
        with pytest.raises(BuildError, match=r"larger than 2 GiB.*save_as_external_data=True"):
            serialized(samples.linear())

    @pytest.mark.parametrize("error", [EncodeError, ValueError])
    def test_one_that_protobuf_refuses(self, error):
        class TooLarge:
            def SerializeToString(self):
                raise error("exceeds 2 GiB")

        with pytest.raises(BuildError, match="larger than 2 GiB"):
            serialized(TooLarge())


class TestExternalWeights:
    @pytest.fixture
    def path(self, tmp_path):
        samples.with_external_weights(tmp_path / "big.onnx")
        return tmp_path / "big.onnx"

    def weight(self, model):
        (tensor,) = model.graph.initializer
        return tensor

    def test_are_read(self, path):
        tensor = self.weight(read_onnx(path))
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), samples.WEIGHT)
        assert tensor.data_location == onnx.TensorProto.DEFAULT
        assert not tensor.external_data

    def test_are_left_where_they_are_on_request(self, path):
        tensor = self.weight(read_onnx(path, weights=False))
        assert tensor.data_location == onnx.TensorProto.EXTERNAL
        assert not tensor.raw_data

    def test_through_symbolic_links(self, path, tmp_path):
        cache = tmp_path / "cache"
        cache.mkdir()
        (cache / "model.onnx").symlink_to(path)
        (tmp_path / "weights.bin").rename(tmp_path / "blob")
        (cache / "weights.bin").symlink_to(tmp_path / "blob")
        tensor = self.weight(read_onnx(cache / "model.onnx"))
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), samples.WEIGHT)

    def entry(self, path, key, value):
        """Change one entry of the weight's place, in the file."""
        model = onnx.load(path, load_external_data=False)
        tensor = self.weight(model)
        kept = [(pair.key, pair.value) for pair in tensor.external_data if pair.key != key]
        del tensor.external_data[:]
        for name, text in [*kept, (key, value)]:
            if text is not None:
                tensor.external_data.add(key=name, value=text)
        path.write_bytes(model.SerializeToString())

    def test_at_an_offset(self, path, tmp_path):
        file = tmp_path / "weights.bin"
        file.write_bytes(b"\0" * 16 + file.read_bytes() + b"more")
        self.entry(path, "offset", "16")
        tensor = self.weight(read_onnx(path))
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), samples.WEIGHT)

    def test_without_a_length_to_the_end_of_the_file(self, path):
        self.entry(path, "length", None)
        tensor = self.weight(read_onnx(path))
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), samples.WEIGHT)

    @pytest.mark.parametrize("weights", [True, False])
    def test_missing(self, path, tmp_path, weights):
        (tmp_path / "weights.bin").unlink()
        assert fails(path, weights=weights) == (
            f"weight 'w' of {path} is in 'weights.bin', which is not beside the model: move both "
            "together"
        )

    @pytest.mark.parametrize("weights", [True, False])
    def test_cut_short(self, path, tmp_path, weights):
        os.truncate(tmp_path / "weights.bin", 47)
        assert fails(path, weights=weights) == (
            f"weight 'w' of {path} is in 'weights.bin', which is cut short: it has 47 bytes, the "
            "weight ends at 48. Copy it whole, or save the model again"
        )

    def test_cut_short_before_their_offset(self, path):
        self.entry(path, "offset", "4096")
        assert "it has 48 bytes, the weight ends at 4,144" in fails(path)

    @pytest.mark.parametrize("place", ["/etc/hostname", "../weights.bin", "a/../../weights.bin"])
    def test_in_another_folder(self, path, place):
        self.entry(path, "location", place)
        assert fails(path) == (
            f"weight 'w' of {path} is in {place!r}, which is not in the model's folder: save the "
            "model again"
        )

    def test_in_a_folder_below(self, path, tmp_path):
        (tmp_path / "data").mkdir()
        shutil.move(tmp_path / "weights.bin", tmp_path / "data" / "weights.bin")
        self.entry(path, "location", "data/weights.bin")
        assert read_onnx(path) == samples.linear()

    def test_that_cannot_be_read(self, path, tmp_path):
        (tmp_path / "weights.bin").unlink()
        (tmp_path / "weights.bin").symlink_to("/proc/self/mem")
        self.entry(path, "length", None)
        assert fails(path) == (
            f"weight 'w' cannot be read from {tmp_path / 'weights.bin'}: Input/output error"
        )

    def test_that_a_model_in_memory_lacks(self, path):
        assert fails(onnx.load(path, load_external_data=False)) == (
            "weight 'w' is in the file 'weights.bin', which was not loaded with the model: pass "
            "the model's path, or call onnx.load_external_data_for_model(model, folder) first"
        )


def test_a_path_that_is_no_utf8_can_be_shown(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe4.onnx")
    assert shown(path) == f"{tmp_path}/\\udcff\\udce4.onnx"
    said = fails(path)
    assert said.encode().decode() == said
    shutil.copyfile(__file__, path)
    said = fails(path)
    assert said.encode().decode() == said


def test_other_paths_are_shown_as_they_are():
    assert shown(Path("ordner/größe 模型.onnx")) == "ordner/größe 模型.onnx"
