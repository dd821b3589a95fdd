"""The rules that every notebook of the course keeps, each as one function; ``--fix`` mends what is mechanical.

    python -m tests.notebook_rules [--fix] [NOTEBOOK …]

A rule takes (path, notebook) and yields what is wrong, in words that say what to do.
"""
from __future__ import annotations

import ast
import builtins
import copy
import hashlib
import re
import sys
from pathlib import Path

import nbformat

from cookbook import requires

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
FIRST_CELL = "import cookbook\n\ncookbook.environment()"
UNIT = r"(?:us|µs|ms|ns|GB/s|TB/s|GFLOP\S*|TFLOP\S*|fps|tokens/s|×|x faster|times (?:faster|slower|as fast))"
MEASURED = re.compile(rf"(?<![\w.`])\d[\d,.]*\s?{UNIT}(?![\w`])")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def paths() -> list[Path]:
    """All notebooks of the course, in order."""
    return sorted(NOTEBOOKS.glob("part*/*.ipynb"))


def code_cells(notebook) -> list:
    """Code cells in order: the numbering that nbval uses."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    """All markdown as one text."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def solutions(notebook) -> dict[int, tuple[int, str]]:
    """{index of the starter's code cell: (exercise number, source of the solution)}."""
    found, index = {}, -1
    for cell in notebook.cells:
        if cell.cell_type == "code":
            index += 1
        elif match := re.search(r"<summary>Solution</summary>\s*```python\n(.*?)```", cell.source, re.S):
            found[index] = (len(found) + 1, match[1].strip())
    return found


# -- rules -------------------------------------------------------------------------------------------------------------

def name_and_folder(path, notebook):
    if not re.fullmatch(r"\d{3}[a-z]?-[a-z0-9-]+\.ipynb", path.name) or not path.parent.name.startswith(f"part{path.name[0]}-"):
        yield f"must be called partN-…/NNN-title.ipynb with N the first digit, is {path.parent.name}/{path.name}"


def opening(path, notebook):
    head = notebook.cells[0].source
    if not re.match(rf"# {path.name[:3]}[a-z]? · .+ · .*[\u4e00-\u9fff]", head):
        yield "the first cell must start with '# NNN · English title · 中文标题'"
    for part in ("**What you will be able to do**", "**Prerequisites:**", "**Environments:**", "**中文导读**"):
        if part not in head:
            yield f"the first cell lacks {part}"
    verbs = re.findall(r"(?m)^- ", head)
    if not 3 <= len(verbs) <= 5:
        yield f"the first cell lists {len(verbs)} things that you will be able to do, 3 to 5 are asked for"
    guide = [line for line in head.partition("**中文导读**")[2].splitlines() if CHINESE.search(line)]
    if not 4 <= len(guide) <= 8:
        yield f"中文导读 has {len(guide)} lines, 4 to 8 are asked for"
    if code_cells(notebook)[0].source != FIRST_CELL:
        yield f"the first code cell must be {FIRST_CELL!r}"


def closing(path, notebook):
    text = prose(notebook)
    for part in ("## Takeaways", "## Exercises", "**Read on** (official pages, read on ", "**Next:**"):
        if part not in text:
            yield f"the end lacks {part!r}"
    count = len(re.findall(r"\*\*Exercise \d · ", text))
    if not 2 <= count <= 3 or not len(solutions(notebook)) == text.count("<summary>Hint</summary>") == count:
        yield f"{count} exercises with {text.count('<summary>Hint</summary>')} hints and {len(solutions(notebook))} solutions; 2 to 3 of each are asked for"


