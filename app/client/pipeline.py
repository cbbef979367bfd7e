"""One deployed environment as the command line sees it: its resources by name, its AWS clients by service."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any


class PipelineError(Exception):
    """Something that the person at the command line can fix; the message says what and how."""


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The deployed pipeline.

    Attributes:
        client: Makes a boto3 client for a service name.
        environment: Name of the environment: `local`, `dev`, ...
        embedded: Whether it runs on the embedded AWS of this machine.
    """

    client: Callable[[str], Any]
    environment: str
    embedded: bool
    bucket: str
    table: str
    state_machine_arn: str
    gate_function: str
    endpoint: str
    console_url: str = ""
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    """The AWS variables of a program that shall talk to the same embedded AWS."""

    def execution_arn(self, run_id: str) -> str:
        """ARN of the execution of a run; the execution's name is the run id."""
        return self.state_machine_arn.replace(":stateMachine:", ":execution:") + f":{run_id}"
