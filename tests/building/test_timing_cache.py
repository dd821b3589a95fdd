"""The timing cache on disk. Without a GPU a stand-in for the builder's config keeps the entries."""

import json
import multiprocessing
from pathlib import Path

import pytest
from filelock import FileLock

import cookbook
from cookbook import backend, paths
from cookbook.building import timing_cache
from cookbook.building.timing_cache import TimingCache, choose_cache, shared_path
from tests import onnx_samples as samples


class Cache:
    """Entries, serialised as JSON."""

    def __init__(self, data):
        self.entries = set(json.loads(data)) if data else set()

    def serialize(self):
        return memoryview(json.dumps(sorted(self.entries)).encode())

    def combine(self, other, ignore_mismatch):
        assert ignore_mismatch is False
        if other == "of another GPU":
            return False
        self.entries |= other.entries
        return True


class Config:
    """Takes caches as TensorRT does: None for bytes that are no cache, False for a foreign one."""

    def __init__(self):
        self.cache = None

    def create_timing_cache(self, data):
        if data.startswith(b"damaged"):
            return None
        if data == b"of version 10, damaged":
            cookbook.LOG.log(cookbook.trt.ILogger.WARNING, "The timing cache will not be used!")
            return Cache(b"")
        if data == b"foreign":
            return "of another GPU"
        return Cache(data)

    def set_timing_cache(self, cache, ignore_mismatch):
        assert ignore_mismatch is False
        if cache == "of another GPU":
            return False
        self.cache = cache
        return True

    def get_timing_cache(self):
        return self.cache


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "timing.cache"


def built(path, *timed, **options):
    """A build that times these, with the cache in that file. Returns: what it started from."""
    cache = TimingCache(path, **options)
    config = Config()
    cache.attach(config)
    known = set(config.cache.entries)
    config.cache.entries.update(timed)
    cache.save(config)
    return known


def test_a_build_starts_from_what_was_saved(path):
    assert built(path, "a", "b") == set()
    assert built(path, "c") == {"a", "b"}
    assert built(path) == {"a", "b", "c"}


def test_what_another_process_saved_in_the_meantime_is_kept(path):
    cache = TimingCache(path)
    slow = Config()
    cache.attach(slow)
    slow.cache.entries.add("slow")
    built(path, "quick")
    cache.save(slow)
    assert built(path) == {"slow", "quick"}


def test_a_file_that_was_damaged_in_the_meantime_is_replaced(path):
    cache = TimingCache(path)
    config = Config()
    cache.attach(config)
    config.cache.entries.add("new")
    path.write_bytes(b"damaged")
    cache.save(config)
    assert built(path) == {"new"}


def add_many(path, name):
    for k in range(20):
        built(path, f"{name}{k}")


