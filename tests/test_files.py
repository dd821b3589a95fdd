"""Files are written whole or not at all."""

import os
import stat

import pytest

from cookbook import files
from cookbook.files import write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_written(tmp_path):
    write_whole((tmp_path / "a", b"one"), (tmp_path / "b", b"two"))
    assert (tmp_path / "a").read_bytes() == b"one"
    assert (tmp_path / "b").read_bytes() == b"two"
    assert names(tmp_path) == ["a", "b"]


def test_a_file_is_replaced_and_readable_by_all(tmp_path):
    (tmp_path / "a").write_bytes(b"old and longer")
    write_whole((tmp_path / "a", b"new"))
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_a_reader_keeps_the_old_file_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with open(tmp_path / "a", "rb") as reader:
        write_whole((tmp_path / "a", b"new"))
        assert reader.read() == b"old"


def test_a_failure_to_write_changes_nothing(tmp_path, monkeypatch):
    """The disk is full at the second file."""
    (tmp_path / "a").write_bytes(b"old")
    opened = os.fdopen
    count = []

    def full(handle, mode):
        count.append(handle)
        if len(count) == 2:
            os.close(handle)
            raise OSError(28, "No space left on device")
        return opened(handle, mode)

    monkeypatch.setattr(files.os, "fdopen", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole((tmp_path / "a", b"new"), (tmp_path / "b", b"new"))
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_folder_in_the_way_changes_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(IsADirectoryError, match="Is a directory") as caught:
        write_whole((tmp_path / "a", b"new"), (tmp_path / "b", b"new"))
    assert caught.value.filename == str(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a", "b"]


def test_a_failure_to_rename_leaves_nothing_behind(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(PermissionError):
        write_whole((tmp_path / "a", b"new"), (tmp_path / "b", b"new"))
    assert names(tmp_path) == []


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole((tmp_path / "none" / "a", b"new"))
