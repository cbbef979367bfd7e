"""Proof that an endpoint answers the golden images like the evaluated model.

An endpoint that answers at once is asked and compared in one go. An async endpoint is asked first; its answers come
to S3, and what is awaited is kept there meanwhile, so that whoever proves may be called again instead of waiting.
"""

from __future__ import annotations

import dataclasses
import logging
import mimetypes
from collections.abc import Mapping
from typing import Any

from app.contracts import keys
from app.contracts.evaluation import GoldenSet
from app.contracts.prediction import Prediction
from lambdas.aws import endpoint
from lambdas.aws.clients import client
from lambdas.aws.documents import Bucket
from lambdas.decisions import faithfulness
from lambdas.decisions.serving_modes import mode_of
from lambdas.environment import Environment
from lambdas.errors import EndpointBusyError, PublishUnfaithfulError

log = logging.getLogger(__name__)

MAX_SHOWN = 5
JSON = "application/json"


@dataclasses.dataclass(frozen=True)
class Location:
    """Where an async endpoint writes, s3:// addresses: one of the two."""

    answer: str
    failure: str


@dataclasses.dataclass(frozen=True)
class Awaited:
    """serving/proofs/...: what an async endpoint was asked; golden file -> where its answer comes."""

    locations: dict[str, Location]


def prove(here: Environment, described: Mapping[str, Any], run_id: str) -> int:
    """Compare what an endpoint answers with what the evaluated model of a run did.

    Args:
        here: The deployment.
        described: DescribeEndpoint, InService.
        run_id: Whose model it must serve.

    Returns:
        How many golden images it answered faithfully.

    Raises:
        PublishUnfaithfulError: it answers otherwise, or there is no golden image.
        EndpointBusyError: it is starting, or its answers have not come yet: prove again in a moment.
    """
    golden = Bucket(here.bucket).read(GoldenSet, _golden(run_id, "golden.json"))
    if not golden.answers:
        raise PublishUnfaithfulError("there is no golden image, so nothing proves that the endpoint is faithful")
    found = differences(here, golden, _answers(here, described, golden))
    if found:
        raise PublishUnfaithfulError(f"{len(found)} differences: {'; '.join(found[:MAX_SHOWN])}")
    return len(golden.answers)


def differences(here: Environment, golden: GoldenSet, answers: Mapping[str, Prediction]) -> list[str]:
    """What the endpoint answers otherwise than the evaluated model did."""
    found = []
    for expected in golden.answers:
        answer = answers[expected.file]
        found += faithfulness.differences(expected.file, expected.prediction, answer, here.settings.verdict.min_score)
        if answer.model_version != golden.run_id:
            found.append(f"{expected.file}: answered by model {answer.model_version} instead of {golden.run_id}")
    return found


def send(here: Environment, described: Mapping[str, Any], run_id: str) -> int:
    """Ask about the golden images of a run without looking at the answers: alarms need traffic to judge."""
    name, bucket = described["EndpointName"], Bucket(here.bucket)
    golden = bucket.read(GoldenSet, _golden(run_id, "golden.json"))
    for expected in golden.answers:
        if mode_of(described) == "async":
            _ask(here, name, run_id, expected.file)
            continue
        try:
            endpoint.predict(name, bucket.read_bytes(_golden(run_id, expected.file)), _kind(expected.file))
        except (EndpointBusyError, PublishUnfaithfulError) as error:
            log.warning("a golden image was not answered: %s", error)
    return len(golden.answers)


def _answers(here: Environment, described: Mapping[str, Any], golden: GoldenSet) -> dict[str, Prediction]:
    name, bucket = described["EndpointName"], Bucket(here.bucket)
    if mode_of(described) == "async":
        return _awaited(here, name, described["EndpointConfigName"], golden)
    return {
        expected.file: endpoint.predict(
            name, bucket.read_bytes(_golden(golden.run_id, expected.file)), _kind(expected.file)
        )
        for expected in golden.answers
    }


def _awaited(here: Environment, name: str, config: str, golden: GoldenSet) -> dict[str, Prediction]:
    """The answers of an async endpoint: asked for at the first call, fetched when all are there."""
    bucket, key = Bucket(here.bucket), keys.proof(name, config)
    asked = bucket.find(Awaited, key)
    if asked is None:
        locations = {expected.file: _ask(here, name, golden.run_id, expected.file) for expected in golden.answers}
        bucket.write(key, Awaited(locations))
        raise EndpointBusyError(f"endpoint {name} was asked about {len(locations)} golden images")
    answers = {}
    for file, location in asked.document.locations.items():
        body = _fetched(location.answer)
        if body is None and (why := _fetched(location.failure)) is not None:
            bucket.delete(key)
            raise PublishUnfaithfulError(f"endpoint {name} failed on {file}: {why.decode(errors='replace')[:500]}")
        if body is None:
            raise EndpointBusyError(f"endpoint {name} has not answered {file} yet")
        answers[file] = body
    # These answers prove what serves now: the next proof of the same configuration asks anew.
    bucket.delete(key)
    return {file: endpoint.prediction(name, body) for file, body in answers.items()}


def _fetched(address: str) -> bytes | None:
    return Bucket(keys.split_uri(address)[0]).find_bytes(keys.split_uri(address)[1]) if address else None


def _ask(here: Environment, name: str, run_id: str, file: str) -> Location:
    answer = client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=name,
        InputLocation=keys.uri(here.bucket, _golden(run_id, file)),
        ContentType=_kind(file),
        Accept=JSON,
    )
    return Location(answer["OutputLocation"], answer.get("FailureLocation", ""))


def _golden(run_id: str, file: str) -> str:
    return keys.run(run_id, "evaluation", "golden", file)


def _kind(file: str) -> str:
    return mimetypes.guess_type(file)[0] or "application/octet-stream"
