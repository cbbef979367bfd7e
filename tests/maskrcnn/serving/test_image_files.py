"""What the image is built from fits the repository."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging import utils
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[3]
CONTAINER = ROOT / "training_container"
FLAVOURS = ("cpu", "gpu")
PYTHONS = ("3.11.2", "3.12.0")
"""Of the base images: that of build-locally.sh, Debian bookworm's, and that of the Dockerfile."""
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "botocore": "boto3", "yaml": "pyyaml",
                 "ai_edge_litert": "ai-edge-litert", "ai_edge_quantizer": "ai-edge-quantizer"}


def pins(path: Path) -> dict[str, str]:
    """Name, with its marker where it has one, to version: one package may have a version for each Python."""
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z,-]+\])?==([^\s;\\]+)( ; [^\\\n]+)?", path.read_text(),
                       re.MULTILINE)
    return {name + marker.rstrip(): version for name, version, marker in found}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_containers_locks_hold_the_versions_of_the_repositorys_lock(flavour: str) -> None:
    """Given what runs here as a plain process, the image runs the same versions of everything they share."""
    ours, theirs = pins(ROOT / "requirements.txt"), pins(CONTAINER / f"requirements-{flavour}.txt")
    shared = set(ours) & set(theirs)
    assert {"numpy", "keras", "pycocotools", "starlette"} <= shared
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}
    assert theirs.get("tensorflow", theirs.get("tensorflow-cpu")) == ours["tensorflow"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_pip_in_the_image_accepts_every_locked_version(flavour: str) -> None:
    """Given that uv locks and installs what refuses the image's Python, pip there would not find it."""
    names = {name.partition(" ; ")[0] for name in pins(CONTAINER / f"requirements-{flavour}.txt")}
    installed = {found.metadata["Name"]: found.metadata["Requires-Python"] for found in metadata.distributions()}
    stated = {utils.canonicalize_name(name): stated for name, stated in installed.items() if stated}
    assert len(names & set(stated)) > 30
    refusing = {(name, python) for name in names & set(stated) for python in PYTHONS
                if python not in SpecifierSet(stated[name])}
    assert refusing == set()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_locked_package_is_held_to_its_hashes(flavour: str) -> None:
    lock = CONTAINER / f"requirements-{flavour}.txt"
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock)) > 30
    assert all("--hash=sha256:" in entry for entry in entries)


def test_every_package_that_the_programs_import_is_installed_in_the_image() -> None:
    wanted = {line for line in (CONTAINER / "requirements.in").read_text().split("\n") if line and line[0] != "#"}
    imported = {
        name.partition(".")[0]
        for path in CONTAINER.rglob("maskrcnn/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imports(node)
    }
    brought_along = {"keras", "anyio", "markupsafe"}
    foreign = imported - set(sys.stdlib_module_names) - {"app", "maskrcnn", "tensorflow"} - brought_along
    assert {DISTRIBUTIONS.get(name, name) for name in foreign} == wanted


def test_the_dockerfile_installs_the_lock_of_its_flavour_and_starts_programs_by_name() -> None:
    text = (CONTAINER / "Dockerfile").read_text()
    assert not text.startswith("# syntax=")
    assert "ENTRYPOINT [" not in text
    assert "COPY training_container/requirements-${FLAVOUR}.txt" in text
    assert "PATH=/opt/castline/training_container/bin:/opt/venv/bin:${PATH}" in text
    for source in re.findall(r"^COPY (\S+) ", text, re.MULTILINE):
        assert (ROOT / source.replace("${FLAVOUR}", "cpu")).exists(), source
    assert {path.name for path in (CONTAINER / "bin").iterdir()} == {"prepare", "train", "evaluate", "serve"}


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    # What is relative is of the same package.
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
