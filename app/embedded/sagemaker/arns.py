"""Amazon resource names of the local SageMaker."""

from __future__ import annotations

from app.embedded.settings import ACCOUNT, REGION


def arn(resource: str, name: str) -> str:
    """ARN such as `arn:aws:sagemaker:us-east-1:000000000000:training-job/name`."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}/{name}"


def name_of(name_or_arn: str) -> str:
    """The name, where an API takes a name or an ARN."""
    return name_or_arn.split("/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn
