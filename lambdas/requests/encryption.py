"""Where the customer-managed key goes in a request; without one SageMaker encrypts with keys of its own."""

from __future__ import annotations

import re

from lambdas.environment import Environment
from lambdas.requests.common import Request

LOCAL_DISK = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|gr?[5-9]e?|p[5-9][a-z]*|p4de?|trn\d+n?|i\d+[a-z]*)\.\w+")
"""Machines with disks of their own (NVMe): m5d, g4dn, g5, g6, p4d, p5, trn1, ...

Their hardware encrypts these disks, with keys that end with the machine, and SageMaker refuses a key for them.
Source: SageMaker API reference, ResourceConfig, VolumeKmsKeyId; EC2 user guide, Instance store volumes.
"""


def output(environment: Environment) -> Request:
    """`KmsKeyId` of what goes to S3."""
    return {"KmsKeyId": environment.key_arn} if environment.key_arn else {}


def volume(environment: Environment, *instance_types: str, name: str = "VolumeKmsKeyId") -> Request:
    """The key of the volumes of machines, unless one of the types has disks of its own."""
    if not environment.key_arn or any(map(LOCAL_DISK.fullmatch, instance_types)):
        return {}
    return {name: environment.key_arn}
