"""The champion follows the settings to another mode, machine or network, and is never lost on the way.

A change of the mode is first proven on an endpoint beside the one that serves. Then the endpoint itself changes: in
place where SageMaker can do that, otherwise it is deleted and created again at once. Only when it answers the golden
images there as well does the champion's pointer name the new configuration; else the endpoint goes back to the old one.
Each step may be repeated; how far it is stands in the state table.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from app.contracts import keys, names
from app.contracts.runs import Champion
from lambdas.aws import configuring, endpoint, jobs, proving, scaling
from lambdas.aws.clients import client, code, message
from lambdas.aws.documents import Bucket, ConflictError, Found
from lambdas.aws.table import Move, MoveStage, StateTable
from lambdas.decisions.serving_modes import CHANGING, mode_of
from lambdas.environment import Environment
from lambdas.errors import EndpointBusyError, PublishFailedError, PublishUnfaithfulError
from lambdas.requests import serving

log = logging.getLogger(__name__)

STEP_SECONDS = 300
"""A step takes no longer: the function's timeout."""
RETRY_AFTER = dt.timedelta(days=1)
"""A quota may have been raised meanwhile, a machine may be there again."""
REFUSALS = ("ResourceLimitExceeded", "ValidationException", "AccessDeniedException")
"""What is not helped by trying at once again."""


def follow(environment: Environment, champion: Champion) -> bool:
    """Ask for a step where the champion serves otherwise than the settings say; whether one was due.

    Once the settings are back at what serves, a failure is forgotten: the mode that failed may be asked for anew.
    """
    table, wanted = StateTable(environment.table), serving.name(environment, champion.run_id)
    move = table.move()
    if champion.endpoint_config == wanted:
        if move and move.stage == "failed":
            table.forget_move()
        return False
    if move and _failed(move, wanted):
        return False
    ask(environment)
    return True


def champion_first(environment: Environment, champion: Champion | None, run_id: str) -> None:
    """Before a new model is published in another mode, the champion changes to it: it must be able to come back.

    Raises:
        EndpointBusyError: it is on its way; publish again in a moment.
        PublishFailedError: it could not.
    """
    table, described = StateTable(environment.table), jobs.describe("endpoint", environment.endpoint)
    mode = environment.settings.serving.mode
    if champion is None or described is None or described["EndpointStatus"] != "InService":
        return  # there is nobody to keep, or whoever asks the endpoint for the new model waits until it has changed
    if mode_of(described) == mode:
        table.forget_move()
        return
    move = table.move()
    if move and _failed(move, serving.name(environment, champion.run_id)):
        raise PublishFailedError(f"the champion cannot be served {mode}, so no other model is: {move.why}")
    ask(environment, run_id)
    raise EndpointBusyError(f"endpoint {environment.endpoint} changes from {mode_of(described)} to {mode} first")


def ask(environment: Environment, run_id: str = "") -> None:
    """Let the function `move` take a step."""
    client("lambda").invoke(
        FunctionName=names.function(environment.name, "move"),
        InvocationType="Event",
        Payload=json.dumps({"run_id": run_id}),
    )


def step(environment: Environment, *, run_id: str = "", again: bool = False) -> str:
    """Take one step, and say how far it is.

    Args:
        environment: The deployment.
        run_id: The run that waits for it; another run that is active must not be disturbed.
        again: Try again although the last try failed.
    """
    table, found = StateTable(environment.table), endpoint.champion(environment)
    if found is None:
        return "no champion yet"
    wanted = serving.name(environment, found.document.run_id)
    if found.document.endpoint_config == wanted:
        return f"champion {found.document.run_id} serves as the settings say"
    if (lock := table.lock()) and lock.owner != run_id:
        return f"run {lock.owner} is active"
    move = seen = table.move()
    if move is None or move.config != wanted or again or _is_old(move):
        move = Move(wanted, "begun", at="")
    if move.stage == "failed":
        return f"stays on {found.document.endpoint_config}: {move.why}"
    if seen and seen.busy_until > _now().isoformat():
        return "another step is being taken"
    until = (_now() + dt.timedelta(seconds=STEP_SECONDS)).isoformat()
    taken = dataclasses.replace(move, at=_now().isoformat(), busy_until=until)
    if not table.take_move(taken, seen):
        return "another step was faster"
    return _guarded(environment, found, taken)


def _guarded(environment: Environment, found: Found[Champion], move: Move) -> str:
    """Take the step; what refuses it sends the endpoint back."""
    mover = _Mover(environment, found, move)
    try:
        return mover.advance()
    except EndpointBusyError as busy:
        mover.note(over=True)
        return str(busy)
    except (PublishFailedError, PublishUnfaithfulError) as error:
        return mover.give_up(str(error))
    except ClientError as error:
        if code(error) not in REFUSALS:
            raise
        return mover.give_up(f"{code(error)}: {message(error)}")


