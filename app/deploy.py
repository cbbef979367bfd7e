"""Create or update the stacks with the CDK command line, on the embedded AWS or in an account."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from app.client.pipeline import PipelineError
from app.embedded import control
from app.embedded.settings import ACCOUNT, REGION, ROOT, client_environment, without_aws

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
    variables = dict(os.environ) if aws else _embedded_variables()
    folder = ROOT / "build" / "cdk.out" / environment
    assembly = str(folder)
    _cdk(["synth", "--quiet", "-c", f"env={environment}", "--output", assembly], variables)
    # From here on the CDK reads what was synthesized: running app.py is the slow part.
    where = [] if aws else [f"aws://{ACCOUNT}/{REGION}"]
    _cdk(["bootstrap", *where, "--app", assembly], variables)
    _cdk(["deploy", "--all", "--require-approval", "never", "--concurrency", "2", "--app", assembly], variables)
    return folder


def _embedded_variables() -> Mapping[str, str]:
    running = control.status()
    if running is None:
        raise PipelineError("the embedded AWS is not up: python -m app up")
    return without_aws(os.environ) | client_environment(running.endpoint_url)


def _cdk(arguments: list[str], variables: Mapping[str, str]) -> None:
    """Run the CDK command line; its chatter is shown only when it fails."""
    result = subprocess.run(  # noqa: S603 - the pinned CDK of this repository
        [str(CDK), *arguments, "--no-notices"], cwd=ROOT, env={**variables, "CI": "true"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        tail = "\n".join(result.stdout.strip().splitlines()[-25:])
        raise PipelineError(f"cdk {arguments[0]} failed (exit status {result.returncode}):\n{tail}")
