"""``doctor``: every problem is a row with its remedy, and only the package itself is needed."""

import importlib.util
import subprocess
import sys
import types

import pytest

from cookbook import backend, doctor, paths, requires, tools
from cookbook.errors import BackendError


def _rows() -> dict:
    return {row.topic: (row.found, row.todo) for row in doctor.doctor()}


def test_it_has_the_rows_that_a_newcomer_needs():
    rows = _rows()
    wanted = {"Python", "GPU", "TensorRT", "TensorRT-RTX", "in use", "environment", "torch", "nvcc"}
    assert wanted <= set(rows)
    assert rows["in use"] == (backend.product(), "")
    assert rows["environment"] == (backend.environment_name(), "")


@pytest.fixture
def cells(monkeypatch):
    """A function that makes a course of cells which start with these ``%%requires`` lines."""

    def make(*specs):
        counts = {spec: specs.count(spec) for spec in specs}
        monkeypatch.setattr(doctor, "course_specs", lambda: counts)

    return make


@pytest.fixture
def bare(monkeypatch):
    """A machine with a TensorRT and nothing else."""
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    monkeypatch.setattr(tools, "package_version", lambda name: None)
    monkeypatch.setattr(backend, "gpu", lambda: None)


def test_what_would_let_cells_run_is_recommended_with_their_number(cells, bare):
    cells("nvcc", "nvcc", "modelopt", "gpu, ncu", "trt>=99, nsys", "nsys, nvcc", "gpu")
    rows = _rows()
    assert rows["nvcc"] == ("not found", "install the CUDA toolkit (2 cells wait for it)")
    assert rows["modelopt"][1] == "pip install nvidia-modelopt (1 cell waits for it)"
    assert "an NVIDIA GPU with its driver (1 cell waits for it); " in rows["GPU"][1]


def test_what_would_change_nothing_is_not_recommended(cells, bare):
    cells("gpu, ncu", "gpu, nsys", "trt>=99, trtexec", "nonsense words")
    rows = _rows()
    for name in ("ncu", "nsys", "trtexec", "nvcc", "pytriton"):
        assert rows[name] == ("not found, but no cell lacks only this", "")


def test_with_a_gpu_its_tools_are_recommended(cells, bare, monkeypatch):
    card = backend.Gpu("NVIDIA X", (9, 0), 141 << 30, "580.1", "13.0")
    monkeypatch.setattr(backend, "gpu", lambda: card)
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    cells("gpu, ncu", "gpu, ncu")
    assert _rows()["ncu"] == ("not found", "install Nsight Compute (2 cells wait for it)")


def test_cells_are_counted_in_the_notebooks_at_hand(add_notebook):
    add_notebook("101-a", "%%requires gpu\nx", "x = 1", "%%requires gpu, nvcc")
    add_notebook("102-b", "%%requires gpu")
    damaged = add_notebook("103-c", "%%requires gpu")
    damaged.write_text(damaged.read_text()[:-20])
    assert doctor.course_specs() == {"gpu": 2, "gpu, nvcc": 1}


def test_where_cells_cannot_be_counted_whatever_is_missing_has_a_remedy(cells, bare, monkeypatch):
    def missing(spec):
        raise BackendError("no TensorRT can be imported")

    monkeypatch.setattr(requires, "missing", missing)
    cells("trt>=10")
    rows = _rows()
    assert rows["GPU"][1].startswith("an NVIDIA GPU with its driver; ")
    assert rows["nsys"] == ("not found", "install Nsight Systems")
    assert rows["modelopt"] == ("not found", "pip install nvidia-modelopt")
    assert rows["numpy"] == ("not installed", "make setup")
    assert rows["torch"] == ("not installed", "make setup")


def test_what_is_there_has_none(monkeypatch):
    monkeypatch.setattr(tools, "find_tool", lambda name: "/somewhere/" + name)
    monkeypatch.setattr(tools, "package_version", lambda name: "1.2")
    rows = _rows()
    assert rows["nsys"] == ("found", "")
    assert rows["modelopt"] == ("1.2", "")
    assert rows["numpy"] == ("1.2", "")
    assert "gpu" not in rows
    assert not any(topic.startswith("tensorrt") for topic in rows if topic != "tensorrt_rtx")


