"""Training jobs: download, run, synchronise checkpoints, survive spot interruptions, upload, and say how it went."""

from __future__ import annotations

import time

from app.embedded.sagemaker import channels, reasons
from app.embedded.sagemaker.cloud import in_background
from app.embedded.sagemaker.errors import limit_exceeded, validation
from app.embedded.sagemaker.jobs import Jobs
from app.embedded.sagemaker.programs import Outcome
from app.embedded.sagemaker.shapes import Record
from app.embedded.sagemaker.training_hosts import TrainingHosts

DEFAULT_MAX_RUNTIME_SECONDS = 86_400


class Training(Jobs):
    """Runs training jobs."""

    kind = "Training"
    has_phases = True

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

    def interrupt(self, record: Record) -> bool:
        """Take the spot machine away; False when the job does not run on one now."""
        program = self._running.get(record["_name"])
        if program is None or not record.get("EnableManagedSpotTraining"):
            return False
        in_background("interrupt", lambda: program.stop("interrupted"))
        return True

    def run(self, record: Record) -> None:
        """From the download of the data to the upload of the model."""
        if fault := self._cloud.faults.take(record["_name"], "capacity", "max-wait", "max-runtime", "internal"):
            return reasons.end_by_fault(self._cloud, record, fault)
        job = TrainingHosts(self._cloud.acting_as(record["RoleArn"], record), record)
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

    def _train_through_interruptions(self, record: Record, job: TrainingHosts) -> tuple[float, Outcome]:
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
        status = "Stopping" if self.is_stopping(record) else "InProgress"
        self._cloud.job_status(record, status, secondary, message)

    def _train(self, record: Record, job: TrainingHosts, limit_seconds: float) -> Outcome:
        try:
            return self.wait(record, job.start(), limit_seconds, job.push_checkpoints)
        finally:
            job.push_checkpoints()

    def _finish(self, record: Record, job: TrainingHosts, outcome: Outcome, times: Record) -> None:
        if outcome.ending == "ended" and outcome.exit_status != 0:
            reason = reasons.algorithm_error(job.failed_root, outcome.exit_status)
            return self._cloud.job_status(record, "Failed", "Failed", reason, FailureReason=reason, **times)
        self._progress(record, "Uploading", "Uploading generated training model")
        artifact = job.upload_model()
        times |= {"ModelArtifacts": {"S3ModelArtifacts": artifact}}
        if outcome.ending == "ended":
            return self._cloud.job_status(record, "Completed", "Completed", "Training job completed", **times)
        secondary = "MaxRuntimeExceeded" if outcome.ending == "timeout" else "Stopped"
        return self._cloud.job_status(record, "Stopped", secondary, f"Training job {secondary}", **times)
