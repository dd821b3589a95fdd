"""The pool of children: every job has an answer, whatever becomes of its process."""

import pytest

from cookbook.errors import ProcessError
from tests.onnx_nodes import worker_pool

PROGRAM = ("-m", "tests.onnx_nodes.odd_worker")


def run(jobs, workers, folder):
    return worker_pool.run_all(PROGRAM, jobs, workers, folder)


def test_one_child_does_all_jobs(tmp_path):
    answers = run(["a", "b", "c"], 1, tmp_path)
    assert list(answers) == ["a", "b", "c"]
    assert answers["c"] == {"kind": "done", "detail": "a b c"}


def test_children_share_the_jobs(tmp_path):
    answers = run(["a", "b", "c"], 2, tmp_path)
    assert {job: facts["detail"] for job, facts in answers.items()} == {
        "a": "a",
        "b": "b",
        "c": "a c",
    }


def test_there_may_be_more_workers_than_jobs(tmp_path):
    assert run(["a"], 3, tmp_path) == {"a": {"kind": "done", "detail": "a"}}


@pytest.mark.parametrize(
    ("job", "kind", "words"),
    [
        ("crash", "crashed", "killed by SIGSEGV"),
        ("exit", "crashed", "exit code 7. these are its last words"),
        ("hang", "hung", "exit code 1. Timeout (0:00:01)!"),
    ],
)
def test_a_fatal_job_is_told_and_the_rest_is_done_by_another_child(tmp_path, job, kind, words):
    answers = run(["a", job, "b", "c"], 1, tmp_path)
    assert answers[job]["kind"] == kind
    assert answers[job]["detail"].startswith(words)
    assert answers["a"] == {"kind": "done", "detail": "a"}
    assert answers["c"] == {"kind": "done", "detail": "b c"}


def test_a_fatal_job_may_be_the_last(tmp_path):
    answers = run(["a", "exit"], 1, tmp_path)
    assert answers["a"]["kind"] == "done"
    assert answers["exit"]["kind"] == "crashed"


def test_a_spoilt_child_gives_its_answer_and_is_replaced(tmp_path):
    answers = run(["a", "spoil", "b"], 1, tmp_path)
    assert answers["spoil"] == {"kind": "done", "detail": "a spoil"}
    assert answers["b"] == {"kind": "done", "detail": "b"}


def test_a_worker_that_does_not_start_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL_AT_START", "1")
    with pytest.raises(ProcessError, match="a worker did no job: exit code 1. no worker today"):
        run(["a"], 1, tmp_path)
