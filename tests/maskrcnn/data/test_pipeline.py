"""Uploads to version, on the local disk: quarantine, duplicates, parents, relabelling, and no leak."""

from __future__ import annotations

import json
import shutil

import pytest
from maskrcnn.data.local import LocalStore
from maskrcnn.data.members import read_members
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.data.tree import UploadTree
from maskrcnn.program import JobError

from app.contracts import documents, keys
from app.contracts.dataset import Finding, LabelRecord, VersionManifest
from app.contracts.settings import DataSettings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Bench:
    """Runs prepare against one local bucket, again and again."""

    def __init__(self, folder):
        self.folder, self.store, self.runs = folder, LocalStore(folder / "bucket"), 0

    def run(self, inbox, parent=None, modified=None, **settings):
        self.runs += 1
        self.output = self.folder / f"output{self.runs}"
        tree = UploadTree.of_folder(inbox.root)
        if modified:
            tree = UploadTree(inbox.root, {p: modified[p.split("/")[0]] for p in tree.paths})
        order = Order(f"run{self.runs}", parent, DataSettings(**settings))
        return prepare(order, tree, self.store, self.folder / f"work{self.runs}", self.output)

    def manifest(self, version):
        return documents.from_json(VersionManifest, self.store.read(keys.version_manifest(version)))

    def members(self, version):
        return list(read_members(self.store, version))

    def label(self, member):
        return documents.from_json(LabelRecord, self.store.read(keys.label(member.label_sha256)))

    def findings(self):
        plain = json.loads((self.output / "findings.json").read_text())
        return [documents.from_plain(Finding, entry) for entry in plain]

    def report(self, name="report.json"):
        return self.store.read(keys.quarantine(f"run{self.runs}", name)).decode()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def fill(inbox, count=20, upload="up", **more):
    for n in range(count):
        inbox.good(f"{upload}/ds/{upload}_{n:02d}.png", **more)


def splits_of(members):
    return {member.image_sha256: member.split for member in members}


def test_a_first_upload_becomes_a_version(inbox, bench):
    fill(inbox)
    result = bench.run(inbox)
    manifest = bench.manifest(result.version)
    assert (result.accepted, result.quarantined, result.warnings, result.formats) == (20, 0, 0, ("supervisely",))
    assert (result.changed, result.parent, result.instances) == (True, None, {"chipping": 20})
    assert sum(result.images.values()) == 20
    assert min(result.images.values()) >= 1
    assert [(c.id, c.name, c.role) for c in manifest.classes] == [(1, "chipping", "defect")]
    members = bench.members(result.version)
    assert [m.image_sha256 for m in members] == sorted(m.image_sha256 for m in members)
    assert manifest.images == result.images == {s: [m.split for m in members].count(s) for s in result.images}
    for split, shards in manifest.shards.items():
        assert sum(shard.images for shard in shards) == manifest.images[split]
        assert {m.shard for m in members if m.split == split} == {shard.name for shard in shards}
        assert all(bench.store.exists(keys.shard(shard.name)) for shard in shards)
    for member in members:
        assert bench.store.exists(keys.image(member.image_sha256, member.image_extension))
        assert bench.label(member).image_sha256 == member.image_sha256
    assert json.loads((bench.output / "result.json").read_text())["version"] == result.version


def test_the_same_images_under_other_names_of_uploads_and_times_are_the_same_version(inbox, bench, tmp_path):
    fill(inbox)
    first = bench.run(inbox)
    (inbox.root / "up").rename(inbox.root / "another-name")
    second = bench.run(inbox, modified={"another-name": "2026-01-01T00:00:00Z"})
    assert second.version == first.version


def test_a_version_that_exists_is_not_written_again(inbox, bench):
    fill(inbox)
    result = bench.run(inbox)
    shard = keys.shard(bench.manifest(result.version).shards["train"][0].name)
    bench.store.write(shard, b"untouched")
    assert bench.run(inbox).version == result.version
    assert bench.store.read(shard) == b"untouched"


def test_bad_items_go_to_quarantine_and_the_rest_is_used(inbox, bench, picture, bitmap):
    fill(inbox, 57)
    inbox.good("up/ds/broken.jpg", body=picture(99, kind="JPEG")[:-300])
    inbox.supervisely("up/ds/outside.png", [bitmap([[1] * 8], 60, 3, "chipping")])
    inbox.good("up/ds/strange.png", class_name="chiping")
    result = bench.run(inbox, classes=("chipping",))
    assert (result.accepted, result.quarantined) == (57, 3)
    assert sum(result.images.values()) == 57
    said = {f["rule"]: f["message"] for f in json.loads(bench.report())}
    assert said["mask-outside-image"] == (
        "outside.png: mask 1 reaches x=67 in an image 64 wide: re-export the annotation")
    assert set(said) == {"image-truncated", "mask-outside-image", "unknown-class"}
    assert "strange.png: mask 1 has the unknown class 'chiping' (nearest known: chipping)" in bench.report("report.txt")
    assert bench.report("report.csv").count("\n") == 4
    for path in ("img/outside.png", "ann/outside.png.json", "img/broken.jpg"):
        quarantined = bench.store.read(keys.quarantine("run1", "up", "ds", path))
        assert quarantined == (inbox.root / "up/ds" / path).read_bytes()
    assert len(bench.findings()) == 3


