"""The queue of asynchronous endpoints: requests accepted, kept on disk, answered in S3, told to SNS.

Source: Amazon SageMaker developer guide, "Asynchronous inference"; SageMaker Runtime API, InvokeEndpointAsync.
"""

from __future__ import annotations

import base64
import collections
import functools
import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from app.contracts.keys import split_uri
from app.embedded.sagemaker import async_results as results
from app.embedded.sagemaker import shapes
from app.embedded.sagemaker.cloud import Cloud, in_background
from app.embedded.sagemaker.endpoints import Endpoints
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.fleets import MAX_BODY_BYTES, Fleet
from app.embedded.sagemaker.invocations import Answer, Invocations, refusal
from app.embedded.sagemaker.metrics import Point
from app.embedded.sagemaker.servers import Reply, Server
from app.embedded.sagemaker.shapes import Record

KIND = "AsyncInvocation"
DEFAULT_TTL_SECONDS = 21_600
DEFAULT_TIMEOUT_SECONDS = 900
DEFAULT_CONCURRENT = 4
"""Requests that one instance gets at once where the configuration leaves it to SageMaker."""
MAX_TRIES = 3
"""How often a request that lost its server goes back to the queue."""
POLL_SECONDS = 0.2
PREFIX = "x-amzn-sagemaker-"
PARAMETERS = {
    "InputLocation": "inputlocation", "InferenceId": "inference-id", "ContentType": "content-type",
    "Accept": "accept", "CustomAttributes": "custom-attributes", "S3OutputPathExtension": "s3outputpathextension",
    "Filename": "filename", "RequestTTLSeconds": "requestttlseconds",
    "InvocationTimeoutSeconds": "invocationtimeoutseconds",
}
"""Parameters of InvokeEndpointAsync and the headers that carry them."""
TO_CONTAINER = {"ContentType": "content-type", "Accept": "accept", "CustomAttributes": f"{PREFIX}custom-attributes",
                "InferenceId": f"{PREFIX}inference-id"}
"""Parameters and the headers in which the container gets them."""
Outcome = Literal["done", "again", "later"]
"""Answered or given up; back to the queue, because its server is gone; left on disk for the next start."""
log = logging.getLogger("castline.async")


