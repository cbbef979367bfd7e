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
from app.embedded.sagemaker.shapes import Record
from app.embedded.sagemaker.store import Store
from app.embedded.sagemaker.transfers import Transfers
from app.embedded.settings import ACCESS_KEY, REGION, SECRET_KEY, EmbeddedSettings


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

    @classmethod
    def build(cls, settings: EmbeddedSettings, publish: Publish) -> Cloud:
        """Load the records of earlier times and connect."""

        def client(service: str) -> Any:
            return boto3.client(
                service, endpoint_url=settings.endpoint_url, region_name=REGION, aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=SECRET_KEY, config=Config(s3={"addressing_style": "path"}))

        return cls(settings, Store(settings.sagemaker), Events(publish), Faults(), Children(settings.children),
                   client("s3"), client("logs"))

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


def in_background(name: str, work: Callable[[], None]) -> threading.Thread:
    """Run `work` in a thread that does not keep the server alive."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
