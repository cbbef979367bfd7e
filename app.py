"""The entry point of the CDK command line (see cdk.json): read the settings, build the stacks, synthesize."""

from __future__ import annotations

import sys

from aws_cdk import App

from app.contracts.documents import ContractError
from infra.application import build

app_ = App(analytics_reporting=False)
try:
    build(app_)
except ContractError as error:
    sys.exit(f"cdk.json: {error}")
app_.synth()
