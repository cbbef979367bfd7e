"""All checks of the infrastructure in one command, offline: `python -m infra.checks [environment ...]`.

The security rules (cdk-nag), the templates (cfn-lint) and the state machine (asl-validator).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra import nag
from infra.application import CDK_JSON, build, new_app

ENVIRONMENTS = ("local", "dev", "prod")
ASL_VALIDATOR = CDK_JSON.parent / "node_modules/.bin/asl-validator"
ACCEPTED_LINT = "W6001"
"""An output that repeats an imported value: the command line asks the pipeline stack alone for every name."""


def check_templates(environment: str) -> None:
    """Synthesize the templates of an environment and lint them.

    Raises:
        subprocess.CalledProcessError: cfn-lint found something, which it has printed.
    """
    with tempfile.TemporaryDirectory() as outdir:
        app = new_app(environment, outdir=outdir)
        build(app)
        app.synth()
        templates = sorted(str(path) for path in Path(outdir).glob("*.template.json"))
        _run(sys.executable, "-m", "cfnlint", "--ignore-checks", ACCEPTED_LINT, "--template", *templates)


def check_definition() -> None:
    """Validate the state machine's definition.

    Raises:
        subprocess.CalledProcessError: asl-validator found something, which it has printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "definition.json"
        with path.open("w") as file:
            subprocess.run([sys.executable, "-m", "infra.workflow"], check=True, stdout=file)  # noqa: S603
        _run(str(ASL_VALIDATOR), "--json-path", str(path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 (our own tools, no user input)


def main(environments: tuple[str, ...]) -> None:
    """Run every check; stop at the first that fails."""
    steps: list[tuple[str, Callable[[], None]]] = [("the state machine (asl-validator)", check_definition)]
    for environment in environments:
        steps.append((f"the templates of {environment} (cfn-lint)", lambda e=environment: check_templates(e)))
        steps.append((f"the security rules of {environment} (cdk-nag)", lambda e=environment: nag.check(e)))
    for what, step in steps:
        print(f"Checking {what}", flush=True)  # noqa: T201
        try:
            step()
        except (subprocess.CalledProcessError, RuntimeError) as error:
            sys.exit(f"Not accepted: {what}: {error}")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or ENVIRONMENTS)
