"""What every request shares: tags, network, S3 inputs."""

from __future__ import annotations

from typing import Any

from app.contracts import keys
from lambdas.environment import Environment

Request = dict[str, Any]


def tags(environment: Environment, run_id: str) -> list[dict[str, str]]:
    """Tags that tell costs and leftovers apart."""
    return [
        {"Key": "castline:environment", "Value": environment.name},
        {"Key": "castline:run", "Value": run_id},
    ]


def vpc(environment: Environment) -> Request:
    """The isolated subnets; S3 is reached through the gateway endpoint."""
    return {"Subnets": list(environment.subnets), "SecurityGroupIds": [environment.security_group]}


def source(environment: Environment, key: str) -> dict[str, str]:
    """Where an input comes from: a list of shards names its objects, any other key is a prefix."""
    kind = "ManifestFile" if key.endswith(".manifest") else "S3Prefix"
    return {"S3DataType": kind, "S3Uri": uri(environment, key)}


def uri(environment: Environment, key: str) -> str:
    """The s3:// form of a key in the data bucket."""
    return keys.uri(environment.bucket, key)
