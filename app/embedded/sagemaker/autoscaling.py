"""Application Auto Scaling for endpoint variants: scalable targets and their policies, checked as AWS checks them.

What policies do to an endpoint: `scaling`. Source: Application Auto Scaling API reference; Amazon SageMaker developer
guide, "Automatic scaling of models" and "Autoscale an asynchronous endpoint".
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from app.embedded.sagemaker import shapes
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.errors import ApiError, validation
from app.embedded.sagemaker.fleets import mode_of
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import ACCOUNT, REGION

SERVICE = "application-autoscaling"
TARGET, POLICY = "ScalableTarget", "ScalingPolicy"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
PREDEFINED = "SageMakerVariantInvocationsPerInstance"
ROLE = (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
SUSPENDABLE = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
CONFIGURATIONS = {"TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
                  "StepScaling": "StepScalingPolicyConfiguration"}


class AutoScaling:
    """The API for the service namespace sagemaker.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def call(self, operation: str, request: Record) -> Record:
        """Answer one API call.

        Raises:
            ApiError: as Application Auto Scaling would refuse it.
        """
        answer = {
            "RegisterScalableTarget": self._register, "DeregisterScalableTarget": self._deregister,
            "DescribeScalableTargets": self._describe_targets, "PutScalingPolicy": self._put_policy,
            "DeleteScalingPolicy": self._delete_policy, "DescribeScalingPolicies": self._describe_policies,
        }.get(operation)
        if answer is None:
            raise ApiError("UnknownOperationException", f"{operation}: the embedded AWS does not have this operation")
        shapes.check_request(operation, request, SERVICE)
        if request["ServiceNamespace"] != "sagemaker":
            raise validation(f"ServiceNamespace {request['ServiceNamespace']}: the embedded AWS has sagemaker only")
        if request.get("ScalableDimension", DIMENSION) != DIMENSION:
            raise validation(f"ScalableDimension {request['ScalableDimension']}: the embedded AWS has {DIMENSION} only")
        return shapes.project(operation, answer(request), SERVICE)

    def _register(self, request: Record) -> Record:
        resource = request["ResourceId"]
        config = self._config(resource)
        known = self._cloud.store.get(TARGET, resource)
        bounds = {name: request.get(name, (known or {}).get(name)) for name in ("MinCapacity", "MaxCapacity")}
        _check_bounds(resource, bounds, mode_of(config))
        changes: Record = {**bounds, "SuspendedState": _suspended(request, known)}
        if known:
            self._cloud.store.change(known, **changes)
            return known
        target = f"arn:aws:{SERVICE}:{REGION}:{ACCOUNT}:scalable-target/{uuid.uuid4().hex[:24]}"
        record: Record = {"ServiceNamespace": "sagemaker", "ResourceId": resource, "ScalableDimension": DIMENSION,
                          "RoleARN": ROLE, "ScalableTargetARN": target, **changes}
        self._cloud.store.add(TARGET, resource, record)
        return record

    def _deregister(self, request: Record) -> Record:
        target = self._target(request["ResourceId"])
        for policy in policies_of(self._cloud, request["ResourceId"]):
            self._cloud.store.remove(policy)
        self._cloud.store.remove(target)
        return {}

    def _describe_targets(self, request: Record) -> Record:
        wanted = request.get("ResourceIds")
        found = [t for t in self._cloud.store.all(TARGET) if wanted is None or t["ResourceId"] in wanted]
        return {"ScalableTargets": found}

    def _put_policy(self, request: Record) -> Record:
        self._target(request["ResourceId"])
        kind = request.get("PolicyType", "StepScaling")
        if kind not in CONFIGURATIONS:
            raise validation(f"PolicyType {kind} is not supported for the service namespace sagemaker")
        if CONFIGURATIONS[kind] not in request:
            raise validation(f"{CONFIGURATIONS[kind]} is required for PolicyType {kind}")
        check = _check_tracking if kind == "TargetTrackingScaling" else _check_steps
        check(request[CONFIGURATIONS[kind]])
        name = f"{request['ResourceId']}/{request['PolicyName']}"
        content: Record = {member: request.get(member) for member in CONFIGURATIONS.values()}
        content |= {"PolicyType": kind, "Alarms": []}
        known = self._cloud.store.get(POLICY, name)
        if known:
            self._cloud.store.change(known, **content)
            return known
        record: Record = {
            "PolicyARN": f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:{uuid.uuid4()}:resource/sagemaker/"
                         f"{request['ResourceId']}:policyName/{request['PolicyName']}",
            "PolicyName": request["PolicyName"], "ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION,
            "ResourceId": request["ResourceId"], **{k: v for k, v in content.items() if v is not None}}
        self._cloud.store.add(POLICY, name, record)
        return record

    def _delete_policy(self, request: Record) -> Record:
        record = self._cloud.store.get(POLICY, f"{request['ResourceId']}/{request['PolicyName']}")
        if record is None:
            raise ApiError("ObjectNotFoundException", f"No scaling policy found for service namespace: sagemaker, "
                           f"resource ID: {request['ResourceId']}, policy name: {request['PolicyName']}")
        self._cloud.store.remove(record)
        return {}

    def _describe_policies(self, request: Record) -> Record:
        names, resource = request.get("PolicyNames"), request.get("ResourceId")
        return {"ScalingPolicies": [p for p in self._cloud.store.all(POLICY)
                                    if (names is None or p["PolicyName"] in names)
                                    and (resource is None or p["ResourceId"] == resource)]}

    def _target(self, resource: str) -> Record:
        record = self._cloud.store.get(TARGET, resource)
        if record is None:
            raise ApiError("ObjectNotFoundException", f"No scalable target found for service namespace: sagemaker, "
                                                      f"resource ID: {resource}, scalable dimension: {DIMENSION}")
        return record

    def _config(self, resource: str) -> Record:
        """The configuration of the endpoint that a ResourceId names."""
        match = RESOURCE.fullmatch(resource)
        if not match:
            raise validation(f"ResourceId {resource}: must be endpoint/<name>/variant/<name>")
        endpoint = self._cloud.store.get("Endpoint", match[1])
        config = endpoint and self._cloud.store.get("EndpointConfig", endpoint["EndpointConfigName"])
        names = [v["VariantName"] for v in config["ProductionVariants"]] if config else []
        if config is None or match[2] not in names:
            raise validation(f"ResourceId {resource}: there is no such endpoint and variant")
        return config


