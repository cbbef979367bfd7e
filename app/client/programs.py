"""Run a module of the container as a program of its own, so that the command line needs none of its packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.client.pipeline import Pipeline, PipelineError
from app.embedded.settings import without_aws

ROOT = Path(__file__).resolve().parents[2]


def run_module(module: str, arguments: Sequence[str], pipeline: Pipeline | None = None) -> str:
    """Run `python -m <module> <arguments>` to its end.

    Args:
        module: Name of a module of maskrcnn with a main.
        arguments: Its command line.
        pipeline: The deployment whose bucket it reads; None where it stays on this disk.

    Returns:
        What it printed.

    Raises:
        PipelineError: it failed; the message is what it said last.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(  # noqa: S603 - our own programs
        command, env=environment(os.environ, pipeline), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout.strip() or done.stderr.strip() or f"exit status {done.returncode}").splitlines()
        raise PipelineError(said[-1].partition(": ")[2] if _has_code(said[-1]) else said[-1])
    return done.stdout


def environment(base: Mapping[str, str], pipeline: Pipeline | None) -> dict[str, str]:
    """The variables of such a program: where its packages lie, and how it reaches the deployment."""
    found = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "training_container")]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if pipeline and pipeline.embedded:
        return {**without_aws(base), **pipeline.variables, **found}
    return dict(base) | found


def _has_code(line: str) -> bool:
    """True for what programs say of a JobError: `DATA_INVALID: sentence`."""
    return line.partition(": ")[0].replace("_", "").isupper()
