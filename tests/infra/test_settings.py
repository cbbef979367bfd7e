"""Deployment settings: overlays, and messages that a person can act on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.contracts.documents import ContractError
from infra.settings import DeploymentSettings, check_budget, from_context, merge, read

ROOT = Path(__file__).resolve().parents[2]
CDK_JSON = json.loads((ROOT / "cdk.json").read_text())


def context_of(environment: str | None, extra: dict[str, Any] | None = None) -> Any:
    """What `node.try_get_context` answers for `-c env=<environment>`."""
    context = {**CDK_JSON["context"], **({"env": environment} if environment else {}), **(extra or {})}
    return context.get


def test_without_an_environment_the_development_settings_are_read() -> None:
    settings = read(context_of(None))
    assert settings.environment == "dev"
    assert settings.triggers.queue_window_seconds == 300
    assert (settings.triggers.gate_every_minutes, settings.triggers.reconcile_every_minutes) == (15, 10)


def test_the_local_overlay_makes_the_pipeline_quick_and_small() -> None:
    settings = read(context_of("local"))
    assert settings.triggers.queue_window_seconds == 0
    assert settings.triggers.reconcile_every_minutes == 1
    assert settings.pipeline.gate.quiet_seconds == 2
    assert settings.pipeline.training.hyperparameters == {"preset": "demo"}
    assert [rung.spot for rung in settings.pipeline.training.ladder] == [True, False]
    assert settings.image.flavour == "cpu"


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_every_environment_of_cdk_json_is_valid(environment: str) -> None:
    assert read(context_of(environment)).environment == environment


def test_an_overlay_wins_value_by_value_and_replaces_lists() -> None:
    base = {"gate": {"quiet_seconds": 600, "min_new_images": 20}, "data": {"classes": ["a", "b"]}}
    overlay = {"gate": {"quiet_seconds": 2}, "data": {"classes": ["c"]}}
    assert merge(base, overlay) == {
        "gate": {"quiet_seconds": 2, "min_new_images": 20},
        "data": {"classes": ["c"]},
    }
    assert base["gate"] == {"quiet_seconds": 600, "min_new_images": 20}


def test_an_environment_that_cdk_json_does_not_know_is_refused_with_a_way_out() -> None:
    with pytest.raises(ContractError) as caught:
        read(context_of("stage"))
    assert str(caught.value) == (
        'env = \'stage\': cdk.json has no context "castline:stage"; for example -c env=dev, or add "castline:stage": {}'
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"gate": {"min_new_images": "many"}},
            'gate.min_new_images: expected int, got str "many"; for example 20',
        ),
        ({"gate": {"min_new_images": 0}}, "gate.min_new_images = 0: must be at least 1; for example 20"),
        (
            {"training": {"ladder": [{"instance_types": "ml.g5.xlarge", "spot": True}]}},
            'training.ladder[0].instance_types: expected a list, got str "ml.g5.xlarge"; for example ["ml.g5.xlarge"]',
        ),
        (
            {"triggers": {"queue_window_seconds": 301}},
            "triggers.queue_window_seconds = 301: must be 0 to 300; for example 300",
        ),
        (
            {"triggers": {"reconcile_every_minutes": 60}},
            "triggers.reconcile_every_minutes = 60: must be 1 to 20; for example 10",
        ),
        (
            {"operations": {"notification_email": "nobody"}},
            "operations.notification_email = 'nobody': must be one e-mail address or empty; "
            'for example "quality@foundry.example"',
        ),
        (
            {"training": {"input_mode": "Pipe"}},
            "training.input_mode: 'Pipe' is not one of 'File', 'FastFile'; for example \"File\"",
        ),
        *(
            (
                {"training": {"file_system": {"log_directory": path}}},
                f"training.file_system.log_directory = {path!r}: must be empty or an absolute path without `.`, `..` "
                'or a slash at its end; for example "/mask-rcnn/sagemaker/output/log"',
            )
            for path in ("output/log", "/output/log/", "/output/../log", "/", "//log", "/a b")
        ),
        (
            {"serving": {"mode": "batch"}},
            "serving.mode: 'batch' is not one of 'serverless', 'realtime', 'async'; for example \"serverless\"",
        ),
        (
            {"spend": {"per_run_usd": 0}},
            "spend.per_run_usd = 0.0: must be above 0, or null; for example 50",
        ),
        (
            {"prices": {"eu-central-1": {"ml.g5.xlarge": "cheap"}}},
            'prices.eu-central-1.ml.g5.xlarge: expected float, got str "cheap"',
        ),
        (
            {"network": {"cidr": "8.8.0.0/16"}},
            "network.cidr = '8.8.0.0/16': must be a private IPv4 network of size /16 to /24; "
            'for example "10.42.0.0/16"',
        ),
    ],
)
def test_a_bad_value_is_refused_with_setting_rule_and_example(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError) as caught:
        from_context({"environment": "dev", **bad})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("spend", "region", "words"),
    [
        ({"per_run_usd": 5}, "us-east-1", "spend.per_run_usd = 5: preparing and evaluating may cost "),
        ({"per_month_usd": 100}, "us-east-1", "spend.per_month_usd = 100: one run may cost "),
        ({"per_month_usd": 1000}, "eu-north-1", "the budget cannot be kept: no price of ml.g4dn.2xlarge, ml.g5.xlarge"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused_with_the_numbers(
    spend: dict[str, int], region: str, words: str
) -> None:
    with pytest.raises(ContractError) as caught:
        check_budget(from_context({"environment": "dev", "spend": spend}).pipeline, region)
    assert str(caught.value).startswith(words)


def test_a_budget_that_can_be_kept_or_whose_region_nobody_knows_is_let_through() -> None:
    check_budget(from_context({"environment": "dev", "spend": {"per_run_usd": 50}}).pipeline, "us-east-1")
    check_budget(from_context({"environment": "dev", "spend": {"per_run_usd": 5}}).pipeline, "")


def test_a_misspelt_group_is_refused_with_the_known_groups() -> None:
    with pytest.raises(ContractError, match="gaet: unknown group of settings: known are data, gate, image,"):
        from_context({"environment": "dev", "gaet": {}})


def test_settings_too_large_for_a_lambda_environment_are_refused() -> None:
    classes = [f"class-{i:04}" for i in range(400)]
    with pytest.raises(ContractError, match="a Lambda environment has room for 2800"):
        from_context({"environment": "dev", "data": {"classes": classes}})


def test_the_defaults_are_valid_on_their_own() -> None:
    assert isinstance(from_context({"environment": "dev"}), DeploymentSettings)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"gate": {"quiet_seconds": -1}}, "cdk.json: gate.quiet_seconds = -1: must be 0 or more; for example 600"),
        ({"spend": {"per_run_usd": 5}}, "cdk.json: spend.per_run_usd = 5: preparing and evaluating may cost "),
    ],
)
def test_the_entry_point_says_what_is_wrong_and_shows_no_stack_trace(bad: dict[str, Any], message: str) -> None:
    context = {**CDK_JSON["context"], "castline:dev": bad}
    environment = {**os.environ, "CDK_CONTEXT_JSON": json.dumps(context), "CDK_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