def test_several_processes_lose_nothing(path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=add_many, args=(path, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert built(path) == {f"{name}{k}" for name in "ab" for k in range(20)}


@pytest.mark.parametrize("content", [b"damaged", b"foreign", b"of version 10, damaged"])
class TestRefused:
    def test_a_file_of_the_users_is_named_and_kept(self, tmp_path, content):
        path = tmp_path / "mine.cache"
        path.write_bytes(content)
        with pytest.raises(cookbook.BuildError) as caught:
            TimingCache(path).attach(Config())
        assert str(caught.value) == (
            f"TensorRT refused the timing cache {path}: it is damaged, or comes from another "
            "version or GPU. Delete it, or give timing_cache another path"
        )
        assert path.read_bytes() == content

    def test_the_shared_file_is_begun_anew(self, tmp_path, content):
        path = tmp_path / "shared.cache"
        path.write_bytes(content)
        assert built(path, "new", shared=True) == set()


def test_a_path_that_cannot_be_read(tmp_path):
    with pytest.raises(cookbook.BuildError) as caught:
        TimingCache(tmp_path).attach(Config())
    assert str(caught.value) == (
        f"timing cache {tmp_path} cannot be read: Is a directory. Give timing_cache the path of a "
        "file, or False"
    )


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(cookbook.BuildError, match="cannot be read: (Not a directory|File exists)"):
        TimingCache(tmp_path / "file" / "timing.cache").attach(Config())


class TestNotSaved:
    """A build that succeeded is not lost with its cache."""

    def test_where_the_path_cannot_be_written(self, path, capsys):
        cache = TimingCache(path)
        config = Config()
        cache.attach(config)
        path.mkdir()
        cache.save(config)
        said = capsys.readouterr().out
        assert said.startswith(f"the timing cache {path} was not saved: ")
        assert "Is a directory" in said

    def test_where_another_process_keeps_it(self, path, capsys, monkeypatch):
        monkeypatch.setattr(timing_cache, "WAIT_SECONDS", 0.05)
        cache = TimingCache(path)
        config = Config()
        cache.attach(config)
        with FileLock(f"{path}.lock"):
            cache.save(config)
        assert capsys.readouterr().out.startswith(f"the timing cache {path} was not saved: ")
        assert not path.exists()


class TestChoice:
    @pytest.fixture(autouse=True)
    def timed(self, monkeypatch):
        """A TensorRT that times."""
        monkeypatch.setattr(backend, "is_rtx", lambda: False)

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_path(self, kind):
        cache = choose_cache(kind("some/file"))
        assert (cache.path, cache.shared) == (Path("some/file"), False)

    def test_none(self):
        assert choose_cache(False) is None

    def test_the_shared_one(self, monkeypatch):
        monkeypatch.setattr(timing_cache, "shared_path", lambda: Path("shared"))
        cache = choose_cache(True)
        assert (cache.path, cache.shared) == (Path("shared"), True)

    @pytest.mark.parametrize("option", [None, 1, b"file", ["file"]])
    def test_anything_else(self, option):
        with pytest.raises(cookbook.BuildError) as caught:
            choose_cache(option)
        assert str(caught.value) == (
            f"timing_cache={option!r}: must be True, False or the path of a file"
        )

    def test_a_tensorrt_that_times_nothing(self, monkeypatch):
        monkeypatch.setattr(backend, "is_rtx", lambda: True)
        assert choose_cache(True) is None
        assert choose_cache("file") is None


def test_the_shared_file_belongs_to_a_version_and_a_gpu(monkeypatch, tmp_path):
    card = backend.Gpu("NVIDIA H200 (80 GB)", (9, 0), 1, "580", "13.0")
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(backend, "product", lambda: "TensorRT 8.6.1")
    monkeypatch.setattr(backend, "gpu", lambda: card)
    assert shared_path() == tmp_path / "timing" / "tensorrt-8.6.1-nvidia-h200-80-gb-.cache"
    monkeypatch.setattr(backend, "gpu", lambda: None)
    assert shared_path() == tmp_path / "timing" / "tensorrt-8.6.1-none.cache"


@pytest.mark.gpu
@pytest.mark.skipif(backend.is_rtx(), reason="TensorRT-RTX has no timing cache")
class TestOnGpu:
    def test_a_second_build_finds_all_it_asks_for(self, tmp_path):
        file = tmp_path / "sub" / "timing.cache"
        cookbook.build(samples.linear(), profiles=samples.PROFILE, timing_cache=file)
        first = file.read_bytes()
        cookbook.build(samples.linear(), profiles=samples.PROFILE, timing_cache=file)
        assert len(first) > 100
        assert len(file.read_bytes()) == len(first)

    @pytest.mark.parametrize("content", [b"this is no timing cache", b"\0" * 400])
    def test_a_file_that_is_no_cache_is_named(self, tmp_path, content):
        file = tmp_path / "timing.cache"
        file.write_bytes(content)
        with pytest.raises(cookbook.BuildError, match=r"timing\.cache"):
            cookbook.build(samples.linear(), profiles=samples.PROFILE, timing_cache=file)

    def test_entries_of_two_models_are_both_kept(self, tmp_path):
        file = tmp_path / "timing.cache"
        cookbook.build(samples.linear(), profiles=samples.PROFILE, timing_cache=file)
        first = len(file.read_bytes())
        cookbook.build(samples.convolution(), timing_cache=file)
        both = len(file.read_bytes())
        cookbook.build(samples.linear(), profiles=samples.PROFILE, timing_cache=file)
        assert len(file.read_bytes()) == both > first
