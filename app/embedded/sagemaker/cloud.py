"""What every part of the local SageMaker shares: records, events, faults, processes, clients of other services."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from app.embedded.children import Children
from app.embedded.sagemaker.events import Events, Publish
from app.embedded.sagemaker.faults import Faults
from app.embedded.sagemaker.logs import JobLog
from app.embedded.sagemaker.metrics import CloudWatch
from app.embedded.sagemaker.shapes import Record
from app.embedded.sagemaker.store import Store
from app.embedded.sagemaker.transfers import Transfers
from app.embedded.settings import Access, EmbeddedSettings
from app.embedded.strict import trusted
from app.embedded.strict.steps import Step


@dataclasses.dataclass(frozen=True)
class Cloud:
    """The surroundings of jobs and endpoints."""

    settings: EmbeddedSettings
    store: Store
    events: Events
    faults: Faults
    children: Children
    s3: Any
    logs: Any
    sns: Any
    watch: CloudWatch
    access: Access = dataclasses.field(default_factory=lambda: Access(""))
    """How the programs of containers reach the embedded AWS."""

    @classmethod
    def build(cls, settings: EmbeddedSettings, publish: Publish, watch: CloudWatch) -> Cloud:
        """Load the records of earlier times and connect."""
        access = Access(settings.endpoint_url, certificates=trusted(settings.state) if settings.strict else None)
        s3, logs, sns = _clients(access)
        return cls(settings, Store(settings.sagemaker), Events(publish), Faults(), Children(settings.children),
                   s3, logs, sns, watch, access)

    def acting_as(self, role_arn: str, record: Record, *steps: Step) -> Cloud:
        """The same surroundings in the name of a role, for what SageMaker and a container do for one record.

        Args:
            role_arn: The role.
            record: The job or model.
            steps: What SageMaker does as the role beyond that.

        Raises:
            AccessDeniedError: in the strict mode, when the role does not trust SageMaker, or does not allow what a
                container of this record takes.
        """
        if not self.settings.strict:
            return self
        from app.embedded.sagemaker import authorization
        from app.embedded.strict import authority

        access = authority.assume(role_arn, authorization.SERVICE, "SageMaker", self.access)
        authority.demand(access.access_key, *authorization.duties(record), *steps)
        s3, logs, sns = _clients(access)
        return dataclasses.replace(self, s3=s3, logs=logs, sns=sns, access=access)

    @property
    def transfers(self) -> Transfers:
        """Copies from and to S3."""
        return Transfers(self.s3)

    def log(self, group: str, stream: str) -> JobLog:
        """A log stream for the output of a program."""
        return JobLog(self.logs, group, stream)

    def job_status(self, record: Record, status: str, secondary: str = "", message: str = "", **changes: Any) -> None:
        """Move a job to a status, with its transition, and tell the bus."""
        now = time.time()
        if secondary:
            transitions = [dict(t) for t in record.get("SecondaryStatusTransitions", [])]
            if transitions:
                transitions[-1].setdefault("EndTime", now)
            transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
            changes |= {"SecondaryStatus": secondary, "SecondaryStatusTransitions": transitions}
        self.store.change(record, **{f"{record['_kind']}Status": status}, **changes)
        self.events.state_changed(record)


def _clients(access: Access) -> tuple[Any, Any, Any]:
    """S3, CloudWatch Logs and SNS."""
    config = Config(s3={"addressing_style": "path"})
    options = access.client_options()
    s3, logs, sns = (boto3.client(service, config=config, **options) for service in ("s3", "logs", "sns"))
    return s3, logs, sns


def in_background(name: str, work: Callable[[], None]) -> threading.Thread:
    """Run `work` in a thread that does not keep the server alive."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
