"""The entry point of the CDK command line (see cdk.json): read the settings, build the stacks, synthesize."""

from __future__ import annotations

import os
import sys

from aws_cdk import App

from app.contracts.documents import ContractError
from infra.application import build
from infra.settings import check_budget

app_ = App(analytics_reporting=False)
try:
    # The CDK command line says for which region it synthesizes; without one nothing is refused here, but at the gate.
    check_budget(build(app_).pipeline, os.environ.get("CDK_DEFAULT_REGION", ""))
except ContractError as error:
    sys.exit(f"cdk.json: {error}")
app_.synth()
