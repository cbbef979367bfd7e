"""The server process behind an endpoint: started from a model, asked for its health, sent requests, stopped."""

from __future__ import annotations

import dataclasses
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import urllib3

from app.embedded.sagemaker import authorization
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.ports import free_ports
from app.embedded.sagemaker.programs import Program
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import HOST

START_SECONDS = 300.0
PING_SECONDS = 0.5
SERVE_GRACE_SECONDS = 30.0
"""SageMaker's time between SIGTERM and SIGKILL for a server."""


class EndpointError(Exception):
    """The new server did not come up."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the container answered."""

    status: int
    """HTTP status; 0 when no answer came."""
    body: bytes
    content_type: str
    seconds: float
    """How long the container took."""

    @property
    def ok(self) -> bool:
        """Whether the model answered."""
        return 200 <= self.status < 400

    @property
    def text(self) -> str:
        """The answer for people."""
        return self.body.decode(errors="replace")


@dataclasses.dataclass(frozen=True)
class Server:
    """A running `serve` program and where it listens."""

    program: Program
    url: str
    root: Path
    variant: str
    http: urllib3.PoolManager
    cloud: Cloud
    """In the name of the model's role: what SageMaker reads, writes and tells for it."""

    def ask(self, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Reply:
        """Send one request to the container; a container that does not answer gives status 0."""
        started = time.monotonic()
        try:
            answer = self.http.request("POST", f"{self.url}/invocations", body=body, headers=dict(headers),
                                       timeout=timeout_seconds)
        except urllib3.exceptions.HTTPError as error:
            return Reply(0, str(error).encode(), "text/plain", time.monotonic() - started)
        kind = answer.headers.get("Content-Type", "application/octet-stream")
        return Reply(answer.status, answer.data, kind, time.monotonic() - started)

    def stop(self) -> None:
        """End the program and forget its files."""
        self.program.stop(grace_seconds=SERVE_GRACE_SECONDS)
        self.program.wait(SERVE_GRACE_SECONDS)
        shutil.rmtree(self.root.parent.parent, ignore_errors=True)


class Launcher:
    """Starts servers.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._http = urllib3.PoolManager(retries=False, maxsize=32)

    def launch(self, endpoint: str, variant: Record, alarms: Sequence[str] = ()) -> Server:
        """Unpack the model of a variant, start `serve`, wait until it answers /ping.

        Args:
            endpoint: Name.
            variant: Of its configuration.
            alarms: Those that SageMaker watches as the model's role while it deploys.

        Raises:
            EndpointError: it did not come up.
            AccessDeniedError: the model's role may not do what SageMaker does for it.
        """
        model = self._model(variant["ModelName"])
        container = self._container(model)
        cloud = self._cloud.acting_as(model["ExecutionRoleArn"], model, *authorization.watching(alarms))
        root = self._cloud.settings.work / "endpoints" / endpoint / uuid.uuid4().hex[:8] / "opt" / "ml"
        cloud.transfers.download_archive(container["ModelDataUrl"], root / "model")
        [port] = free_ports(1)
        own = cloud.access.environment(isolated=model.get("EnableNetworkIsolation", False))
        environment = {**own, **container.get("Environment", {}), "SAGEMAKER_BIND_TO_PORT": str(port)}
        stream = cloud.log(f"/aws/sagemaker/Endpoints/{endpoint}", f"{variant['VariantName']}/{root.parts[-3]}")
        program = Program(self._cloud.settings, self._cloud.children, "serve", root, environment, stream.write)
        server = Server(program, f"http://{HOST}:{port}", root, variant["VariantName"], self._http, cloud)
        try:
            self._wait_until_ready(server)
        except EndpointError:
            server.stop()
            raise
        finally:
            stream.flush()
        return server

    def image(self, model_name: str) -> str:
        """The image of a model, or nothing when it is gone."""
        try:
            return str(self._container(self._model(model_name)).get("Image", ""))
        except EndpointError:
            return ""

    def _wait_until_ready(self, server: Server) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not server.program.alive:
                raise EndpointError("The primary container for production variant "
                                    f"{server.variant} did not pass the ping health check: it exited")
            try:
                if self._http.request("GET", f"{server.url}/ping", timeout=2.0).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(PING_SECONDS)
        raise EndpointError(f"The primary container for production variant {server.variant} did not pass the ping "
                            "health check. Please check CloudWatch logs for this endpoint.")

    def _model(self, name: str) -> Record:
        model = self._cloud.store.get("Model", name)
        if model is None:
            raise EndpointError(f"Could not find model \"{name}\".")
        return model

    def _container(self, model: Record) -> Record:
        """The model's container, with what its model package says where it only names one."""
        container: Record = model.get("PrimaryContainer") or model["Containers"][0]
        if package_name := container.get("ModelPackageName"):
            package = self._cloud.store.get("ModelPackage", package_name)
            if package is None:
                raise EndpointError(f"Could not find model package \"{package_name}\".")
            return {**package["InferenceSpecification"]["Containers"][0], **container}
        return container
