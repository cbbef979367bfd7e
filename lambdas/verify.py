"""State Verify: the endpoint serves the requested configuration and answers like the evaluated model."""

from __future__ import annotations

import mimetypes
from typing import Any

from app.contracts import keys, names
from app.contracts.documents import from_plain
from app.contracts.evaluation import GoldenSet
from lambdas import environment
from lambdas.aws import endpoint, jobs
from lambdas.aws.documents import Bucket
from lambdas.decisions import faithfulness
from lambdas.environment import Environment
from lambdas.errors import PublishFailedError, PublishUnfaithfulError
from lambdas.events import VerifyEvent

MAX_SHOWN = 5


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send the golden images through the endpoint and compare."""
    run_id, here = from_plain(VerifyEvent, event).run_id, environment.current()
    requested = names.serving(here.name, run_id)
    described = jobs.describe("endpoint", here.endpoint) or {}
    if (described.get("EndpointStatus"), described.get("EndpointConfigName")) != ("InService", requested):
        raise PublishFailedError(
            f"endpoint {here.endpoint} is {described.get('EndpointStatus')} with "
            f"{described.get('EndpointConfigName')}, not InService with {requested}"
        )
    golden = Bucket(here.bucket).read(GoldenSet, keys.run(run_id, "evaluation", "golden", "golden.json"))
    found = differences(here, golden)
    if found:
        raise PublishUnfaithfulError(f"{len(found)} differences: {'; '.join(found[:MAX_SHOWN])}")
    return {"golden_images": len(golden.answers)}


def differences(here: Environment, golden: GoldenSet) -> list[str]:
    """What the endpoint answers otherwise than the evaluated model did."""
    bucket, found = Bucket(here.bucket), []
    if not golden.answers:
        found.append("there is no golden image, so nothing proves that the endpoint is faithful")
    for expected in golden.answers:
        image = bucket.read_bytes(keys.run(golden.run_id, "evaluation", "golden", expected.file))
        kind = mimetypes.guess_type(expected.file)[0] or "application/octet-stream"
        answer = endpoint.predict(here, image, kind)
        found += faithfulness.differences(expected.file, expected.prediction, answer, here.settings.verdict.min_score)
        if answer.model_version != golden.run_id:
            found.append(f"{expected.file}: answered by model {answer.model_version} instead of {golden.run_id}")
    return found
