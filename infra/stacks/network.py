"""The network stack: where the jobs run."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from infra.network import PrivateNetwork
from infra.settings import DeploymentSettings


class NetworkStack(Stack):
    """The private network.

    Attributes:
        network: VPC, subnets and security groups.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.network = PrivateNetwork(
            self, "Network", cidr=settings.network.cidr, with_copies=settings.storage.datasync
        )
