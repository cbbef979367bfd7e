"""All checks of the infrastructure in one command, offline: `python -m infra.checks [environment ...]`.

The state machine (asl-validator), and for each environment the security rules (cdk-nag) and the templates
(cfn-lint).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra import nag
from infra.application import CDK_JSON

ENVIRONMENTS = ("local", "dev", "prod")
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "realtime": {"serving": {"mode": "realtime", "capture_percent": 10, "scaling": {"max_instances": 2}}},
    "async": {"serving": {"mode": "async"}},
}
"""Ways to serve that no environment of cdk.json has."""
ASL_VALIDATOR = CDK_JSON.parent / "node_modules/.bin/asl-validator"
CFN_LINT = Path(sys.executable).with_name("cfn-lint")
ACCEPTED_LINT = ("W3005", "W6001")
"""CDK lists the role beside its policy in DependsOn; the outputs repeat imported names for the command line."""
ALSO_LINT = "I3510"
"""Each action of a policy with resources of the types that it takes, by AWS's own service reference."""


def check_definition() -> None:
    """Validate the state machine's definition."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "definition.json"
        with path.open("w") as file:
            subprocess.run([sys.executable, "-m", "infra.workflow"], check=True, stdout=file)
        _run(ASL_VALIDATOR, "--json-path", str(path))


def check_stacks(environment: str, more: Mapping[str, Any] | None = None) -> None:
    """Synthesize one environment under the security rules, then lint its templates."""
    with tempfile.TemporaryDirectory() as folder:
        nag.synthesize(environment, folder, more)
        templates = sorted(str(path) for path in Path(folder).glob("*.template.json"))
        lint = ("--ignore-checks", *ACCEPTED_LINT, "--include-checks", ALSO_LINT, "--template", *templates)
        _run(CFN_LINT, *lint)


def _run(program: Path, *arguments: str) -> None:
    subprocess.run([str(program), *arguments], check=True)  # noqa: S603 (our own tools, no user input)


def main(environments: tuple[str, ...]) -> None:
    """Run every check; stop at the first that fails, whose tool has then said what is wrong."""
    try:
        print("Checking the state machine (asl-validator)", flush=True)  # noqa: T201
        check_definition()
        for environment in environments:
            print(f"Checking the stacks of {environment} (cdk-nag, cfn-lint)", flush=True)  # noqa: T201
            check_stacks(environment)
        for variant, more in VARIANTS.items():
            print(f"Checking the stacks of {environments[-1]}, {variant}", flush=True)  # noqa: T201
            check_stacks(environments[-1], more)
    except (subprocess.CalledProcessError, RuntimeError) as error:
        sys.exit(f"Not accepted: {error}")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or ENVIRONMENTS)