def cell_sizes(path, notebook):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    if max(lengths) > 30:
        yield f"a code cell has {max(lengths)} lines; 30 is the most"
    if sum(length > 15 for length in lengths) > max(1, len(lengths) // 10):
        yield f"{sum(length > 15 for length in lengths)} code cells have more than 15 lines; one in ten may"
    for cell in code_cells(notebook):
        for line in cell.source.splitlines():
            if len(line) > 100:
                yield f"a code line of {len(line)} columns, 100 is the most: {line.strip()[:60]!r}"
    share = 1 - len(lengths) / len(notebook.cells)
    if share < 0.45:
        yield f"only {share:.0%} of the cells are markdown; half is asked for"


def outputs_are_explained(path, notebook):
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None]):
        if cell.cell_type == "code" and cell.outputs and (after is None or after.cell_type != "markdown"):
            # The starter of an exercise and gated twins (the same thing in two versions' ways) share one explanation.
            if after is None or requires.spec_of(after.source) is None:
                yield f"no text explains the output of the cell that starts {cell.source.splitlines()[0]!r}"


def checks(path, notebook):
    code = "\n".join(cell.source for cell in code_cells(notebook))
    if len(re.findall(r"(?m)^\s*assert |compare\(", code)) < 2:
        yield "fewer than two checks against a reference (assert or cookbook.compare)"
    if "# NBVAL_CHECK_OUTPUT" not in code:
        yield "no cell is marked # NBVAL_CHECK_OUTPUT: mark a deterministic one"


def no_forbidden_things(path, notebook):
    for cell in code_cells(notebook):
        first = cell.source.splitlines()[0] if cell.source else ""
        if re.search(r"(?m)^\s*(!|%\s*(pip|conda|sx)\b|%%(bash|sh)\b)|\b(wget|curl|urlopen|urlretrieve|requests\.get)\b", cell.source):
            yield f"{first!r} starts a shell or a download"
        if re.search(r"""['"](/(?!/)[\w.-]+){2,}""", cell.source):
            yield f"{first!r} has an absolute path"
        for output in cell.outputs:
            text = output.get("text", "") + "".join(str(v) for k, v in output.get("data", {}).items() if k.startswith("text/"))
            if output.output_type == "error":
                yield f"{first!r} has a stored exception"
            if re.search(r"(?<![\w./])/(?:tmp|root|home|work|opt|usr|mnt|workspace|Users|content)/[\w.]", text):
                yield f"{first!r} prints an absolute path"
            if re.search(r"\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\]", text):
                yield f"{first!r} prints a TensorRT log with time stamps"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"{first!r} writes to stderr: {output.text.splitlines()[0][:80]!r}"


def no_measured_figure_in_prose(path, notebook):
    text = re.sub(r"```.*?```|`[^`]*`", "", prose(notebook), flags=re.S)
    for match in MEASURED.finditer(text):
        yield f"a measured figure in prose: {match[0]!r}; let a table or plot show it"


def links_lead_somewhere(path, notebook):
    for target in re.findall(r"\]\(([^)#:\s]+\.(?:ipynb|md|py|cu))\)", prose(notebook)):
        if not (path.parent / target).is_file():
            yield f"a link to {target!r}, which is not there"


def _names(source: str) -> tuple[set[str], set[str]]:
    """(names that a cell reads before it defines them itself, names that it defines at its top level)."""
    tree, defined, read = ast.parse(source), set(), set()
    builtin = set(vars(builtins))

    def bind(target):
        defined.update(n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))

    for statement in tree.body:
        inner = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, (ast.Store, ast.Del))}
        inner |= {a.arg for n in ast.walk(statement) if isinstance(n, ast.arguments) for a in [*n.args, *n.kwonlyargs, *n.posonlyargs, *filter(None, [n.vararg, n.kwarg])]}
        inner |= {n.name for n in ast.walk(statement) if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and n.name}
        inner |= {(a.asname or a.name).split(".")[0] for n in ast.walk(statement) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
        loads = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        # Inside one statement, what it binds in loops, comprehensions, functions and with blocks is its own ...
        own = inner if not isinstance(statement, (ast.Assign, ast.AugAssign)) else \
            inner - {n.id for t in getattr(statement, "targets", [getattr(statement, "target", None)]) for n in ast.walk(t) if isinstance(n, ast.Name)}
        read |= loads - own - defined - builtin  # ... but in x = x + 1 the right-hand x is read
        if isinstance(statement, ast.AugAssign):
            read |= {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)} - defined
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            defined.add(statement.name)
        else:
            bind(statement)
            defined |= inner if not isinstance(statement, (ast.Assign, ast.Expr)) else set()
    return read, defined


