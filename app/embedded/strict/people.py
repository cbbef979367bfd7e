"""The people of a strict embedded AWS: who bootstraps the account, who deploys, who operates, each with a key.

ministack takes some keys for the account's root, whom nobody stops and whose signature nobody checks; here no such
key exists (app/embedded/amendments/principals.py), so everybody is an IAM user, and their policies decide.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import boto3

from app.contracts import names
from app.embedded.settings import ACCOUNT, Access
from app.embedded.strict import FOLDER, Person, trusted

PEOPLE: tuple[Person, ...] = get_args(Person)
ADMINISTRATOR_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
BOOTSTRAP_ROLES = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-*"
"""The roles of `cdk bootstrap`, with its default qualifier."""
DEPLOYER_POLICY: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": BOOTSTRAP_ROLES}],
}
"""All that the CDK needs of the person: what it does, it does as the roles of the bootstrap.

Source: AWS CDK developer guide, Configure security credentials, Permissions.
"""


def engage(state: Path) -> None:
    """Give everybody an access key, unless they have one."""
    file = _file(state)
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    keys = {person: {"access_key": f"AKIA{secrets.token_hex(8).upper()}", "secret_key": secrets.token_urlsafe(30)}
            for person in PEOPLE}
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(keys, out)


def access(state: Path, endpoint_url: str, person: Person) -> Access:
    """How somebody reaches the embedded AWS of a state folder."""
    key = keys(state)[person]
    return Access(endpoint_url, key["access_key"], key["secret_key"], certificates=trusted(state))


def keys(state: Path) -> dict[str, dict[str, str]]:
    """Person -> access_key and secret_key."""
    read: dict[str, dict[str, str]] = json.loads(_file(state).read_text())
    return read


def appoint(access: Access, environment: str) -> None:
    """Let the operator do what the operators of a deployed environment may do; `access` is the administrator's."""
    stacks = boto3.client("cloudformation", **access.client_options())
    stack = stacks.describe_stacks(StackName=names.stack(environment, "pipeline"))["Stacks"][0]
    (policy,) = (o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == names.OPERATOR_POLICY_OUTPUT)
    boto3.client("iam", **access.client_options()).attach_user_policy(UserName="operator", PolicyArn=policy)


def _file(state: Path) -> Path:
    return state / FOLDER / "people.json"
