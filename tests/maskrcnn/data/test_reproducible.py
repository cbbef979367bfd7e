"""The same input is the same version: on any machine, in any order, under any name of upload, in one run or several."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maskrcnn.data.history import Past
from maskrcnn.data.intake import Accepted, Intake, Said, Taken
from maskrcnn.data.local import prepare_folder
from maskrcnn.data.merge import merge
from maskrcnn.local_store import LocalStore

from app.contracts import keys
from app.contracts.dataset import LabelRecord
from app.contracts.settings import DataSettings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SETTINGS = DataSettings(test_share=0.3, val_share=0.2, group_pattern=r"^(part\d+)")
KINDS = ("chipping", "holes", "crack")


def fill(inbox, order, folder="up/ds"):
    """24 photographs of 12 parts, some with a rare class, written in the given order."""
    for n in order:
        kind = "crack" if n in (3, 9, 20) else KINDS[n % 2]
        inbox.good(f"{folder}/part{n // 2}_{n % 2}.png", class_name=kind)


def files_of(bucket):
    """Every image, label, shard and list of members; manifests name the run and the bucket."""
    store = LocalStore(bucket)
    return {key: store.read(key) for key in store.keys("dataset/") if not key.endswith(("manifest.json", ".manifest"))}


def test_any_order_and_any_name_of_the_upload_give_the_same_bytes(inbox, tmp_path):
    order = list(range(24))
    fill(inbox, order)
    first = prepare_folder(inbox.root, tmp_path / "one", SETTINGS)
    order.sort(key=lambda n: (n * 7) % 24)
    other = type(inbox)(tmp_path / "inbox2")
    fill(other, order, "zz-another-name/ds")
    second = prepare_folder(other.root, tmp_path / "two", SETTINGS)
    assert (second.version, second.images) == (first.version, first.images)
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")


def test_a_data_set_in_several_uploads_is_the_same_version(inbox, tmp_path):
    """Given the halves of a data set as two uploads of one run, then nothing differs, drawn splits neither."""
    fill(inbox, range(24))
    first = prepare_folder(inbox.root, tmp_path / "one", SETTINGS)
    other = type(inbox)(tmp_path / "inbox2")
    fill(other, range(12, 24), "a/ds")
    fill(other, range(12), "b/ds")
    assert prepare_folder(other.root, tmp_path / "two", SETTINGS).version == first.version


@pytest.mark.parametrize("order", list(itertools.permutations(("train", "val", "test"))))
def test_told_splits_in_several_runs_are_the_version_of_one_run(inbox, tmp_path, order):
    """Given splits by folder, then neither the runs nor their order matter: nothing is drawn."""
    told = dataclasses.replace(SETTINGS, classes=KINDS)
    parts = {"train": range(12), "val": range(12, 18), "test": range(18, 24)}
    for split, numbers in parts.items():
        fill(inbox, numbers, f"up/{split}")
    whole = prepare_folder(inbox.root, tmp_path / "one", told)
    version = None
    for step, split in enumerate(order):
        one = type(inbox)(tmp_path / f"step{step}")
        for other, numbers in parts.items():  # a data set is all three folders: two parts of each come every time
            fill(one, numbers if other == split else numbers[:4], f"up/{other}")
        version = prepare_folder(one.root, tmp_path / "two", told, version).version
    assert version == whole.version


def test_the_real_castings_are_one_version_on_two_fresh_machines(shared, tmp_path):
    """Given two copies under other names, written in another order, then version and members are equal."""
    source = shared / "casting"
    files = sorted(p.relative_to(source) for p in source.rglob("*") if p.is_file())
    for file in reversed(files):
        target = tmp_path / "copied/line-3-november" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target)
    first = prepare_folder(source, tmp_path / "one")
    second = prepare_folder(tmp_path / "copied", tmp_path / "two")
    assert second.version == first.version
    one, two = LocalStore(tmp_path / "one"), LocalStore(tmp_path / "two")
    key = keys.version_members(first.version)
    assert one.read(key) == two.read(key)


IMAGES = st.integers(0, 11)
"""A small world: image n shows part n // 2, so that parts, copies and returns meet often."""
STEPS = st.lists(st.tuples(
    st.sets(st.tuples(IMAGES, st.sampled_from([None, "train", "val", "test"])), max_size=6),
    st.sets(IMAGES, max_size=4), st.booleans()), min_size=1, max_size=8)


def record(sha):
    return LabelRecord(sha, "png", "", 64, 48, ())


def uploaded(said):
    """An intake of images with what their folders say."""
    intake = Intake()
    for n, split in sorted(said, key=str):
        sha, name = f"{n:064x}", f"part{n // 2}_{n % 2}.png"
        item = Accepted(name, sha, "png", sha, name, 64, 48, (KINDS[n % 3],), 10, "same")
        intake.add(Taken(n, item=item, said=Said(f"up/{name}", "up", split)))
    return intake


@given(STEPS)
@settings(deadline=None)
def test_no_image_and_no_part_ever_changes_its_split(steps):
    """Given uploads, removals and rollbacks in any order, then what was once tested on is never trained on."""
    versions = [((), {})]  # members and former, as a version carries them
    ever = defaultdict(set)
    for said, removed, back in steps:
        if back and len(versions) > 1:  # to the version before; what is undone is remembered
            (members, former), (undone, undone_former) = versions[-2], versions[-1]
            remembered = {m.image_sha256: m for m in (*undone, *undone_former.values())}
            former = {s: m for s, m in {**remembered, **former}.items() if s not in {m.image_sha256 for m in members}}
        else:
            members, former = versions[-1]
        present = {member.image_sha256 for member in members}
        past = Past(members, (), former, {f"{n:064x}" for n in removed} & present)
        merged = merge(past, uploaded(said), SETTINGS, record)
        versions.append((merged.members, {m.image_sha256: m for m in merged.former}))
        for member in merged.members:
            ever[member.image_sha256].add(member.split)
            ever[member.group].add(member.split)
    assert all(len(splits) == 1 for splits in ever.values())
