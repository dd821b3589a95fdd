"""What the set-up does again, and what it leaves alone."""

import pytest

import install
from tests.installer.fake_course import ANEW, PACKAGES, PLAIN, REQUIREMENTS


def test_first_run_installs_and_the_second_does_nothing(course, capsys):
    assert course.set_up() == ANEW
    site = course.venv / "lib/python3.11/site-packages"
    assert (site / "tensorrt-course.pth").read_text() == f"{course.root}\n"
    assert (course.venv / "constraints.txt").read_text() == ""
    assert capsys.readouterr().out.splitlines() == [
        "Making .venv with /usr/bin/python3.11 (python3.11).",
        "Installing packages. The first time this downloads 3.5 GB and takes some minutes.",
        "Ready: .venv",
    ]
    assert course.set_up() == []
    assert capsys.readouterr().out == ""


def test_another_python_is_left_alone(course, capsys):
    install.main("/usr/bin/python3")
    assert capsys.readouterr().out == "Using /usr/bin/python3 as it is.\n"
    assert not course.venv.exists()


def test_interrupted_first_run_starts_anew(course):
    course.failing.append("torch")
    with pytest.raises(SystemExit, match="pip failed"):
        course.set_up()
    course.failing.clear()
    assert course.set_up() == ANEW


def test_python_that_was_used_is_used_again(course, monkeypatch):
    known = []
    monkeypatch.setattr(install, "find_python", lambda path: known.append(path) or PLAIN)
    course.set_up()
    course.set_up()
    assert known == [None, "/usr/bin/python3.11"]


def test_new_python_is_said_to_be_untried(course, capsys):
    course.python = PLAIN._replace(version=[3, 13])
    course.set_up()
    assert "(python3.13, newer than the course was run with)" in capsys.readouterr().out


def test_changed_requirements_are_installed_into_the_same_environment(course):
    course.set_up()
    course.require(REQUIREMENTS + "onnx>=1.16\n")
    assert course.set_up() == [PACKAGES + " onnx>=1.16", "kernel"]
    course.require(REQUIREMENTS)
    assert course.set_up() == [], "what is no longer asked for may stay"


def test_changed_installer_installs_again(course, monkeypatch):
    course.set_up()
    monkeypatch.setattr(install, "digest", lambda: "newer")
    assert course.set_up() == [PACKAGES, "kernel"]
    assert course.set_up() == []


@pytest.mark.parametrize("change", ["python gone", "other version", "moved", "damaged stamp"])
def test_environment_of_another_python_or_place_is_made_anew(course, change):
    course.set_up()
    stamp = course.venv / "course.json"
    if change == "python gone":
        (course.venv / "bin/python").unlink()
    elif change == "other version":
        course.python = PLAIN._replace(version=[3, 12])
    elif change == "moved":
        stamp.write_text(stamp.read_text().replace(str(course.root), "/elsewhere"))
    elif change == "damaged stamp":
        stamp.write_text("")
    assert course.set_up() == ANEW
    assert not install.OLD.exists()
    assert course.set_up() == []
