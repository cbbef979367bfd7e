"""Environments of the peers, made once from their locked requirements below build/bench."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path("build/bench")
REQUIREMENTS = Path("benchmarks/peers")


@dataclasses.dataclass(frozen=True)
class Environment:
    """A Python that can import a peer, or the reason why there is none."""

    python: Path
    unavailable: str = ""


def make(peer: str, imports: str) -> Environment:
    """Install a peer into an environment of its own, unless its lock is installed there already.

    Args:
        peer: Its folder below benchmarks/peers.
        imports: Statement that must work there.
    """
    folder, lock = FOLDER / peer, REQUIREMENTS / peer / "requirements.txt"
    python, installed = folder / "bin/python", folder / "installed.txt"
    if not installed.exists() or installed.read_text() != lock.read_text():
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        for command in ([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
                        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(lock)]):
            done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
            if done.returncode:
                return Environment(python, f"does not install here: {_last_line(done.stderr)}")
        installed.write_text(lock.read_text())
    done = subprocess.run([str(python), "-c", imports], capture_output=True, text=True)  # noqa: S603
    return Environment(python, f"does not import here: {_last_line(done.stderr)}" if done.returncode else "")


@functools.cache
def tfm() -> Environment:
    """tf-models-official, which pins TensorFlow 2.20 and legacy Keras."""
    return make("tfm", "from official.vision.tasks import maskrcnn")


@functools.cache
def torchvision() -> Environment:
    """torchvision; its wheels on PyPI need the CUDA libraries that the lock brings, also on a machine without GPU."""
    return make("torchvision", "from torchvision.models.detection import maskrcnn_resnet50_fpn")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
