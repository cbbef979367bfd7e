"""Endpoints: a server process each, changed blue/green, rolled back when the new one does not come up."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import threading
import time
import uuid
from pathlib import Path

import urllib3

from app.embedded.sagemaker.arns import name_of
from app.embedded.sagemaker.cloud import Cloud, in_background
from app.embedded.sagemaker.errors import validation
from app.embedded.sagemaker.faults import FaultKind
from app.embedded.sagemaker.ports import free_ports
from app.embedded.sagemaker.programs import Program
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import ACCOUNT, HOST

START_SECONDS = 300.0
RESUME_SECONDS = 60.0
"""How long a request waits for a server that comes up again after a restart, as behind a cold start."""
PING_SECONDS = 0.5
SERVE_GRACE_SECONDS = 30.0
"""SageMaker's time between SIGTERM and SIGKILL for a server."""
SERVERLESS_BODY_BYTES = 4 * 1024 * 1024
REALTIME_BODY_BYTES = 6 * 1024 * 1024
log = logging.getLogger("castline.endpoints")


class EndpointError(Exception):
    """The new server did not come up."""


@dataclasses.dataclass(frozen=True)
class Server:
    """A running `serve` program and where it listens."""

    program: Program
    url: str
    root: Path
    variant: str
    max_body_bytes: int
    """Largest request: serverless takes less than a real-time endpoint."""

    def stop(self) -> None:
        """End the program and forget its files."""
        self.program.stop(grace_seconds=SERVE_GRACE_SECONDS)
        self.program.wait(SERVE_GRACE_SECONDS)
        shutil.rmtree(self.root.parent.parent, ignore_errors=True)


