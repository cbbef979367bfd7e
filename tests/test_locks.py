"""Every package of every environment is pinned to its bytes, and installed only when they are these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import ROOT, tracked

LOCKS = (
    "requirements.txt", ".ci/uv.txt", "training_container/requirements-cpu.txt",
    "training_container/requirements-gpu.txt", "benchmarks/peers/tfm/requirements.txt",
    "benchmarks/peers/torchvision/requirements.txt",
)  # fmt: skip
PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z0-9,-]+\])?==[A-Za-z0-9.!+_-]+( ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def requirements(lock: str) -> Iterator[tuple[str, list[str]]]:
    """Each requirement of a lock and its options."""
    joined = re.sub(r"\\\n\s*", "\0", (ROOT / lock).read_text())
    for line in joined.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin, *options = line.split("\0")
            yield pin.strip(), [option.strip() for option in options]


def unpinned(lock: str) -> list[str]:
    """Requirements without an exact version, without a hash, or with any other option."""
    return [pin for pin, options in requirements(lock)
            if not PIN.fullmatch(pin) or not options or not all(map(HASH.fullmatch, options))]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_has_one_version_and_its_hashes(lock: str) -> None:
    assert unpinned(lock) == []
    assert len(list(requirements(lock))) >= 1


def test_there_is_no_other_lock() -> None:
    assert set(tracked("*requirements*.txt")) <= set(LOCKS)


@pytest.mark.parametrize("line", [
    "numpy==2.4.6", "numpy>=2 \\\n    --hash=sha256:" + "0" * 64, "numpy==2.4.6 \\\n    --hash=md5:" + "0" * 32,
    "castings @ https://example.com/castings.tar.gz \\\n    --hash=sha256:" + "0" * 64,
    "-e git+https://example.com/castings"], ids=["no-hash", "no-version", "weak-hash", "address", "checkout"])
def test_a_line_that_could_change_would_be_found(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lock.txt").write_text(f"# a comment\nok==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:"
                                       f"{'1' * 64}\n{line}\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert len(unpinned("lock.txt")) == 1


def test_what_the_project_asks_for_itself_is_what_its_lock_holds() -> None:
    asked = re.findall(r'^    "([a-z0-9-]+==[^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(asked) > 20
    assert set(asked) <= {pin.partition(" ;")[0] for pin, _ in requirements("requirements.txt")}


def test_every_package_of_the_cdk_command_line_has_its_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    own = packages.pop("")
    assert all(re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"]) for package in packages.values())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in own["devDependencies"].values())
    assert {f"node_modules/{name}" for name in own["devDependencies"]} <= packages.keys()


def test_every_installation_asks_for_the_hashes() -> None:
    """Hashes of a lock are checked anyway; with this option a lock that holds none is refused as well."""
    commands = [
        (name, line)
        for name in ("Makefile", "training_container/Dockerfile")
        for line in (ROOT / name).read_text().replace("\\\n", " ").splitlines()
        if re.search(r"\b(pip|uv) (pip )?(install|sync)\b", line)
    ]
    assert [name for name, _ in commands] == ["Makefile", "Makefile", "training_container/Dockerfile"]
    assert all("--require-hashes" in line for _, line in commands)
    assert "npm ci " in (ROOT / "Makefile").read_text()


def test_the_image_is_made_of_named_folders_and_no_secret_is_an_argument() -> None:
    lines = (ROOT / "training_container/Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY")]
    assert copied == ["training_container/requirements-${FLAVOUR}.txt", "app/__init__.py", "app/contracts",
                      "training_container/bin", "training_container/maskrcnn"]
    assert [line.split()[1].partition("=")[0] for line in lines if line.startswith("ARG")] == ["BASE_IMAGE", "FLAVOUR"]
    assert not [line for line in lines if line.startswith("ADD")]