def names_need_no_skipped_cell(path, notebook):
    known: dict[str, list[set]] = {}
    extra = solutions(notebook)
    for index, cell in enumerate(code_cells(notebook)):
        for source in [cell.source, *([extra[index][1]] if index in extra else [])]:
            spec = requires.spec_of(source)
            need = {word + version for word, version in requires.parse(spec)} if spec else set()
            body = source.split("\n", 1)[1] if spec is not None and "\n" in source else "" if spec is not None else source
            lines = [("pass" if re.match(r"\s*%", line) else line) for line in body.splitlines()]
            read, defined = _names("\n".join(lines))
            for name in sorted(read):
                if not any(had <= need for had in known.get(name, [])):
                    where = "only by cells that need more" if name in known else "by no cell above"
                    yield f"the cell that starts {source.splitlines()[0]!r} uses {name!r}, which is defined {where}"
            for name in defined:
                known.setdefault(name, []).append(need)


def recorded(path, notebook):
    stamps = notebook.metadata.get("cookbook", {})
    if not stamps:
        yield "is not recorded: run `make record` on a GPU"
        return
    if not any(output.get("data", {}).get("image/png") for cell in code_cells(notebook) for output in cell.outputs):
        yield "shows no figure"
    for cell in code_cells(notebook):
        note, first = cell.metadata.get("cookbook"), (cell.source.splitlines() or [""])[0]
        if note is None:
            if cell.outputs:
                yield f"{first!r} has outputs that `make record` did not write"
        elif note["environment"] not in stamps:
            yield f"{first!r} was recorded in {note['environment']!r}, which the notebook has no stamp of"
        elif note["digest"] != requires.digest(cell.source, cell.outputs):
            yield f"{first!r} was changed after it was recorded: run `make record`"


def tidy(path, notebook):
    fixed = nbformat.from_dict(notebook)
    if nbformat.writes(fix(fixed)) != nbformat.writes(notebook):
        yield "is not tidy (cell ids, stray metadata, trailing blanks): run `python -m tests.notebook_rules --fix`"


RULES = [name_and_folder, opening, closing, cell_sizes, outputs_are_explained, checks, no_forbidden_things,
         no_measured_figure_in_prose, links_lead_somewhere, names_need_no_skipped_cell, recorded, tidy]


def fix(notebook):
    """Cell ids from the source, no stray metadata, no blanks at line ends, no empty cells. Outputs and records stay."""
    notebook, seen = copy.deepcopy(notebook), set()
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    for cell in notebook.cells:
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        cell.id = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        while cell.id in seen:
            cell.id += "x"
        seen.add(cell.id)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("cookbook", "tags")})
    kept = {k: v for k, v in notebook.metadata.items() if k == "cookbook"}
    notebook.metadata = nbformat.from_dict({"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                                            "language_info": {"name": "python"}, **kept})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def broken(path: Path) -> list[str]:
    """What a notebook breaks of all rules, as readable lines."""
    notebook = nbformat.read(path, as_version=4)
    return [f"{rule.__name__}: {text}" for rule in RULES for text in rule(path, notebook)]


def main(arguments: list[str]) -> int:
    """Print what is broken, or mend it with --fix. Returns 1 if anything is left."""
    chosen = [Path(a).resolve() for a in arguments if not a.startswith("--")] or paths()
    for path in chosen if "--fix" in arguments else []:
        nbformat.write(fix(nbformat.read(path, as_version=4)), path)
    wrong = {path: lines for path in chosen if (lines := broken(path))}
    for path, lines in wrong.items():
        print(path.name, *lines, sep="\n  ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
