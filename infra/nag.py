"""The security check of the stacks (cdk-nag, AWS Solutions rules): `python -m infra.nag [environment]`.

No finding is left unanswered: each is either repaired or acknowledged where it arises, with its reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks

from infra.application import build, new_app
from infra.settings import DEFAULT_ENVIRONMENT


def synthesize(environment: str, outdir: str, more: Mapping[str, Any] | None = None) -> None:
    """Write the templates of an environment to `outdir`, under the rules; `more` are settings over its own.

    Raises:
        RuntimeError: a finding is neither repaired nor acknowledged; the report on the screen names it.
    """
    app = new_app(environment, outdir=outdir, more=more)
    build(app)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        synthesize(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_ENVIRONMENT, folder)
