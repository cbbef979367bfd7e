"""The pipeline stack: the state machine, its functions, and what wakes them."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from app.contracts import names
from app.contracts.documents import to_json
from infra.arns import Arns
from infra.functions import PipelineFunctions
from infra.identity import SageMakerRoles
from infra.network import PrivateNetwork
from infra.people import OperatorPolicy
from infra.resources import Resources
from infra.settings import DeploymentSettings
from infra.triggers import EventTriggers, InboxTrigger
from infra.workflow.machine import PipelineStateMachine


class PipelineStack(Stack):
    """Roles, functions, state machine and triggers.

    Attributes:
        functions: The Lambda functions.
        inbox: The upload trigger with its queues.
        state_machine: The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        network: PrivateNetwork,
        bucket: s3.IBucket,
        file_system: efs.IFileSystem,
        table: dynamodb.ITable,
        image_tag: str,
        key_arn: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._settings = settings
        self._arns = Arns(self, settings.environment)
        self._image_tag = image_tag
        # Exported by hand, so that the ARNs already read here as they will in the policies.
        bucket_arn = Stack.of(bucket).export_value(bucket.bucket_arn)
        # Exported always: an export that comes and goes with a setting stands in the way of both deployments.
        file_system_id = str(Stack.of(file_system).export_value(file_system.file_system_id))
        roles = SageMakerRoles(
            self,
            "Roles",
            bucket_arn=bucket_arn,
            arns=self._arns,
            file_system_id=file_system_id if settings.pipeline.training.file_system.used else None,
            key_arn=key_arn,
        )
        resources = Resources(
            bucket_arn=bucket_arn,
            table_arn=table.table_arn,
            prepare_role_arn=roles.prepare.role_arn,
            training_role_arn=roles.training.role_arn,
            evaluation_role_arn=roles.evaluation.role_arn,
            serving_role_arn=roles.of_endpoint(on_machines=settings.pipeline.serving.on_machines).role_arn,
            serving_mode=settings.pipeline.serving.mode,
            arns=self._arns,
        )
        OperatorPolicy(
            self, "Operators", environment=settings.environment, resources=resources, key_arn=key_arn
        )
        self.functions = PipelineFunctions(
            self,
            "Functions",
            settings=settings,
            resources=resources,
            environment={
                **self._environment(network, bucket, table, roles),
                "CASTLINE_FILE_SYSTEM": file_system_id,
                "CASTLINE_KEY_ARN": key_arn or "",
            },
            key_arn=key_arn,
        )
        self.state_machine = PipelineStateMachine(
            self, "Workflow", settings=settings, function_arns=self.functions.arns, key_arn=key_arn
        ).machine
        self.inbox = InboxTrigger(
            self,
            "Inbox",
            settings=settings,
            bucket_name=bucket.bucket_name,
            gate=self.functions.by_handler["gate"],
            key_arn=key_arn,
        )
        EventTriggers(
            self,
            "Triggers",
            settings=settings,
            functions=self.functions,
            state_machine_arn=self._arns.state_machine,
        )
        self._outputs(bucket, table)

    def _environment(
        self, network: PrivateNetwork, bucket: s3.IBucket, table: dynamodb.ITable, roles: SageMakerRoles
    ) -> dict[str, str]:
        """What every function reads at start (docs/pipeline.md)."""
        subnets = network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        environment = self._settings.environment
        serving = roles.of_endpoint(on_machines=self._settings.pipeline.serving.on_machines)
        return {
            "CASTLINE_SETTINGS": to_json(self._settings.pipeline),
            "CASTLINE_BUCKET": bucket.bucket_name,
            "CASTLINE_TABLE": table.table_name,
            "CASTLINE_STATE_MACHINE_ARN": self._arns.state_machine,
            "CASTLINE_TOPIC_ARN": self._arns.topic,
            "CASTLINE_REPOSITORY": self._arns.repository_uri,
            "CASTLINE_IMAGE_TAG": self._image_tag,
            "CASTLINE_PREPARE_ROLE_ARN": roles.prepare.role_arn,
            "CASTLINE_TRAINING_ROLE_ARN": roles.training.role_arn,
            "CASTLINE_EVALUATION_ROLE_ARN": roles.evaluation.role_arn,
            "CASTLINE_SERVING_ROLE_ARN": serving.role_arn,
            "CASTLINE_SUBNETS": ",".join(subnets.subnet_ids),
            "CASTLINE_SECURITY_GROUP": network.jobs.security_group_id,
            "CASTLINE_BUILD_PROJECT": names.build_project(environment),
            "CASTLINE_GATE_FUNCTION": names.function(environment, "gate"),
        }

    def _outputs(self, bucket: s3.IBucket, table: dynamodb.ITable) -> None:
        """What the command line asks this stack for."""
        environment = self._settings.environment
        outputs = {
            "BucketName": bucket.bucket_name,
            "TableName": table.table_name,
            "StateMachineArn": self._arns.state_machine,
            "GateFunctionName": names.function(environment, "gate"),
            "EndpointName": names.endpoint(environment),
            "TopicArn": self._arns.topic,
            "RepositoryUri": self._arns.repository_uri,
            "ImageTag": self._image_tag,
            "BuildProject": names.build_project(environment),
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
