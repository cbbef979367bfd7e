"""Shared options, help, and every failure as one sentence without a stack trace."""

from __future__ import annotations

import subprocess
import sys

import boto3.exceptions
import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from app.cli import main
from app.cli.target import hoist
from app.client.pipeline import PipelineError
from app.contracts.documents import ContractError
from app.embedded.settings import ROOT, EmbeddedError

COMMANDS = ("up", "deploy", "down", "status", "generate", "upload", "watch", "run", "runs", "show", "report",
            "findings", "interrupt", "predict")
HEAVY = {"boto3", "numpy", "cv2", "PIL", "sagemaker", "app.cloud", "app.generator"}


@pytest.mark.parametrize(("given", "hoisted"), [
    (["runs", "--aws", "--limit", "3"], ["--aws", "runs", "--limit", "3"]),
    (["deploy", "--aws", "--env", "dev"], ["--aws", "--env", "dev", "deploy"]),
    (["runs", "--env=prod"], ["--env=prod", "runs"]),
    (["--env", "dev", "runs"], ["--env", "dev", "runs"]),
    (["predict", "--", "--aws"], ["predict", "--", "--aws"]),
    (["runs", "--env"], ["--env", "runs"]),
    ([], []),
])
def test_shared_options_may_stand_behind_the_command(given, hoisted):
    assert hoist(given) == hoisted


@pytest.mark.parametrize(("arguments", "cloud_variable", "expected"), [
    (["deploy"], "", ("local", False)),
    (["deploy", "--aws"], "", ("dev", True)),
    (["deploy", "--aws", "--env", "prod"], "", ("prod", True)),
    (["deploy"], "aws", ("dev", True)),
    (["--env", "test", "deploy"], "embedded", ("test", False)),
])
def test_deploy_goes_where_the_options_say(app, monkeypatch, arguments, cloud_variable, expected):
    deployed = []
    monkeypatch.setattr("app.deploy.deploy", lambda environment, *, aws: deployed.append((environment, aws)))
    monkeypatch.setattr("app.cli.environment._tell_costs", lambda *_, **__: None)
    monkeypatch.setenv("CASTLINE_CLOUD", cloud_variable)

    result = app(*arguments)

    assert result.exit_code == 0, result.stderr
    assert deployed == [expected]


def test_an_unknown_cloud_is_refused(app, monkeypatch):
    monkeypatch.setenv("CASTLINE_CLOUD", "azure")

    result = app("runs")

    assert (result.exit_code, result.stderr) == (1, "Error: CASTLINE_CLOUD=azure: must be aws or embedded\n")


def test_help_shows_every_command_and_an_example_for_each(app):
    assert all(f" {command} " in app("--help").stdout for command in COMMANDS)
    for command in COMMANDS:
        assert f"python -m app {command}" in app(command, "--help").stdout


@pytest.mark.parametrize(("error", "sentence"), [
    (PipelineError("folder[1]: no image: name another"), "folder[1]: no image: name another"),
    (ContractError("a.b: missing"), "a.b: missing"),
    (EmbeddedError("port 4566 is taken"), "port 4566 is taken"),
    (ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject"),
     "AWS refused GetObject: Access Denied"),
    (botocore.exceptions.NoCredentialsError(),
     "no AWS credentials: run `aws configure`, or set AWS_PROFILE to a profile that has them"),
    (botocore.exceptions.NoRegionError(),
     "no AWS region: run `aws configure`, or set AWS_REGION, for example to eu-central-1"),
    (boto3.exceptions.S3UploadFailedError("Failed to upload x"), "AWS cannot be used: Failed to upload x"),
    (PermissionError(13, "Permission denied", "/a/b.jpg"), "/a/b.jpg: Permission denied"),
])
def test_a_failure_that_a_person_can_mend_is_one_sentence(app, monkeypatch, error, sentence):
    def fail(_environment, *, aws=False):
        raise error

    monkeypatch.setattr("app.cloud.connect", fail)

    result = app("status")

    assert result.exit_code == 1
    assert result.stderr == f"Error: {sentence}\n"
    assert result.stdout == ""


def test_a_server_that_does_not_answer_says_how_to_start_it():
    sentence = main.explain(botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"))

    assert sentence is not None
    assert sentence.endswith("on this machine start it with python -m app up")


def test_a_mistake_of_ours_keeps_its_stack_trace(app, monkeypatch):
    def fail(_environment, *, aws=False):
        raise ZeroDivisionError

    monkeypatch.setattr("app.cloud.connect", fail)

    assert isinstance(app("status").exception, ZeroDivisionError)


def test_help_imports_nothing_heavy():
    code = "import sys, app.cli.main; print(*sys.modules)"

    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603

    assert "app.cli.main" in result.stdout.split()
    assert not HEAVY & set(result.stdout.split())
