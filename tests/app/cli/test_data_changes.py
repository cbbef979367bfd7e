"""data diff, rollback and remove, on two committed versions with real members and labels."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from botocore.exceptions import ClientError

from app.client import version_diff, versions
from app.contracts import documents, keys, members
from app.contracts.dataset import (
    ClassDefinition,
    DatasetHead,
    LabelInstance,
    LabelRecord,
    Member,
    Rollback,
    VersionManifest,
)
from app.contracts.uploads import UploadNote

CLASSES = (ClassDefinition(1, "chipping", "defect"), ClassDefinition(2, "holes", "defect"))
FIRST, SECOND, FAILED = "0a11111111111111", "0b22222222222222", "0c33333333333333"


def box(name, left):
    return LabelInstance(name, (float(left), 0.0, 5.0, 5.0), None, 25)


class Data:
    """Writes versions with their members and labels into the cloud."""

    def __init__(self, cloud):
        self.cloud = cloud

    def member(self, n, *instances, split="train", name=""):
        sha = f"{n:02x}" * 32
        record = LabelRecord(sha, "png", name or f"ds/{n}.png", 64, 48, instances)
        body = documents.to_json(record).encode()
        label = hashlib.sha256(body).hexdigest()
        self.cloud.put(keys.label(label), body)
        return Member(sha, "png", label, record.file_name, sha, split, 64, 48, len(instances))

    def version(self, name, parent, *entries):
        packed = io.BytesIO()
        members.write(entries, packed)
        self.cloud.put(keys.version_members(name), packed.getvalue())
        self.cloud.put(keys.version_manifest(name), VersionManifest(
            name, parent, CLASSES, {}, {}, (), len(entries), 0, 0, run_id=f"run-{name[:2]}"))

    def head(self):
        return documents.from_json(DatasetHead, self.cloud.s3.get_object(
            Bucket="castings", Key=keys.DATASET_HEAD)["Body"].read())


@pytest.fixture
def data(cloud):
    """FIRST -> SECOND (the head): one image added, one removed, one relabelled, two the same; FAILED stands aside."""
    it = Data(cloud)
    same = (it.member(1, box("holes", 1)), it.member(2, split="test", name="ds/[odd].png"))
    it.version(FIRST, None, *same, it.member(3, box("holes", 1), box("holes", 9), box("chipping", 5)), it.member(4))
    relabelled = it.member(3, box("holes", 1), box("holes", 30), box("chipping", 5), box("chipping", 8))
    it.version(SECOND, FIRST, *same, relabelled, it.member(5, box("holes", 2)))
    it.version(FAILED, FIRST, *same)
    cloud.put(keys.DATASET_HEAD, DatasetHead(SECOND, "run-0b", "2026-11-21T08:00:00+00:00"))
    return it


def test_the_diff_counts_names_and_says_what_relabelling_did(app, data):
    shown = app("data", "diff").stdout

    assert f"From {FIRST} to {SECOND}: 1 added, 1 relabelled, 1 removed, 0 in another split, 2 the same." in shown
    blocks = {block.splitlines()[0]: block.splitlines()[1:] for block in shown.split("\n\n")[1:]}
    assert (blocks["Added"], blocks["Removed"]) == (["  ds/5.png"], ["  ds/4.png"])
    assert blocks["Relabelled"] == ["  ds/3.png"]
    rows = [line.split() for line in shown.splitlines() if line.split()[:1] in (["chipping"], ["holes"])]
    assert rows == [["chipping", "1", "0", "0", "1"], ["holes", "0", "0", "1", "1"]]


def test_the_diff_of_two_named_versions_for_scripts(app, data):
    said = json.loads(app("data", "diff", "0b", "0a", "--json").stdout)

    assert (said["before"], said["after"], said["added_names"], said["removed_names"]) == (
        SECOND, FIRST, ["ds/4.png"], ["ds/5.png"])
    assert said["classes"] == [
        {"name": "chipping", "drawn": 0, "deleted": 1, "redrawn": 0, "images": 1},
        {"name": "holes", "drawn": 0, "deleted": 0, "redrawn": 1, "images": 1}]


def test_a_first_version_has_nothing_before_it(app, data):
    result = app("data", "diff", "", "0a")

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: version {FIRST} is a first version, without a parent: name two versions to compare\n")


def test_names_are_kept_up_to_the_limit_and_moves_are_told(data):
    before = [data.member(n, split="train") for n in range(6)]
    after = [data.member(n, split="test" if n < 4 else "train") for n in range(6)]

    found = version_diff.compare(("a", before), ("b", after), names=2)

    assert (found.moved, found.same, found.relabelled) == (4, 2, 0)
    assert [(m.file_name, m.before, m.after) for m in found.moved_names] == [
        ("ds/0.png", "train", "test"), ("ds/1.png", "train", "test")]


def test_members_are_read_as_streams(data):
    """Given members of which each may be asked for once, in turn, then comparing holds none of the same ones."""
    alive = []

    def stream(count):
        for n in range(count):
            alive.append(n)
            yield data.member(n)

    found = version_diff.compare(("a", stream(40)), ("b", stream(41)))

    assert (found.same, found.added) == (40, 1)
    assert alive[:4] == [0, 0, 1, 1]


def test_rollback_says_what_it_means_then_moves_the_head_and_keeps_the_record(app, data, cloud):
    cloud.champion("run9")
    cloud.put("inbox/more/1.png", b"x")

    result = app("data", "rollback", "0a", "--yes", "--why", "wrong [labels]")

    assert result.exit_code == 0, result.stderr
    told = result.stdout
    assert "1 image that came since will leave the data set, such as ds/5.png." in told
    assert "1 image will have the labels of then." in told
    assert "1 image removed since will be back." in told
    assert f"Files that wait in the inbox: 1; the next run adds them to {FIRST}." in told
    assert "The model that serves stays; it was trained on v1." in told
    assert f"The head is {FIRST}; the next run adds to it." in told
    assert f"Back again: python -m app data rollback {SECOND}" in told
    head = data.head()
    assert (head.version, head.run_id) == (FIRST, "run-0a")
    assert head.rollback is not None
    assert (head.rollback.from_version, head.rollback.to_version) == (SECOND, FIRST)
    assert head.rollback.why == "wrong [labels]"
    assert "@" in head.rollback.by
    kept = cloud.s3.get_object(Bucket="castings", Key=f"dataset/rollbacks/{FIRST}/{SECOND}.json")["Body"].read()
    assert documents.from_json(Rollback, kept) == head.rollback
    assert "wrong [labels]" in app("data", "list").stdout


def test_what_was_rolled_back_can_be_had_again(app, data):
    app("data", "rollback", "0a", "--yes")
    result = app("data", "rollback", SECOND, "--yes")

    assert (result.exit_code, data.head().version) == (0, SECOND)


def test_rollback_asks_and_no_leaves_everything(app, data, cloud):
    before = cloud.stored()

    result = app("data", "rollback", "0a")

    assert result.exit_code == 1
    assert "Go back? [y/N]" in result.stdout
    assert (data.head().version, cloud.stored()) == (SECOND, before)


@pytest.mark.parametrize(("target", "message"), [
    (SECOND, f"{SECOND}: is the head already: python -m app data list shows the versions"),
    (FAILED, f"{FAILED}: was never committed: its run failed, and it may train on what the head tests on: choose one "
             f"of {FIRST}"),
    ("ff", f"ff: no such version: there are {FIRST}, {SECOND}, {FAILED}: python -m app data list shows them")])
def test_rollback_refuses_what_was_never_committed(app, data, target, message):
    result = app("data", "rollback", target, "--yes")

    assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")
    assert data.head().version == SECOND


def test_rollback_waits_for_the_run_that_holds_the_lock(app, data, cloud):
    cloud.lock("run7")

    result = app("data", "rollback", "0a", "--yes")

    assert (result.exit_code, result.stderr) == (
        1, "Error: run run7 is active and adds to the head: wait for it: python -m app watch run7\n")
    assert data.head().version == SECOND


def test_a_head_that_moves_in_this_very_moment_is_left_alone(app, data, cloud, monkeypatch):
    real = cloud.s3.put_object

    def overtaken(**request):
        if request["Key"] == keys.DATASET_HEAD:
            monkeypatch.setattr(cloud.s3, "put_object", real)
            cloud.put(keys.DATASET_HEAD, DatasetHead(FAILED, "run8", "2026-11-21T09:00:00+00:00"))
        return real(**request)

    monkeypatch.setattr(cloud.s3, "put_object", overtaken)
    result = app("data", "rollback", "0a", "--yes")

    assert result.exit_code == 1
    assert "a run has just moved it: nothing was changed; look again" in result.stderr
    assert data.head().version == FAILED


@pytest.mark.parametrize("command", [("rollback", "0a"), ("remove", "1.png")])
def test_scripts_say_yes_themselves(app, data, cloud, command):
    before = cloud.stored()

    result = app("data", *command, "--json")

    assert (result.exit_code, result.stderr) == (1, "Error: --json cannot ask: add --yes\n")
    assert (data.head().version, cloud.stored()) == (SECOND, before)


def test_another_refusal_of_s3_is_not_taken_for_that(data, cloud, monkeypatch):
    from app.client import version_changes

    def refuse(**_request):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(cloud.s3, "put_object", refuse)
    record = Rollback(SECOND, FIRST, "ann", "2026-11-21T09:00:00+00:00")
    with pytest.raises(ClientError, match="AccessDenied"):
        version_changes.roll_back(cloud.pipeline, data.head(), record, "")


def test_before_the_first_version_there_is_nothing_to_go_back_to(app, cloud):
    result = app("data", "rollback", "0a", "--yes")

    assert result.stderr == "Error: no data-set version was committed yet: there is nothing to go back to\n"


def test_remove_shows_the_images_and_asks_through_the_inbox(app, data, cloud):
    result = app("data", "remove", "[odd].png", "0101010101", "--yes")

    assert result.exit_code == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.strip().startswith("ds/")]
    assert rows == [["ds/[odd].png", "test", "0", "020202020202"], ["ds/1.png", "train", "1", "010101010101"]]
    (request,) = (key for key in cloud.stored() if key.endswith("/castline.json"))
    note = documents.from_json(UploadNote, cloud.s3.get_object(Bucket="castings", Key=request)["Body"].read())
    assert note == UploadNote(remove=("02" * 32, "01" * 32))
    assert request.startswith("inbox/remove-")
    assert keys.READY_MARKER in cloud.stored()
    assert f"Asked for in {request}; a run starts by itself: python -m app watch" in result.stdout


def test_remove_takes_a_list_and_may_wait_for_more(app, data, cloud, tmp_path):
    (tmp_path / "list.txt").write_text("1.png\n\nds/3.png\n")

    said = json.loads(app("data", "remove", "--list", tmp_path / "list.txt", "--no-ready", "--yes", "--json").stdout)

    assert [image["file_name"] for image in said["images"]] == ["ds/1.png", "ds/3.png"]
    assert keys.READY_MARKER not in cloud.stored()


@pytest.mark.parametrize(("names", "message"), [
    ((), "no image is named: for example python -m app data remove casting_7.png"),
    (("4.png",), f"4.png: no image of version {SECOND} is called so: give a file name, a path below its data set, a "
                 "hash, or at least 8 digits of it")])
def test_remove_refuses_what_is_no_image(app, data, cloud, names, message):
    result = app("data", "remove", *names, "--yes")

    assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")
    assert not any(key.startswith("inbox/") for key in cloud.stored())


def test_remove_wants_one_image_a_name(app, data):
    data.version(SECOND, FIRST, data.member(1, name="a/x.png"), data.member(2, name="b/x.png"))

    result = app("data", "remove", "x.png", "--yes")

    assert result.stderr == ("Error: x.png: 2 images are called so: a/x.png (010101010101), b/x.png (020202020202): "
                             "give the hash of one\n")


def test_lineage_follows_parents_and_rollbacks(data, cloud):
    data.cloud.put(keys.rollbacks(FIRST, FAILED), Rollback(FAILED, FIRST, "ann", "2026-11-21T09:00:00+00:00"))

    known = versions.newest_first(cloud.pipeline)

    assert versions.lineage(cloud.pipeline, SECOND, known) == {FIRST, SECOND, FAILED}
    assert versions.lineage(cloud.pipeline, FIRST, known) == {FIRST, FAILED}
