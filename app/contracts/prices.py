"""What AWS asks for the machines and services that are used here: a dated table, and what a deployment knows better.

The table (prices.json) holds only prices that are known; another region is not guessed from a factor. A deployment
adds or corrects prices in cdk.json: `"prices": {"eu-central-1": {"ml.g5.xlarge": 1.76}}`. Standard library only, so
that the functions, the stacks and the command line read the same table.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.contracts.documents import ContractError

TABLE = Path(__file__).with_name("prices.json")
SECONDS_AN_HOUR = 3600
"""Machines are priced by the hour."""
SERVICES = {
    "alarm_month": "one CloudWatch alarm, a month",
    "ecr_gb_month": "ECR, a GB and month of compressed image",
    "efs_gb_month": "EFS Standard, a GB and month",
    "interface_endpoint_hour": "one VPC interface endpoint in one zone, an hour",
    "kms_key_month": "one customer-managed KMS key, a month",
    "lambda_arm_gb_second": "Lambda on ARM, a GB-second",
    "lambda_call": "one Lambda request",
    "nat_gateway_hour": "one NAT gateway, an hour",
    "s3_gb_month": "S3 Standard, a GB and month",
    "serverless_gb_second": "SageMaker serverless inference, a GB-second of answering",
}
"""Every price that is not an instance's: its name and unit. Instances are named by their type, in USD an hour."""


class UnknownPriceError(ContractError):
    """No price is known; the message says where to write it."""


@dataclasses.dataclass(frozen=True)
class Prices:
    """The prices of one region, in USD."""

    region: str
    as_of: str
    """Day of the table, ISO 8601; what cdk.json adds is as new as cdk.json."""
    usd: Mapping[str, float]
    """Instance type (an hour of one instance) or name of a service -> price."""

    def find(self, name: str) -> float | None:
        """The price of an instance type or service; None when it is not known."""
        return self.usd.get(name)

    def of(self, name: str) -> float:
        """The price of an instance type or service.

        Raises:
            UnknownPriceError: it is not in the table, nor in cdk.json.
        """
        price = self.find(name)
        if price is None:
            raise UnknownPriceError(self.unknown((name,)))
        return price

    def unknown(self, names: tuple[str, ...]) -> str:
        """Say that there is no price, and where to write it."""
        example = json.dumps({"prices": {self.region: dict.fromkeys(names, 1.23)}})
        return (
            f"no price of {', '.join(names)} in {self.region} is known (table of {self.as_of}): "
            f"add it to cdk.json, for example {example}"
        )


def of_region(region: str, own: Mapping[str, Mapping[str, float]] | None = None) -> Prices:
    """The prices of a region: the table's, with the deployment's own over them.

    Args:
        region: Such as `eu-central-1`; one that the table does not know has the deployment's own prices only.
        own: The setting `prices`: region -> instance type or service -> USD.
    """
    table = _table()
    known: dict[str, float] = next((t["usd"] for t in table["tables"] if region in t["regions"]), {})
    return Prices(region, table["as_of"], {**known, **(own or {}).get(region, {})})


@functools.cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table
