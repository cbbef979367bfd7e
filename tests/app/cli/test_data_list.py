"""data list, and how a version is named."""

from __future__ import annotations

import io
import json

import pytest

from app.client import versions
from app.client.pipeline import PipelineError
from app.contracts import keys, members
from app.contracts.dataset import ClassDefinition, DatasetHead, Member, Rollback, VersionManifest
from app.contracts.runs import Champion

CLASSES = (ClassDefinition(1, "chipping", "defect"), ClassDefinition(2, "disk", "part"))
FIRST, SECOND = "0a11111111111111", "0b22222222222222"


def manifest(name, parent=None, splits=("train", "train", "val", "test"), **counts):
    return VersionManifest(name, parent, CLASSES, {split: splits.count(split) for split in ("train", "val", "test")},
                           {}, (), **({"added": len(splits), "relabelled": 0, "removed": 0} | counts))


@pytest.fixture
def two(cloud):
    """A first version and its child, which is the head; the champion was trained on the first."""
    cloud.put(keys.version_manifest(FIRST), manifest(FIRST, run_id="run1"))
    cloud.put(keys.version_manifest(SECOND), manifest(
        SECOND, FIRST, ("train",) * 5 + ("val", "test"), added=3, relabelled=2, run_id="run2"))
    cloud.put(keys.DATASET_HEAD, DatasetHead(SECOND, "run2", "2026-11-21T08:00:00+00:00"))
    cloud.champion("run1")
    return cloud


def lines_of(shown):
    """Version -> the words behind it, of a printed table."""
    words = (line.split() for line in shown.splitlines())
    return {line[0]: line[1:] for line in words if line and line[0] in (FIRST, SECOND)}


def test_the_list_says_size_changes_run_and_what_points_where(app, two):
    shown = app("data", "list").stdout

    assert lines_of(shown) == {
        FIRST: ["-", "run1", "2/1/1", "+4", "2"], SECOND: [FIRST[:8], "run2", "5/1/1", "+3", "~2", "2", "head"]}
    assert "Images: train/val/test. Changes: + added, ~ relabelled, - removed." in shown


def test_the_version_that_the_champion_was_trained_on_is_marked(app, two):
    two.put(keys.CHAMPION, Champion("run1", FIRST, "s3://c/m", "r@sha256:1", "config", "arn", 0.5, "2026-11-21"))

    assert lines_of(app("data", "list").stdout)[FIRST][-1] == "champion"


def test_a_version_of_a_failed_run_is_not_committed(app, two):
    """Given a version beside the head's line, then it is marked; one that was rolled back is not."""
    two.put(keys.DATASET_HEAD, DatasetHead(FIRST, "run1", "2026-11-21T08:00:00+00:00"))
    assert lines_of(app("data", "list").stdout)[SECOND][-2:] == ["not", "committed"]

    undone = Rollback(SECOND, FIRST, "ann@desk", "2026-11-21T09:00:00+00:00", "wrong labels of line 3")
    two.put(keys.rollbacks(FIRST, SECOND), undone)
    two.put(keys.DATASET_HEAD, DatasetHead(FIRST, "run1", undone.at, undone))
    shown = app("data", "list").stdout
    assert lines_of(shown)[SECOND][-1] == "2"
    assert (f"The head was rolled back from {SECOND} by ann@desk, 2026-11-21 09:00 UTC: wrong labels of line 3."
            in shown)


def test_the_list_can_be_cut(app, two):
    shown = app("data", "list", "--limit", 1).stdout

    assert len(lines_of(shown)) == 1
    assert "1 older ones: --limit." in shown


def test_the_list_fits_a_terminal_of_100_columns(app, two, monkeypatch):
    two.put(keys.version_manifest(SECOND), manifest(
        SECOND, FIRST, added=12345, relabelled=999, removed=999, run_id="20261121-080000-bbbbbb",
        splits=("train",) * 4))
    monkeypatch.setattr("app.cli.console.out.width", 100)

    (line,) = (line for line in app("data", "list").stdout.splitlines() if SECOND in line)

    assert line.rstrip().endswith("+12345 ~999 -999        2  head")


def test_scripts_get_everything(app, two):
    said = json.loads(app("data", "list", "--json").stdout)

    assert (said["head"]["version"], said["champion"]) == (SECOND, "v1")
    assert {v["version"]: v["images"] for v in said["versions"]} == {
        FIRST: {"train": 2, "val": 1, "test": 1}, SECOND: {"train": 5, "val": 1, "test": 1}}


def test_without_a_version_the_next_step_is_named(app, cloud):
    assert app("data", "list").stdout == "No data-set version yet: python -m app upload FOLDER\n"


def test_a_version_without_manifest_is_not_listed(app, two):
    two.put("dataset/versions/0c33/tfrecord/train/shard-00000.tfrecord", b"x")

    assert {v["version"] for v in json.loads(app("data", "list", "--json").stdout)["versions"]} == {FIRST, SECOND}


@pytest.mark.parametrize(("said", "meant"), [("head", SECOND), ("0a", FIRST), (SECOND, SECOND)])
def test_the_beginning_of_a_name_is_enough(two, said, meant):
    assert versions.resolve(two.pipeline, said) == meant


@pytest.mark.parametrize(("said", "message"), [
    ("0", f"0: several versions begin like that: {FIRST}, {SECOND}: python -m app data list shows them"),
    ("ff", f"ff: no such version: there are {FIRST}, {SECOND}: python -m app data list shows them"),
    ("", f": no such version: there are {FIRST}, {SECOND}: python -m app data list shows them")])
def test_what_names_no_version_is_answered_with_those_there_are(two, said, message):
    with pytest.raises(PipelineError) as caught:
        versions.resolve(two.pipeline, said)
    assert str(caught.value) == message


@pytest.mark.parametrize("said", ["head", "0a"])
def test_before_the_first_version_the_next_step_is_named(cloud, said):
    with pytest.raises(PipelineError, match="upload images first: python -m app upload FOLDER"):
        versions.resolve(cloud.pipeline, said)


def test_members_come_by_hash(two):
    entries = [Member(f"{n:064x}", "png", f"{n:064x}", f"{n}.png", f"g{n}", "train", 64, 48, 1) for n in range(4)]
    packed = io.BytesIO()
    members.write(entries, packed)
    two.put(keys.version_members(FIRST), packed.getvalue())
    assert list(versions.members(two.pipeline, FIRST)) == entries
    with pytest.raises(PipelineError, match="version 0c33 has no members"):
        list(versions.members(two.pipeline, "0c33"))