def policies_of(cloud: Cloud, resource: str) -> list[Record]:
    """The scaling policies of one scalable target."""
    return [p for p in cloud.store.all(POLICY) if p["ResourceId"] == resource]


def _check_bounds(resource: str, bounds: dict[str, Any], mode: str) -> None:
    low, high = bounds["MinCapacity"], bounds["MaxCapacity"]
    if mode == "serverless":
        raise validation(f"ResourceId {resource}: a serverless endpoint has no instances to scale")
    if low is None or high is None:
        raise validation(f"ResourceId {resource}: MinCapacity and MaxCapacity are required to register it")
    if high < low:
        raise validation(f"MaxCapacity = {high}: must not be less than MinCapacity = {low}")
    smallest = 0 if mode == "async" else 1
    if low < smallest:
        raise validation(f"MinCapacity = {low}: must be at least {smallest} for the {mode} endpoint of {resource}")


def _suspended(request: Record, known: Record | None) -> Record:
    before: Record = (known or {}).get("SuspendedState", dict.fromkeys(SUSPENDABLE, False))
    return {**before, **request.get("SuspendedState", {})}


def _check_tracking(config: Record) -> None:
    predefined, customized = (config.get(f"{kind}MetricSpecification") for kind in ("Predefined", "Customized"))
    if bool(predefined) == bool(customized):
        raise validation("TargetTrackingScalingPolicyConfiguration: exactly one of PredefinedMetricSpecification and "
                         "CustomizedMetricSpecification is required")
    if predefined and predefined["PredefinedMetricType"] != PREDEFINED:
        raise validation(f"PredefinedMetricType {predefined['PredefinedMetricType']}: the embedded AWS has "
                         f"{PREDEFINED} only")
    if config["TargetValue"] <= 0:
        raise validation(f"TargetValue = {config['TargetValue']}: must be greater than 0")


def _check_steps(config: Record) -> None:
    if "AdjustmentType" not in config or not config.get("StepAdjustments"):
        raise validation("StepScalingPolicyConfiguration: AdjustmentType and StepAdjustments are required")