class AsyncRequests:
    """Accepts asynchronous invocations and lets the endpoints' servers answer them in the background.

    Args:
        cloud: The surroundings.
        endpoints: Knows the fleets.
        invocations: Asks their servers.
    """

    def __init__(self, cloud: Cloud, endpoints: Endpoints, invocations: Invocations) -> None:
        self._cloud, self._endpoints, self._invocations = cloud, endpoints, invocations
        self._waiting: list[Record] = cloud.store.all(KIND)
        self._running: collections.Counter[str] = collections.Counter()
        self._changed = threading.Condition()
        self._closing = False
        in_background("castline-async", self._dispatch)

    def accept(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """InvokeEndpointAsync: keep a request on disk, and say where its answer will be."""
        request = _parameters(endpoint, headers, body)
        try:
            shapes.check_request("InvokeEndpointAsync", request, "sagemaker-runtime")
            fleet = self._endpoints.traffic(endpoint).blue
        except ApiError as error:
            return refusal(400, "ValidationError", message=error.message)
        if fleet.mode != "async":
            return refusal(400, "ValidationError", message=f"Endpoint {endpoint} takes no asynchronous invocations: "
                                                           "its configuration has no AsyncInferenceConfig")
        if ("Body" in request) == ("InputLocation" in request):
            return refusal(400, "ValidationError", message="Exactly one of Body and InputLocation is required")
        record = self._record(request, fleet)
        with self._changed:
            self._cloud.store.add(KIND, record["OutputId"], record)
            self._waiting.append(record)
            self._changed.notify_all()
        where = {"X-Amzn-SageMaker-OutputLocation": record["OutputLocation"]}
        if failure := record.get("FailureLocation"):
            where["X-Amzn-SageMaker-FailureLocation"] = failure
        return 202, {"Content-Type": "application/json", **where}, json.dumps(
            {"InferenceId": record["InferenceId"]}).encode()

    def backlog(self, endpoint: str) -> int:
        """How many requests wait or are being answered."""
        with self._changed:
            return self._running[endpoint] + sum(1 for r in self._waiting if r["EndpointName"] == endpoint)

    def forget(self, endpoint: str) -> None:
        """The endpoint is deleted, and its queue with it."""
        with self._changed:
            gone = [r for r in self._waiting if r["EndpointName"] == endpoint]
            self._waiting = [r for r in self._waiting if r["EndpointName"] != endpoint]
        for record in gone:
            self._cloud.store.remove(record)

    def stop(self) -> None:
        """The embedded AWS ends: what is not answered stays on disk for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _record(self, request: Record, fleet: Fleet) -> Record:
        output = fleet.config["AsyncInferenceConfig"]["OutputConfig"]
        output_id = str(uuid.uuid4())
        parts = [output["S3OutputPath"], request.get("S3OutputPathExtension", ""),
                 request.get("Filename", f"{output_id}.out")]
        record: Record = {**request, "OutputId": output_id, "Tries": 0,
                          "OutputLocation": "/".join(part.strip("/") for part in parts if part)}
        record.setdefault("InferenceId", str(uuid.uuid4()))
        if "Body" in record:
            record["Body"] = base64.b64encode(record["Body"]).decode()
        if path := output.get("S3FailurePath"):
            record["FailureLocation"] = f"{path.rstrip('/')}/{output_id}-error.out"
        return record

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                if self._closing:
                    return
                chosen = self._next()
                if chosen is None:
                    self._changed.wait(POLL_SECONDS if self._waiting else None)
                    continue
                record, fleet, server = chosen
                self._waiting.remove(record)
                self._running[record["EndpointName"]] += 1
            in_background("async-request", functools.partial(self._answer, record, fleet, server))

    def _next(self) -> tuple[Record, Fleet, Server] | None:
        """The oldest request whose endpoint has an instance that is free."""
        for record in self._waiting:
            name = record["EndpointName"]
            traffic = self._endpoints.traffic_now(name)
            if traffic is None or not traffic.blue.alive:
                continue
            client = traffic.blue.config["AsyncInferenceConfig"].get("ClientConfig", {})
            limit = client.get("MaxConcurrentInvocationsPerInstance", DEFAULT_CONCURRENT) * traffic.blue.instances
            if self._running[name] < limit and (server := (fleet := traffic.pick()).server):
                return record, fleet, server
        return None

    def _answer(self, record: Record, fleet: Fleet, server: Server) -> None:
        try:
            outcome = self._process(record, fleet, server)
        except Exception:
            log.exception("asynchronous request %s", record["OutputId"])
            outcome = "done"
        with self._changed:
            self._running[record["EndpointName"]] -= 1
            if outcome == "again" and not self._cloud.store.get("Endpoint", record["EndpointName"]):
                outcome = "done"
            if outcome == "again":
                self._waiting.insert(0, record)
            elif outcome == "done":
                self._cloud.store.remove(record)
            self._changed.notify_all()

    def _process(self, record: Record, fleet: Fleet, server: Server) -> Outcome:
        """Answer one request."""
        waited = time.time() - record["CreationTime"]
        if waited > int(record.get("RequestTTLSeconds", DEFAULT_TTL_SECONDS)):
            self._fail(record, fleet, server, "ExpiredRequests", "ClientError: The request expired in the queue.")
            return "done"
        try:
            body = _input(server.cloud.s3, record)
        except Exception as error:
            where = record.get("InputLocation")
            self._fail(record, fleet, server, "RequestDownloadFailures",
                       f"ClientError: Unable to download input data from {where}: {error}")
            return "done"
        headers = {name: record[parameter] for parameter, name in TO_CONTAINER.items() if parameter in record}
        limit = int(record.get("InvocationTimeoutSeconds", DEFAULT_TIMEOUT_SECONDS))
        reply = self._invocations.send(fleet, server, headers, body, limit)
        if self._closing and not reply.ok:
            return "later"
        if reply.status == 0 and not server.program.alive and record["Tries"] < MAX_TRIES:
            self._cloud.store.change(record, Tries=record["Tries"] + 1)
            return "again"
        self._finish(record, fleet, server, reply, waited)
        return "done"

    def _finish(self, record: Record, fleet: Fleet, server: Server, reply: Reply, waited: float) -> None:
        if not reply.ok:
            whose = "client" if 400 <= reply.status < 500 else "server"
            said = f"{whose} error ({reply.status})" if reply.status else "no answer in time"
            reason = (f"ClientError: Received {said} from model. See the SageMaker Endpoint logs in your account for "
                      "more information.")
            return self._fail(record, fleet, server, "InvocationFailures", reason, reply)
        bucket, key = split_uri(record["OutputLocation"])
        try:
            server.cloud.s3.put_object(Bucket=bucket, Key=key, Body=reply.body, ContentType=reply.content_type)
        except Exception as error:
            return self._fail(record, fleet, server, "ResponseUploadFailures", "ClientError: Unable to upload the "
                              f"response to {record['OutputLocation']}: {error}")
        self._count(record, InvocationsProcessed=1.0, TimeInBacklog=waited * 1000,
                    TotalProcessingTime=(time.time() - record["CreationTime"]) * 1000)
        return results.notify(server.cloud.sns, record, fleet.config, reply, "")

    def _fail(self, record: Record, fleet: Fleet, server: Server, metric: str, reason: str,
              reply: Reply | None = None) -> None:
        log.warning("asynchronous request %s of %s: %s", record["InferenceId"], record["EndpointName"], reason)
        self._count(record, **{metric: 1.0, "InvocationFailures": 1.0})
        if location := record.get("FailureLocation"):
            bucket, key = split_uri(location)
            server.cloud.s3.put_object(Bucket=bucket, Key=key, Body=reply.body if reply else reason.encode())
        results.notify(server.cloud.sns, record, fleet.config, reply, reason)

    def _count(self, record: Record, **values: float) -> None:
        units = {"TimeInBacklog": "Milliseconds", "TotalProcessingTime": "Milliseconds"}
        here = {"EndpointName": record["EndpointName"]}
        self._cloud.watch.put([Point(n, v, units.get(n, "None"), here) for n, v in values.items()])


def _input(s3: Any, record: Record) -> bytes:
    if "Body" in record:
        return base64.b64decode(record["Body"])
    bucket, key = split_uri(record["InputLocation"])
    found = s3.get_object(Bucket=bucket, Key=key)
    if found["ContentLength"] > MAX_BODY_BYTES["async"]:
        raise ValueError(f"{found['ContentLength']} bytes are more than {MAX_BODY_BYTES['async']}")
    content: bytes = found["Body"].read()
    return content


def _parameters(endpoint: str, headers: Mapping[str, str], body: bytes) -> Record:
    """The parameters of an HTTP request to InvokeEndpointAsync."""
    request: Record = {"EndpointName": endpoint}
    for name, header in PARAMETERS.items():
        if (value := headers.get(PREFIX + header)) is not None:
            request[name] = int(value) if name.endswith("Seconds") and value.isdigit() else value
    if body:
        request["Body"] = body
    return request
