"""The state table: the lock, the task tokens of running jobs, the list of runs, and the last failure.

See app/contracts/table.py for the items. Every write that could hurt somebody else is conditional.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from app.contracts import documents
from app.contracts.jobs import JobKind
from app.contracts.runs import RunInput
from app.contracts.table import GATE_PK, JOB_PK, LAST_FAILURE_SK, LOCK_PK, LOCK_SK, MOVE_SK, RUN_PK, SERVING_PK
from lambdas.aws.clients import client, code
from lambdas.decisions.gate import LastFailure

_LOCK, _FAILURE, _MOVE = (LOCK_PK, LOCK_SK), (GATE_PK, LAST_FAILURE_SK), (SERVING_PK, MOVE_SK)
MoveStage = Literal["begun", "proven", "asked", "failed"]
"""begun: nothing has changed; proven: on the trial endpoint; asked: the endpoint itself changes; failed: it stays."""
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
class Move:
    """The champion on its way to another way of serving."""

    config: str
    """Where to."""
    stage: MoveStage
    at: str
    """When this was written, ISO 8601 with microseconds: no two writes have the same."""
    why: str = ""
    """Stage `failed` only."""
    busy_until: str = ""
    """Somebody takes a step and may need so long; empty when nobody does."""


@dataclasses.dataclass(frozen=True)
class RunItem:
    """One line of the list of runs."""

    run_id: str
    status: str
    outcome: str
    started_at: str
    ended_at: str
    summary: str
    usd: float | None = 0.0
    """Estimated cost; None while it is not known."""
    saved_usd: float = 0.0
    prices_as_of: str = ""
    unpriced: str = ""
    """Instance types of unknown price, comma-separated."""


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

    def move(self) -> Move | None:
        """The champion's change to another way of serving, while it goes on or when it failed."""
        return self._get(Move, _MOVE)

    def take_move(self, item: Move, seen: Move | None) -> bool:
        """Write the next step if nobody has since `seen`; False when somebody was faster."""
        if seen is None:
            return self._put(_MOVE, item, "attribute_not_exists(pk)", {})
        return self._put(_MOVE, item, "#at = :at", {":at": seen.at})

    def put_move(self, item: Move) -> None:
        """Write how far it is."""
        self._put(_MOVE, item)

    def forget_move(self) -> None:
        """It is done, or begins anew."""
        self._delete(_MOVE)

    def put_run(self, item: RunItem) -> None:
        """Enter a run in the list, or renew its line."""
        self._put((RUN_PK, item.run_id), item)

    def runs(self) -> Iterator[RunItem]:
        """All runs, the oldest first."""
        yield from self._query(RunItem, RUN_PK)

    def runs_of_month(self, month: dt.datetime) -> Iterator[RunItem]:
        """The runs that began in a month (UTC): their ids begin with it."""
        yield from self._query(RunItem, RUN_PK, f"{month:%Y%m}")

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

    def _query(self, kind: type[D], pk: str, beginning: str = "") -> Iterator[D]:
        rule, values = "pk = :pk", {":pk": pk}
        if beginning:
            rule, values = "pk = :pk AND begins_with(sk, :beginning)", {":pk": pk, ":beginning": beginning}
        pages = (
            client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                KeyConditionExpression=rule,
                ExpressionAttributeValues=_typed(values),
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
    return {name: serializer.serialize(_number_out(value)) for name, value in values.items()}


def _from_item(kind: type[D], item: Mapping[str, Any]) -> D:
    deserializer = TypeDeserializer()
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    plain = {name: _number_in(deserializer.deserialize(value)) for name, value in item.items() if name in known}
    return documents.from_plain(kind, plain)


def _number_out(value: Any) -> Any:
    """DynamoDB takes no binary fractions."""
    return Decimal(str(value)) if isinstance(value, float) else value


def _number_in(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)
