"""``Plan``: saved and read back, and refused with a reason."""

import errno
import json
import math
import os

import pytest

from cookbook import Plan, PlanError, backend, files
from cookbook.building import plan as plan_module
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


def load_fails(path):
    with pytest.raises(PlanError) as caught:
        Plan.load(path)
    return str(caught.value)


class TestSave:
    def test_it_is_read_back(self, plan, tmp_path):
        path = plan.save(tmp_path / "sub" / "a.plan")
        again = Plan.load(path)
        assert again == plan
        assert again.build_seconds == 1.5
        assert again.log == ()
        assert path == tmp_path / "sub" / "a.plan"
        assert path.read_bytes() == DATA

    @pytest.mark.parametrize("kind", [str, lambda path: path])
    def test_paths_of_either_kind(self, plan, tmp_path, kind):
        assert Plan.load(kind(plan.save(kind(tmp_path / "a.plan")))) == plan

    def test_the_file_beside_it(self, plan, tmp_path):
        plan.save(tmp_path / "a.plan")
        about = json.loads((tmp_path / "a.plan.json").read_text())
        assert about["origin"] == origin()
        assert (about["size"], about["build_seconds"]) == (len(DATA), 1.5)
        assert len(about["sha256"]) == 64

    def test_a_plan_of_unknown_origin(self, tmp_path):
        (tmp_path / "trtexec.plan").write_bytes(DATA)
        unknown = Plan.load(tmp_path / "trtexec.plan")
        assert unknown.origin == {}
        assert math.isnan(unknown.build_seconds)
        assert Plan.load(unknown.save(tmp_path / "again.plan")).bytes == DATA

    def test_one_that_fails_keeps_the_old_plan(self, plan, tmp_path, monkeypatch):
        plan.save(tmp_path / "a.plan")

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(files.os, "fdopen", full)
        with pytest.raises(PlanError) as caught:
            Plan(TAG + b"new", 1.0, origin()).save(tmp_path / "a.plan")
        assert str(caught.value) == (
            f"plan {tmp_path / 'a.plan'} was not saved: No space left on device. What was there "
            "before is unchanged; make room, or choose another path"
        )
        assert Plan.load(tmp_path / "a.plan") == plan

    @pytest.mark.parametrize("name", ["a.plan", "a.plan.json"])
    def test_a_folder_in_the_way(self, plan, tmp_path, name):
        (tmp_path / name).mkdir()
        with pytest.raises(PlanError, match="was not saved: Is a directory"):
            plan.save(tmp_path / "a.plan")
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_a_file_where_a_folder_should_be(self, plan, tmp_path):
        (tmp_path / "sub").write_text("")
        with pytest.raises(PlanError, match="was not saved: (Not a directory|File exists)"):
            plan.save(tmp_path / "sub" / "a.plan")


class TestLoad:
    def test_a_missing_file(self, tmp_path, monkeypatch):
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        assert load_fails("no.plan") == (
            "plan no.plan does not exist: build it, or check the path (working folder: here)"
        )

    def test_a_folder(self, tmp_path):
        assert load_fails(tmp_path) == f"{tmp_path} is a folder: pass the path of the plan in it"

    def test_an_unreadable_file(self):
        assert load_fails("/proc/self/mem") == (
            "plan /proc/self/mem cannot be read: Input/output error"
        )

    @pytest.mark.parametrize("data", [DATA[:-1], DATA[:-1] + b"!", DATA + b"!"])
    def test_one_that_changed(self, plan, tmp_path, data):
        path = plan.save(tmp_path / "a.plan")
        path.write_bytes(data)
        assert load_fails(path) == (
            f"plan {path} is damaged: {len(data)} bytes, {len(DATA)} were saved. Copy it again, or "
            "rebuild it from its model"
        )

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"", "it is empty (0 bytes)"),
            (b"hello", "it is a text that begins with 'hello'"),
            (samples.linear().SerializeToString(), "it is an ONNX model"),
        ],
    )
    def test_what_is_no_plan(self, tmp_path, content, kind):
        path = tmp_path / "odd.plan"
        path.write_bytes(content)
        assert load_fails(path).startswith(f"plan {path} is not a plan: {kind}")

    def test_a_header_of_json(self, tmp_path):
        header = b'{"names": {"0": "cat"}}'
        data = len(header).to_bytes(4, "little") + header + DATA
        (tmp_path / "exported.engine").write_bytes(data)
        assert Plan.load(tmp_path / "exported.engine").bytes == DATA

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe\x00",
            b"[1, 2]",
            b'"text"',
            b"null",
            b"{}",
            *[json.dumps({**ABOUT, key: None}).encode() for key in ABOUT],
            json.dumps({**ABOUT, "origin": {"tensorrt": "TensorRT 8.6.1"}}).encode(),
        ],
    )
    def test_a_file_beside_it_that_is_not_ours(self, plan, tmp_path, content):
        path = plan.save(tmp_path / "a.plan")
        beside = tmp_path / "a.plan.json"
        beside.write_bytes(content)
        said = load_fails(path)
        assert said.startswith(
            f"{beside}, which should tell where the plan beside it comes from, cannot be used: "
        )
        assert said.endswith(
            "Delete it to load the plan with an unknown origin, or save the plan again"
        )
        assert len(said) > len(str(beside)) + 170  # there is a reason between the two

    def test_an_unreadable_file_beside_it(self, tmp_path):
        (tmp_path / "a.plan").write_bytes(DATA)
        (tmp_path / "a.plan.json").mkdir()
        assert "Is a directory" in load_fails(tmp_path / "a.plan")

    def test_another_version(self, tmp_path):
        old = Plan(DATA, 1.0, {**origin(), "tensorrt": "TensorRT 7.0"}).save(tmp_path / "old.plan")
        assert load_fails(old) == (
            f"plan {old} was built by TensorRT 7.0, here is {backend.product()}: plans do not move "
            "between versions or products. Rebuild it from its model"
        )