def test_too_many_bad_items_stop_the_run_after_the_report(inbox, bench, picture):
    fill(inbox, 10)
    inbox.put("up/ds/img/nolabel.png", picture(77))
    with pytest.raises(JobError, match=r"1 of 11 uploaded items are bad \(9.1%, allowed 5.0%\)") as caught:
        bench.run(inbox)
    assert caught.value.code == "DATA_TOO_MANY_BAD"
    assert "image-without-label x1 (nolabel.png: has no annotation in ann/" in str(caught.value)
    assert json.loads(bench.report())[0]["rule"] == "image-without-label"
    assert [f.rule for f in bench.findings()] == ["image-without-label"]
    assert list(bench.store.keys("dataset/")) == []


def test_an_unknown_format_says_what_is_known(inbox, bench, picture):
    inbox.put("up/a.png", picture())
    with pytest.raises(JobError, match="format: none of supervisely, machine-masks, coco, lookout, labelme, via, "):
        bench.run(inbox)


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_images_are_refused(inbox, bench, count):
    fill(inbox, count)
    with pytest.raises(JobError, match=f"{count} usable images: at least 3 are needed") as caught:
        bench.run(inbox)
    assert caught.value.code == "DATA_TOO_FEW"


def test_only_test_images_leave_nothing_to_train_on(inbox, bench):
    for n in range(5):
        inbox.good(f"up/test/{n}.png")
    with pytest.raises(JobError, match="no image is left for train and val of 5 images") as caught:
        bench.run(inbox)
    assert caught.value.code == "DATA_TOO_FEW"


def test_a_val_folder_without_test_is_the_held_out_test_set(inbox, bench):
    for n in range(30):
        inbox.good(f"up/train/t{n}.png")
    for n in range(4):
        inbox.good(f"up/val/v{n}.png")
    members = bench.members(bench.run(inbox).version)
    names = {split: {m.file_name for m in members if m.split == split} for split in ("train", "val", "test")}
    assert names["test"] == {f"val/img/v{n}.png" for n in range(4)}
    assert names["val"]
    assert all(name.startswith("train/") for name in names["val"] | names["train"])


def test_three_folders_are_taken_as_they_are(inbox, bench):
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        for n in range(count):
            inbox.good(f"up/{split}/{split}{n}.png")
    assert bench.run(inbox).images == {"train": 5, "val": 3, "test": 2}


def test_photographs_of_one_part_share_a_split(inbox, bench):
    for part in range(12):
        for view in range(3):
            inbox.good(f"up/ds/part{part}_{view}.png")
    members = bench.members(bench.run(inbox, group_pattern=r"^(part\d+)_").version)
    by_group = {}
    for member in members:
        by_group.setdefault(member.group, set()).add(member.split)
    assert set(by_group) == {f"part{n}" for n in range(12)}
    assert all(len(found) == 1 for found in by_group.values())


def test_a_duplicate_with_the_same_label_is_merged_with_a_warning(inbox, bench):
    fill(inbox, 10)
    inbox.good("up/ds/copy.png", seed=1)
    inbox.good("up/ds/original.png", seed=1)
    result = bench.run(inbox)
    assert (result.accepted, result.warnings) == (11, 1)
    assert bench.findings()[0].message == (
        "original.png: is the same image as up/ds/img/copy.png, with the same label: merged")


def test_of_two_labels_for_one_image_the_later_upload_counts(inbox, bench):
    fill(inbox, 10)
    inbox.good("zzz-first/ds/a.png", seed=1, class_name="old")
    inbox.good("aaa-second/ds/b.png", seed=1, class_name="new")
    result = bench.run(inbox, modified={"up": "2026-01-01", "zzz-first": "2026-01-02", "aaa-second": "2026-01-03"})
    assert result.instances == {"chipping": 10, "new": 1}
    assert "with another label: this one, the last, is used" in bench.findings()[0].message


