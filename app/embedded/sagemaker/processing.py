"""Processing jobs: inputs to their folders, the program, outputs to S3."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from app.embedded.sagemaker import reasons
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.errors import limit_exceeded, validation
from app.embedded.sagemaker.jobs import Jobs
from app.embedded.sagemaker.logs import GROUPS
from app.embedded.sagemaker.programs import JOB_NICENESS, Program
from app.embedded.sagemaker.several import Programs
from app.embedded.sagemaker.shapes import Record

CONTAINER_ROOT = "/opt/ml"
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
EXIT_MESSAGE_LIMIT = 1024


class Processing(Jobs):
    """Runs processing jobs."""

    kind = "Processing"
    has_phases = False

    def check(self, request: Record) -> None:
        """Raise ApiError where SageMaker, or the embedded one, would refuse the request."""
        if not request["AppSpecification"].get("ContainerEntrypoint"):
            raise validation("AppSpecification.ContainerEntrypoint: the embedded AWS needs the program's name")
        if self._cloud.faults.take(request["ProcessingJobName"], "quota"):
            raise limit_exceeded("The account-level service limit for processing job usage is 0 Instances")

    def run(self, record: Record) -> None:
        """From the download of the inputs to the upload of the outputs."""
        if fault := self._cloud.faults.take(record["_name"], "capacity", "internal"):
            return reasons.end_by_fault(self._cloud, record, fault)
        folder = self._cloud.settings.work / "processing" / record["_name"]
        shutil.rmtree(folder, ignore_errors=True)
        cloud = self._cloud.acting_as(record["RoleArn"], record)
        hosts = [_Host(cloud, record, folder, number) for number in range(1, instance_count(record) + 1)]
        for host in hosts:
            if missing := host.download():
                return self._cloud.job_status(record, "Failed", FailureReason=missing, ProcessingEndTime=time.time())
        programs = Programs([host.start() for host in hosts])
        self._cloud.store.change(record, ProcessingStartTime=time.time())
        limit = record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
        outcome = self.wait(record, programs, limit, lambda: _flush(hosts))
        if outcome.ending == "shutdown":
            return None
        end = {"ProcessingEndTime": time.time(), **_exit_message(hosts)}
        if outcome.ending in ("stopped", "timeout"):
            return self._cloud.job_status(record, "Stopped", **end)
        if outcome.exit_status:
            reason = f"AlgorithmError: See job logs for more information, exit code: {outcome.exit_status}"
            return self._cloud.job_status(record, "Failed", FailureReason=reason, **end)
        for host in hosts:
            host.upload()
        return self._cloud.job_status(record, "Completed", **end)


class _Host:
    """One machine of a processing job: the folders that it sees as /opt/ml, its program, its log."""

    def __init__(self, cloud: Cloud, record: Record, folder: Path, number: int) -> None:
        self._cloud, self._record = cloud, record
        self.name = host_name(number)
        self.root = folder / self.name / "opt" / "ml"
        self.log = cloud.log(GROUPS["ProcessingJob"], f"{record['_name']}/{self.name}-{int(time.time())}")

    def download(self) -> str:
        """Fetch the inputs and write the configuration; returns the failure reason, if any."""
        for given in self._record.get("ProcessingInputs", []):
            source = given["S3Input"]
            if not self._cloud.transfers.fetch(source, _local(self.root, source["LocalPath"])):
                return (f"ClientError: Data download failed: No S3 objects found under {source['S3Uri']} of the input "
                        f"{given['InputName']}")
        for output in self._outputs():
            _local(self.root, output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        for folder in ("config", "output"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        public = {k: v for k, v in self._record.items() if not k.startswith("_")}
        hosts = [host_name(number) for number in range(1, instance_count(self._record) + 1)]
        resources = {"current_host": self.name, "hosts": hosts}
        for name, content in (("processingjobconfig", public), ("resourceconfig", resources)):
            (self.root / f"config/{name}.json").write_text(json.dumps(content, default=str))
        return ""

    def start(self) -> Program:
        """Start the job's program here."""
        name = Path(self._record["AppSpecification"]["ContainerEntrypoint"][0]).name
        isolated = self._record.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
        environment = {**self._cloud.access.environment(isolated=isolated), **self._record.get("Environment", {})}
        return Program(self._cloud.settings, self._cloud.children, name, self.root, environment, self.log.write,
                       JOB_NICENESS)

    def upload(self) -> None:
        """Bring the outputs to S3."""
        for output in self._outputs():
            self._cloud.transfers.upload(_local(self.root, output["LocalPath"]), output["S3Uri"])

    def _outputs(self) -> list[Record]:
        return [output["S3Output"] for output in self._record.get("ProcessingOutputConfig", {}).get("Outputs", [])]


def _flush(hosts: Sequence[_Host]) -> None:
    for host in hosts:
        host.log.flush()


def instance_count(record: Record) -> int:
    """How many machines the job has asked for."""
    return int(record["ProcessingResources"]["ClusterConfig"]["InstanceCount"])


def host_name(number: int) -> str:
    """SageMaker's name of a job's machine, from 1."""
    return f"algo-{number}"


def _local(root: Path, container_path: str) -> Path:
    """Where a path of the container lies on this machine."""
    return root / container_path.removeprefix(CONTAINER_ROOT).lstrip("/")


def _exit_message(hosts: Sequence[_Host]) -> Record:
    """What the first failing program left in /opt/ml/output/message, as DescribeProcessingJob shows it."""
    files = (host.root / "output/message" for host in hosts)
    said = next((file.read_text()[:EXIT_MESSAGE_LIMIT] for file in files if file.is_file()), "")
    return {"ExitMessage": said} if said else {}
