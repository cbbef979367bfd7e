"""The security rules of cdk-nag: no finding without an answer, and the rules really look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from infra import nag


def test_no_finding_is_left_without_an_answer(tmp_path: Path) -> None:
    nag.synthesize("dev", str(tmp_path))
    assert (tmp_path / "castline-dev-pipeline.template.json").is_file()


def test_the_rules_find_what_is_wrong(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    s3.Bucket(Stack(app, "Careless"), "Open")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    (report,) = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    assert "AwsSolutions-S10" in {violation["ruleName"] for violation in report["violations"]}
