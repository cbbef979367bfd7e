"""Rolling back: which champions there were, whether one of them can serve again, and the pointer that names it."""

from __future__ import annotations

import dataclasses

from app.contracts import keys
from app.contracts.evaluation import GoldenSet
from app.contracts.runs import PREVIOUS, Champion
from lambdas.aws import closing, endpoint
from lambdas.aws.documents import Bucket
from lambdas.environment import Environment
from lambdas.errors import ChampionMovedError, RollbackRefusedError
from lambdas.events import Recalled, RecallEvent


def recall(environment: Environment, order: RecallEvent) -> Recalled:
    """Find the champion that shall serve again.

    Raises:
        ChampionMovedError: another model serves than the person saw.
        RollbackRefusedError: it was never replaced as champion, serves already, or is not whole any more.
    """
    found = endpoint.champion(environment)
    if found is None:
        raise RollbackRefusedError("no model serves yet, so there is none to go back from")
    now = found.document
    if order.rollback_from not in ("", now.run_id):
        raise ChampionMovedError(
            f"{keys.CHAMPION} names {now.run_id}, not {order.rollback_from}, from which to roll back: look at "
            "`python -m app status`, then order it again"
        )
    before = former(environment, _target(order, now))
    _check_whole(environment, before)
    return Recalled(before.run_id, before.image_uri, before.model_artifact, now.run_id, before.mask_ap, now.mask_ap)


def _target(order: RecallEvent, now: Champion) -> str:
    target = now.previous_run_id if order.rollback_to == PREVIOUS else order.rollback_to
    if target is None:
        raise RollbackRefusedError(f"{now.run_id} is the first champion: there is none before it")
    if target == now.run_id:
        raise RollbackRefusedError(f"the model of run {target} serves already")
    return target


def former(environment: Environment, run_id: str) -> Champion:
    """The champion that a run made and a later one replaced.

    Raises:
        RollbackRefusedError: there is none.
    """
    found = Bucket(environment.bucket).find(Champion, keys.run_champion(run_id))
    if found is None:
        raise RollbackRefusedError(
            f"run {run_id} made no champion of before: those that did are `promoted` in `python -m app runs`"
        )
    return found.document


def _check_whole(environment: Environment, champion: Champion) -> None:
    """Refuse before the endpoint is touched what Publish or Verify would fail on later."""
    bucket = Bucket(environment.bucket)
    golden = bucket.find(GoldenSet, keys.run(champion.run_id, "evaluation", "golden", "golden.json"))
    if golden is None or not golden.document.answers:
        raise RollbackRefusedError(
            f"run {champion.run_id} has no golden images any more, so nothing would prove that its model serves as it "
            "was evaluated"
        )
    holder, key = keys.split_uri(champion.model_artifact)
    if Bucket(holder).newest_version(key) is None:
        raise RollbackRefusedError(f"{champion.model_artifact}, the model of run {champion.run_id}, is gone")


def again(environment: Environment, recalled: Recalled, endpoint_config: str) -> Champion:
    """champion.json for a champion of before that serves again, on the configuration that was published."""
    return dataclasses.replace(
        former(environment, recalled.run_id),
        endpoint_config=endpoint_config,
        promoted_at=closing.now().isoformat(),
        rolled_back_from=recalled.champion_run_id,
    )
