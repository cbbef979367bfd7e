"""What a function reads at start: the deployment's settings and the names of its resources."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping

from app.contracts import documents, names, prices
from app.contracts.prices import Prices
from app.contracts.settings import PipelineSettings, SpendSettings


@dataclasses.dataclass(frozen=True)
class Environment:
    """One deployment, as its functions see it; the variables are listed in docs/pipeline.md."""

    settings: PipelineSettings
    bucket: str
    table: str
    state_machine_arn: str
    topic_arn: str
    repository_uri: str
    image_tag: str
    prepare_role_arn: str
    training_role_arn: str
    evaluation_role_arn: str
    serving_role_arn: str
    subnets: tuple[str, ...]
    security_group: str
    gate_function: str
    file_system: str = ""
    """Id of the EFS file system, when training uses it."""
    key_arn: str = ""
    """The customer-managed key, where the deployment has one."""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Environment:
        """Read the variables.

        Raises:
            ContractError: a variable is missing or not understood.
        """

        def get(name: str) -> str:
            try:
                return variables[f"CASTLINE_{name}"]
            except KeyError:
                raise documents.ContractError(
                    f"CASTLINE_{name}: missing in the function's environment: deploy the pipeline stack again"
                ) from None

        return cls(
            settings=documents.from_json(PipelineSettings, get("SETTINGS")),
            bucket=get("BUCKET"),
            table=get("TABLE"),
            state_machine_arn=get("STATE_MACHINE_ARN"),
            topic_arn=get("TOPIC_ARN"),
            repository_uri=get("REPOSITORY"),
            image_tag=get("IMAGE_TAG"),
            prepare_role_arn=get("PREPARE_ROLE_ARN"),
            training_role_arn=get("TRAINING_ROLE_ARN"),
            evaluation_role_arn=get("EVALUATION_ROLE_ARN"),
            serving_role_arn=get("SERVING_ROLE_ARN"),
            subnets=tuple(get("SUBNETS").split(",")),
            security_group=get("SECURITY_GROUP"),
            gate_function=get("GATE_FUNCTION"),
            file_system=variables.get("CASTLINE_FILE_SYSTEM", ""),
            key_arn=variables.get("CASTLINE_KEY_ARN", ""),
        )

    @property
    def name(self) -> str:
        """The environment's name, such as `dev`."""
        return self.settings.environment

    @property
    def endpoint(self) -> str:
        """Name of the one endpoint."""
        return names.endpoint(self.name)

    @property
    def region(self) -> str:
        """The region, such as `eu-central-1`."""
        return self.state_machine_arn.split(":")[3]

    @property
    def prices(self) -> Prices:
        """What machines cost in this region."""
        return prices.of_region(self.region, self.settings.prices)

    def spending(self, *, over_budget: bool) -> PipelineSettings:
        """The settings of one run: without budgets when a person has said so."""
        return dataclasses.replace(self.settings, spend=SpendSettings()) if over_budget else self.settings

    def execution_arn(self, run_id: str) -> str:
        """ARN of the execution of a run; the execution's name is the run id."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{run_id}"


@functools.cache
def current() -> Environment:
    """The environment of this process, read once."""
    return Environment.read(os.environ)
