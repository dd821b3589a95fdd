"""A set-up that fails costs no environment."""

import pytest

import install
from tests.installer.fake_course import ANEW, PACKAGES, PLAIN, REQUIREMENTS


def test_failed_update_leaves_the_environment_in_use(course, capsys):
    course.set_up()
    before = course.stamp
    course.require(REQUIREMENTS + "no-such-package\n")
    course.failing.append("no-such")
    assert course.set_up() == [PACKAGES + " no-such-package"]
    assert capsys.readouterr().out.endswith(
        "pip failed\n.venv stays in use as it was, without what is new in requirements.txt.\n"
    )
    assert course.stamp == before
    course.failing.clear()
    assert course.set_up() == [PACKAGES + " no-such-package", "kernel"]
    assert course.set_up() == []


def test_failed_update_that_broke_the_environment_is_an_error(course):
    course.set_up()
    course.require(REQUIREMENTS + "no-such-package\n")
    course.failing.append("no-such")
    course.lost.append("torch")
    with pytest.raises(SystemExit, match="pip failed"):
        course.set_up()


@pytest.mark.parametrize("step", ["venv", "--upgrade", "torch"])
def test_environment_comes_back_where_a_new_one_cannot_be_made(course, step, capsys):
    course.set_up()
    (course.venv / "mark").touch()
    course.python = PLAIN._replace(version=[3, 12])
    course.failing.append(step)
    course.set_up()
    assert "Making .venv anew with" in capsys.readouterr().out
    assert (course.venv / "mark").exists()
    assert course.stamp["place"][1] == [3, 11]
    course.failing.clear()
    assert course.set_up() == ANEW
    assert not (course.venv / "mark").exists()


def test_environment_comes_back_after_an_interruption(course):
    course.set_up()
    (course.venv / "mark").touch()
    install.OLD.parent.mkdir()
    course.venv.rename(install.OLD)
    course.venv.mkdir()
    assert course.set_up() == []
    assert (course.venv / "mark").exists()


def test_failure_says_where_there_is_little_room(course, capsys, monkeypatch):
    course.failing.append("venv")
    monkeypatch.setattr(install, "little_room", lambda *folders: f"\nFull: {len(folders)}")
    with pytest.raises(SystemExit, match=r"status 1\.\nFull: 2$"):
        course.set_up()


def test_full_disk_does_not_cost_the_stamp(course, monkeypatch):
    course.set_up()
    before = course.stamp
    course.require(REQUIREMENTS + "onnx>=1.16\n")

    def full(path, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(install.Path, "write_text", full)
    course.set_up()
    assert course.stamp == before
