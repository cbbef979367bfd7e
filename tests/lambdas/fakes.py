"""SageMaker, Step Functions and the rest as far as the functions use them; S3 and DynamoDB are moto's.

Every request is checked against botocore's service model, so a request that AWS would refuse fails here too.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

NOW = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)


@functools.cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def assert_valid(service: str, operation: str, request: dict[str, Any]) -> None:
    report = ParamValidator().validate(request, model(service).operation_model(operation).input_shape)
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"


def client_error(code: str, message: str, **extra: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **extra}, "Operation")


class Fake:
    """A boto3 client whose operations are the methods named like them; each request is validated and kept."""

    service = ""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.errors: dict[str, list[ClientError]] = {}
        self.watch: Callable[[str, dict[str, Any]], None] = lambda operation, request: None
        """Called before each operation."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operations = {xform_name(o): o for o in model(self.service).operation_names}
        if name.startswith("_") or name not in operations:
            raise AttributeError(name)
        implementation = getattr(type(self), f"on_{name}", None)
        if implementation is None:
            raise AssertionError(f"{self.service}.{name} is not expected to be called")

        def call(**request: Any) -> Any:
            assert_valid(self.service, operations[name], request)
            self.calls.append((name, request))
            self.watch(name, request)
            if self.errors.get(name):
                raise self.errors[name].pop(0)
            return implementation(self, **request)

        return call

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in self.calls if name == operation]

    def get_paginator(self, name: str) -> Any:
        fake = self

        class Paginator:
            def paginate(self, **request: Any) -> list[Any]:
                return [getattr(fake, name)(**request)]

        return Paginator()


