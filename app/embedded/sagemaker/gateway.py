"""How requests reach the local SageMaker and its auto scaling: ministack's handler table and CloudFormation."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable
from typing import Any

from app.embedded import pin
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.invocations import Answer, refusal
from app.embedded.sagemaker.service import SageMaker
from app.embedded.sagemaker.shapes import Record

INVOCATION = re.compile(r"^/endpoints/([^/]+)/(async-)?invocations$")
AUTOSCALING = "AnyScaleFrontendService."


def register(service: SageMaker) -> None:
    """Put the local SageMaker into ministack's tables."""
    from ministack import app as ministack
    from ministack.core import router
    from ministack.services.cloudformation import provisioners

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        caller = str(router.extract_access_key_id(headers, query) or "")
        if match := INVOCATION.match(path):
            ask, action = ((service.async_requests.accept, "InvokeEndpointAsync") if match[2]
                           else (service.invocations.invoke, "InvokeEndpoint"))
            allowed = functools.partial(service.authorize_invocation, caller, match[1], action)
            return await asyncio.to_thread(_ask, allowed, functools.partial(ask, match[1], headers, body))
        return await asyncio.to_thread(_answer, service.authorize, service.call, caller, headers, body)

    async def handle_autoscaling(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        caller = str(router.extract_access_key_id(headers, query) or "")
        return await asyncio.to_thread(
            _answer, service.authorize_scaling, service.autoscaling.call, caller, headers, body)

    for name, prefix, handler in (("sagemaker", "SageMaker.", handle),
                                  ("application-autoscaling", AUTOSCALING, handle_autoscaling)):
        pin.part(ministack, "SERVICE_HANDLERS")[name] = handler
        pin.part(router, "SERVICE_PATTERNS")[name] = {"target_prefixes": [prefix], "credential_scope": name}
    pin.part(provisioners, "_RESOURCE_HANDLERS")["AWS::SageMaker::ModelPackageGroup"] = _group_handlers(service)


def _answer(authorize: Callable[[str, str, Record], None], call: Callable[[str, Record], Record], caller: str,
            headers: dict[str, str], body: bytes) -> Answer:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        request = json.loads(body or b"{}")
        authorize(caller, operation, request)
        status, answer = 200, call(operation, request)
    except ApiError as error:
        status, answer = 400, {"__type": error.code, "message": error.message}
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer, default=str).encode()


def _ask(allowed: Callable[[], None], ask: Callable[[], Answer]) -> Answer:
    try:
        allowed()
    except ApiError as error:
        return refusal(403, error.code, message=error.message)
    return ask()


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


