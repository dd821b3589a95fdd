"""``python -m cookbook``: run, record and coverage on small notebooks of their own; and the shape of ``doctor``."""
import json
import subprocess
import sys

import nbformat
import pytest

import cookbook
from cookbook import backend, cli, requires

HERE = backend.environment_name()
FIRST = "import cookbook\n\ncookbook.environment()"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course in a folder of its own; returns a function that adds a notebook made of code cells."""
    for module, name, value in ((backend, "ROOT", tmp_path), (cli, "ROOT", tmp_path), (cli, "BUILD", tmp_path / "build"),
                                (backend, "BUILD", tmp_path / "build"), (cli, "NOTEBOOKS", tmp_path / "notebooks")):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("PYTHONPATH", str(cli.Path(cookbook.__file__).parents[1]))
    monkeypatch.delenv("COOKBOOK_RECORD", raising=False)
    folder = tmp_path / "notebooks" / "part1-x"
    folder.mkdir(parents=True)

    def add(name, *sources):
        path = folder / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), path)
        return path
    return add


def test_run_executes_skips_reports_and_keeps_the_source(course, capsys, tmp_path):
    path = course("101-a", FIRST, "print(6 * 7)", "%%requires trt>=99\nprint('never')")
    before = path.read_bytes()
    assert cli.run([str(path)], record=False) == 0
    head, row = capsys.readouterr().out.strip().splitlines()
    assert head.split()[:4] == ["notebook", "ran", "skipped", "seconds"]
    assert row.split()[:3] == ["101-a", "2", "1"] and "TensorRT>=99" in row
    done = nbformat.read(tmp_path / "build" / "notebooks" / "part1-x" / "101-a.ipynb", as_version=4)
    assert done.cells[1].outputs[0].text == "42\n" and requires.is_skipped(done.cells[2].outputs)
    assert path.read_bytes() == before and not (tmp_path / "results").exists()


def test_a_failing_cell_fails_the_run_and_the_others_still_run(course, capsys):
    course("101-a", FIRST, "1 / 0", "print('not reached')")
    course("102-b", FIRST)
    assert cli.run([], record=False) == 1
    shown = capsys.readouterr()
    assert "FAILED 101-a.ipynb" in shown.err and "ZeroDivisionError" in shown.err and "102-b" in shown.out


def test_a_malformed_requires_fails_the_run(course, capsys):
    course("101-a", FIRST, "%%requires gppu\n1")
    assert cli.run([], record=False) == 1
    assert "cannot read 'gppu'" in capsys.readouterr().err


def test_a_notebook_that_is_not_there():
    with pytest.raises(cookbook.CookbookError, match="nothing.ipynb is not a notebook"):
        cli.notebooks(["nothing.ipynb"])


def test_record_writes_outputs_stamp_digest_and_coverage(course, tmp_path):
    path = course("101-a", FIRST, "print(6 * 7)", "%%requires trt>=99\nprint('never')")
    assert cli.run([str(path)], record=True) == 0
    shipped = nbformat.read(path, as_version=4)
    assert shipped.metadata.cookbook[HERE]["tensorrt"] == backend.product()
    ran, skipped = shipped.cells[1:]
    assert ran.outputs[0].text == "42\n" and ran.metadata.cookbook == {"environment": HERE, "digest": requires.digest(ran.source, ran.outputs)}
    assert not skipped.outputs and "cookbook" not in skipped.metadata
    kept = json.loads((tmp_path / "results" / "coverage" / f"{HERE}.json").read_text(encoding="utf-8"))["part1-x/101-a.ipynb"]["cells"]
    assert [text.split(":")[0] for text in kept.values()] == ["ran", "ran", "skipped"]


def _executed(path, *outputs):
    notebook = nbformat.read(path, as_version=4)
    for cell, text in zip(notebook.cells, outputs):
        cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text=text)], 1
        if text.startswith("SKIPPED"):
            cell.outputs = [nbformat.v4.new_output("display_data", {}, metadata={"cookbook": {"skipped": text}})]
    return notebook


def _texts(path):
    return [cell.outputs[0].text if cell.outputs else "" for cell in nbformat.read(path, as_version=4).cells]


def test_cpu_fills_in_only_what_no_gpu_recorded(course, monkeypatch):
    path = course("101-a", "a", "b", "c")
    monkeypatch.setattr(backend, "environment_name", lambda: "8.6")
    cli._write_record(path, _executed(path, "gpu a", "gpu b", "SKIPPED trt>=10"))
    monkeypatch.setattr(backend, "environment_name", lambda: "cpu")
    cli._write_record(path, _executed(path, "cpu a", "SKIPPED gpu", "cpu c"))
    assert _texts(path) == ["gpu a", "gpu b", "cpu c"]
    assert set(nbformat.read(path, as_version=4).metadata.cookbook) == {"8.6", "cpu"}
    monkeypatch.setattr(backend, "environment_name", lambda: "8.6")
    cli._write_record(path, _executed(path, "gpu a2", "gpu b2", "SKIPPED trt>=10"))
    assert _texts(path) == ["gpu a2", "gpu b2", "cpu c"]  # a new GPU recording keeps the CPU's cell


def test_a_recording_of_changed_source_is_replaced(course, monkeypatch):
    path = course("101-a", "a")
    monkeypatch.setattr(backend, "environment_name", lambda: "8.6")
    cli._write_record(path, _executed(path, "gpu a"))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "changed"
    nbformat.write(notebook, path)
    monkeypatch.setattr(backend, "environment_name", lambda: "cpu")
    cli._write_record(path, _executed(path, "cpu"))
    assert _texts(path) == ["cpu"] and set(nbformat.read(path, as_version=4).metadata.cookbook) == {"cpu"}


def test_coverage_counts_cells_and_names_those_that_ran_nowhere(course, capsys, tmp_path):
    course("101-a", FIRST, "x = 1", "%%requires trt>=99\nprint('never')")
    cli.run([], record=False)
    capsys.readouterr()
    cli.coverage()
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines() if line.startswith("part1-x/101-a")][0][1:] == ["3", "2", "1"]
    assert "%%requires trt>=99" in shown


def test_doctor_has_the_rows_that_a_newcomer_needs():
    rows = {topic: (found, todo) for topic, found, todo in backend.doctor()}
    assert {"Python", "GPU", "TensorRT", "TensorRT-RTX", "in use", "environment", "torch", "nvcc"} <= set(rows)
    assert rows["in use"][0] == backend.product() and rows["environment"][0] == HERE
    assert all(todo for found, todo in rows.values() if found in ("not found", "not installed"))


def test_doctor_runs_where_nothing_but_the_helper_package_is_whole():
    """It is asked when something is missing: neither the notebook packages nor torch may be needed to say so."""
    hide = "import sys; sys.modules.update(dict.fromkeys(['nbformat', 'nbclient', 'torch', 'onnx', 'matplotlib'])); sys.argv[1:] = ['doctor']; "
    done = subprocess.run([sys.executable, "-c", hide + "from cookbook.cli import main; sys.exit(main())"], capture_output=True, text=True)
    assert done.returncode == 0 and "environment" in done.stdout, done.stderr


def test_command_line_explains_itself_and_refuses_nonsense():
    def call(*words):
        return subprocess.run([sys.executable, "-m", "cookbook", *words], capture_output=True, text=True)
    assert "doctor" in call("--help").stdout
    missing = call("run", "nothing.ipynb")
    assert missing.returncode == 2 and "nothing.ipynb is not a notebook" in missing.stderr and "Traceback" not in missing.stderr
