"""Removal and rollback: an image that comes back keeps the split it had, and no version forgets it."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest
from maskrcnn.data.export import export
from maskrcnn.data.local import prepare_folder
from maskrcnn.data.members import read_former, read_members
from maskrcnn.local_store import LocalStore
from maskrcnn.program import JobError

from app.contracts import documents, keys
from app.contracts.dataset import Rollback, VersionManifest
from app.contracts.settings import DataSettings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
LOOSE = DataSettings(test_share=0.4, val_share=0.2)
TWO_CLASSES = DataSettings(test_share=0.4, val_share=0.2, classes=("chipping", "holes"))


class Place:
    """A local bucket, and one inbox after another."""

    def __init__(self, folder, make_inbox):
        self.folder, self.make_inbox, self.inboxes = folder, make_inbox, 0
        self.store = LocalStore(folder / "bucket")

    def inbox(self):
        self.inboxes += 1
        return self.make_inbox(self.folder / f"inbox{self.inboxes}")

    def upload(self, names, parent=None, settings=LOOSE, **more):
        inbox = self.inbox()
        for name in names:
            inbox.good(f"up{self.inboxes}/ds/{name}.png", **more)
        return self.run(inbox, parent, settings)

    def remove(self, *names, parent):
        inbox = self.inbox()
        inbox.put("away/castline.json", {"remove": list(names)})
        return self.run(inbox, parent)

    def run(self, inbox, parent=None, settings=LOOSE):
        return prepare_folder(inbox.root, self.folder / "bucket", settings, parent)

    def members(self, version):
        return {m.file_name.removeprefix("ds/img/").removesuffix(".png"): m for m in read_members(self.store, version)}

    def splits(self, version):
        return {name: member.split for name, member in self.members(version).items()}

    def former(self, version):
        return sorted(m.file_name for m in read_former(self.store, version))

    def manifest(self, version):
        return documents.from_json(VersionManifest, self.store.read(keys.version_manifest(version)))

    def diff(self, version):
        lines = gzip.decompress(self.store.read(keys.version_diff(version))).splitlines()
        return [json.loads(line) for line in lines]

    def findings(self):
        found = json.loads((self.folder / "bucket/output/findings.json").read_text())
        return [(finding["rule"], finding["message"]) for finding in found]

    def roll_back(self, from_version, to_version):
        record = Rollback(from_version, to_version, "ann", "2026-11-21T12:00:00+00:00")
        key = keys.rollbacks(to_version, from_version)
        self.store.write(key, documents.to_json(record).encode())


@pytest.fixture
def place(tmp_path, inbox):
    return Place(tmp_path, type(inbox))


NAMES = [f"p{n}" for n in range(20)]


def test_a_removed_image_leaves_and_is_counted_and_told(place):
    first = place.upload(NAMES)
    second = place.remove("p3.png", "ds/img/p4.png", parent=first.version)
    assert set(place.members(second.version)) == set(NAMES) - {"p3", "p4"}
    assert (second.changed, second.removed, second.added, second.accepted) == (True, 2, 0, 0)
    manifest = place.manifest(second.version)
    assert (manifest.removed, manifest.former, manifest.parent) == (2, 2, first.version)
    assert place.former(second.version) == ["ds/img/p3.png", "ds/img/p4.png"]
    assert place.findings() == [(
        "images-removed", "castline.json: 2 images leave the data set as asked: ds/img/p3.png, ds/img/p4.png")]
    before = place.members(first.version)
    assert place.diff(second.version) == sorted(({
        "image_sha256": before[name].image_sha256, "change": "removed", "file_name": f"ds/img/{name}.png",
        "split": before[name].split, "label_sha256": None, "label_before": before[name].label_sha256,
    } for name in ("p3", "p4")), key=lambda line: line["image_sha256"])


def test_a_hash_or_its_beginning_names_an_image_too(place):
    first = place.upload(NAMES)
    before = place.members(first.version)
    second = place.remove(before["p3"].image_sha256, before["p4"].image_sha256[:8], parent=first.version)
    assert set(place.members(second.version)) == set(NAMES) - {"p3", "p4"}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_what_was_removed_comes_back_into_its_split(place, split):
    """Given an image that was removed, when it is uploaded again in a folder of another split, then it stays."""
    first = place.upload(NAMES)
    name = next(n for n, s in place.splits(first.version).items() if s == split)
    second = place.remove(f"{name}.png", parent=first.version)
    inbox = place.inbox()
    inbox.good(f"again/{'train' if split == 'test' else 'test'}/{name}.png")
    third = place.run(inbox, second.version)
    back = {m.image_sha256: m.split for m in read_members(place.store, third.version)}
    assert back == {m.image_sha256: m.split for m in read_members(place.store, first.version)}
    assert (third.added, place.former(third.version)) == (1, [])


def test_another_view_of_a_removed_part_stays_in_its_split(place):
    settings = DataSettings(test_share=0.4, val_share=0.2, group_pattern=r"^(p\d+)")
    first = place.upload(NAMES, settings=settings)
    tested = [n for n, s in place.splits(first.version).items() if s == "test"]
    inbox = place.inbox()
    inbox.put("castline.json", {"remove": [f"{tested[0]}.png"]})
    second = place.run(inbox, first.version, settings)
    third = place.upload([f"{tested[0]}_side"], second.version, settings)
    assert place.splits(third.version)[f"{tested[0]}_side"] == "test"


def test_a_version_that_remembers_is_not_the_one_before(place):
    """Given an image that was added and removed again, then the version is new, for it knows that image's split."""
    first = place.upload(NAMES)
    second = place.upload(["late"], first.version)
    third = place.remove("late.png", parent=second.version)
    assert place.splits(third.version) == place.splits(first.version)
    assert third.version not in (first.version, second.version)


