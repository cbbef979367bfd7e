"""What holds after every fault, once the system has come to rest. Each function lists what is wrong."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator

from app.client import runs
from app.contracts import keys
from app.contracts.dataset import SnapshotEntry
from app.contracts.documents import from_json

from .world import World


def broken(world: World) -> list[str]:
    """Every invariant that does not hold, in words."""
    return [*uploads(world), *used_twice(world), *one_run(world), *orphans(world), *champion(world), *told(world)]


def uploads(world: World) -> Iterator[str]:
    """No upload is lost, and none is both used and still waiting."""
    waiting, used = Counter(world.inbox().values()), Counter(world.dataset())
    for upload in world.uploads:
        count = waiting[upload.sha256] + used[upload.sha256]
        if count != 1:
            yield f"{upload.key}: {waiting[upload.sha256]} times in the inbox, {used[upload.sha256]} in the data set"


def used_twice(world: World) -> Iterator[str]:
    """No object version belongs to two runs that committed."""
    users: dict[tuple[str, str], str] = {}
    for execution in world.executions():
        record = runs.record(world.pipeline, execution["name"])
        if record is None or record.status != "SUCCEEDED":
            continue
        for line in (world.read(keys.snapshot(record.run_id)) or b"").splitlines():
            entry = from_json(SnapshotEntry, line)
            first = users.setdefault((entry.key, entry.version_id), record.run_id)
            if first != record.run_id:
                yield f"{entry.key} {entry.version_id}: used by {first} and by {record.run_id}"


def one_run(world: World) -> Iterator[str]:
    """No two runs held the turn at the same time, and nobody holds it at rest."""
    if world.lock():
        yield f"the lock is held: {world.lock()}"
    held = sorted(((e["startDate"], e["stopDate"], e["name"]) for e in world.executions()
                   if e.get("stopDate") and not _refused(world, e)), key=lambda e: e[0])
    for (_, end, first), (begin, _, second) in itertools.pairwise(held):
        if begin < end:
            yield f"{first} and {second} were active at the same time"


def _refused(world: World, execution: dict[str, object]) -> bool:
    """Whether it was turned away at Claim and so never was a run."""
    return runs.record(world.pipeline, str(execution["name"])) is None


def orphans(world: World) -> Iterator[str]:
    """No job runs for nobody, and nothing waits for a token."""
    yield from (f"{name} still runs" for name in world.running_jobs())
    yield from (f"{name}: somebody waits for it" for name in world.waiting())


def champion(world: World) -> Iterator[str]:
    """The endpoint answers as the model that champion.json names."""
    pointer, endpoint = world.champion(), world.endpoint()
    if pointer is None:
        return
    if endpoint is None:
        yield "there is no endpoint"
    elif (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) != ("InService", pointer.endpoint_config):
        yield f"{endpoint['EndpointStatus']} on {endpoint['EndpointConfigName']}, not on {pointer.endpoint_config}"
    else:
        answer = world.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=world.pipeline.endpoint, Body=b"image", ContentType="image/png")
        if (version := json.loads(answer["Body"].read())["model_version"]) != pointer.run_id:
            yield f"{version} answers, and champion.json names {pointer.run_id}"


def told(world: World) -> Iterator[str]:
    """Every run that claimed the turn has a record that agrees with its execution, a listing and a notification."""
    told_of = Counter(message["Subject"].split(":")[0].removeprefix("Castline run ")
                      for message in map(json.loads, world.take_messages()))
    listed = world.listed()
    for execution in world.executions():
        run_id, status = execution["name"], execution["status"]
        record = runs.record(world.pipeline, run_id)
        if record is None:
            continue
        wanted = {"SUCCEEDED": ("SUCCEEDED",), "ABORTED": ("ABORTED", "FAILED", "SUCCEEDED")}.get(status, ("FAILED",))
        if record.status not in wanted:
            yield f"{run_id}: its execution {status}, its record {record.status}"
        if record.status != "SUCCEEDED" and not (record.error and record.cause):
            yield f"{run_id}: {record.status} without an error or a cause"
        if listed.get(run_id) != record.status:
            yield f"{run_id}: listed as {listed.get(run_id)}, its record says {record.status}"
        if told_of[run_id] < 1 and not world.unheard(record):
            yield f"{run_id}: nobody was notified"
