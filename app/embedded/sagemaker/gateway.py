"""How requests reach the local SageMaker: ministack's handler table, CloudFormation, and invocations."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import urllib3

from app.embedded import pin
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.service import SageMaker

INVOCATION = re.compile(r"^/endpoints/([^/]+)/invocations$")
INVOKE_TIMEOUT_SECONDS = 60.0
PASSED_ON = {
    "content-type": "Content-Type",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
}
Answer = tuple[int, dict[str, str], bytes]


def register(service: SageMaker) -> None:
    """Put the local SageMaker into ministack's tables."""
    from ministack import app as ministack
    from ministack.core import router
    from ministack.services.cloudformation import provisioners

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        caller = str(router.extract_access_key_id(headers, query) or "")
        if match := INVOCATION.match(path):
            return await asyncio.to_thread(_invoke, service, caller, match[1], headers, body)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        return await asyncio.to_thread(_answer, service, caller, operation, body)

    pin.part(ministack, "SERVICE_HANDLERS")["sagemaker"] = handle
    pin.part(router, "SERVICE_PATTERNS")["sagemaker"] = {
        "target_prefixes": ["SageMaker."], "credential_scope": "sagemaker"}
    pin.part(provisioners, "_RESOURCE_HANDLERS")["AWS::SageMaker::ModelPackageGroup"] = _group_handlers(service)


def _answer(service: SageMaker, caller: str, operation: str, body: bytes) -> Answer:
    try:
        request = json.loads(body or b"{}")
        service.authorize(caller, operation, request)
        status, answer = 200, service.call(operation, request)
    except ApiError as error:
        status, answer = 400, {"__type": error.code, "message": error.message}
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer, default=str).encode()


def _invoke(service: SageMaker, caller: str, endpoint: str, headers: dict[str, str], body: bytes) -> Answer:
    """Pass a request on to the endpoint's server; its refusals come back as ModelError."""
    try:
        service.authorize_invocation(caller, endpoint)
    except ApiError as error:
        return _error(403, error.code, {"message": error.message})
    try:
        server = service.endpoints.server(endpoint)
    except ApiError as error:
        return _error(400, "ValidationError", {"message": error.message})
    if len(body) > server.max_body_bytes:
        return _error(413, "ValidationError", {"message": f"Request body of {len(body)} bytes: this endpoint takes at "
                                                          f"most {server.max_body_bytes}"})
    passed = {name: headers[lower] for lower, name in PASSED_ON.items() if lower in headers}
    try:
        answer = service.endpoints.http.request(
            "POST", f"{server.url}/invocations", body=body, headers=passed, timeout=INVOKE_TIMEOUT_SECONDS)
    except urllib3.exceptions.HTTPError as error:
        return _error(424, "ModelError", {"message": f"no answer from the container: {error}",
                                          "OriginalStatusCode": 0, "OriginalMessage": ""})
    if answer.status >= 400:
        said = answer.data.decode(errors="replace")
        whose = "client" if answer.status < 500 else "server"
        return _error(424, "ModelError", {
            "message": f"Received {whose} error ({answer.status}) from primary with message \"{said}\".",
            "OriginalStatusCode": answer.status, "OriginalMessage": said})
    out = {"Content-Type": answer.headers.get("Content-Type", "application/octet-stream"),
           "x-Amzn-Invoked-Production-Variant": server.variant}
    return 200, out, answer.data


def _error(status: int, code: str, body: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/json", "x-amzn-errortype": code}, json.dumps(body).encode()


def _group_handlers(service: SageMaker) -> dict[str, Any]:
    """CloudFormation's AWS::SageMaker::ModelPackageGroup; Ref gives the ARN."""

    def create(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        known = ("ModelPackageGroupName", "ModelPackageGroupDescription", "Tags")
        request = {k: properties[k] for k in known if k in properties}
        group_arn = service.call("CreateModelPackageGroup", request)["ModelPackageGroupArn"]
        return group_arn, {"ModelPackageGroupArn": group_arn}

    def update(physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str,
               _logical_id: str = "") -> tuple[str, dict[str, Any]]:
        service.call("AddTags", {"ResourceArn": physical_id, "Tags": new.get("Tags", [])})
        return physical_id, {"ModelPackageGroupArn": physical_id}

    def delete(physical_id: str, _properties: dict[str, Any]) -> None:
        service.call("DeleteModelPackageGroup", {"ModelPackageGroupName": physical_id})

    return {"create": create, "update": update, "delete": delete}