def test_a_rollback_forgets_no_split(place):
    """Given 30 images that a rollback undid, when they are uploaded one by one, then each has the split it had."""
    first = place.upload(NAMES)
    late = [f"late{n}" for n in range(30)]
    second = place.upload(late, first.version)
    had = place.splits(second.version)
    assert set(Counter(had[name] for name in late)) == {"train", "val", "test"}
    place.roll_back(second.version, first.version)
    version = first.version
    for name in late[::7]:
        version = place.upload([name], version).version
        assert place.splits(version)[name] == had[name]
    assert len(place.former(version)) == len(late) - len(late[::7])


def test_uploading_everything_again_after_a_rollback_gives_the_undone_version(place):
    first = place.upload(NAMES)
    second = place.upload(["late"], first.version)
    place.roll_back(second.version, first.version)
    assert place.upload(["late"], first.version).version == second.version


def test_nothing_new_after_a_rollback_is_the_version_itself(place):
    first = place.upload(NAMES)
    second = place.upload(["late"], first.version)
    place.roll_back(second.version, first.version)
    again = place.run(place.inbox(), first.version)
    assert (again.version, again.changed) == (first.version, False)


@pytest.mark.parametrize(("asked", "rule", "words"), [
    ("p99.png", "remove-unknown", "asks to remove p99.png, which is no image of the data set: check the name"),
    ("same.png", "remove-ambiguous", "asks to remove same.png, which may be "),
])
def test_what_names_no_image_or_several_removes_nothing(place, asked, rule, words):
    inbox = place.inbox()
    for n, name in enumerate([*NAMES, "same"]):
        inbox.good(f"up/a/{name}.png", seed=n)
    inbox.good("up/b/same.png", seed=777)
    first = place.run(inbox)
    second = place.remove(asked, parent=first.version)
    assert (second.version, second.removed) == (first.version, 0)
    ((said, message),) = place.findings()
    assert said == rule
    assert message.startswith(f"castline.json: {words}")


def test_of_a_removal_and_an_upload_the_later_counts(place):
    from maskrcnn.data.removal import Request, resolve

    first = place.upload(NAMES)
    member = place.members(first.version)["p3"]
    asked = [Request("castline.json", "2026-11-21T12:00:00+00:00", ("p3.png",))]
    earlier = resolve(asked, [member], {member.image_sha256: "2026-11-21T11:59:59+00:00"})
    later = resolve(asked, [member], {member.image_sha256: "2026-11-21T12:00:01+00:00"})
    assert (earlier.images, [f.rule for f in earlier.findings]) == ({member.image_sha256}, ["images-removed"])
    assert (later.images, [f.rule for f in later.findings]) == (frozenset(), ["remove-overtaken"])


def test_an_image_that_is_uploaded_and_removed_in_one_run_is_gone(place):
    first = place.upload(NAMES)
    inbox = place.inbox()
    inbox.good("again/ds/p3.png", class_name="holes")
    inbox.put("castline.json", {"remove": ["p3.png"]})
    second = place.run(inbox, first.version, TWO_CLASSES)
    assert "p3" not in place.members(second.version)
    assert (second.removed, second.relabelled) == (1, 0)


def test_removing_the_whole_test_set_is_refused_in_words(place):
    first = place.upload(NAMES[:6])
    tested = [f"{n}.png" for n, s in place.splits(first.version).items() if s == "test"]
    with pytest.raises(JobError, match="no image is left for test") as caught:
        place.remove(*tested, parent=first.version)
    assert caught.value.code == "DATA_TOO_FEW"


def test_new_images_fill_a_test_set_that_was_removed(place):
    first = place.upload(NAMES[:6])
    inbox = place.inbox()
    inbox.put("castline.json", {"remove": [f"{n}.png" for n, s in place.splits(first.version).items() if s == "test"]})
    inbox.good("up/ds/fresh.png")
    result = place.run(inbox, first.version)
    assert place.splits(result.version)["fresh"] == "test"


def test_the_diff_says_what_was_added_and_relabelled(place):
    first = place.upload(NAMES)
    inbox = place.inbox()
    inbox.good("more/ds/p3.png", class_name="holes")
    inbox.good("more/ds/fresh.png")
    second = place.run(inbox, first.version, TWO_CLASSES)
    before, after = place.members(first.version), place.members(second.version)
    said = {line["file_name"]: (line["change"], line["label_before"], line["label_sha256"])
            for line in place.diff(second.version)}
    assert said == {
        "ds/img/p3.png": ("relabelled", before["p3"].label_sha256, after["p3"].label_sha256),
        "ds/img/fresh.png": ("added", None, after["fresh"].label_sha256)}
    assert len(place.diff(first.version)) == 20
    assert (second.added, second.relabelled, second.removed) == (1, 1, 0)


def test_a_checked_out_project_that_is_uploaded_again_is_the_same_version(place, tmp_path):
    """Given a Supervisely export of a version, then its upload adds, relabels and moves nothing."""
    first = place.upload(NAMES, tags=[{"name": "bad"}])
    inbox = place.inbox()
    export(place.store, first.version, "supervisely", inbox.root / "again")
    second = place.run(inbox, first.version)
    assert (second.version, second.changed, second.accepted) == (first.version, False, 20)
    assert place.findings() == []
