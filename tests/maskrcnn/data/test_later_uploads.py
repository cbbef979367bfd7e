"""Uploads on top of a version: what is added, what stays as it was, and no leak into the test set."""

from __future__ import annotations

import json
import shutil

import pytest

from app.contracts import keys

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def splits_of(members):
    return {member.image_sha256: member.split for member in members}


def test_a_second_upload_adds_and_moves_nothing(inbox, bench):
    inbox.fill()
    first = bench.run(inbox)
    inbox.fill(10, "more", class_name="chipping")
    second = bench.run(inbox, parent=first.version)
    before, after = splits_of(bench.members(first.version)), splits_of(bench.members(second.version))
    assert {sha: after[sha] for sha in before} == before
    assert len(after) == 30
    manifest = bench.manifest(second.version)
    assert (manifest.parent, manifest.added, manifest.relabelled, manifest.removed) == (first.version, 10, 0, 0)


def test_what_does_not_change_is_not_written_again(inbox, bench):
    """Given 10 more images, then every shard of the parent stays, and only the 10 are read to make new ones."""
    inbox.fill(40)
    first = bench.manifest(bench.run(inbox).version)
    old = {shard for shards in first.shards.values() for shard in shards}
    for shard in old:
        bench.store.write(keys.shard(shard.name), b"untouched")
    for member in bench.members(first.version):
        (bench.folder / "bucket" / keys.image(member.image_sha256, member.image_extension)).unlink()
    shutil.rmtree(inbox.root / "up")
    inbox.fill(10, "more")
    second = bench.manifest(bench.run(inbox, parent=first.version).version)
    assert old < {shard for shards in second.shards.values() for shard in shards}
    assert all(bench.store.read(keys.shard(shard.name)) == b"untouched" for shard in old)
    assert sum(entry.instances["train"] for entry in second.statistics) == second.images["train"]


def test_the_same_upload_again_changes_nothing(inbox, bench):
    inbox.fill()
    first = bench.run(inbox)
    (inbox.root / "up").rename(inbox.root / "again")
    second = bench.run(inbox, parent=first.version)
    assert (second.version, second.changed, second.parent) == (first.version, False, first.version)


def test_relabelling_replaces_and_the_older_version_stays_readable(inbox, bench, tmp_path):
    inbox.fill()
    first = bench.run(inbox)
    old = bench.members(first.version)
    inbox.fill(1, class_name="holes")
    second = bench.run(inbox, parent=first.version, classes=("chipping", "holes"))
    manifest, new = bench.manifest(second.version), bench.members(second.version)
    assert (manifest.added, manifest.relabelled, len(new)) == (0, 1, 20)
    assert splits_of(new) == splits_of(old)
    labels = {m.image_sha256: m.label_sha256 for m in old}
    (changed,) = [m for m in new if labels[m.image_sha256] != m.label_sha256]
    (before,) = [m for m in old if m.image_sha256 == changed.image_sha256]
    assert bench.label(changed).instances[0].class_name == "holes"
    assert bench.label(before).instances[0].class_name == "chipping"
    assert [(c.id, c.name) for c in manifest.classes] == [(1, "chipping"), (2, "holes")]


def test_the_parents_classes_are_held_to(inbox, bench):
    inbox.fill(40)
    first = bench.run(inbox)
    inbox.good("more/ds/x.png", class_name="chippings")
    result = bench.run(inbox, parent=first.version)
    assert result.quarantined == 1
    assert "nearest known: chipping" in json.loads(bench.report())[0]["message"]


def test_an_empty_inbox_gives_the_parent(inbox, bench, tmp_path):
    inbox.fill()
    first = bench.run(inbox)
    for path in sorted(inbox.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    again = bench.run(inbox, parent=first.version)
    assert (again.version, again.changed, again.accepted) == (first.version, False, 0)


def test_what_was_trained_on_never_becomes_test(inbox, bench):
    """Given images in train, when they come again in a test folder, then they stay, with a warning."""
    inbox.fill()
    first = bench.run(inbox)
    trained = next(m for m in bench.members(first.version) if m.split == "train")
    name = trained.file_name.rpartition("/")[2]
    inbox.good("more/test/again.png", body=(inbox.root / "up/ds/img" / name).read_bytes())
    second = bench.run(inbox, parent=first.version)
    assert splits_of(bench.members(second.version))[trained.image_sha256] == "train"
    kept = [f for f in bench.findings() if f.rule == "split-kept"]
    assert [f.message for f in kept] == [
        "again.png: is called test but stays in train: this part was in train in an earlier version, "
        "and what was trained on cannot test"]


def test_a_copy_under_another_parts_name_joins_the_two_parts(inbox, bench):
    """Given a trained image under a new part's name, then other views of that part are not tested on."""
    for part in range(9):
        inbox.good(f"up/ds/part{part}_0.png")
    first = bench.run(inbox, group_pattern=r"^(part\d+)_")
    trained = next(m for m in bench.members(first.version) if m.split == "train")
    body = (inbox.root / "up" / trained.file_name).read_bytes()
    inbox.good("more/test/part77_0.png", body=body)
    for view in range(1, 9):
        inbox.good(f"more/test/part77_{view}.png")
    second = bench.run(inbox, parent=first.version, group_pattern=r"^(part\d+)_")
    views = [m for m in bench.members(second.version) if "part77" in m.file_name]
    assert {m.split for m in views} == {"train"}


def test_a_new_view_of_a_trained_part_is_not_tested_on(inbox, bench):
    for part in range(9):
        inbox.good(f"up/ds/part{part}_0.png")
    first = bench.run(inbox, group_pattern=r"^(part\d+)_")
    trained = next(m for m in bench.members(first.version) if m.split == "train")
    inbox.good(f"more/test/{trained.group}_1.png", seed=500)
    second = bench.run(inbox, parent=first.version, group_pattern=r"^(part\d+)_")
    assert {m.split for m in bench.members(second.version) if m.group == trained.group} == {"train"}
