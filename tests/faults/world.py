"""The deployed pipeline on an embedded AWS of its own, and everything that people and clocks do to it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psutil
from botocore.exceptions import ClientError

from app import cloud
from app.client import runs
from app.client.pipeline import Pipeline
from app.contracts import documents, keys, names, table
from app.contracts.runs import Champion, RunRecord
from app.embedded import control

ENVIRONMENT = "test"
DEADLINE_SECONDS = 900.0
EVENT_SECONDS = 20.0
STATES = ("Claim", "Snapshot", "FindImage", "Prepare", "Train", "Evaluate", "Compare", "Register", "Publish", "Verify",
          "Commit", "Finish")
CLOCKS = ("GateClock", "ReconcileClock")
JOURNAL_LAG = timedelta(seconds=15)
"""Queues of the embedded AWS reach the disk every few seconds."""
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Upload:
    """One content that somebody put into the inbox."""

    key: str
    sha256: str


class World:
    """The pipeline, its users, and the orders for what shall go wrong."""

    def __init__(self, port: int, state: Path) -> None:
        self.port, self.state = port, state
        self.orders = state / "orders"
        self.uploads: list[Upload] = []
        self.messages: list[str] = []
        self.kills: list[datetime] = []
        self._serial = 0
        self._ears = ""
        self.pipeline: Pipeline = None  # type: ignore[assignment]  # connected once it is deployed

    def connect(self) -> None:
        """Clients for the deployed stacks; once more after a restart."""
        self.pipeline = cloud.connect(ENVIRONMENT)

    def client(self, service: str) -> Any:
        return self.pipeline.client(service)

    # What people do.

    def upload(self, count: int = 2, *, ready: bool = True, name: str = "") -> list[Upload]:
        """Put images into the inbox, and the marker that says they are complete."""
        made = []
        for _ in range(count):
            self._serial += 1
            key = keys.INBOX + (name or f"{self._serial}.png")
            body = f"image {self._serial}".encode()
            self.client("s3").put_object(Bucket=self.pipeline.bucket, Key=key, Body=body)
            made.append(Upload(key, hashlib.sha256(body).hexdigest()))
        self.uploads += made
        if ready:
            self.client("s3").put_object(Bucket=self.pipeline.bucket, Key=keys.READY_MARKER, Body=b"")
        return made

    def take_back(self, *uploads: Upload) -> None:
        """Somebody deletes uploads, or has written over them: the pipeline owes them nothing."""
        for upload in uploads:
            self.uploads.remove(upload)

    def abort(self, run_id: str) -> None:
        self.client("stepfunctions").stop_execution(executionArn=self.pipeline.execution_arn(run_id))

    def invoke(self, handler: str, event: Any = None, *, wait: bool = True) -> Any:
        """Call a function as a clock or a rule does; the answer, or its error as {"errorType": ...}."""
        answer = self.client("lambda").invoke(
            FunctionName=names.function(ENVIRONMENT, handler), Payload=json.dumps(event or {}).encode(),
            InvocationType="RequestResponse" if wait else "Event")
        return json.loads(answer["Payload"].read() or b"null") if wait else None

    # What goes wrong.

    def order(self, program: str, **order: Any) -> None:
        """What the next job that runs this program does."""
        self._serial += 1
        folder = self.orders / program
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"{self._serial:06}.tmp"
        beside.write_text(json.dumps(order))
        beside.rename(beside.with_suffix(".json"))

    def fault(self, kind: str, name: str, times: int = 1) -> None:
        self._admin("POST", "faults", {"kind": kind, "job": name, "times": times})

    def interfere(self, action: str, request: str, **order: Any) -> None:
        self._admin("POST", "interference", {"action": action, "request": request, **order})

    def interfering(self) -> dict[str, int]:
        """How many orders are left, and how many requests are held."""
        return self._admin("GET", "interference")

    def let_go(self) -> None:
        """Forget every order; what is held goes on."""
        self._admin("DELETE", "faults")
        for file in self.orders.glob("*/*.json"):
            file.unlink()

    def rules(self, *words: str, enabled: bool) -> None:
        """Switch rules of the event bus whose name has one of the words."""
        events = self.client("events")
        for rule in events.list_rules()["Rules"]:
            if any(word in rule["Name"] for word in words):
                (events.enable_rule if enabled else events.disable_rule)(Name=rule["Name"])

    def kill(self) -> None:
        """The power fails: the whole embedded AWS dies at once."""
        running = control.status(self.state)
        assert running is not None
        psutil.Process(running.pid).kill()
        self.kills.append(datetime.now(UTC))
        wait_until(lambda: control.status(self.state) is None)

    def _admin(self, method: str, path: str, body: Any = None) -> dict[str, int]:
        data = json.dumps(body).encode() if body else None
        address = f"http://127.0.0.1:{self.port}/_castline/{path}"
        request = urllib.request.Request(address, data, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.loads(answer.read())

    # What can be seen.

    def executions(self) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("list_executions").paginate(
            stateMachineArn=self.pipeline.state_machine_arn)
        return [e for page in pages for e in page["executions"]]

    def active(self) -> list[str]:
        return [e["name"] for e in self.executions() if e["status"] == "RUNNING"]

    def run_ids(self) -> set[str]:
        return {e["name"] for e in self.executions()}

    def next_run(self, known: set[str]) -> str:
        """The run that follows those known; the gate's clock strikes when the event is late."""
        events_until = time.monotonic() + EVENT_SECONDS

        def started() -> str | None:
            if time.monotonic() > events_until:
                self.invoke("gate")
            return next(iter(self.run_ids() - known), None)

        return wait_until(started)

    def ended(self, run_id: str) -> RunRecord:
        """The record of a run after its end, also of one whose execution could not write it itself."""
        record = wait_until(lambda: (r := runs.record(self.pipeline, run_id)) and r.status != "RUNNING" and r)
        wait_until(lambda: run_id not in self.active())
        return record

    def run(self, images: int = 2) -> RunRecord:
        """Upload, and wait for the run that it starts."""
        known = self.run_ids()
        self.upload(images)
        return self.ended(self.next_run(known))

    def reach(self, run_id: str, state: str) -> None:
        """Wait until a run is in a state."""
        arn = self.pipeline.execution_arn(run_id)
        wait_until(lambda: state in self.states(arn))

    def states(self, arn: str) -> list[str]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [e["stateEnteredEventDetails"]["name"] for page in pages for e in page["events"]
                if e["type"] == "TaskStateEntered"]

    def input_of(self, arn: str, state: str) -> dict[str, Any]:
        """What a state was given when the execution entered it."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return next(json.loads(e["stateEnteredEventDetails"]["input"]) for page in pages for e in page["events"]
                    if e["type"] == "TaskStateEntered" and e["stateEnteredEventDetails"]["name"] == state)

    def failures(self, run_id: str) -> list[str]:
        """The errors with which tasks of a run have failed."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(
            executionArn=self.pipeline.execution_arn(run_id))
        return [e["taskFailedEventDetails"]["error"] for page in pages for e in page["events"]
                if e["type"] == "TaskFailed"]

    def lock(self) -> dict[str, Any] | None:
        return self.item(table.LOCK_PK, table.LOCK_SK)

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        answer = self.client("dynamodb").get_item(
            TableName=self.pipeline.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
        return answer.get("Item")

    def put_item(self, item: dict[str, Any]) -> None:
        self.client("dynamodb").put_item(TableName=self.pipeline.table, Item=item)

    def waiting(self) -> list[str]:
        """What somebody waits for."""
        answer = self.client("dynamodb").query(
            TableName=self.pipeline.table, KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": table.JOB_PK}}, ConsistentRead=True)
        return [item["sk"]["S"] for item in answer["Items"]]

    def listed(self) -> dict[str, str]:
        """Run id -> status, as `app runs` lists them."""
        pages = self.client("dynamodb").get_paginator("query").paginate(
            TableName=self.pipeline.table, KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": table.RUN_PK}}, ConsistentRead=True)
        return {item["sk"]["S"]: item["status"]["S"] for page in pages for item in page["Items"]}

    def subscribe(self) -> None:
        """Hear every notification."""
        sns, sqs = self.client("sns"), self.client("sqs")
        topic = next(t["TopicArn"] for t in sns.list_topics()["Topics"]
                     if t["TopicArn"].endswith(names.topic(ENVIRONMENT)))
        self._ears = sqs.create_queue(QueueName="ears")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._ears, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def take_messages(self) -> list[str]:
        """Every notification so far."""
        sqs = self.client("sqs")
        while found := sqs.receive_message(QueueUrl=self._ears, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.messages.append(message["Body"])
                sqs.delete_message(QueueUrl=self._ears, ReceiptHandle=message["ReceiptHandle"])
        return self.messages

    def unheard(self, record: RunRecord) -> bool:
        """Whether a queue may have lost the run's notification: the power failed before it was on disk."""
        ended = datetime.fromisoformat(record.ended_at or record.started_at)
        return any(timedelta(0) <= kill - ended < JOURNAL_LAG for kill in self.kills)

    def jobs(self) -> list[dict[str, Any]]:
        """Every training and processing job: name, status, creation and end."""
        sagemaker, found = self.client("sagemaker"), []
        for noun, operation in (("TrainingJob", "list_training_jobs"), ("ProcessingJob", "list_processing_jobs")):
            for page in sagemaker.get_paginator(operation).paginate():
                found += [{"name": j[f"{noun}Name"], "status": j[f"{noun}Status"]} for j in page[f"{noun}Summaries"]]
        return found

    def running_jobs(self) -> list[str]:
        return [job["name"] for job in self.jobs() if job["status"] in ("InProgress", "Stopping")]

    def jobs_of(self, run_id: str) -> list[str]:
        return sorted(j["name"].removeprefix(f"castline-{ENVIRONMENT}-{run_id}-") for j in self.jobs()
                      if run_id in j["name"])

    def champion(self) -> Champion | None:
        return runs.champion(self.pipeline)

    def endpoint(self) -> dict[str, Any] | None:
        try:
            return self.client("sagemaker").describe_endpoint(EndpointName=self.pipeline.endpoint)
        except ClientError:
            return None

    def inbox(self) -> dict[str, str]:
        """Key -> hash of what lies in the inbox, without the marker."""
        found = self.client("s3").list_objects_v2(Bucket=self.pipeline.bucket, Prefix=keys.INBOX).get("Contents", [])
        return {o["Key"]: hashlib.sha256(self.read(o["Key"]) or b"").hexdigest() for o in found
                if o["Key"] != keys.READY_MARKER}

    def dataset(self) -> list[str]:
        """Hashes of what the committed data set was made of."""
        head = self.read(keys.DATASET_HEAD)
        if head is None:
            return []
        return json.loads(self.read(keys.version(json.loads(head)["version"], "contents.json")) or b"[]")

    def read(self, key: str) -> bytes | None:
        return runs.read_object(self.pipeline, key)

    def document(self, kind: type[T], key: str) -> T:
        return documents.from_json(kind, self.read(key) or b"")

    def versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.client("s3").get_paginator("list_object_versions").paginate(
            Bucket=self.pipeline.bucket, Prefix=prefix)
        for page in pages:
            yield from [*page.get("Versions", []), *page.get("DeleteMarkers", [])]

    # What the clocks bring about.

    def tick(self) -> dict[str, Any]:
        """Both clocks strike."""
        self.invoke("gate")
        return self.invoke("reconcile")

    def rest(self) -> None:
        """Let the clocks strike until nothing is left to do."""
        def still() -> bool:
            self.tick()
            return not (self.active() or self.lock() or self.waiting() or self.running_jobs() or self._changing())

        wait_until(still)

    def _changing(self) -> bool:
        endpoint = self.endpoint()
        return endpoint is not None and endpoint["EndpointStatus"] != "InService"

    def empty_the_inbox(self) -> None:
        """After a test: what it left in the inbox is not the next one's, nor is the failure that kept it there."""
        for version in list(self.versions(keys.INBOX)):
            self.client("s3").delete_object(
                Bucket=self.pipeline.bucket, Key=version["Key"], VersionId=version["VersionId"])
        self.uploads.clear()
        self.client("dynamodb").delete_item(
            TableName=self.pipeline.table, Key={"pk": {"S": table.GATE_PK}, "sk": {"S": table.LAST_FAILURE_SK}})


def wait_until(condition: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """Wait for what the pipeline brings about; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return value
