"""Requests to endpoints: passed on to the container, counted as metrics, captured when the configuration says so."""

from __future__ import annotations

import collections
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from app.embedded.sagemaker import metrics
from app.embedded.sagemaker.capture import Capture
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.endpoints import Endpoints
from app.embedded.sagemaker.errors import ApiError
from app.embedded.sagemaker.fleets import MAX_BODY_BYTES, Fleet
from app.embedded.sagemaker.servers import Reply, Server

INVOKE_TIMEOUT_SECONDS = 60.0
RATE_SECONDS = 60.0
PASSED_ON = {
    "content-type": "Content-Type",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-inference-id": "X-Amzn-SageMaker-Inference-Id",
}
ENDED = Reply(0, b"its server has ended and is started again", "text/plain", 0.0)
Answer = tuple[int, dict[str, str], bytes]


class Invocations:
    """Asks the servers of endpoints.

    Args:
        cloud: The surroundings.
        endpoints: Knows the servers.
    """

    def __init__(self, cloud: Cloud, endpoints: Endpoints) -> None:
        self._cloud, self._endpoints = cloud, endpoints
        self.capture = Capture()
        self._recent: dict[str, collections.deque[float]] = collections.defaultdict(collections.deque)
        self._lock = threading.Lock()

    def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """InvokeEndpoint: pass a request on; the container's refusals come back as ModelError.

        Args:
            endpoint: Name.
            headers: Of the request, with names in small letters.
            body: Passed on as it is.
        """
        try:
            fleet = self._endpoints.fleet(endpoint)
        except ApiError as error:
            return refusal(400, "ValidationError", message=error.message)
        if fleet.mode == "async":
            return refusal(400, "ValidationError", message=f"Endpoint {endpoint} takes asynchronous invocations only: "
                                                           "use InvokeEndpointAsync")
        limit = MAX_BODY_BYTES[fleet.mode]
        if len(body) > limit:
            return refusal(413, "ValidationError",
                           message=f"Request body of {len(body)} bytes: this endpoint takes at most {limit}")
        server = fleet.server
        reply = self.send(fleet, server, headers, body, INVOKE_TIMEOUT_SECONDS) if server else ENDED
        if reply.status == 0:
            return refusal(424, "ModelError", message=f"no answer from the container: {reply.text}",
                           OriginalStatusCode=0, OriginalMessage="")
        if not reply.ok:
            whose = "client" if reply.status < 500 else "server"
            return refusal(424, "ModelError", OriginalStatusCode=reply.status, OriginalMessage=reply.text,
                           message=f"Received {whose} error ({reply.status}) from primary with message "
                                   f"\"{reply.text}\".")
        return 200, {"Content-Type": reply.content_type, "x-Amzn-Invoked-Production-Variant": fleet.variant}, reply.body

    def send(self, fleet: Fleet, server: Server, headers: Mapping[str, str], body: bytes, timeout_seconds: float,
             ) -> Reply:
        """Ask one server, count the invocation, capture it."""
        started = time.monotonic()
        passed = {name: headers[lower] for lower, name in PASSED_ON.items() if lower in headers}
        reply = server.ask(body, passed, timeout_seconds)
        with self._lock:
            self._recent[fleet.endpoint].append(time.monotonic())
        self._cloud.watch.put(metrics.of_invocation(fleet, reply, time.monotonic() - started))
        if reply.ok:
            self.capture.offer(server.cloud.s3, fleet, headers, body, reply)
        return reply

    def rate(self, endpoint: str) -> int:
        """How many invocations an endpoint had in the last minute."""
        oldest = time.monotonic() - RATE_SECONDS
        with self._lock:
            recent = self._recent[endpoint]
            while recent and recent[0] < oldest:
                recent.popleft()
            return len(recent)


def refusal(status: int, code: str, **body: Any) -> Answer:
    """An error of SageMaker's runtime API."""
    return status, {"Content-Type": "application/json", "x-amzn-errortype": code}, json.dumps(body).encode()