def test_a_copy_that_is_called_test_takes_the_image_out_of_training(inbox, bench):
    for n in range(6):
        inbox.good(f"up/train/t{n}.png", seed=n)
        inbox.good(f"up/val/v{n}.png", seed=n + 100)
    for n in range(3):
        inbox.good(f"up/test/copy{n}.png", seed=n)
    result = bench.run(inbox)
    assert result.images == {"train": 3, "val": 6, "test": 3}


def test_a_second_upload_adds_and_moves_nothing(inbox, bench):
    fill(inbox)
    first = bench.run(inbox)
    fill(inbox, 10, "more", class_name="chipping")
    second = bench.run(inbox, parent=first.version)
    before, after = splits_of(bench.members(first.version)), splits_of(bench.members(second.version))
    assert {sha: after[sha] for sha in before} == before
    assert len(after) == 30
    manifest = bench.manifest(second.version)
    assert (manifest.parent, manifest.added, manifest.relabelled, manifest.removed) == (first.version, 10, 0, 0)


def test_what_does_not_change_is_not_written_again(inbox, bench):
    """Given 10 more images, then every shard of the parent stays, and only the 10 are read to make new ones."""
    fill(inbox, 40)
    first = bench.manifest(bench.run(inbox).version)
    old = {shard for shards in first.shards.values() for shard in shards}
    for shard in old:
        bench.store.write(keys.shard(shard.name), b"untouched")
    for member in bench.members(first.version):
        (bench.folder / "bucket" / keys.image(member.image_sha256, member.image_extension)).unlink()
    shutil.rmtree(inbox.root / "up")
    fill(inbox, 10, "more")
    second = bench.manifest(bench.run(inbox, parent=first.version).version)
    assert old < {shard for shards in second.shards.values() for shard in shards}
    assert all(bench.store.read(keys.shard(shard.name)) == b"untouched" for shard in old)
    assert sum(entry.instances["train"] for entry in second.statistics) == second.images["train"]


def test_the_same_upload_again_changes_nothing(inbox, bench):
    fill(inbox)
    first = bench.run(inbox)
    (inbox.root / "up").rename(inbox.root / "again")
    second = bench.run(inbox, parent=first.version)
    assert (second.version, second.changed, second.parent) == (first.version, False, first.version)


def test_relabelling_replaces_and_the_older_version_stays_readable(inbox, bench, tmp_path):
    fill(inbox)
    first = bench.run(inbox)
    old = bench.members(first.version)
    fill(inbox, 1, class_name="holes")
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
    fill(inbox, 40)
    first = bench.run(inbox)
    inbox.good("more/ds/x.png", class_name="chippings")
    result = bench.run(inbox, parent=first.version)
    assert result.quarantined == 1
    assert "nearest known: chipping" in json.loads(bench.report())[0]["message"]


def test_what_was_trained_on_never_becomes_test(inbox, bench):
    """Given images in train, when they come again in a test folder, then they stay, with a warning."""
    fill(inbox)
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