class _Mover:
    """One step of one champion."""

    def __init__(self, environment: Environment, found: Found[Champion], move: Move) -> None:
        self._here, self._found, self._champion = environment, found, found.document
        self._move, self._wanted = move, move.config
        self._table = StateTable(environment.table)

    def note(self, stage: MoveStage | None = None, why: str = "", *, over: bool = False) -> None:
        """Write how far it is; `over` lets somebody else take the next step."""
        until = "" if over else self._move.busy_until
        self._move = Move(self._wanted, stage or self._move.stage, _now().isoformat(), why, until)
        self._table.put_move(self._move)

    def advance(self) -> str:
        """Go as far as can be gone without waiting.

        Raises:
            EndpointBusyError: what was asked for is not there yet.
            PublishFailedError, PublishUnfaithfulError: it cannot be served so.
        """
        configuring.ensure(self._here, self._champion)
        described = jobs.describe("endpoint", self._here.endpoint)
        if described is None and self._move.stage == "asked":  # the last step ended between deletion and creation
            endpoint.create(self._here, self._wanted, self._champion.run_id)
        if described is None:
            return endpoint.follow_champion(self._here)
        status, serves = described["EndpointStatus"], described["EndpointConfigName"]
        if status in CHANGING:
            raise EndpointBusyError(f"endpoint {self._here.endpoint} is {status}")
        if status == "InService" and serves == self._wanted:
            proving.prove(self._here, described, self._champion.run_id)
            return self._settle()
        if self._move.stage == "asked":
            reason = described.get("FailureReason") or "SageMaker gives no reason: read the endpoint log"
            raise PublishFailedError(f"endpoint {self._here.endpoint} is {status} on {serves}: {reason}")
        return self._change(described)

    def _change(self, described: dict[str, Any]) -> str:
        present, mode = mode_of(described), self._here.settings.serving.mode
        if self._move.stage == "begun" and present != mode:
            self._try_beside()
        if not endpoint.is_in_place(self._wanted, described):
            self.note("asked")  # before it is deleted: whoever goes on then creates it on the new configuration
        endpoint.ask_for(self._here, self._wanted, self._champion.run_id)
        self.note("asked")
        raise EndpointBusyError(f"endpoint {self._here.endpoint} changes to {self._wanted}")

    def _try_beside(self) -> None:
        """Prove the new configuration on an endpoint of its own, while the old one serves."""
        trial = names.trial_endpoint(self._here.name)
        described = jobs.describe("endpoint", trial)
        if described is None:
            endpoint.create(self._here, self._wanted, self._champion.run_id, trial)
            raise EndpointBusyError(f"endpoint {trial} tries {self._wanted}")
        status, serves = described["EndpointStatus"], described["EndpointConfigName"]
        if status in CHANGING:
            raise EndpointBusyError(f"endpoint {trial} is {status}")
        if serves != self._wanted:
            endpoint.delete(self._here, trial)
            raise EndpointBusyError(f"endpoint {trial} tried {serves} and is deleted first")
        if status != "InService":
            raise PublishFailedError(f"endpoint {trial} is {status}: {described.get('FailureReason', '')}")
        proving.prove(self._here, described, self._champion.run_id)
        endpoint.delete(self._here, trial)
        self.note("proven")

    def _settle(self) -> str:
        """It is proven where it serves: the pointer names it."""
        moved = dataclasses.replace(self._champion, endpoint_config=self._wanted)
        try:
            Bucket(self._here.bucket).replace(keys.CHAMPION, moved, self._found)
        except ConflictError:
            self._table.forget_move()
            return "the champion changed meanwhile"
        self._table.forget_move()
        scaling.apply(self._here, self._wanted)
        return f"champion {self._champion.run_id} serves on {self._wanted}"

    def give_up(self, why: str) -> str:
        """Serve as before, say why, and try no more for a while."""
        self.note("failed", why, over=True)
        endpoint.delete(self._here, names.trial_endpoint(self._here.name))
        text = (
            f"The endpoint {self._here.endpoint} cannot serve as the settings say: {why}\n\n"
            f"The champion {self._champion.run_id} serves on {self._champion.endpoint_config} as before. It is tried "
            "again in a day, after a deployment with other settings, or at once: aws lambda invoke --function-name "
            f"{names.function(self._here.name, 'move')} --payload '{{\"again\": true}}' /dev/stdout"
        )
        try:
            subject = f"Castline {self._here.name}: the endpoint stays as it was"
            client("sns").publish(TopicArn=self._here.topic_arn, Subject=subject, Message=text)
        except (ClientError, BotoCoreError):
            log.exception("could not notify")
        try:
            return f"{endpoint.follow_champion(self._here)}: {why}"
        except EndpointBusyError as busy:
            return f"{busy}: {why}"


def _failed(move: Move, wanted: str) -> bool:
    return move.config == wanted and move.stage == "failed" and not _is_old(move)


def _is_old(move: Move) -> bool:
    return move.stage == "failed" and dt.datetime.fromisoformat(move.at) + RETRY_AFTER < _now()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
