"""Which packages the set-up chooses, and what it says when pip fails."""

import pytest

from cookbook.paths import ROOT
from installer import packages

REQUIREMENTS = """\
# comment
tensorrt-rtx>=1.7,<2
torch>=2.3   # the reference
cuda-python>=12.6,<14
cuda-toolkit[nvcc]>=13

numpy>=1.24
"""
CONTAINER = ["tensorrt", "torch", "pip"]
PLAIN = ["ensurepip", "pip"]


@pytest.mark.parametrize(
    ("has", "gpu", "wanted", "expected"),
    [
        (PLAIN, False, "", ["tensorrt-rtx"]),
        (PLAIN, True, "", ["tensorrt", "tensorrt-rtx"]),
        (PLAIN, False, "tensorrt", ["tensorrt", "tensorrt-rtx"]),
        (PLAIN, True, "tensorrt-rtx", ["tensorrt-rtx"]),
        (CONTAINER, True, "", [""]),
        (CONTAINER, False, "", ["tensorrt-rtx"]),
        (CONTAINER, False, "tensorrt", [""]),
        (CONTAINER, True, "tensorrt-rtx", ["tensorrt-rtx"]),
    ],
)
def test_choice_of_tensorrt(has, gpu, wanted, expected):
    assert packages.choose(has, gpu, wanted) == expected


def test_unknown_tensorrt_is_refused():
    with pytest.raises(SystemExit, match="TENSORRT=tensorflow is not known: use tensorrt or"):
        packages.choose(PLAIN, True, "tensorflow")


REST = ["torch>=2.3", "cuda-python>=12.6,<14", "cuda-toolkit[nvcc]>=13", "numpy>=1.24"]
REST_FOR_CUDA_12 = ["torch>=2.3,<2.11", "cuda-python>=12.6,<14,<13", "numpy>=1.24"]


@pytest.mark.parametrize(
    ("has", "cuda12", "tensorrt", "expected"),
    [
        (PLAIN, False, "tensorrt-rtx", ["tensorrt-rtx>=1.7,<2", *REST]),
        (PLAIN, False, "tensorrt", ["tensorrt>=11,<12", *REST]),
        (PLAIN, True, "tensorrt", ["tensorrt-cu12>=11,<12", *REST_FOR_CUDA_12]),
        (PLAIN, True, "tensorrt-rtx", ["tensorrt-rtx-cu12>=1.7,<2", *REST_FOR_CUDA_12]),
        (CONTAINER, True, "", REST_FOR_CUDA_12[1:]),
        (CONTAINER, False, "", ["cuda-python>=12.6,<14", "numpy>=1.24"]),
        (
            CONTAINER,
            False,
            "tensorrt-rtx",
            ["tensorrt-rtx>=1.7,<2", "cuda-python>=12.6,<14", "numpy>=1.24"],
        ),
        (
            ["tensorrt", "ensurepip"],
            False,
            "",
            ["torch>=2.3", "cuda-python>=12.6,<14", "numpy>=1.24"],
        ),
        (["torch", "ensurepip"], False, "tensorrt-rtx", ["tensorrt-rtx>=1.7,<2", *REST]),
    ],
)
def test_requirements_fit_the_machine(has, cuda12, tensorrt, expected):
    assert packages.adapt(REQUIREMENTS, has, cuda12, tensorrt) == expected


def test_our_requirements_name_what_the_set_up_adapts():
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    plain = packages.adapt(requirements, PLAIN, False, "tensorrt-rtx")
    adapted = packages.adapt(requirements, PLAIN, True, "tensorrt")
    changed = [packages.name_of(line) for line in adapted if line not in plain]
    assert changed == ["tensorrt-cu12", "torch", "cuda-python"]
    left_out = {packages.name_of(line) for line in plain} - set(map(packages.name_of, adapted))
    assert left_out == {"tensorrt-rtx", "cuda-toolkit"}


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("torch>=2.3", "torch"),
        ("cuda-toolkit[nvcc,cccl]>=13", "cuda-toolkit"),
        ("a.b_c~=1", "a.b_c"),
        ("pyyaml", "pyyaml"),
        ("pandas >= 1.5", "pandas"),
    ],
)
def test_name_of_a_requirement(requirement, name):
    assert packages.name_of(requirement) == name


def test_only_compiled_packages_are_pinned():
    pinned = [
        "torch==2.3.0a0+6ddf5cf85e.nv24.4",
        "torchvision==0.18.0a0",
        "torch-tensorrt==2.3.0a0",
        "tensorrt==8.6.3",
        "pytorch-triton==3.0.0",
        "triton==3.7",
        "numpy==1.24.4",
    ]
    free = ["cuda-python==12.4.0", "pytest==8.1.1", "pandas==1.5.3", "pytorch-lightning==2"]
    assert [line for line in pinned + free if packages.PINNED.match(line)] == pinned


