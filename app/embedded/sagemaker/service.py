"""The control plane: every operation the pipeline uses, checked against botocore's service model."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from app.embedded.sagemaker import authorization, endpoint_rules, reasons, shapes
from app.embedded.sagemaker.arns import arn, name_of
from app.embedded.sagemaker.async_requests import AsyncRequests
from app.embedded.sagemaker.autoscaling import AutoScaling
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.endpoints import Endpoints
from app.embedded.sagemaker.errors import ApiError, denied, in_use, validation
from app.embedded.sagemaker.invocations import Invocations
from app.embedded.sagemaker.processing import Processing
from app.embedded.sagemaker.registry import Registry
from app.embedded.sagemaker.scaling import Scaler
from app.embedded.sagemaker.shapes import Record
from app.embedded.sagemaker.training import Training
from app.embedded.strict.steps import AccessDeniedError, Step

RESOURCES = {
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "Model": "model",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "ModelPackageGroup": "model-package-group",
    "ModelPackage": "model-package",
}
LISTS = {f"List{kind}s": kind for kind in RESOURCES}
FILTERS: dict[str, Callable[[Record, Any], bool]] = {
    "NameContains": lambda r, v: v in r["_name"],
    "StatusEquals": lambda r, v: r.get(f"{r['_kind']}Status") == v,
    "ModelPackageGroupName": lambda r, v: r.get("ModelPackageGroupName") == name_of(v),
    "ModelApprovalStatus": lambda r, v: r.get("ModelApprovalStatus") == v,
}
DEFAULT_PAGE = 10


class SageMaker:
    """The local SageMaker.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.training = Training(cloud)
        self.processing = Processing(cloud)
        self.endpoints = Endpoints(cloud)
        self.invocations = Invocations(cloud, self.endpoints)
        self.async_requests = AsyncRequests(cloud, self.endpoints, self.invocations)
        self.autoscaling = AutoScaling(cloud)
        self._scaler = Scaler(cloud, self.endpoints, self.async_requests, self.invocations)
        self.registry = Registry(cloud)

    def authorize(self, caller: str, operation: str, request: Record) -> None:
        """Ask the policies of a caller, in the strict mode.

        Raises:
            ApiError: the request is none of SageMaker, or one of them refuses it.
        """
        if self._cloud.settings.strict:
            shapes.check_request(operation, request)
            self._demand(caller, *authorization.steps(operation, request, RESOURCES))

    def authorize_invocation(self, caller: str, endpoint: str, operation: str) -> None:
        """The same for a question to an endpoint."""
        if self._cloud.settings.strict:
            self._demand(caller, authorization.invocation(endpoint, operation))

    def authorize_scaling(self, caller: str, operation: str, request: Record) -> None:
        """The same for Application Auto Scaling."""
        if self._cloud.settings.strict:
            self._demand(caller, *authorization.scaling(operation, request))

    def _demand(self, caller: str, *steps: Step) -> None:
        from app.embedded.strict import authority

        try:
            authority.demand(caller, *steps)
        except AccessDeniedError as error:
            raise denied(str(error)) from error

    def call(self, operation: str, request: Record) -> Record:
        """Answer one API call.

        Raises:
            ApiError: as SageMaker would refuse it.
        """
        shapes.check_request(operation, request)
        if operation in LISTS:
            return self._list(operation, request)
        if operation in ("AddTags", "ListTags"):
            return self._tags(operation, request)
        if operation == "UpdateEndpointWeightsAndCapacities":
            return self._scale(request)
        match = re.fullmatch(r"(Create|Describe|Delete|Stop|Update)(\w+)", operation)
        if not match or match[2] not in RESOURCES:
            raise ApiError("UnknownOperationException", f"{operation}: the embedded AWS does not have this operation")
        answer = {
            "Create": self._create, "Describe": self._describe, "Delete": self._delete,
            "Stop": self._stop, "Update": self._update,
        }[match[1]](match[2], request)
        return shapes.project(operation, answer)

    def recover(self) -> None:
        """After a restart: jobs whose process died have failed, endpoints come up again."""
        for kind in ("TrainingJob", "ProcessingJob"):
            for record in self._cloud.store.all(kind):
                if record[f"{kind}Status"] in ("InProgress", "Stopping"):
                    reasons.end_by_restart(self._cloud, record)
        for record in self._cloud.store.all("Endpoint"):
            if record["EndpointStatus"] not in ("Failed", "Deleting"):
                self.endpoints.resume(record)

    def shut_down(self) -> None:
        """End every program."""
        self._scaler.stop()
        self.async_requests.stop()
        for part in (self.training, self.processing, self.endpoints):
            part.stop_all()
        self.invocations.capture.flush()

    def _find(self, kind: str, request: Record) -> Record:
        name = name_of(str(request[_key(kind)])) if kind != "ModelPackage" else str(request[_key(kind)])
        record = self._cloud.store.get(kind, name)
        if record is None:
            jobs = kind in ("TrainingJob", "ProcessingJob")
            raise validation("Requested resource not found." if jobs
                             else f"Could not find {_words(kind)} \"{arn(RESOURCES[kind], name)}\".")
        return record

    def _create(self, kind: str, request: Record) -> Record:
        if kind == "ModelPackage":
            return self.registry.create(request)
        jobs: dict[str, Training | Processing] = {"TrainingJob": self.training, "ProcessingJob": self.processing}
        name = request[_key(kind)]
        if kind in jobs:
            jobs[kind].check(request)
        if kind == "EndpointConfig":
            endpoint_rules.check_config(request)
        elif kind == "Endpoint":
            self.endpoints.check_create(request)
        record = {**request, f"{kind}Arn": arn(RESOURCES[kind], name)}
        if kind == "ModelPackageGroup":
            record["ModelPackageGroupStatus"] = "Completed"
        if not self._cloud.store.add(kind, name, record):
            taken = record[f"{kind}Arn"]
            raise (in_use(f"Job name must be unique within an AWS account and region, and a {_words(kind)} with this "
                          f"name already exists ({taken})") if kind in jobs
                   else validation(f"Cannot create already existing {_words(kind)} \"{taken}\"."))
        if kind in jobs:
            jobs[kind].start(record)
        elif kind == "Endpoint":
            self.endpoints.create(record)
        return record

    def _describe(self, kind: str, request: Record) -> Record:
        return self._find(kind, request)

    def _delete(self, kind: str, request: Record) -> Record:
        record = self._find(kind, request)
        self._cloud.store.remove(record)
        if kind == "Endpoint":
            self.endpoints.delete(record)
            self.async_requests.forget(record["_name"])
            record["EndpointStatus"] = "Deleting"
            self._cloud.events.state_changed(record)
        return {}

    def _stop(self, kind: str, request: Record) -> Record:
        record = self._find(kind, request)
        (self.training if kind == "TrainingJob" else self.processing).stop(record)
        return {}

    def _update(self, kind: str, request: Record) -> Record:
        if kind == "ModelPackage":
            return self.registry.update(request)
        if kind != "Endpoint":
            raise ApiError("UnknownOperationException", f"Update{kind}: the embedded AWS does not have this operation")
        record = self._find(kind, request)
        self.endpoints.update(record, request)
        return record

    def _scale(self, request: Record) -> Record:
        """UpdateEndpointWeightsAndCapacities: the instances of the only variant that serves."""
        record = self._find("Endpoint", request)
        names = [v["VariantName"] for v in record.get("ProductionVariants", [])]
        for wish in request["DesiredWeightsAndCapacities"]:
            if wish["VariantName"] not in names:
                raise validation(f"Variant {wish['VariantName']} does not exist in endpoint {record['_name']}")
            if (instances := wish.get("DesiredInstanceCount")) is not None:
                self.endpoints.scale(record, instances)
        return shapes.project("UpdateEndpointWeightsAndCapacities", record)

    def _list(self, operation: str, request: Record) -> Record:
        kind = LISTS[operation]
        records = [r for r in self._cloud.store.all(kind)
                   if all(FILTERS[f](r, v) for f, v in request.items() if f in FILTERS)]
        if request.get("SortOrder", "Descending") == "Descending":
            records.reverse()
        start = int(request.get("NextToken", 0))
        page = records[start : start + request.get("MaxResults", DEFAULT_PAGE)]
        more = {"NextToken": str(start + len(page))} if start + len(page) < len(records) else {}
        return shapes.project(operation, {shapes.summary_member(operation): page, **more})

    def _tags(self, operation: str, request: Record) -> Record:
        found = next((r for kind in RESOURCES for r in self._cloud.store.all(kind)
                      if r.get(f"{kind}Arn") == request["ResourceArn"]), None)
        if found is None:
            raise validation(f"Could not find resource \"{request['ResourceArn']}\".")
        tags = {t["Key"]: t for t in found.get("Tags", [])}
        if operation == "AddTags":
            tags |= {t["Key"]: t for t in request["Tags"]}
            self._cloud.store.change(found, Tags=list(tags.values()))
        return {"Tags": list(tags.values())}


def _key(kind: str) -> str:
    """Member of a request that names the resource."""
    return f"{kind}Name"


def _words(kind: str) -> str:
    """`EndpointConfig` -> `endpoint configuration`, as the messages of SageMaker have it."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower().replace("config", "configuration")