def test_a_gpu_is_described(monkeypatch):
    card = backend.Gpu("NVIDIA X", (9, 0), 141 << 30, "580.1", "13.0")
    monkeypatch.setattr(backend, "gpu", lambda: card)
    rows = _rows()
    assert rows["GPU"] == ("NVIDIA X, compute capability 9.0, 141 GiB", "")
    assert rows["driver"] == ("580.1, for CUDA up to 13.0", "")


def test_no_gpu_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr(backend, "gpu", lambda: None)
    rows = _rows()
    assert rows["GPU"][0] == "none that CUDA can use"
    assert "still builds engines" in rows["GPU"][1]
    assert rows["engines"][0] == "are built here, not run"
    assert "NVIDIA GPU" in rows["engines"][1]


def test_where_engines_run_it_says_so(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    assert _rows()["engines"] == ("run here", "")


@pytest.mark.parametrize(
    ("card", "tensorrt"),
    [(None, ""), (backend.Gpu("X", (9, 0), 1 << 30, "580", "13.0"), "pip install tensorrt")],
)
def test_without_tensorrt_the_one_that_works_here_is_recommended(monkeypatch, card, tensorrt):
    monkeypatch.setattr(backend, "gpu", lambda: card)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    rows = _rows()
    assert rows["TensorRT"] == ("not installed", tensorrt)
    assert rows["TensorRT-RTX"] == ("not installed", "pip install tensorrt-rtx")


def test_one_tensorrt_is_enough(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", {"tensorrt_rtx": True}.get)
    module = types.SimpleNamespace(__version__="1.7.1")
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: module)
    rows = _rows()
    assert rows["TensorRT"] == ("not installed", "")
    assert rows["TensorRT-RTX"] == ("1.7.1", "")


def test_without_tensorrt_the_remedy_is_a_row(monkeypatch):
    def product():
        raise BackendError("no TensorRT can be imported. Run `make setup`")

    monkeypatch.setattr(backend, "product", product)
    rows = _rows()
    assert rows["in use"] == ("no TensorRT", "no TensorRT can be imported. Run `make setup`")
    assert "environment" not in rows


def test_a_tensorrt_that_cannot_be_imported_is_a_row(monkeypatch):
    def import_module(name):
        if name == "tensorrt":
            raise OSError("libnvinfer.so.8: cannot open")
        return types.SimpleNamespace(__version__="1.7.1")

    found = types.SimpleNamespace(origin=None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    monkeypatch.setattr(doctor.importlib, "import_module", import_module)
    monkeypatch.setattr(backend, "product", lambda: "TensorRT-RTX 1.7.1")
    rows = _rows()
    assert rows["TensorRT"][0] == "cannot be imported"
    assert "libnvinfer.so.8: cannot open; pip install tensorrt" in rows["TensorRT"][1]
    assert rows["TensorRT-RTX"] == ("1.7.1", "")


def test_requirements_are_read_line_by_line(monkeypatch, tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# a comment\n\ntensorrt-rtx>=1\nonnx-graphsurgeon>=0.5  # x\n"
    )
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(tools, "package_version", {"onnx-graphsurgeon": "0.6"}.get)
    rows = _rows()
    assert rows["onnx-graphsurgeon"] == ("0.6", "")
    assert "tensorrt-rtx" not in rows


def test_a_package_without_its_course_says_so(monkeypatch, tmp_path):
    """`pip install .`, without -e, copies the package away from the notebooks."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert _rows()["course"][1].startswith("`pip install -e .` in the course's folder")


@pytest.mark.parametrize(
    "hidden", [["nbformat", "nbclient", "torch", "onnx", "matplotlib", "pandas"]]
)
def test_it_runs_where_nothing_but_the_helper_package_is_whole(hidden):
    """It is asked when something is missing: no notebook package may be needed to say so."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden})); sys.argv[1:] = ['doctor']; "
        "from cookbook.cli import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "environment" in done.stdout


def test_it_runs_without_any_tensorrt():
    code = (
        "import sys; sys.modules['tensorrt'] = sys.modules['tensorrt_rtx'] = None; "
        "from cookbook.doctor import doctor; "
        "print(dict((row.topic, row.todo) for row in doctor())['in use'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "make setup" in done.stdout, done.stderr
