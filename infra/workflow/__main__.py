"""Print the state machine's definition as JSON, for the ASL validator: `python -m infra.workflow`."""

from __future__ import annotations

import json
import sys

from app.contracts.settings import PipelineSettings
from infra.workflow.definition import definition

ACCOUNT, REGION = "123456789012", "eu-west-1"


class _ExampleArns(dict[str, str]):
    """Any handler's ARN in an example account: the validator wants ARNs, not placeholders."""

    def __missing__(self, handler: str) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:castline-dev-{handler.replace('_', '-')}"


if __name__ == "__main__":
    tree = definition(
        settings=PipelineSettings("dev"), function_arns=_ExampleArns(), build_project="castline-dev-image"
    )
    json.dump(tree, sys.stdout, indent=2)
