"""What the stand-in programs share: the folder that SageMaker gives them, and the orders of the test."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ML = Path(os.environ["CASTLINE_ML_ROOT"])
ORDERS = Path(os.environ["CASTLINE_FAULT_ORDERS"])
REAL_PROGRAMS = Path(__file__).parents[3] / "training_container" / "bin"


def order(program: str) -> dict[str, Any]:
    """Take the next order for this program; once a job has taken it, it is gone."""
    for file in sorted((ORDERS / program).glob("*.json")):
        taken = file.with_suffix(".taken")
        try:
            file.rename(taken)
        except FileNotFoundError:  # another job was faster
            continue
        found: dict[str, Any] = json.loads(taken.read_text())
        return found
    return {}


def job() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ML / "processing/input/job/job.json").read_text())
    return found


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def obey(program: str) -> dict[str, Any]:
    """Take the order; become the real program, or fail, when it says so."""
    taken = order(program)
    if taken.get("real"):
        os.execv(sys.executable, [sys.executable, str(REAL_PROGRAMS / program)])  # noqa: S606 - our own program
    if failure := taken.get("failure"):
        write(ML / "output/failure", failure)
        write(ML / "output/message", failure)
    if status := taken.get("exit"):
        sys.exit(status)
    return taken
