"""Which images lie together: what stays, what is cut anew, and how evenly."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter

import pytest
from maskrcnn.data import shard_plan

from app.contracts.dataset import ClassDefinition, Member, Shard, VersionManifest

CLASSES = (ClassDefinition(1, "chipping", "defect"),)
MB = 1_000_000


def member(n, size_mb=1.0, split="train", shard="", label="l"):
    sha = hashlib.sha256(str(n).encode()).hexdigest()
    return Member(sha, "png", label, f"{n}.png", "g", split, 64, 48, 0, int(size_mb * MB), shard)


def members(*entries):
    return sorted(entries, key=lambda m: m.image_sha256)


def parent_of(entries):
    """A manifest that holds these members, each shard as large as its members weigh."""
    shards = {}
    for split in ("train", "val", "test"):
        names = Counter(m.shard for m in entries if m.split == split)
        sizes = {name: sum(shard_plan.weight(m) for m in entries if m.shard == name) for name in names}
        shards[split] = tuple(Shard(name, count, sizes[name]) for name, count in sorted(names.items()))
    return VersionManifest("v1", None, CLASSES, {}, shards, (), 0, 0, 0)


def plan(entries, parent=None, classes=CLASSES):
    """The new shards and the members with their shards."""
    cut = shard_plan.cut(entries, parent)
    new = shard_plan.name(entries, cut, classes)
    return {shard.name for shard in new.values()}, list(shard_plan.placed(entries, cut, new)), cut


def test_a_first_version_is_cut_evenly_by_hash():
    """Given 1000 images of 1 MB, then 8 shards of 125 MB, each an unbroken range of hashes."""
    new, placed, _ = plan(members(*(member(n) for n in range(1000))))
    counts = Counter(m.shard for m in placed)
    assert counts.keys() == new
    assert sorted(counts.values()) == [125] * 8
    runs = [m.shard for i, m in enumerate(placed) if i == 0 or placed[i - 1].shard != m.shard]
    assert len(runs) == 8


def test_a_few_images_still_make_four_shards():
    assert Counter(m.shard for m in plan(members(*(member(n) for n in range(10))))[1]).most_common()[0][1] == 3
    assert len(plan(members(*(member(n) for n in range(10))))[0]) == 4
    assert len(plan(members(member(1), member(2)))[0]) == 2


def test_splits_never_share_a_shard():
    entries = members(*(member(n, split=("train", "val", "test")[n % 3]) for n in range(30)))
    _, placed, _ = plan(entries)
    homes = {}
    for m in placed:
        homes.setdefault(m.shard, set()).add(m.split)
    assert len(homes) == 12
    assert all(len(splits) == 1 for splits in homes.values())


def test_the_order_of_work_does_not_change_names():
    entries = members(*(member(n) for n in range(50)))
    assert plan(entries)[0] == plan(list(entries))[0]


def test_new_images_make_one_new_shard_and_touch_no_other():
    _, placed, _ = plan(members(*(member(n) for n in range(1000))))
    new, again, cut = plan(members(*placed, *(member(n) for n in range(1000, 1100))), parent_of(placed))
    assert len(new) == 1
    assert cut.kept == {m.shard for m in placed}
    before = {m.image_sha256: m.shard for m in placed}
    assert {m.image_sha256: m.shard for m in again if m.image_sha256 in before} == before
    assert sum(m.shard in new for m in again) == 100


def test_a_relabelled_image_rewrites_its_own_shard_only():
    _, placed, _ = plan(members(*(member(n) for n in range(1000))))
    changed = [dataclasses.replace(placed[0], label_sha256="new", shard=""), *placed[1:]]
    new, again, cut = plan(changed, parent_of(placed))
    assert cut.kept == {m.shard for m in placed} - {placed[0].shard}
    assert [sum(m.shard == name for m in again) for name in new] == [125]


def test_a_removed_image_rewrites_its_own_shard_only():
    _, placed, _ = plan(members(*(member(n) for n in range(1000))))
    new, again, _ = plan(placed[1:], parent_of(placed))
    assert [sum(m.shard == name for m in again) for name in new] == [124]


def test_many_small_shards_are_put_together():
    """Given 20 uploads of 10 MB each, then never more than 17 small shards, and 200 MB end in few."""
    parent, placed = None, []
    counts = []
    for upload in range(20):
        entries = members(*placed, *(member(f"{upload} {n}") for n in range(10)))
        _, placed, _ = plan(entries, parent)
        parent = parent_of(placed)
        counts.append(len(parent.shards["train"]))
    assert max(counts) == shard_plan.MOST_SMALL_SHARDS + 1
    assert counts[-1] < 10
    assert sum(shard.images for shard in parent.shards["train"]) == 200


def test_an_image_larger_than_a_shard_leaves_a_number_out():
    new, placed, _ = plan(members(member(1, 400), member(2, 1), member(3, 1)))
    assert {m.shard for m in placed} == new


@pytest.mark.parametrize("change", [
    lambda m: dataclasses.replace(m, label_sha256="other"), lambda m: dataclasses.replace(m, image_sha256="0" * 64)])
def test_a_name_follows_the_content(change):
    one, two = [member(1)], [change(member(1))]
    assert plan(one)[0] != plan(two)[0]


def test_a_name_follows_the_class_ids_but_not_the_roles():
    one = [member(1)]
    assert plan(one)[0] != plan(one, classes=(ClassDefinition(2, "chipping", "defect"),))[0]
    assert plan(one)[0] == plan(one, classes=(ClassDefinition(1, "chipping", "part"),))[0]
