"""Endpoints: a fleet each, changed blue/green, rolled back on alarm or when the new one does not come up, scaled."""

from __future__ import annotations

import logging
import threading
import time

from app.embedded.sagemaker import endpoint_rules as rules
from app.embedded.sagemaker import endpoint_states as states
from app.embedded.sagemaker.arns import name_of
from app.embedded.sagemaker.cloud import Cloud, in_background
from app.embedded.sagemaker.deployments import Deployment, GoneError, Plan, check_alarms
from app.embedded.sagemaker.errors import ApiError, validation
from app.embedded.sagemaker.faults import FaultKind
from app.embedded.sagemaker.fleets import Fleet, Traffic, mode_of
from app.embedded.sagemaker.servers import EndpointError, Launcher
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import ACCOUNT

RESUME_SECONDS = 60.0
"""How long a request waits for a server that comes up again after a restart, as behind a cold start."""
HEAL_SECONDS = 2.0
"""Between two starts of a server that ends by itself."""
log = logging.getLogger("castline.endpoints")


class Endpoints:
    """Keeps a fleet running for every endpoint, and two while one is deployed.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._launcher = Launcher(cloud)
        self._traffic: dict[str, Traffic] = {}
        self._resuming: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._healed: dict[str, float] = {}
        self._closing = False

    def create(self, record: Record) -> None:
        """Bring a new endpoint into service.

        Raises:
            ApiError: its DeploymentConfig, which later updates may retain, does not fit its configuration.
        """
        deployment = record.pop("DeploymentConfig", None)
        if deployment:
            self._cloud.store.change(record, LastDeploymentConfig=deployment)
        self._cloud.job_status(record, "Creating")
        self._in_background(record, record["EndpointConfigName"], Plan(), None)

    def check_create(self, request: Record) -> None:
        """Raise ApiError where CreateEndpoint would be refused."""
        config = self._configuration(request["EndpointConfigName"])
        if deployment := request.get("DeploymentConfig"):
            rules.check_deployment(deployment, config)
            check_alarms(self._cloud, Plan.of(deployment, 1, self._cloud.settings.shortened).alarms)

    def update(self, record: Record, request: Record) -> None:
        """Move an endpoint to another configuration; the old fleet answers until the new one does.

        Raises:
            ApiError: the endpoint is not InService, or SageMaker would refuse the change.
        """
        new = self._configuration(request["EndpointConfigName"])
        old = self._cloud.store.get("EndpointConfig", name_of(record["EndpointConfigName"]))
        deployment = request.get("DeploymentConfig")
        if deployment is None and request.get("RetainDeploymentConfig"):
            deployment = record.get("LastDeploymentConfig")
        if record["EndpointStatus"] != "InService":
            raise _in_progress(record)
        if old:
            rules.check_change(record["_name"], old, new, autoscaled=self._is_autoscaled(record))
        instances = _instances(record, request, new)
        if deployment:
            rules.check_deployment(deployment, new, old, instances)
        plan = Plan.of(deployment or {}, instances, self._cloud.settings.shortened)
        check_alarms(self._cloud, plan.alarms)
        self._begin(record, FailureReason=None, LastDeploymentConfig=deployment)
        self._in_background(record, request["EndpointConfigName"], plan, instances)

    def scale(self, record: Record, instances: int) -> None:
        """Give an endpoint another number of instances; none means that its server stops until there is one again.

        Raises:
            ApiError: it is not InService, or its mode does not allow the number.
        """
        traffic = self.traffic_now(record["_name"])
        if traffic is None:
            raise _in_progress(record)
        fleet = traffic.blue
        if fleet.mode == "serverless" or (instances < 1 and fleet.mode != "async"):
            raise validation(f"DesiredInstanceCount = {instances} is not possible for the {fleet.mode} endpoint "
                             f"{record['_name']}")
        self._begin(record, ProductionVariants=[
            {**record["ProductionVariants"][0], "DesiredInstanceCount": instances}])
        in_background(f"endpoint-{record['_name']}", lambda: self._rescale(record, fleet, instances))

    def heal(self, record: Record) -> None:
        """Start a server again that ended by itself, as SageMaker replaces a container that fails its health check."""
        name = record["_name"]
        traffic = self.traffic_now(name)
        fleet = traffic.blue if traffic else None
        if fleet is None or fleet.instances == 0 or fleet.alive or record["EndpointStatus"] != "InService":
            return
        if time.monotonic() - self._healed.get(name, -HEAL_SECONDS) >= HEAL_SECONDS and not self._closing:
            log.warning("endpoint %s: its server ended and is started again", name)
            self._healed[name] = time.monotonic()
            self._begin(record)
            fleet.stop()
            in_background(f"endpoint-{name}", lambda: self._rescale(record, fleet, fleet.instances))

    def delete(self, record: Record) -> None:
        """Take an endpoint out of service."""
        with self._lock:
            traffic = self._traffic.pop(record["_name"], None)
        for fleet in traffic.fleets if traffic else []:
            in_background("endpoint-stop", fleet.stop)

    def resume(self, record: Record) -> None:
        """Start the server of an endpoint that an earlier embedded AWS had; one without instances keeps none."""
        name, instances = record["_name"], states.instances_of(record)
        config = self._cloud.store.get("EndpointConfig", name_of(record["EndpointConfigName"]))
        if instances == 0 and config:
            self._traffic[name] = Traffic(Fleet(name, config, None, 0))
            self._cloud.store.change(record, EndpointStatus="InService", PendingDeploymentSummary=None)
            return
        if record["EndpointStatus"] != "Creating":
            self._cloud.store.change(record, EndpointStatus="SystemUpdating")
        self._resuming[name] = self._in_background(record, record["EndpointConfigName"], Plan(), instances)

    def stop_all(self) -> None:
        """End all servers because the embedded AWS ends; their records keep saying what should run."""
        self._closing = True
        for traffic in list(self._traffic.values()):
            for fleet in traffic.fleets:
                if fleet.server:
                    fleet.server.program.stop(grace_seconds=5.0)

    def fleet(self, name: str) -> Fleet:
        """The fleet that answers the next request; waits for one that comes up again after a restart.

        Raises:
            ApiError: no such endpoint, or it is not in service.
        """
        return self.traffic(name).pick()

    def traffic(self, name: str) -> Traffic:
        """Both fleets of an endpoint; raises and waits as `fleet` does."""
        if resuming := self._resuming.get(name):
            resuming.join(RESUME_SECONDS)
        traffic = self.traffic_now(name)
        if traffic is None:
            raise validation(f"Endpoint {name} of account {ACCOUNT} not found.")
        return traffic

    def traffic_now(self, name: str) -> Traffic | None:
        """The same, or None, without a wait."""
        with self._lock:
            return self._traffic.get(name)

    def _begin(self, record: Record, **changes: object) -> None:
        """From InService to Updating; nobody else changes the endpoint until it is InService again."""
        with self._lock:
            if record["EndpointStatus"] != "InService":
                raise _in_progress(record)
            record["EndpointStatus"] = "Updating"
        self._cloud.store.change(record, **changes)
        self._cloud.job_status(record, "Updating")

    def _in_background(self, record: Record, config_name: str, plan: Plan, instances: int | None) -> threading.Thread:
        return in_background(
            f"endpoint-{record['_name']}", lambda: self._change(record, name_of(config_name), plan, instances))

    def _change(self, record: Record, config_name: str, plan: Plan, instances: int | None) -> None:
        """Start the new fleet, shift the traffic, stop the old one; on a problem keep the old one and say so."""
        name = record["_name"]
        if fault := self._cloud.faults.take(name, "rollback", "endpoint-failed"):
            return self._end_by_fault(record, fault)
        try:
            config = self._configuration(config_name)
            count = instances or config["ProductionVariants"][0].get("InitialInstanceCount", 1)
            deployment = self._deployment(record, config, count, plan)
            if problem := deployment.problem():
                raise EndpointError(problem)
            server = self._launcher.launch(name, config["ProductionVariants"][0], plan.alarms)
            green = Fleet(name, config, server, count)
        except GoneError:
            return None
        except Exception as error:
            reason = str(error) if isinstance(error, EndpointError | ApiError) else f"{type(error).__name__}: {error}"
            return None if self._is_gone(record) else self._stay(record, reason)
        try:
            self._bring_in(record, green, deployment)
        except GoneError:
            green.stop()
        return None

    def _bring_in(self, record: Record, green: Fleet, deployment: Deployment) -> None:
        with self._lock:
            traffic = self._traffic.get(record["_name"])
            if self._is_gone(record):
                raise GoneError
            if traffic is None:
                self._traffic[record["_name"]] = Traffic(green)
        if traffic is None:
            return self._in_service(record, green)
        old = traffic.blue
        if problem := deployment.run(traffic, green):
            self._cloud.job_status(record, "RollingBack")
            traffic.end_shift(old)
            green.stop()
            return self._stay(record, problem)
        traffic.end_shift(green)
        self._in_service(record, green)
        return old.stop()

    def _in_service(self, record: Record, fleet: Fleet) -> None:
        image = self._launcher.image(fleet.config["ProductionVariants"][0]["ModelName"])
        members = states.serving(fleet, image)
        self._cloud.job_status(record, "InService", PendingDeploymentSummary=None, **members)

    def _stay(self, record: Record, reason: str) -> None:
        """End a change that did not succeed: on the old configuration, or Failed where there is none."""
        log.warning("endpoint %s: %s", record["_name"], reason)
        status = "InService" if record["_name"] in self._traffic else "Failed"
        self._cloud.job_status(record, status, FailureReason=reason, PendingDeploymentSummary=None)

    def _rescale(self, record: Record, fleet: Fleet, instances: int) -> None:
        try:
            if instances and fleet.server is None:
                fleet.server = self._launcher.launch(fleet.endpoint, fleet.config["ProductionVariants"][0])
            fleet.instances = instances
            if self._is_gone(record) or not instances:
                fleet.stop()
        except Exception as error:
            log.warning("endpoint %s did not get %d instances: %s", fleet.endpoint, instances, error)
            if not self._is_gone(record):
                self._cloud.store.change(record, FailureReason=str(error))
        if not self._is_gone(record):
            self._in_service(record, fleet)

    def _end_by_fault(self, record: Record, fault: FaultKind) -> None:
        """Silently on the old configuration again, or Failed with nothing left that answers."""
        if fault == "rollback":
            return self._cloud.job_status(record, "InService")
        with self._lock:
            traffic = self._traffic.pop(record["_name"], None)
        for fleet in traffic.fleets if traffic else []:
            fleet.stop()
        return self._cloud.job_status(record, "Failed", FailureReason="Request to service failed.")

    def _deployment(self, record: Record, config: Record, instances: int, plan: Plan) -> Deployment:
        started, image = time.time(), self._launcher.image(config["ProductionVariants"][0]["ModelName"])

        def tell(status: str) -> None:
            summary = states.pending(config, image, instances, status, started)
            self._cloud.store.change(record, PendingDeploymentSummary=summary)

        tell("Creating")
        return Deployment(self._cloud, plan, lambda: self._is_gone(record), tell)

    def _is_autoscaled(self, record: Record) -> bool:
        resource = f"endpoint/{record['_name']}/variant/"
        return any(t["ResourceId"].startswith(resource) for t in self._cloud.store.all("ScalableTarget"))

    def _is_gone(self, record: Record) -> bool:
        return self._closing or self._cloud.store.get("Endpoint", record["_name"]) is not record

    def _configuration(self, name: str) -> Record:
        config = self._cloud.store.get("EndpointConfig", name_of(name))
        if config is None:
            raise validation(f"Could not find endpoint configuration \"{name}\".")
        return config


def _instances(record: Record, request: Record, new: Record) -> int:
    """How many instances the new fleet has: those of its configuration, or those that the old one has now."""
    own = int(new["ProductionVariants"][0].get("InitialInstanceCount", 1))
    excluded = [e["VariantPropertyType"] for e in request.get("ExcludeRetainedVariantProperties", [])]
    retained = request.get("RetainAllVariantProperties") and "DesiredInstanceCount" not in excluded
    return (states.instances_of(record) or own) if retained and mode_of(new) != "serverless" else own


def _in_progress(record: Record) -> Exception:
    return validation(f"Cannot update in-progress endpoint \"{record['EndpointArn']}\".")