class TestCheck:
    HERE = {"tensorrt": "TensorRT 10.6.0", "gpu": "NVIDIA Here", "capability": "9.0"}

    @pytest.fixture(autouse=True)
    def here(self, monkeypatch):
        monkeypatch.setattr(plan_module, "origin", lambda: self.HERE)
        monkeypatch.setattr(backend, "product", lambda: self.HERE["tensorrt"])

    def check(self, **changes):
        Plan(b"ftrt", 1.0, {**self.HERE, **changes}).check()

    def test_the_same_place(self):
        self.check()

    def test_another_gpu(self):
        with pytest.raises(PlanError) as caught:
            self.check(gpu="NVIDIA There", capability="7.5")
        assert str(caught.value) == (
            "this plan was built for NVIDIA There (compute capability 7.5), here is NVIDIA Here "
            "(9.0): rebuild it here, or build it with hardware compatibility"
        )

    def test_another_gpu_of_the_same_capability(self):
        self.check(gpu="NVIDIA There")

    def test_a_plan_for_any_gpu(self, monkeypatch):
        self.check(gpu="any", capability="any")
        here = {**self.HERE, "gpu": "any", "capability": "any"}
        monkeypatch.setattr(plan_module, "origin", lambda: here)
        self.check()
        Plan(b"ftrt", 1.0, {**self.HERE, "capability": "7.5"}).check()

    def test_the_name_is_used(self):
        with pytest.raises(PlanError, match="^the third was built by TensorRT 8"):
            Plan(b"ftrt", 1.0, {**self.HERE, "tensorrt": "TensorRT 8"}).check("the third")

    def test_an_unknown_origin_of_the_other_product(self):
        other = Plan(b"vtrt" + b"\0" * 20 + bytes([1, 7, 1, 116]), 1.0, {})
        with pytest.raises(PlanError) as caught:
            other.check()
        assert str(caught.value) == (
            "this plan was built by TensorRT-RTX 1.7.1.116, here is TensorRT 10.6.0: plans do not "
            "move between products. Rebuild it from its model"
        )

    @pytest.mark.parametrize("data", [b"ftrt", b"unknown"])
    def test_an_unknown_origin_of_this_product(self, data):
        Plan(data, 1.0, {}).check()


class TestOrigin:
    CARD = backend.Gpu("NVIDIA H200", (9, 0), 1, "580", "13.0")

    @pytest.mark.parametrize(
        ("rtx", "card", "place"),
        [
            (False, CARD, ("NVIDIA H200", "9.0")),
            (False, None, ("any", "any")),
            (True, CARD, ("any", "any")),
        ],
    )
    def test_it_names_what_a_plan_depends_on(self, monkeypatch, rtx, card, place):
        monkeypatch.setattr(backend, "is_rtx", lambda: rtx)
        monkeypatch.setattr(backend, "gpu", lambda: card)
        monkeypatch.setattr(backend, "product", lambda: "TensorRT 10.6.0")
        assert origin() == {
            "tensorrt": "TensorRT 10.6.0",
            "gpu": place[0],
            "capability": place[1],
        }


def test_size_and_what_is_shown(plan):
    assert plan.size == len(DATA)
    assert "the rest" not in repr(plan)
    assert "careful" not in repr(plan)
    assert plan == Plan(DATA, 1.5, origin())