class Endpoints:
    """Keeps one server running for every endpoint.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._servers: dict[str, Server] = {}
        self._resuming: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self.http = urllib3.PoolManager(retries=False)

    def create(self, record: Record) -> None:
        """Bring a new endpoint into service."""
        self._cloud.job_status(record, "Creating")
        in_background(f"endpoint-{record['_name']}", lambda: self._change(record, record["EndpointConfigName"]))

    def update(self, record: Record, config_name: str) -> None:
        """Move an endpoint to another configuration; the old server answers until the new one does."""
        if record["EndpointStatus"] != "InService":
            raise validation(f"Cannot update in-progress endpoint \"{record['EndpointArn']}\".")
        self._cloud.store.change(record, FailureReason=None)
        self._cloud.job_status(record, "Updating")
        in_background(f"endpoint-{record['_name']}", lambda: self._change(record, config_name))

    def delete(self, record: Record) -> None:
        """Take an endpoint out of service."""
        with self._lock:
            server = self._servers.pop(record["_name"], None)
        if server:
            in_background("endpoint-stop", server.stop)

    def resume(self, record: Record) -> None:
        """Start the server of an endpoint that an earlier embedded AWS had."""
        status = record["EndpointStatus"]
        if status in ("InService", "Updating", "SystemUpdating"):
            self._cloud.store.change(record, EndpointStatus="SystemUpdating")
        self._resuming[record["_name"]] = in_background(
            f"endpoint-{record['_name']}", lambda: self._change(record, record["EndpointConfigName"]))

    def stop_all(self) -> None:
        """End all servers because the embedded AWS ends; their records keep saying what should run."""
        for server in list(self._servers.values()):
            server.program.stop(grace_seconds=5.0)

    def server(self, name: str) -> Server:
        """The server that answers for an endpoint; waits for one that comes up again after a restart.

        Raises:
            ApiError: no such endpoint, or it is not in service.
        """
        if resuming := self._resuming.get(name):
            resuming.join(RESUME_SECONDS)
        with self._lock:
            server = self._servers.get(name)
        if server is None:
            raise validation(f"Endpoint {name} of account {ACCOUNT} not found.")
        return server

    def _change(self, record: Record, config_name: str) -> None:
        """Start the new server, switch, stop the old one; on failure keep the old one and say so."""
        if fault := self._cloud.faults.take(record["_name"], "rollback", "endpoint-failed"):
            return self._end_by_fault(record, fault)
        old = self._servers.get(record["_name"])
        try:
            server, variants = self._launch(record["_name"], config_name)
        except Exception as error:
            reason = str(error) if isinstance(error, EndpointError) else f"{type(error).__name__}: {error}"
            log.warning("endpoint %s: %s", record["_name"], reason)
            status = "InService" if old else "Failed"
            return self._cloud.job_status(record, status, FailureReason=reason)
        if self._cloud.store.get("Endpoint", record["_name"]) is not record:  # deleted meanwhile
            return server.stop()
        with self._lock:
            self._servers[record["_name"]] = server
        self._cloud.job_status(record, "InService", EndpointConfigName=config_name, ProductionVariants=variants)
        return old.stop() if old else None

    def _end_by_fault(self, record: Record, fault: FaultKind) -> None:
        """Silently on the old configuration again, or Failed with nothing left that answers."""
        if fault == "rollback":
            return self._cloud.job_status(record, "InService")
        with self._lock:
            old = self._servers.pop(record["_name"], None)
        if old:
            old.stop()
        return self._cloud.job_status(record, "Failed", FailureReason="Request to service failed.")

    def _launch(self, endpoint: str, config_name: str) -> tuple[Server, list[Record]]:
        """Unpack the model, start `serve`, wait until it answers /ping."""
        config = self._cloud.store.get("EndpointConfig", name_of(config_name))
        if config is None:
            raise EndpointError(f"Could not find endpoint configuration \"{config_name}\".")
        variant = config["ProductionVariants"][0]
        model = self._cloud.store.get("Model", variant["ModelName"])
        if model is None:
            raise EndpointError(f"Could not find model \"{variant['ModelName']}\".")
        container = self._container(model)
        cloud = self._cloud.acting_as(model["ExecutionRoleArn"], model)
        root = self._cloud.settings.work / "endpoints" / endpoint / uuid.uuid4().hex[:8] / "opt" / "ml"
        cloud.transfers.download_archive(container["ModelDataUrl"], root / "model")
        [port] = free_ports(1)
        environment = {**cloud.access.environment(), **container.get("Environment", {}),
                       "SAGEMAKER_BIND_TO_PORT": str(port)}
        stream = cloud.log(f"/aws/sagemaker/Endpoints/{endpoint}", f"{variant['VariantName']}/{root.parts[-3]}")
        program = Program(self._cloud.settings, self._cloud.children, "serve", root, environment, stream.write)
        limit = SERVERLESS_BODY_BYTES if "ServerlessConfig" in variant else REALTIME_BODY_BYTES
        server = Server(program, f"http://{HOST}:{port}", root, variant["VariantName"], limit)
        try:
            self._wait_until_ready(server)
        except EndpointError:
            server.stop()
            raise
        finally:
            stream.flush()
        return server, [_variant_state(variant)]

    def _wait_until_ready(self, server: Server) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not server.program.alive:
                raise EndpointError("The primary container for production variant "
                                    f"{server.variant} did not pass the ping health check: it exited")
            try:
                if self.http.request("GET", f"{server.url}/ping", timeout=2.0).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(PING_SECONDS)
        raise EndpointError(f"The primary container for production variant {server.variant} did not pass the ping "
                            "health check. Please check CloudWatch logs for this endpoint.")

    def _container(self, model: Record) -> Record:
        """The model's container, with what its model package says where it only names one."""
        container: Record = model.get("PrimaryContainer") or model["Containers"][0]
        if package_name := container.get("ModelPackageName"):
            package = self._cloud.store.get("ModelPackage", package_name)
            if package is None:
                raise EndpointError(f"Could not find model package \"{package_name}\".")
            return {**package["InferenceSpecification"]["Containers"][0], **container}
        return container


def _variant_state(variant: Record) -> Record:
    state = {"VariantName": variant["VariantName"], "CurrentWeight": 1.0, "DesiredWeight": 1.0}
    if serverless := variant.get("ServerlessConfig"):
        return state | {"CurrentServerlessConfig": serverless}
    count = variant.get("InitialInstanceCount", 1)
    return state | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
