"""Everything that runs leave behind for people to read: states, logs, documents, items."""

from __future__ import annotations

import json
from collections.abc import Iterator

from app.client.pipeline import Pipeline

TEXT = (".json", ".jsonl", ".html", ".manifest", ".txt", ".csv")


def all_of(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Where it lies, and what it says."""
    yield from histories(pipeline)
    yield from logs(pipeline)
    yield from documents(pipeline)
    yield from items(pipeline)


def histories(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """The state machine's data: input and output of each state of each execution."""
    states = pipeline.client("stepfunctions")
    for execution in states.list_executions(stateMachineArn=pipeline.state_machine_arn)["executions"]:
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"])
        for page in pages:
            for event in page["events"]:
                yield f"{execution['name']} event {event['id']}", json.dumps(event, default=str)


def logs(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Every line of every log group: of functions, jobs and the endpoint."""
    client = pipeline.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for events in client.get_paginator("filter_log_events").paginate(logGroupName=name):
                yield from ((f"log {name}", event["message"]) for event in events["events"])


def documents(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Texts in the bucket, whoever wrote them."""
    s3 = pipeline.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=pipeline.bucket):
        for found in page.get("Contents", []):
            if found["Key"].endswith(TEXT):
                body = s3.get_object(Bucket=pipeline.bucket, Key=found["Key"])["Body"].read()
                yield f"s3 {found['Key']}", body.decode("utf-8", errors="replace")


def items(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """The state table."""
    for page in pipeline.client("dynamodb").get_paginator("scan").paginate(TableName=pipeline.table):
        yield from ((f"item {item['pk']} {item['sk']}", json.dumps(item, default=str)) for item in page["Items"])