class FakeSageMaker(Fake):
    service = "sagemaker"

    def __init__(self) -> None:
        super().__init__()
        self.training: dict[str, dict[str, Any]] = {}
        self.processing: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.endpoint: dict[str, Any] | None = None
        self.trial: dict[str, Any] | None = None
        """The endpoint castline-dev-trial."""

    def on_create_training_job(self, **request: Any) -> dict[str, Any]:
        name = request["TrainingJobName"]
        if name in self.training:
            raise client_error("ResourceInUse", "a job with this name already exists")
        self.training[name] = {**request, "TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting"}
        return {"TrainingJobArn": f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{name}"}

    def on_describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        if TrainingJobName not in self.training:
            raise client_error("ValidationException", "Requested resource not found.")
        return self.training[TrainingJobName]

    def on_stop_training_job(self, TrainingJobName: str) -> None:  # noqa: N803
        self.training[TrainingJobName]["TrainingJobStatus"] = "Stopping"

    def on_create_processing_job(self, **request: Any) -> dict[str, Any]:
        name = request["ProcessingJobName"]
        if name in self.processing:
            raise client_error("ResourceInUse", "a job with this name already exists")
        self.processing[name] = {**request, "ProcessingJobStatus": "InProgress"}
        return {"ProcessingJobArn": f"arn:aws:sagemaker:eu-west-1:123456789012:processing-job/{name}"}

    def on_describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        if ProcessingJobName not in self.processing:
            raise client_error("ResourceNotFound", "Could not find requested job")
        return self.processing[ProcessingJobName]

    def on_stop_processing_job(self, ProcessingJobName: str) -> None:  # noqa: N803
        self.processing[ProcessingJobName]["ProcessingJobStatus"] = "Stopping"

    def on_create_model(self, **request: Any) -> dict[str, Any]:
        return self._once(self.models, request["ModelName"], request)

    def on_create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        return self._once(self.configs, request["EndpointConfigName"], request)

    def _once(self, store: dict[str, Any], name: str, request: dict[str, Any]) -> dict[str, Any]:
        if name in store:
            raise client_error("ValidationException", f"Cannot create already existing {name}")
        store[name] = request
        return {}

    def on_describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        return self._found(self.models, ModelName, "model")

    def on_describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return self._found(self.configs, EndpointConfigName, "endpoint configuration")

    def _found(self, store: dict[str, Any], name: str, what: str) -> dict[str, Any]:
        if name not in store:
            raise client_error("ValidationException", f'Could not find {what} "{name}".')
        return dict(store[name])

    def on_create_endpoint(self, **request: Any) -> dict[str, Any]:
        place = self._place(request["EndpointName"])
        if getattr(self, place):
            raise client_error("ValidationException", "Cannot create already existing endpoint")
        setattr(self, place, {**request, "EndpointStatus": "Creating"})
        return {}

    @staticmethod
    def _place(name: str) -> str:
        return "trial" if name.endswith("-trial") else "endpoint"

    def on_update_endpoint(self, **request: Any) -> dict[str, Any]:
        assert self.endpoint is not None
        self.endpoint["EndpointStatus"] = "Updating"
        self.endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": request["EndpointConfigName"]}
        return {}

    def on_delete_endpoint(self, EndpointName: str) -> None:  # noqa: N803
        described = getattr(self, self._place(EndpointName))
        if described is None:
            raise client_error("ValidationException", f'Could not find endpoint "{EndpointName}".')
        assert described["EndpointName"] == EndpointName
        described["EndpointStatus"] = "Deleting"

    def get_waiter(self, name: str) -> Any:
        """Of boto3: waits until what is being deleted is gone; here it goes at once."""
        assert name == "endpoint_deleted"
        self.calls.append(("wait_endpoint_deleted", {}))
        return self

    def wait(self, EndpointName: str, WaiterConfig: dict[str, int]) -> None:  # noqa: N803
        place = self._place(EndpointName)
        assert getattr(self, place)["EndpointStatus"] == "Deleting"
        assert WaiterConfig["Delay"] * WaiterConfig["MaxAttempts"] <= 200
        setattr(self, place, None)

    def on_describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        described = getattr(self, self._place(EndpointName))
        if described is None:
            raise client_error("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return dict(described)

    def serve(
        self, config: str, status: str = "InService", name: str = "castline-dev", mode: str = "serverless"
    ) -> None:
        """The endpoint has come to rest."""
        described: dict[str, Any] = {"EndpointName": name, "EndpointConfigName": config, "EndpointStatus": status}
        variant = {"VariantName": "AllTraffic"}
        sizes = {"serverless": {"CurrentServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 1}}}
        described["ProductionVariants"] = [{**variant, **sizes.get(mode, {"CurrentInstanceCount": 1})}]
        if mode == "async":
            described["AsyncInferenceConfig"] = {"OutputConfig": {"S3OutputPath": "s3://castline-dev-data/serving"}}
        setattr(self, self._place(name), described)

    def on_create_model_package(self, **request: Any) -> dict[str, Any]:
        group = request["ModelPackageGroupName"]
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{group}/{len(self.packages) + 1}"
        self.packages[arn] = {**request, "ModelPackageArn": arn}
        return {"ModelPackageArn": arn}

    def on_list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": list(self.packages.values())}

    def on_describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return self.packages[ModelPackageName]

    def on_update_model_package(self, **request: Any) -> dict[str, Any]:
        self.packages[request["ModelPackageArn"]].update(request)
        return {}


class FakeStates(Fake):
    service = "stepfunctions"

    def __init__(self) -> None:
        super().__init__()
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.dead_tokens: set[str] = set()
        self.answers: list[tuple[str, str, dict[str, Any]]] = []
        """(operation, token, request)"""

    def on_start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: N803
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.executions:
            raise client_error("ExecutionAlreadyExists", name)
        self.executions[arn] = {"executionArn": arn, "name": name, "status": "RUNNING", "input": input}
        return {"executionArn": arn}

    def on_describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        if executionArn not in self.executions:
            raise client_error("ExecutionDoesNotExist", executionArn)
        return self.executions[executionArn]

    def on_get_execution_history(self, **_: Any) -> dict[str, Any]:
        return {"events": self.events}

    def _answer(self, operation: str, **request: Any) -> dict[str, Any]:
        if request["taskToken"] in self.dead_tokens:
            raise client_error("TaskTimedOut", "Task Timed Out")
        self.answers.append((operation, request["taskToken"], request))
        return {}

    def on_send_task_success(self, **request: Any) -> dict[str, Any]:
        return self._answer("success", **request)

    def on_send_task_failure(self, **request: Any) -> dict[str, Any]:
        return self._answer("failure", **request)

    def on_send_task_heartbeat(self, **request: Any) -> dict[str, Any]:
        return self._answer("heartbeat", **request)


class FakeRuntime(Fake):
    service = "sagemaker-runtime"

    def __init__(self) -> None:
        super().__init__()
        self.answer: Callable[[bytes, str], bytes] = lambda body, kind: b"{}"

    def on_invoke_endpoint(self, Body: bytes, ContentType: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.answer(Body, ContentType))}

    def on_invoke_endpoint_async(self, InputLocation: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        number = len(self.requests("invoke_endpoint_async"))
        folder = f"{InputLocation.split('/runs/')[0]}/serving"
        return {"OutputLocation": f"{folder}/answers/{number}.out",
                "FailureLocation": f"{folder}/failures/{number}-error.out"}  # fmt: skip


class FakeAutoscaling(Fake):
    service = "application-autoscaling"

    def __init__(self) -> None:
        super().__init__()
        self.target: dict[str, Any] | None = None
        self.policies: dict[str, dict[str, Any]] = {}

    def on_register_scalable_target(self, **request: Any) -> dict[str, Any]:
        self.target = request
        return {"ScalableTargetARN": "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/0a1b"}

    def on_deregister_scalable_target(self, **_: Any) -> dict[str, Any]:
        if self.target is None:
            raise client_error("ObjectNotFoundException", "No scalable target found")
        self.target = None
        self.policies.clear()
        return {}

    def on_put_scaling_policy(self, **request: Any) -> dict[str, Any]:
        assert self.target is not None
        self.policies[request["PolicyName"]] = request
        return {"PolicyARN": f"arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:0a1b:{request['PolicyName']}"}


class FakeCloudWatch(Fake):
    service = "cloudwatch"

    def __init__(self) -> None:
        super().__init__()
        self.alarms: dict[str, dict[str, Any]] = {}

    def on_put_metric_alarm(self, **request: Any) -> None:
        self.alarms[request["AlarmName"]] = request

    def on_delete_alarms(self, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            self.alarms.pop(name, None)


class FakeEcr(Fake):
    service = "ecr"

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, str] = {}
        """tag -> digest"""

    def on_describe_images(self, repositoryName: str, imageIds: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        tag = imageIds[0]["imageTag"]
        if tag not in self.images:
            raise client_error("ImageNotFoundException", f"{repositoryName}:{tag}")
        return {"imageDetails": [{"imageDigest": self.images[tag]}]}


class FakeSns(Fake):
    service = "sns"

    def on_publish(self, **_: Any) -> dict[str, Any]:
        return {}


class FakeLambda(Fake):
    service = "lambda"

    def on_invoke(self, **_: Any) -> dict[str, Any]:
        return {}
