"""Near-duplicates and copies in two splits are said, and never trained on when they are held out."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from maskrcnn.data.local import prepare_folder
from maskrcnn.data.members import read_members
from maskrcnn.local_store import LocalStore
from PIL import Image

from app.contracts import documents
from app.contracts.dataset import Finding
from app.contracts.members import version_id

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIZE = (96, 96)


def surface(seed, quality=0):
    """A picture of blotches as PNG, or as JPEG of that quality."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (14, 14), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    coarse.save(stream, "JPEG", quality=quality) if quality else coarse.save(stream, "PNG")
    return stream.getvalue()


class Prepared:
    def __init__(self, folder, result):
        self.store, self.version = LocalStore(folder), result.version
        self.members = list(read_members(self.store, result.version))
        self.split = {m.file_name.rpartition("/")[2]: m.split for m in self.members}
        self.group = {m.file_name.rpartition("/")[2]: m.group for m in self.members}
        found = json.loads((folder / "output/findings.json").read_text())
        self.said = {f["rule"]: documents.from_plain(Finding, f) for f in found}


@pytest.fixture
def prepare(inbox, tmp_path):
    def run(parent=None):
        folder = tmp_path / "bucket"
        return Prepared(folder, prepare_folder(inbox.root, folder, parent_version=parent))

    return run


def fill(inbox, count=24):
    for n in range(count):
        inbox.good(f"up/ds/{n:02d}.png", body=surface(n), size=SIZE)


def test_near_duplicates_are_said_and_share_a_split(inbox, prepare):
    fill(inbox)
    for n in range(24):
        inbox.good(f"up/ds/copy{n:02d}.jpg", body=surface(n, quality=60), size=SIZE)
    prepared = prepare()
    assert len(prepared.members) == 48
    assert set(prepared.split.values()) == {"train", "val", "test"}
    for n in range(24):
        assert prepared.group[f"{n:02d}.png"] == prepared.group[f"copy{n:02d}.jpg"]
        assert prepared.split[f"{n:02d}.png"] == prepared.split[f"copy{n:02d}.jpg"]
    finding = prepared.said["near-duplicate"]
    assert finding.severity == "warning"
    assert finding.message == (
        "copy23.jpg: is nearly the same photograph as up/ds/img/23.png: both stay in one split; "
        "delete one if it is a copy")


def test_a_copy_that_comes_later_follows_the_version_before(inbox, prepare, tmp_path):
    """Given a committed version, when copies of all its images arrive re-encoded, then none changes sides."""
    fill(inbox)
    first = prepare()
    for path in sorted((inbox.root / "up").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    for n in range(24):
        inbox.good(f"later/ds/new{n:02d}.jpg", body=surface(n, quality=60), size=SIZE)
    second = prepare(parent=first.version)
    assert len(second.members) == 48
    for n in range(24):
        assert second.split[f"new{n:02d}.jpg"] == first.split[f"{n:02d}.png"]
    assert second.said["near-duplicate"].file.startswith("later/ds/img/new")
    assert "img/23.png of an earlier version" in second.said["near-duplicate"].message


def test_a_near_copy_in_train_and_test_is_held_out(inbox, prepare):
    for n in range(12):
        inbox.good(f"up/{'test' if n < 3 else 'train'}/{n:02d}.png", body=surface(n), size=SIZE)
    inbox.good("up/train/leak.jpg", body=surface(0, quality=60), size=SIZE)
    prepared = prepare()
    assert prepared.split["leak.jpg"] == "test"
    assert "near-duplicate" not in prepared.said
    assert prepared.said["image-in-two-splits"].message == (
        "leak.jpg: is nearly the same photograph as up/test/img/00.png, one called train and one test: what is held "
        "out is never trained on, so both are held out; delete the copy in train")


def test_the_same_bytes_in_train_and_test_are_said(inbox, prepare):
    for n in range(12):
        inbox.good(f"up/{'test' if n < 3 else 'train'}/{n:02d}.png", body=surface(n), size=SIZE)
    inbox.good("up/train/again.png", body=surface(0), size=SIZE)
    prepared = prepare()
    assert len(prepared.members) == 12
    assert prepared.said["image-in-two-splits"].file == "up/train/img/again.png"
    assert "is the same photograph as up/test/img/00.png" in prepared.said["image-in-two-splits"].message


def test_the_fingerprint_is_no_part_of_the_version(inbox, prepare):
    """Given members of before there were fingerprints, then their version keeps its name."""
    fill(inbox, 12)
    prepared = prepare()
    assert all(len(member.fingerprint) == 64 for member in prepared.members)
    bare = [dataclasses.replace(member, fingerprint="") for member in prepared.members]
    assert version_id(bare, ()) == version_id(prepared.members, ())
