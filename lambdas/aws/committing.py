"""The commit of a run. Its order makes it safe: nothing leaves the inbox before it is part of the data set.

Each step is idempotent, so that a retry after an interruption goes on where the last try ended.
"""

from __future__ import annotations

from typing import Any

from app.contracts import keys
from app.contracts.dataset import DatasetHead
from app.contracts.documents import from_plain
from app.contracts.evaluation import EvaluationResult
from app.contracts.runs import Champion
from lambdas.aws import closing, endpoint, inbox, rolling_back, turns
from lambdas.aws.documents import Bucket, ConflictError
from lambdas.environment import Environment
from lambdas.errors import ChampionMovedError, HeadMovedError
from lambdas.events import Recalled


def commit(environment: Environment, state: dict[str, Any]) -> dict[str, Any]:
    """Move the champion pointer if another model serves now, then the head, then empty the inbox of what was used.

    Raises:
        ChampionMovedError, HeadMovedError: a pointer is no longer what the run was built on; nothing moves.
        RunInProgressError: it is not this run's turn any more; nothing moves.
    """
    run_id = state["run"]["run_id"]
    turns.hold(environment, run_id)
    version = state.get("prepare", {}).get("detail", {}).get("version")
    promoted = state["outcome"] == "PROMOTED"
    if version:
        check_head(environment, version, state.get("snapshot", {}).get("parent_version"))
    if promoted:
        move_champion(environment, _challenger(environment, state), state["evaluation"]["detail"]["champion_run_id"])
    if state["outcome"] == "ROLLED_BACK":
        recalled = from_plain(Recalled, state["model"])
        served = rolling_back.again(environment, recalled, state["publication"]["job_name"])
        move_champion(environment, served, recalled.champion_run_id)
    if version:
        move_head(environment, version, run_id)
    removed = inbox.clear(Bucket(environment.bucket), run_id)
    return {"promoted": promoted, "version": version, "removed_uploads": removed}


def _challenger(environment: Environment, state: dict[str, Any]) -> Champion:
    run_id = state["run"]["run_id"]
    result = Bucket(environment.bucket).read(EvaluationResult, keys.run(run_id, "evaluation", "result.json"))
    return Champion(
        run_id=run_id,
        version=state["prepare"]["detail"]["version"],
        model_artifact=state["training"]["model_artifact"],
        image_uri=state["image"]["image_uri"],
        endpoint_config=state["publication"]["job_name"],
        model_package_arn=state["registration"]["detail"]["model_package_arn"],
        mask_ap=result.challenger.mask.ap,
        promoted_at=closing.now().isoformat(),
        previous_run_id=state["evaluation"]["detail"]["champion_run_id"],
    )


def move_champion(environment: Environment, challenger: Champion, beaten_run_id: str | None) -> None:
    """Point at the new champion if the pointer still names the one that was beaten, which is kept beside its run.

    So whatever lies there was once the champion, and can be again.

    Raises:
        ChampionMovedError: somebody else moved the pointer; that champion was not compared with.
    """
    bucket, found = Bucket(environment.bucket), endpoint.champion(environment)
    current = found.document.run_id if found else None
    if current == challenger.run_id:
        return
    try:
        if current != beaten_run_id:
            raise ConflictError
        if found:
            bucket.write(keys.run_champion(found.document.run_id), found.document)
        bucket.replace(keys.CHAMPION, challenger, found)
    except ConflictError as error:
        raise ChampionMovedError(
            f"{keys.CHAMPION} does not name {beaten_run_id} any more, in whose place {challenger.run_id} was to serve: "
            "force a run to compare with the new champion"
        ) from error


def check_head(environment: Environment, version: str, parent: str | None) -> None:
    """Make sure that the head is still the version that the run added to, or the run's own from a try before.

    Raises:
        HeadMovedError: somebody rolled the data set back meanwhile.
    """
    found = Bucket(environment.bucket).find(DatasetHead, keys.DATASET_HEAD)
    current = found.document.version if found else None
    if current not in (parent, version):
        raise HeadMovedError(
            f"{keys.DATASET_HEAD} names {current}, but the run added to {parent}: somebody rolled the data set back; "
            "the uploads are still in the inbox: force a run to add them to the head as it is now"
        )


def move_head(environment: Environment, version: str, run_id: str) -> None:
    """Point at the newest data-set version; unchanged when it is that version already."""
    bucket = Bucket(environment.bucket)
    found = bucket.find(DatasetHead, keys.DATASET_HEAD)
    if found is None or found.document.version != version:
        bucket.replace(keys.DATASET_HEAD, DatasetHead(version, run_id, closing.now().isoformat()), found)
