"""Find runs, read their records and documents, and ask the gate for a new one."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from app.client.pipeline import Pipeline, PipelineError
from app.contracts import documents, keys, table
from app.contracts.dataset import Finding
from app.contracts.runs import Champion, RunRecord

LATEST = "latest"


def run_ids(pipeline: Pipeline, limit: int) -> list[str]:
    """The newest runs first."""
    answer = pipeline.client("dynamodb").query(
        TableName=pipeline.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": table.RUN_PK}},
        ScanIndexForward=False,
        Limit=limit,
    )
    return [item["sk"]["S"] for item in answer["Items"]]


def resolve(pipeline: Pipeline, run: str) -> str:
    """Turn `latest` into a run id, and check that the run exists.

    Raises:
        PipelineError: there is no such run, or none at all.
    """
    known = run_ids(pipeline, 100)
    if not known:
        raise PipelineError("no run yet: upload images first: python -m app upload FOLDER")
    if run == LATEST:
        return known[0]
    matching = [k for k in known if k == run] or [k for k in known if run in k]
    if len(matching) != 1:
        raise PipelineError(f"{run}: {'several runs match' if matching else 'no such run'}: "
                            "python -m app runs lists them")
    return matching[0]


def record(pipeline: Pipeline, run_id: str) -> RunRecord | None:
    """The record of a run; None before its first state wrote it."""
    text = read_object(pipeline, keys.run_record(run_id))
    return documents.from_json(RunRecord, text) if text is not None else None


def champion(pipeline: Pipeline) -> Champion | None:
    """The model that serves, or None."""
    text = read_object(pipeline, keys.CHAMPION)
    return documents.from_json(Champion, text) if text is not None else None


def former_champion(pipeline: Pipeline, run_id: str) -> Champion | None:
    """champion.json as it was when the model of this run was replaced; None when it never was."""
    text = read_object(pipeline, keys.run_champion(run_id))
    return documents.from_json(Champion, text) if text is not None else None


def findings(pipeline: Pipeline, run_id: str) -> tuple[Finding, ...]:
    """Everything that prepare had to say about the uploads of a run."""
    text = read_object(pipeline, keys.run(run_id, "prepare", "findings.json"))
    if text is None:
        text = read_object(pipeline, keys.quarantine(run_id, "report.json"))
    return tuple(documents.from_plain(Finding, f) for f in json.loads(text)) if text else ()


def force(pipeline: Pipeline, hyperparameters: dict[str, str], *, over_budget: bool = False) -> dict[str, Any]:
    """Ask the gate to start a run now, whatever its waiting rules say.

    Args:
        pipeline: Where.
        hyperparameters: Override the deployment's for this run only.
        over_budget: Start it although a budget says no.

    Returns:
        What the gate decided.

    Raises:
        PipelineError: the gate itself failed.
    """
    order = {"force": True, "hyperparameters": hyperparameters} | ({"over_budget": True} if over_budget else {})
    return _order(pipeline, order)


def roll_back(pipeline: Pipeline, to: str, *, seen: str, reason: str) -> dict[str, Any]:
    """Ask the gate for a run that makes the model of an earlier run serve again.

    Args:
        pipeline: Where.
        to: Run whose model shall serve.
        seen: Run whose model serves now; when it is another by then, the rollback is refused.
        reason: Who wants it and why; stands in the run's record.

    Returns:
        What the gate decided.

    Raises:
        PipelineError: the gate itself failed.
    """
    return _order(pipeline, {"force": True, "rollback_to": to, "rollback_from": seen, "reason": reason})


def _order(pipeline: Pipeline, order: dict[str, Any]) -> dict[str, Any]:
    answer = pipeline.client("lambda").invoke(
        FunctionName=pipeline.gate_function, Payload=json.dumps(order).encode())
    decision: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        raise PipelineError(f"the gate failed: {decision.get('errorMessage', decision)}: "
                            f"look into the log of the function {pipeline.gate_function}")
    return decision


def read_object(pipeline: Pipeline, key: str) -> bytes | None:
    """Content of an object, or None when there is none."""
    try:
        body = pipeline.client("s3").get_object(Bucket=pipeline.bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    content: bytes = body.read()
    return content