def test_an_empty_inbox_gives_the_parent(inbox, bench, tmp_path):
    fill(inbox)
    first = bench.run(inbox)
    for path in sorted(inbox.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    again = bench.run(inbox, parent=first.version)
    assert (again.version, again.changed, again.accepted) == (first.version, False, 0)


def test_junk_is_silent_and_broken_archives_are_told(inbox, bench):
    fill(inbox, 40)
    for junk in ("up/ds/img/._a.png", "up/.DS_Store", "__MACOSX/a.png", "up/Thumbs.db", "_READY", "up/README.md"):
        inbox.put(junk, b"junk")
    inbox.put("up/more.zip", b"PK")
    result = bench.run(inbox)
    assert (result.accepted, result.quarantined) == (40, 1)
    assert [f.rule for f in bench.findings()] == ["archive-unreadable"]
    assert bench.store.read(keys.quarantine("run1", "up", "more.zip")) == b"PK"


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_gives_the_version_of_its_folder(inbox, bench, tmp_path, kind):
    fill(inbox)
    folder = bench.run(inbox)
    shutil.make_archive(str(tmp_path / "packed/up"), kind, inbox.root, "up")
    packed = type(inbox)(tmp_path / "inbox2")
    for archive in (tmp_path / "packed").iterdir():
        packed.put(archive.name, archive.read_bytes())
    result = bench.run(packed)
    assert (result.version, result.accepted, result.quarantined) == (folder.version, 20, 0)


def test_good_castings_in_a_folder_are_background_and_defective_ones_wait(inbox, bench, picture):
    """Given def/ without a drawn defect, then it is quarantined without counting as bad; ok/ trains as background."""
    fill(inbox)
    for n in range(8):
        inbox.put(f"more/ok_front/{n}.png", picture(100 + n))
        inbox.put(f"more/def_front/{n}.png", picture(200 + n))
    result = bench.run(inbox)
    assert (result.accepted, result.quarantined, result.formats) == (28, 8, ("folders", "supervisely"))
    report = json.loads(bench.report())
    assert {(f["rule"], f["severity"]) for f in report} == {("defect-without-mask", "error")}
    assert bench.store.read(keys.quarantine("run1", "more", "def_front", "3.png")) == picture(203)
    background = [m for m in bench.members(result.version) if not m.instances]
    assert {m.file_name for m in background} == {f"ok_front/{n}.png" for n in range(8)}
    assert bench.label(background[0]).tags == ("ok_front",)


def test_good_castings_alone_are_not_enough(inbox, bench, picture):
    for n in range(8):
        inbox.put(f"up/ok/{n}.png", picture(n))
    with pytest.raises(JobError, match="none of 8 usable images has a labelled object") as caught:
        bench.run(inbox)
    assert caught.value.code == "DATA_TOO_FEW"


def test_a_drawn_label_wins_over_the_name_of_a_folder(inbox, bench, picture):
    fill(inbox)
    inbox.put("more/ok/again.png", (inbox.root / "up/ds/img/up_03.png").read_bytes())
    result = bench.run(inbox)
    assert (result.accepted, result.instances) == (20, {"chipping": 20})
    (told,) = bench.findings()
    assert told.message == ("again.png: is the same image as up/ds/img/up_03.png, which has a label of its own: "
                            "that one is used")


def test_broken_json_beside_the_data_is_told(inbox, bench):
    fill(inbox, 40)
    inbox.put("up/coco.json", b"{")
    assert bench.run(inbox).quarantined == 1
    assert bench.findings()[0].message == "coco.json: is no valid JSON: export it again"


def test_statistics_are_written(inbox, bench):
    fill(inbox)
    bench.run(inbox)
    (entry,) = json.loads((bench.output / "statistics.json").read_text())
    assert (entry["name"], entry["median_area_px"], sum(entry["instances"].values())) == ("chipping", 9.0, 20)


def test_real_castings_become_159_18_and_18(shared, tmp_path):
    """Given 177 train and 18 val photographs, then val is the held-out test set, every time the same version."""
    bench = Bench(tmp_path)
    order = Order("real", None, DataSettings())
    result = prepare(order, UploadTree.of_folder(shared / "casting"), bench.store, tmp_path / "work", tmp_path / "out")
    assert (result.version, result.images) == ("044f71bd20d3df36", {"train": 159, "val": 18, "test": 18})
    assert (result.quarantined, result.instances) == (
        0, {"chipping": 521, "deburring": 316, "disk": 196, "holes": 83})
    held_out = {m.file_name for m in bench.members(result.version) if m.split == "test"}
    assert all(name.startswith("val/img/") for name in held_out)


def test_a_rare_class_of_a_first_and_of_a_later_upload_is_tested_and_learnt(inbox, bench):
    """Given three parts with a rare class, then train, test and val have one each; one part more moves nothing."""
    fill(inbox, 40)
    for n in range(3):
        inbox.good(f"up/ds/rare{n}.png", class_name="crack")
    first = bench.manifest(bench.run(inbox).version)
    assert {s.name: s.images for s in first.statistics}["crack"] == {"train": 1, "val": 1, "test": 1}
    for n in range(2):
        inbox.good(f"more/ds/new{n}.png", class_name="pore")
    result = bench.run(inbox, parent=first.version, classes=("chipping", "crack", "pore"))
    later = bench.manifest(result.version)
    counts = {s.name: s.images for s in later.statistics}
    assert (counts["crack"], counts["pore"]) == ({"train": 1, "val": 1, "test": 1}, {"train": 1, "test": 1})


def test_a_class_that_an_upload_keeps_out_of_test_is_told(inbox, bench):
    """Given told splits, then no part changes over for a class, and a person learns that it is missing."""
    for split in ("train", "val", "test"):
        for n in range(3):
            inbox.good(f"up/{split}/{split}{n}.png")
    inbox.good("up/train/crack.png", class_name="crack")
    inbox.good("up/train/crack2.png", class_name="crack")
    inbox.good("up/test/pore.png", class_name="pore")
    result = bench.run(inbox)
    assert (result.images, result.warnings) == ({"train": 5, "val": 3, "test": 4}, 2)
    assert [(f.rule, f.object, f.message) for f in bench.findings()] == [
        ("class-not-tested", "class crack", "data set: 2 images show crack, none of them in test: nobody learns how "
         "well it is found: upload photographs of other parts that show it, or call some of them test"),
        ("class-not-trained", "class pore", "data set: 1 image shows pore, none of them in train: the model cannot "
         "learn it: upload photographs of other parts that show it")]
