"""Which outcomes of ONNX's node tests are as they should be, and which are known not to be."""

import dataclasses
from collections.abc import Sequence
from fnmatch import fnmatchcase

from tests.onnx_nodes.onnx_nodes import Outcome

GOOD = ("right", "built", "refused")
SHOWN_LETTERS = 240  # of an outcome's detail


@dataclasses.dataclass(frozen=True)
class Known:
    """Cases that are known to end in another way than they should, and why.

    pattern: a case's name; ``*`` stands for any letters.
    releases: where that was seen, as ``TensorRT 10.6``.
    kind: how they end; see ``Outcome``.
    reason: one sentence.
    random: they may also come out well by chance.
    """

    pattern: str
    releases: tuple[str, ...]
    kind: str
    reason: str
    random: bool = False

    def is_about(self, case: str, product: str) -> bool:
        """Whether this tells of a case in a TensorRT, such as ``TensorRT 10.6.0``."""
        if not fnmatchcase(case, self.pattern):
            return False
        return any(product.startswith(f"{release}.") for release in self.releases)


def unexpected(
    outcomes: dict[str, Outcome], known: Sequence[Known], product: str
) -> dict[str, Outcome]:
    """The outcomes that are not good, and not known."""
    found = {}
    for case, outcome in outcomes.items():
        if outcome.kind in GOOD:
            continue
        kinds = {one.kind for one in known if one.is_about(case, product)}
        if outcome.kind not in kinds:
            found[case] = outcome
    return found


def outdated(outcomes: dict[str, Outcome], known: Sequence[Known], product: str) -> list[str]:
    """What is known, but is no longer so: a line a case."""
    lines = []
    for one in known:
        if one.random:
            continue
        for case, outcome in outcomes.items():
            if one.is_about(case, product) and outcome.kind != one.kind:
                lines.append(
                    f"{case} is listed as {one.kind} ({one.pattern}), and is {outcome.kind}"
                )
    return lines


def as_entries(outcomes: dict[str, Outcome], product: str) -> str:
    """Outcomes as lines for tests/known_differences.py, their details in the place of reasons."""
    words, version = product.split()
    release = f"{words} {'.'.join(version.split('.')[:2])}"
    lines = []
    for case, outcome in outcomes.items():
        detail = " ".join(outcome.detail.split())[:SHOWN_LETTERS]
        entry = Known(case, (release,), outcome.kind, detail)
        values = [repr(value) for value in dataclasses.astuple(entry)[:4]]
        lines.append(f"    Known({', '.join(values)}),")
    return "\n".join(lines)
