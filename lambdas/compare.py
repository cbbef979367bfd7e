"""State Compare: promote the challenger or not, with reasons."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts import keys
from app.contracts.documents import from_plain
from app.contracts.evaluation import EvaluationResult
from lambdas import environment
from lambdas.aws.documents import Bucket
from lambdas.decisions import promotion
from lambdas.events import CompareEvent


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decide from evaluation/result.json and keep the decision beside it."""
    run_id, here = from_plain(CompareEvent, event).run_id, environment.current()
    bucket = Bucket(here.bucket)
    result = bucket.read(EvaluationResult, keys.run(run_id, "evaluation", "result.json"))
    comparison = promotion.decide(here.settings.promotion, result)
    bucket.write(keys.run(run_id, "evaluation", "comparison.json"), comparison)
    return dataclasses.asdict(comparison)
