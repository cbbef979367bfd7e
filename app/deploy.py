"""Create or update the stacks with the CDK command line, on the embedded AWS or in an account."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from app.client.pipeline import PipelineError
from app.embedded import control
from app.embedded.settings import ACCOUNT, REGION, ROOT, without_aws
from app.embedded.strict import Person

CDK = ROOT / "node_modules" / ".bin" / "cdk"


def deploy(environment: str, *, aws: bool) -> Path:
    """Bootstrap where needed, then deploy all stacks.

    Args:
        environment: Name of the environment, which cdk.json must know.
        aws: True for the account of the caller's AWS credentials.

    Returns:
        The folder of the templates that were deployed.

    Raises:
        PipelineError: the CDK command line is missing or failed; its own words stand above.
    """
    if not CDK.is_file():
        raise PipelineError(f"{CDK} is missing: make test or make demo installs it (npm ci)")
    running = None if aws else _running()
    folder = ROOT / "build" / "cdk.out" / environment
    assembly = str(folder)
    _cdk(["synth", "--quiet", "-c", f"env={environment}", "--output", assembly], _variables(running, "deployer"))
    # From here on the CDK reads what was synthesized: running app.py is the slow part.
    where = [f"aws://{ACCOUNT}/{REGION}"] if running else []
    _cdk(["bootstrap", *where, "--app", assembly], _variables(running, "administrator"))
    _cdk(["deploy", "--all", "--require-approval", "never", "--concurrency", "2", "--app", assembly],
         _variables(running, "deployer"))
    if running and running.strict:
        from app.embedded.strict import people

        people.appoint(running.access("administrator"), environment)
    return folder


def _running() -> control.Running:
    running = control.status()
    if running is None:
        raise PipelineError("the embedded AWS is not up: python -m app up")
    return running


def _variables(running: control.Running | None, person: Person) -> Mapping[str, str]:
    """The environment of the CDK: the caller's own, or one that leads to the embedded AWS."""
    return without_aws(os.environ) | running.access(person).environment() if running else dict(os.environ)


def _cdk(arguments: list[str], variables: Mapping[str, str]) -> None:
    """Run the CDK command line; its chatter is shown only when it fails."""
    result = subprocess.run(  # noqa: S603 - the pinned CDK of this repository
        [str(CDK), *arguments, "--no-notices"], cwd=ROOT, env={**variables, "CI": "true"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        tail = "\n".join(result.stdout.strip().splitlines()[-25:])
        raise PipelineError(f"cdk {arguments[0]} failed (exit status {result.returncode}):\n{tail}")
