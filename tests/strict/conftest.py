"""The stacks on a strict embedded AWS, and its administrator, who lets the tests act as any role."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from app import cloud, deploy
from app.contracts import names
from app.embedded import control
from app.embedded.settings import ACCOUNT, REGION, Access

from .calls import RUN, Call

ENVIRONMENT = "test"
PROGRAMS = Path(__file__).parents[1] / "faults" / "programs"
"""Programs that stand in for the container's: seconds instead of minutes."""
STATE_VARIABLE = "CASTLINE_STRICT_STATE"
"""A folder whose strict embedded AWS is up and deployed; for repeated runs by hand, because deploying takes minutes."""
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "403"}


class Deployed:
    """The deployed stacks, and sessions of everybody in them."""

    def __init__(self, running: control.Running) -> None:
        self.running = running
        self.pipeline = cloud.connect(ENVIRONMENT)
        cloudformation = self.client("cloudformation")
        pages = [page for stack in ("network", "data", "image", "pipeline", "operations")
                 for page in cloudformation.get_paginator("list_stack_resources").paginate(
                     StackName=names.stack(ENVIRONMENT, stack))]
        self.roles = {
            re.sub(r"[0-9A-F]{8}$", "", resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for page in pages for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::IAM::Role"}
        self._sessions: dict[str, Access] = {}

    def client(self, service: str, access: Access | None = None) -> Any:
        options = (access or self.running.access("administrator")).client_options()
        return boto3.client(service, config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
                            **options)

    def acting_as(self, construct: str) -> Access:
        """A session of a role: the administrator is let into its trust policy, as an administrator could on AWS."""
        if construct not in self._sessions:
            name, iam = self.roles[construct], self.client("iam")
            trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
            trust["Statement"].append({"Effect": "Allow", "Action": "sts:AssumeRole",
                                       "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/administrator"}})
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
            keys = self.client("sts").assume_role(RoleArn=self.arn(construct), RoleSessionName="test")["Credentials"]
            self._sessions[construct] = dataclasses.replace(
                self.running.access(), access_key=keys["AccessKeyId"], secret_key=keys["SecretAccessKey"],
                session_token=keys["SessionToken"])
        return self._sessions[construct]

    def arn(self, construct: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/{self.roles[construct]}"

    def refusal(self, access: Access, call: Call) -> str:
        """Make a call; the words in which it was denied, or nothing: then it was answered, or failed otherwise."""
        parameters = _filled(call.parameters, self._deployed())
        try:
            getattr(self.client(call.service, access), call.method)(**parameters)
        except ClientError as error:
            return error.response["Error"]["Message"] if error.response["Error"]["Code"] in DENIED else ""
        return ""

    def _deployed(self) -> Callable[[str], str]:
        where = self.pipeline
        known = {
            "bucket": where.bucket, "table": where.table, "machine": where.state_machine_arn,
            "execution": where.execution_arn(RUN), "environment": ENVIRONMENT, "training": self.arn("RolesTraining"),
            "serving": self.arn("RolesServing"), "gate": names.function(ENVIRONMENT, "gate"),
            "next_attempt": names.function(ENVIRONMENT, "next_attempt"),
            "deploy_role": f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}",
        }
        return lambda text: text.format(**known)


def _filled(value: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(content, fill) for name, content in value.items()}
    if isinstance(value, list):
        return [_filled(content, fill) for content in value]
    return fill(value) if isinstance(value, str) else value


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with pytest.MonkeyPatch.context() as patch:
        if given := os.environ.get(STATE_VARIABLE):
            patch.setenv("CASTLINE_STATE", given)
            running = control.status(Path(given))
            assert running is not None, f"{STATE_VARIABLE}={given}: nothing is up there"
            yield Deployed(running)
            return
        state = tmp_path_factory.mktemp("aws")
        patch.setenv("CASTLINE_STATE", str(state))
        patch.setenv("CASTLINE_PROGRAMS", str(PROGRAMS))
        patch.setenv("CASTLINE_FAULT_ORDERS", str(state / "orders"))
        patch.setenv("SFN_WAIT_SCALE", "0.02")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            running = control.up(port, state, strict=True)
            deploy.deploy(ENVIRONMENT, aws=False)
            yield Deployed(running)
        finally:
            control.down(state)
