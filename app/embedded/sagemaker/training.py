"""Training jobs: download, run, synchronise checkpoints, survive spot interruptions, upload, and say how it went."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
import time

from app.embedded.sagemaker import channels, reasons
from app.embedded.sagemaker.cloud import Cloud, in_background
from app.embedded.sagemaker.errors import limit_exceeded, validation
from app.embedded.sagemaker.logs import GROUPS
from app.embedded.sagemaker.programs import JOB_NICENESS, SHUTDOWN_GRACE_SECONDS, Outcome, Program
from app.embedded.sagemaker.shapes import Record
from app.embedded.sagemaker.transfers import Mirror
from app.embedded.settings import REGION

DEFAULT_MAX_RUNTIME_SECONDS = 86_400
HOST = "algo-1"
log = logging.getLogger("castline.training")


class Training:
    """Runs training jobs, each in a thread of its own.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._running: dict[str, Program] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._stopping: set[str] = set()
        self._shutting_down = False

    def check(self, request: Record) -> None:
        """Raise ApiError where SageMaker would refuse the request."""
        spot, stopping = request.get("EnableManagedSpotTraining", False), request["StoppingCondition"]
        max_wait = stopping.get("MaxWaitTimeInSeconds")
        max_runtime = stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
        if max_wait is not None and not spot:
            raise validation("MaxWaitTimeInSeconds is supported only when EnableManagedSpotTraining is true")
        if spot and (max_wait is None or max_wait < max_runtime):
            raise validation("Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                             "MaxRuntimeInSeconds")
        if spot and request["ResourceConfig"].get("InstancePreferences"):
            raise validation("InstancePreferences is not supported with EnableManagedSpotTraining")
        channels.check(request)
        if self._cloud.faults.take(request["TrainingJobName"], "quota"):
            raise limit_exceeded("The account-level service limit for training job usage is 0 Instances")

    def start(self, record: Record) -> None:
        """Begin a new job."""
        self._cloud.job_status(record, "InProgress", "Starting", "Starting the training job")
        name = record["_name"]
        self._threads[name] = in_background(f"train-{name}", lambda: self._guard(record))

    def stop(self, record: Record) -> None:
        """A person or the pipeline stops the job."""
        if record["TrainingJobStatus"] != "InProgress":
            return
        self._stopping.add(record["_name"])
        self._cloud.job_status(record, "Stopping", "Stopping", "Stopping the training job")
        if program := self._running.get(record["_name"]):
            in_background("stop", program.stop)

    def interrupt(self, record: Record) -> bool:
        """Take the spot machine away; False when the job does not run on one now."""
        program = self._running.get(record["_name"])
        if program is None or not record.get("EnableManagedSpotTraining"):
            return False
        in_background("interrupt", lambda: program.stop("interrupted"))
        return True

    def stop_all(self) -> None:
        """End the programs because the server ends, with their last checkpoints in S3.

        Their records stay as they are: the next start tells that these jobs have failed.
        """
        self._shutting_down = True
        for program in list(self._running.values()):
            program.stop("shutdown", SHUTDOWN_GRACE_SECONDS)
        for thread in list(self._threads.values()):  # also of jobs whose program is still to start
            thread.join(SHUTDOWN_GRACE_SECONDS)

    def _guard(self, record: Record) -> None:
        try:
            self._run(record)
        except Exception as error:
            log.exception("training job %s", record["_name"])
            self._cloud.job_status(record, "Failed", "Failed", FailureReason=f"InternalServerError: {error}",
                                   TrainingEndTime=time.time())
        finally:
            self._stopping.discard(record["_name"])
            self._threads.pop(record["_name"], None)

    def _run(self, record: Record) -> None:
        if fault := self._cloud.faults.take(record["_name"], "capacity", "max-wait", "max-runtime", "internal"):
            return reasons.end_by_fault(self._cloud, record, fault)
        job = _Job(self._cloud, record)
        self._progress(record, "Downloading", "Downloading input data")
        if missing := job.download():
            return self._cloud.job_status(record, "Failed", "Failed", FailureReason=missing)
        began = time.time()
        self._cloud.store.change(record, TrainingStartTime=began)
        self._progress(record, "Training", "Training image download completed. Training in progress.")
        billable, outcome = self._train_through_interruptions(record, job)
        if outcome.ending == "shutdown":
            return None
        times = {"TrainingEndTime": time.time(), "TrainingTimeInSeconds": max(round(time.time() - began), 1),
                 "BillableTimeInSeconds": max(round(billable), 1), "FinalMetricDataList": job.metrics()}
        return self._finish(record, job, outcome, times)

    def _train_through_interruptions(self, record: Record, job: _Job) -> tuple[float, Outcome]:
        """Run the program, again after every interruption; returns billable seconds and the last outcome."""
        limit = record["StoppingCondition"].get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
        billable = 0.0
        while True:
            started = time.monotonic()
            outcome = self._train(record, job, limit - billable)
            billable += time.monotonic() - started
            if outcome.ending != "interrupted":
                return billable, outcome
            self._progress(record, "Interrupted", "Interrupted by the spot market")
            self._progress(record, "Starting", "Launching a new spot instance")
            job.lose_machine()
            time.sleep(self._cloud.settings.new_machine_seconds)
            self._progress(record, "Downloading", "Downloading input data")
            job.download()
            self._progress(record, "Training", "Training in progress after an interruption")

    def _progress(self, record: Record, secondary: str, message: str) -> None:
        """A step of a job that is not over; one that is being stopped stays so."""
        status = "Stopping" if record["_name"] in self._stopping else "InProgress"
        self._cloud.job_status(record, status, secondary, message)

    def _train(self, record: Record, job: _Job, limit_seconds: float) -> Outcome:
        program = job.start()
        self._running[record["_name"]] = program
        if self._shutting_down:
            program.stop("shutdown", SHUTDOWN_GRACE_SECONDS)
        elif record["_name"] in self._stopping:  # stopped before it started
            program.stop()
        try:
            return program.wait(limit_seconds, job.push_checkpoints)
        finally:
            job.push_checkpoints()
            self._running.pop(record["_name"], None)

    def _finish(self, record: Record, job: _Job, outcome: Outcome, times: Record) -> None:
        if outcome.ending == "ended" and outcome.exit_status != 0:
            reason = reasons.algorithm_error(job.root, outcome.exit_status)
            return self._cloud.job_status(record, "Failed", "Failed", reason, FailureReason=reason, **times)
        self._progress(record, "Uploading", "Uploading generated training model")
        artifact = job.upload_model()
        times |= {"ModelArtifacts": {"S3ModelArtifacts": artifact}}
        if outcome.ending == "ended":
            return self._cloud.job_status(record, "Completed", "Completed", "Training job completed", **times)
        secondary = "MaxRuntimeExceeded" if outcome.ending == "timeout" else "Stopped"
        return self._cloud.job_status(record, "Stopped", secondary, f"Training job {secondary}", **times)


class _Job:
    """The folders of one training job below what it sees as /opt/ml."""

    def __init__(self, cloud: Cloud, record: Record) -> None:
        self._cloud = cloud
        self._record = record
        self.root = cloud.settings.work / "training" / record["_name"] / "opt" / "ml"
        if self.root.exists():
            channels.remove(self.root)
        self.log = cloud.log(GROUPS["TrainingJob"], f"{record['_name']}/{HOST}-{int(time.time())}")
        self._lines: list[str] = []
        self._mirror: Mirror | None = None

    def download(self) -> str:
        """Fetch channels and checkpoints and write the configuration; returns the failure reason, if any."""
        record, transfers = self._record, self._cloud.transfers
        for channel in record.get("InputDataConfig", []):
            if missing := channels.provide(self._cloud, channel, self.root / "input/data" / channel["ChannelName"]):
                return missing
        for folder in ("checkpoints", "model", "output/data", "input/config"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        if checkpoints := record.get("CheckpointConfig"):
            transfers.download(checkpoints["S3Uri"], self.root / "checkpoints")
            self._mirror = Mirror(self._cloud.s3, self.root / "checkpoints", checkpoints["S3Uri"])
        self._write_configuration()
        return ""

    def _write_configuration(self) -> None:
        record, folder = self._record, self.root / "input/config"
        channels = {c["ChannelName"]: {"TrainingInputMode": c.get("InputMode", "File")}
                    for c in record.get("InputDataConfig", [])}
        resources = {"current_host": HOST, "hosts": [HOST], "current_instance_type": instance_type(record),
                     "network_interface_name": "lo"}
        for name, content in (("hyperparameters", record.get("HyperParameters", {})),
                              ("inputdataconfig", channels), ("resourceconfig", resources)):
            (folder / f"{name}.json").write_text(json.dumps(content))

    def start(self) -> Program:
        """Start the program `train`."""
        record = self._record
        environment = {**record.get("Environment", {}), "TRAINING_JOB_NAME": record["_name"],
                       "TRAINING_JOB_ARN": record["TrainingJobArn"], "AWS_REGION": REGION}
        return Program(self._cloud.settings, self._cloud.children, "train", self.root, environment, self._line,
                       JOB_NICENESS)

    def _line(self, line: str) -> None:
        self._lines.append(line)
        self.log.write(line)

    def push_checkpoints(self) -> None:
        """Bring the checkpoints' S3 prefix up to date."""
        if self._mirror:
            self._mirror.push()
        with contextlib.suppress(Exception):  # the log is for people; training goes on without
            self.log.flush()

    def lose_machine(self) -> None:
        """Everything on the disk of an interrupted machine is gone."""
        channels.remove(self.root)

    def upload_model(self) -> str:
        """Pack /opt/ml/model and return its address."""
        output = self._record["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        uri = f"{output}/{self._record['_name']}/output/model.tar.gz"
        self._cloud.transfers.upload_archive(self.root / "model", uri)
        return uri

    def metrics(self) -> list[Record]:
        """The last value of every metric definition, as FinalMetricDataList has it."""
        found = []
        for definition in self._record["AlgorithmSpecification"].get("MetricDefinitions", []):
            pattern = re.compile(definition["Regex"])
            for line in reversed(self._lines):
                if match := pattern.search(line):
                    with contextlib.suppress(ValueError):
                        found.append({"MetricName": definition["Name"], "Value": float(match[1]),
                                      "Timestamp": time.time()})
                    break
        return found


def instance_type(record: Record) -> str:
    """The machine that the job would have run on."""
    resources = record["ResourceConfig"]
    preferences = resources.get("InstancePreferences") or [{}]
    first: str = resources.get("InstanceType") or preferences[0].get("InstanceType", "")
    return first


