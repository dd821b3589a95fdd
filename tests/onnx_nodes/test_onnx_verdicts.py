"""The rules by which outcomes of node tests are good, known, unexpected or outdated."""

from tests.onnx_nodes.onnx_nodes import Outcome
from tests.onnx_nodes.onnx_verdicts import Known, as_entries, outdated, unexpected

PRODUCT = "TensorRT 10.6.0"
KNOWN = [
    Known("test_pad_*", ("TensorRT 8.6", "TensorRT 10.6"), "different", "why"),
    Known("test_dice", ("TensorRT 10.6",), "different", "chance", random=True),
]


def kinds(**outcomes):
    return {case: Outcome(kind) for case, kind in outcomes.items()}


def test_what_is_right_built_or_refused_by_name_is_expected():
    good = kinds(test_a="right", test_b="built", test_c="refused")
    assert unexpected(good, KNOWN, PRODUCT) == {}


def test_everything_else_is_unexpected():
    bad = kinds(
        test_a="different", test_b="unnamed", test_c="raised", test_d="crashed", test_e="hung"
    )
    assert unexpected(bad, KNOWN, PRODUCT) == bad


def test_what_is_known_is_expected_in_its_releases_and_of_its_kind_alone():
    pad = kinds(test_pad_edge="different")
    assert unexpected(pad, KNOWN, "TensorRT 10.6.0") == {}
    assert unexpected(pad, KNOWN, "TensorRT 8.6.1") == {}
    assert unexpected(pad, KNOWN, "TensorRT 10.16.1") == pad
    assert unexpected(pad, KNOWN, "TensorRT 10.60.1") == pad
    assert unexpected(pad, KNOWN, "TensorRT-RTX 10.6.0") == pad
    crashed = kinds(test_pad_edge="crashed")
    assert unexpected(crashed, KNOWN, PRODUCT) == crashed
    other = kinds(test_padding="different")
    assert unexpected(other, KNOWN, PRODUCT) == other


def test_what_is_no_longer_so_is_outdated():
    now = kinds(test_pad_edge="different", test_pad_wrap="right", test_other="right")
    assert outdated(now, KNOWN, PRODUCT) == [
        "test_pad_wrap is listed as different (test_pad_*), and is right"
    ]
    assert outdated(now, KNOWN, "TensorRT 10.7.0") == []


def test_chance_is_never_outdated():
    assert outdated(kinds(test_dice="right"), KNOWN, PRODUCT) == []


def test_a_case_that_was_not_run_is_not_outdated():
    assert outdated({}, KNOWN, PRODUCT) == []


def test_entries_can_be_pasted():
    found = {"test_x": Outcome("raised", f"TypeError: it's\n  {'y' * 300}")}
    text = as_entries(found, PRODUCT)
    detail = f"TypeError: it's {'y' * 224}"
    entry = eval(text.strip().removesuffix(","), {"Known": Known})
    assert entry == Known("test_x", ("TensorRT 10.6",), "raised", detail)
    assert text.startswith("    Known('test_x', ")
