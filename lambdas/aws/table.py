"""The state table: the lock, the task tokens of running jobs, the list of runs, and the last failure.

See app/contracts/table.py for the items. Every write that could hurt somebody else is conditional.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from app.contracts import documents
from app.contracts.jobs import JobKind
from app.contracts.runs import RunInput
from app.contracts.table import GATE_PK, JOB_PK, LAST_FAILURE_SK, LOCK_PK, LOCK_SK, RUN_PK
from lambdas.aws.clients import client, code
from lambdas.decisions.gate import LastFailure

_LOCK, _FAILURE = (LOCK_PK, LOCK_SK), (GATE_PK, LAST_FAILURE_SK)
D = TypeVar("D")


@dataclasses.dataclass(frozen=True)
class Lock:
    """One run at a time: who runs."""

    owner: str
    """Run id."""
    input: str
    """JSON of RunInput, so that a start that never happened can be repeated."""
    claimed_at: str

    @property
    def run(self) -> RunInput:
        """The input of the owner's execution."""
        return documents.from_json(RunInput, self.input)


@dataclasses.dataclass(frozen=True)
class JobItem:
    """Who waits for a job."""

    job_name: str
    """For kind `endpoint` the endpoint's name, for `approval` the ARN of the model package."""
    token: str
    kind: JobKind
    run_id: str
    execution_arn: str
    created_at: str
    requested: str = ""
    """Kind `endpoint` only: the configuration that was asked for; empty until the request was made."""


@dataclasses.dataclass(frozen=True)
class RunItem:
    """One line of the list of runs."""

    run_id: str
    status: str
    outcome: str
    started_at: str
    ended_at: str
    summary: str


@dataclasses.dataclass(frozen=True)
class StateTable:
    """The DynamoDB table."""

    name: str

    def lock(self) -> Lock | None:
        """The lock, when somebody holds it."""
        return self._get(Lock, _LOCK)

    def take_lock(self, lock: Lock, *, from_owner: str | None = None) -> bool:
        """Take the free lock, or that of a dead owner; False when somebody else was faster."""
        if from_owner is None:
            return self._put(_LOCK, lock, "attribute_not_exists(pk)", {})
        return self._put(_LOCK, lock, "#owner = :owner", {":owner": from_owner})

    def release_lock(self, owner: str) -> bool:
        """Release the lock if `owner` holds it; False when not."""
        return self._delete(_LOCK, "#owner = :owner", {":owner": owner})

    def put_job(self, item: JobItem) -> None:
        """Store who waits for a job; a newer token replaces an older one."""
        self._put((JOB_PK, item.job_name), item)

    def job(self, job_name: str) -> JobItem | None:
        """Who waits for this job."""
        return self._get(JobItem, (JOB_PK, job_name))

    def jobs(self) -> Iterator[JobItem]:
        """Everything that somebody waits for."""
        yield from self._query(JobItem, JOB_PK)

    def forget_job(self, item: JobItem) -> None:
        """Remove an answered token, unless a newer one has taken its place."""
        self._delete((JOB_PK, item.job_name), "#token = :token", {":token": item.token})

    def put_run(self, item: RunItem) -> None:
        """Enter a run in the list, or renew its line."""
        self._put((RUN_PK, item.run_id), item)

    def runs(self) -> Iterator[RunItem]:
        """All runs, the oldest first."""
        yield from self._query(RunItem, RUN_PK)

    def last_failure(self) -> LastFailure | None:
        """The failure that the uploads in the inbox have seen, if any."""
        return self._get(LastFailure, _FAILURE)

    def put_failure(self, failure: LastFailure) -> None:
        """Remember a failed run."""
        self._put(_FAILURE, failure)

    def forget_failure(self) -> None:
        """A run succeeded."""
        self._delete(_FAILURE)

    def _get(self, kind: type[D], key: tuple[str, str]) -> D | None:
        answer = client("dynamodb").get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        return _from_item(kind, answer["Item"]) if "Item" in answer else None

    def _query(self, kind: type[D], pk: str) -> Iterator[D]:
        pages = (
            client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=_typed({":pk": pk}),
                ConsistentRead=True,
            )
        )
        for page in pages:
            for item in page["Items"]:
                yield _from_item(kind, item)

    def _put(
        self, key: tuple[str, str], document: Any, condition: str = "", values: Mapping[str, str] | None = None
    ) -> bool:
        item = _key(key) | _typed(dataclasses.asdict(document))
        return self._conditionally("put_item", condition, values or {}, Item=item)

    def _delete(self, key: tuple[str, str], condition: str = "", values: Mapping[str, str] | None = None) -> bool:
        return self._conditionally("delete_item", condition, values or {}, Key=_key(key))

    def _conditionally(self, operation: str, condition: str, values: Mapping[str, str], **request: Any) -> bool:
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = _typed(values)
            request["ExpressionAttributeNames"] = {f"#{name[1:]}": name[1:] for name in values}
        try:
            getattr(client("dynamodb"), operation)(TableName=self.name, **request)
        except ClientError as error:
            if code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return _typed({"pk": key[0], "sk": key[1]})


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    serializer = TypeSerializer()
    return {name: serializer.serialize(value) for name, value in values.items()}


def _from_item(kind: type[D], item: Mapping[str, Any]) -> D:
    deserializer = TypeDeserializer()
    plain = {name: deserializer.deserialize(value) for name, value in item.items()}
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {
        name: int(value) if known[name].type == "int" else value for name, value in plain.items() if name in known
    }
    return documents.from_plain(kind, values)