@pytest.fixture
def fake_pip(tmp_path):
    """A function that makes a Python whose pip prints these lines and exits with that code."""

    def make(*lines, code):
        path = tmp_path / "python"
        printed = "\n".join(f"echo '{line}'" for line in lines)
        path.write_text(
            f'#!/bin/sh\necho "$PIP_CONSTRAINT $PIP_USER $PWD $*"\n{printed}\nexit {code}\n'
        )
        path.chmod(0o755)
        return str(path)

    return make


def test_pip_shows_large_downloads_only(fake_pip, tmp_path, capsys):
    python = fake_pip(
        "Requirement already satisfied: six",
        "  Downloading torch-2.3-cp311.whl (755.5 MB)",
        "  Using cached big-2.3-cp311.whl (1.5 GB)",
        "  Downloading six-1.0.whl (11 kB)",
        "  Downloading mid-1.0.whl (99.5 MB)",
        "Installing collected packages: six, " + 100 * "x",
        code=0,
    )
    packages.pip(python, "torch", root=tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "  Downloading torch-2.3-cp311.whl (755.5 MB)",
        "  Using cached big-2.3-cp311.whl (1.5 GB)",
        "Installing collected packages: six, " + 84 * "x",
    ]


def test_failed_pip_shows_its_last_lines_and_was_told_of_our_constraints(
    fake_pip, tmp_path, monkeypatch
):
    monkeypatch.setenv("PIP_CONSTRAINT", "/etc/pip/constraint.txt")
    lines = ["Requirement already satisfied: a", "ERROR: bad"]
    python = fake_pip(*lines, code=3)
    with pytest.raises(packages.PipError) as caught:
        packages.pip(python, "--upgrade", "torch>=2", root=tmp_path)
    options = "-m pip --no-input --disable-pip-version-check install --upgrade torch>=2"
    assert str(caught.value).splitlines() == [
        f".venv/constraints.txt 0 {tmp_path} {options}",
        "ERROR: bad",
        packages.AGAIN,
    ]
    many = fake_pip(*[f"line {number}" for number in range(30)], code=1)
    with pytest.raises(packages.PipError) as caught:
        packages.pip(many, root=tmp_path)
    assert str(caught.value).splitlines()[0] == "line 10"


@pytest.mark.parametrize(
    "output",
    [
        "WARNING: Retrying after connection broken by 'NewConnectionError(<pip._vendor...",
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "ConnectTimeoutError(<pip._vendor.urllib3.connection.HTTPSConnection object",
        "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403'))",
    ],
)
def test_missing_network_is_said_with_proxy_and_mirror(output):
    assert packages.advice(output) == packages.AGAIN + packages.OFFLINE
    assert "HTTPS_PROXY=" in packages.OFFLINE
    assert "PIP_INDEX_URL=" in packages.OFFLINE


def test_full_disk_is_said(monkeypatch):
    monkeypatch.setattr(packages.tempfile, "gettempdir", lambda: "/somewhere")
    output = "ERROR: Could not install packages: [Errno 28] No space left on device"
    said = packages.advice(output)
    assert said == packages.AGAIN + packages.FULL.format("/somewhere")
    assert "TMPDIR=" in said


def test_download_that_breaks_off_may_be_a_full_disk_too(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.tempfile, "gettempdir", lambda: str(tmp_path))
    output = "Download failed after 6 attempts because not enough bytes were received (1/13 MB)"
    said = packages.advice(output)
    assert f"downloads go to {tmp_path},\nwhere " in said
    assert "TMPDIR=" in said


def test_package_that_the_index_lacks_may_be_had_elsewhere():
    output = (
        "ERROR: Could not find a version that satisfies the requirement a (from versions: none)"
    )
    assert packages.advice(output) == packages.AGAIN + packages.NONE_THERE
    assert "PIP_INDEX_URL=" in packages.NONE_THERE


@pytest.mark.parametrize(("processor", "is_said"), [("aarch64", True), ("x86_64", False)])
def test_other_processors_are_told_that_there_is_no_tensorrt(monkeypatch, processor, is_said):
    monkeypatch.setattr(packages.platform, "machine", lambda: processor)
    said = packages.advice("ERROR: No matching distribution found for tensorrt-rtx-cu13-libs==1")
    assert (f"this one is {processor}" in said) == is_said


def test_other_failures_get_no_wrong_advice():
    assert packages.advice("ERROR: No matching distribution found for torhc") == packages.AGAIN
