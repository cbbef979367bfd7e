"""The commit: its order, its repetition, and the pointer that only moves from the champion that was beaten."""

from __future__ import annotations

from typing import Any

import pytest

from app.contracts import keys
from app.contracts.dataset import DatasetHead
from app.contracts.runs import Champion
from lambdas import commit, snapshot
from lambdas.aws.documents import Bucket, ConflictError
from lambdas.errors import ChampionMovedError, HeadMovedError
from tests.lambdas.builders import CHAMPION, IMAGE, NEW, RUN_ID, evaluation
from tests.lambdas.conftest import Aws
from tests.lambdas.fakes import client_error


def state(outcome: str, beaten: str | None = None) -> dict[str, Any]:
    return {
        "run": {"run_id": RUN_ID},
        "outcome": outcome,
        "prepare": {"detail": {"version": "v2"}},
        "image": {"image_uri": IMAGE},
        "training": {"model_artifact": "s3://b/model.tar.gz"},
        "evaluation": {"detail": {"champion_run_id": beaten}},
        "registration": {"detail": {"model_package_arn": "arn:package/1"}},
        "publication": {"job_name": NEW},
    }


@pytest.fixture
def uploaded(aws: Aws) -> Aws:
    """A frozen upload, and an evaluation of what was learnt from it."""
    aws.hold()
    aws.put("inbox/a.jpg")
    snapshot.handler({"run_id": RUN_ID, "forced": False}, None)
    aws.put(keys.run(RUN_ID, "evaluation", "result.json"), evaluation(0.5))
    return aws


def champion(aws: Aws) -> Champion | None:
    found = aws.bucket.find(Champion, keys.CHAMPION)
    return found.document if found else None


def test_given_a_first_model_when_committed_then_pointer_head_and_inbox_have_moved(uploaded: Aws) -> None:
    answer = commit.handler({"state": state("PROMOTED")}, None)
    assert answer == {"promoted": True, "version": "v2", "removed_uploads": 1}
    moved = champion(uploaded)
    assert moved is not None
    assert (moved.run_id, moved.version, moved.endpoint_config, moved.mask_ap) == (RUN_ID, "v2", NEW, 0.25)
    assert (moved.previous_run_id, moved.model_package_arn) == (None, "arn:package/1")
    assert uploaded.bucket.read(DatasetHead, keys.DATASET_HEAD).version == "v2"
    assert uploaded.inbox() == []


def test_given_a_better_model_when_committed_then_the_pointer_remembers_whom_it_beat(uploaded: Aws) -> None:
    uploaded.put(keys.CHAMPION, CHAMPION)
    commit.handler({"state": state("PROMOTED", CHAMPION.run_id)}, None)
    moved = champion(uploaded)
    assert moved is not None
    assert (moved.run_id, moved.previous_run_id) == (RUN_ID, CHAMPION.run_id)
    assert uploaded.bucket.read(Champion, keys.run_champion(CHAMPION.run_id)) == CHAMPION


@pytest.mark.parametrize("outcome", ["NOT_PROMOTED", "REJECTED", "NOTHING_NEW"])
def test_given_a_model_that_is_not_promoted_when_committed_then_only_the_data_move(uploaded: Aws, outcome: str) -> None:
    uploaded.put(keys.CHAMPION, CHAMPION)
    commit.handler({"state": state(outcome)}, None)
    assert champion(uploaded) == CHAMPION
    assert uploaded.bucket.read(DatasetHead, keys.DATASET_HEAD).version == "v2"
    assert uploaded.inbox() == []


def test_given_nothing_was_prepared_when_committed_then_the_head_stays(aws: Aws) -> None:
    aws.hold()
    answer = commit.handler({"state": {"run": {"run_id": RUN_ID}, "outcome": "NOTHING_NEW"}}, None)
    assert answer == {"promoted": False, "version": None, "removed_uploads": 0}
    assert aws.bucket.find(DatasetHead, keys.DATASET_HEAD) is None


def test_given_an_interrupted_commit_when_repeated_then_it_goes_on_where_it_ended(
    uploaded: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, steps = Bucket.replace, []

    def interrupted(self: Bucket, key: str, document: Any, expected: Any) -> None:
        steps.append(key)
        if key == keys.DATASET_HEAD and steps.count(key) == 1:
            raise client_error("SlowDown", "later")
        replace(self, key, document, expected)

    monkeypatch.setattr(Bucket, "replace", interrupted)
    with pytest.raises(Exception, match="later"):
        commit.handler({"state": state("PROMOTED")}, None)
    assert uploaded.inbox() == ["inbox/a.jpg"]
    commit.handler({"state": state("PROMOTED")}, None)
    assert steps == [keys.CHAMPION, keys.DATASET_HEAD, keys.DATASET_HEAD]
    assert uploaded.inbox() == []


def test_given_another_champion_when_committed_then_nothing_moves(uploaded: Aws) -> None:
    uploaded.put(keys.CHAMPION, CHAMPION)
    with pytest.raises(ChampionMovedError, match="force a run"):
        commit.handler({"state": state("PROMOTED", None)}, None)
    assert champion(uploaded) == CHAMPION
    assert uploaded.inbox() == ["inbox/a.jpg"]
    assert uploaded.bucket.find(DatasetHead, keys.DATASET_HEAD) is None


def test_given_the_pointer_moves_in_this_very_moment_when_committed_then_the_conditional_put_notices(
    uploaded: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded.put(keys.CHAMPION, CHAMPION)
    replace = Bucket.replace

    def race(self: Bucket, key: str, document: Any, expected: Any) -> None:
        uploaded.put(keys.CHAMPION, b'{"moved": "meanwhile"}')
        replace(self, key, document, expected)

    monkeypatch.setattr(Bucket, "replace", race)
    with pytest.raises(ChampionMovedError):
        commit.handler({"state": state("PROMOTED", CHAMPION.run_id)}, None)
    assert uploaded.bucket.read_bytes(keys.CHAMPION) == b'{"moved": "meanwhile"}'


@pytest.mark.parametrize(("head", "parent", "moves"), [
    (None, None, True), ("v1", "v1", True), ("v2", "v1", True), ("v0", "v1", False), ("v1", None, False)])
def test_given_a_head_that_was_rolled_back_when_committed_then_nothing_moves(
    uploaded: Aws, head: str | None, parent: str | None, moves: bool
) -> None:
    if head:
        uploaded.put(keys.DATASET_HEAD, DatasetHead(head, "r", "2026-11-21T08:00:00+00:00"))
    event = {"state": state("PROMOTED") | {"snapshot": {"parent_version": parent}}}
    if moves:
        commit.handler(event, None)
        assert uploaded.bucket.read(DatasetHead, keys.DATASET_HEAD).version == "v2"
        return
    with pytest.raises(HeadMovedError, match=f"names {head}, but the run added to {parent}"):
        commit.handler(event, None)
    assert champion(uploaded) is None
    assert uploaded.bucket.read(DatasetHead, keys.DATASET_HEAD).version == head
    assert uploaded.inbox() == ["inbox/a.jpg"]


def test_given_an_object_when_created_conditionally_then_only_the_first_writer_wins(aws: Aws) -> None:
    aws.bucket.replace("x.json", {"a": 1}, None)
    with pytest.raises(ConflictError, match=r"x\.json: changed by somebody else"):
        aws.bucket.replace("x.json", {"a": 2}, None)
