"""FindImage and Compare, and the names that the state machine matches on."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import lambdas
from app.contracts import errors as contract
from app.contracts import keys
from app.contracts.documents import ContractError
from app.contracts.evaluation import Comparison, Gain
from lambdas import compare, errors, find_image
from lambdas.environment import Environment
from tests.lambdas.builders import RUN_ID, evaluation
from tests.lambdas.conftest import SETTINGS, Aws, variables

DIGEST = "sha256:" + "b" * 64


def test_given_the_deployed_tag_when_looked_for_then_jobs_get_its_digest(aws: Aws) -> None:
    aws.ecr.images = {"tag1": DIGEST}
    uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/castline-dev@{DIGEST}"
    assert find_image.handler({"required": False}, None) == {"found": True, "image_uri": uri}


def test_given_no_image_when_looked_for_then_it_is_built_first(aws: Aws) -> None:
    assert find_image.handler({"required": False}, None) == {"found": False, "image_uri": ""}


def test_given_no_image_after_the_build_when_looked_for_then_the_run_fails(aws: Aws) -> None:
    with pytest.raises(errors.ImageMissingError, match="castline-dev:tag1: the build ended but left no image"):
        find_image.handler({"required": True}, None)


def test_given_an_evaluation_when_compared_then_the_decision_is_returned_and_kept(aws: Aws) -> None:
    aws.put(keys.run(RUN_ID, "evaluation", "result.json"), evaluation(0.5, Gain(-0.2, -0.3, -0.1, 1000)))
    answer = compare.handler({"run_id": RUN_ID}, None)
    kept = aws.bucket.read(Comparison, keys.run(RUN_ID, "evaluation", "comparison.json"))
    assert answer["promote"] is kept.promote is False
    assert "the lower end must be above" in kept.reasons[0]


def test_given_the_error_classes_then_their_names_are_those_that_the_state_machine_matches() -> None:
    names = {value for name, value in vars(contract).items() if name.isupper() and isinstance(value, str)}
    ours = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert ours - names == {"PipelineError", "ImageMissingError", "EndpointBusyError"}


def test_given_the_package_then_every_function_has_a_handler() -> None:
    plain = {"environment", "errors", "events"}
    found = [m.name for m in pkgutil.iter_modules(lambdas.__path__) if not m.ispkg and m.name not in plain]
    assert len(found) == 22
    for name in found:
        assert callable(importlib.import_module(f"lambdas.{name}").handler)


def test_given_a_missing_variable_when_read_then_it_is_named() -> None:
    given = variables(SETTINGS)
    del given["CASTLINE_TABLE"]
    with pytest.raises(ContractError, match="CASTLINE_TABLE: missing"):
        Environment.read(given)
