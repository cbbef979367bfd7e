"""Strict mode: which actions on which resources a call of SageMaker takes, and what SageMaker does under a job's role.

Source: Service Authorization Reference, Actions, resources, and condition keys for Amazon SageMaker AI; SageMaker AI
developer guide, How to use SageMaker AI execution roles (CreateTrainingJob, CreateProcessingJob, CreateModel API).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.embedded.sagemaker.arns import arn, name_of
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import ACCOUNT, REGION
from app.embedded.strict.steps import Step

SERVICE = "sagemaker.amazonaws.com"
ROLE_MEMBERS = ("RoleArn", "ExecutionRoleArn")
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
INTERFACES = ("CreateNetworkInterface", "CreateNetworkInterfacePermission", "DeleteNetworkInterface",
              "DescribeNetworkInterfaces", "DescribeVpcs", "DescribeDhcpOptions", "DescribeSubnets",
              "DescribeSecurityGroups")
MOUNTS = ("DescribeFileSystems", "DescribeMountTargets")
IMAGE = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[^.]+)\.[^/]+/(?P<name>[^:@]+)")


def steps(operation: str, request: Record, kinds: dict[str, str]) -> Iterator[Step]:
    """What the caller of an operation must be allowed.

    Args:
        operation: Such as `CreateTrainingJob`.
        request: Its parameters.
        kinds: Kind of a record -> type of its resource, such as `TrainingJob` -> `training-job`.
    """
    context = _context(request)
    for resource in _resources(operation, request, kinds):
        yield Step(f"sagemaker:{operation}", resource, context)
        if operation.startswith("Create") and request.get("Tags"):
            yield Step("sagemaker:AddTags", resource, context)
    for member in ROLE_MEMBERS:
        if operation.startswith("Create") and member in request:
            yield Step("iam:PassRole", request[member], {"iam:PassedToService": SERVICE})


def invocation(endpoint: str, operation: str = "InvokeEndpoint") -> Step:
    """What the caller of an endpoint must be allowed."""
    return Step(f"sagemaker:{operation}", arn("endpoint", endpoint))


def scaling(operation: str, request: Record) -> Iterator[Step]:
    """What the caller of Application Auto Scaling must be allowed: the call, and what it does as the caller then.

    Source: Service Authorization Reference, Application Auto Scaling; Amazon SageMaker developer guide, "Auto scaling
    policy overview", permissions.
    """
    resource = request.get("ResourceId", "")
    endpoint = arn("endpoint", resource.split("/")[1] if "/" in resource else "*")
    keys = {"service-namespace": "ServiceNamespace", "scalable-dimension": "ScalableDimension"}
    context = {f"application-autoscaling:{key}": request[name] for key, name in keys.items() if name in request}
    described = operation.startswith("Describe")
    target = "*" if described else f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/*"
    yield Step(f"application-autoscaling:{operation}", target, context)
    if operation == "RegisterScalableTarget":
        yield from (Step(f"sagemaker:{action}", endpoint)
                    for action in ("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities"))
    if request.get("PolicyType") == "TargetTrackingScaling":
        yield Step("cloudwatch:PutMetricAlarm",
                   f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:TargetTracking-{resource}-AlarmHigh")


def watching(alarms: Sequence[str]) -> Iterator[Step]:
    """What SageMaker does as the role of a model while alarms watch its deployment."""
    for name in alarms:
        yield Step("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")


def duties(record: Record) -> Iterator[Step]:
    """What SageMaker does as the role of a job or model, beside the transfers and the log that it really makes here."""
    yield Step("ecr:GetAuthorizationToken")
    for image in _images(record):
        if found := IMAGE.match(image):
            repository = f"arn:aws:ecr:{found['region']}:{found['account']}:repository/{found['name']}"
            yield from (Step(action, repository) for action in PULL)
    yield Step("cloudwatch:PutMetricData", context={"cloudwatch:namespace": "/aws/sagemaker/Jobs"})
    if record.get("VpcConfig") or record.get("NetworkConfig", {}).get("VpcConfig"):
        yield from (Step(f"ec2:{action}") for action in INTERFACES)
    for channel in record.get("InputDataConfig", []):
        if source := channel["DataSource"].get("FileSystemDataSource"):
            file_system = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/{source['FileSystemId']}"
            yield from (Step(f"elasticfilesystem:{action}", file_system) for action in MOUNTS)


def _resources(operation: str, request: Record, kinds: dict[str, str]) -> list[str]:
    if "ResourceArn" in request:
        return [request["ResourceArn"]]
    if operation.startswith("List"):
        # A group is asked about its own versions; all other lists are about the account.
        group = request.get("ModelPackageGroupName") if operation == "ListModelPackages" else None
        return [arn("model-package-group", name_of(group))] if group else ["*"]
    if operation.endswith("ModelPackage"):
        return _model_package(request)
    # An endpoint that takes a configuration is decided on both.
    named = [arn(resource, name_of(str(request[f"{kind}Name"]))) for kind, resource in kinds.items()
             if f"{kind}Name" in request]
    return named or ["*"]


def _model_package(request: Record) -> list[str]:
    if group := request.get("ModelPackageGroupName"):
        name = name_of(group)
        return [arn("model-package", f"{name}/*"), arn("model-package-group", name)]
    return [request.get("ModelPackageArn") or request["ModelPackageName"]]


def _context(request: Record) -> dict[str, Any]:
    """The condition keys of a request that policies use most."""
    vpc = request.get("VpcConfig") or request.get("NetworkConfig", {}).get("VpcConfig") or {}
    network = request.get("NetworkConfig", {})
    isolated = request.get("EnableNetworkIsolation", network.get("EnableNetworkIsolation", False))
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    return {
        "sagemaker:NetworkIsolation": str(isolated).lower(),
        **({"sagemaker:VpcSubnets": vpc["Subnets"]} if vpc else {}),
        **({"sagemaker:VpcSecurityGroupIds": vpc["SecurityGroupIds"]} if vpc else {}),
        **({"aws:TagKeys": list(tags)} if tags else {}),
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
    }


def _images(record: Record) -> list[str]:
    """The images of a job or a model."""
    containers = [record.get("AlgorithmSpecification", {}), record.get("AppSpecification", {}),
                  record.get("PrimaryContainer", {}), *record.get("Containers", [])]
    return [c[member] for c in containers for member in ("TrainingImage", "ImageUri", "Image") if c.get(member)]
