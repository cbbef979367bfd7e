"""An upload to a version, on the local disk: quarantine, duplicates, limits, and what is written."""

from __future__ import annotations

import json
import shutil

import pytest
from maskrcnn.data.pipeline import Order, prepare
from maskrcnn.data.tree import UploadTree
from maskrcnn.program import JobError

from app.contracts import keys
from app.contracts.settings import DataSettings

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_first_upload_becomes_a_version(inbox, bench):
    inbox.fill()
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
    inbox.fill()
    first = bench.run(inbox)
    (inbox.root / "up").rename(inbox.root / "another-name")
    second = bench.run(inbox, modified={"another-name": "2026-01-01T00:00:00Z"})
    assert second.version == first.version


def test_a_version_that_exists_is_not_written_again(inbox, bench):
    inbox.fill()
    result = bench.run(inbox)
    shard = keys.shard(bench.manifest(result.version).shards["train"][0].name)
    bench.store.write(shard, b"untouched")
    assert bench.run(inbox).version == result.version
    assert bench.store.read(shard) == b"untouched"


def test_bad_items_go_to_quarantine_and_the_rest_is_used(inbox, bench, picture, bitmap):
    inbox.fill(57)
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
    inbox.fill(10)
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
    inbox.fill(count)
    with pytest.raises(JobError, match=f"{count} usable images: at least 3 are needed") as caught:
        bench.run(inbox)
    assert caught.value.code == "DATA_TOO_FEW"


def test_a_duplicate_with_the_same_label_is_merged_with_a_warning(inbox, bench):
    inbox.fill(10)
    inbox.good("up/ds/copy.png", seed=1)
    inbox.good("up/ds/original.png", seed=1)
    result = bench.run(inbox)
    assert (result.accepted, result.warnings) == (11, 1)
    assert bench.findings()[0].message == (
        "original.png: is the same image as up/ds/img/copy.png, with the same label: merged")


def test_of_two_labels_for_one_image_the_later_upload_counts(inbox, bench):
    inbox.fill(10)
    inbox.good("zzz-first/ds/a.png", seed=1, class_name="old")
    inbox.good("aaa-second/ds/b.png", seed=1, class_name="new")
    result = bench.run(inbox, modified={"up": "2026-01-01", "zzz-first": "2026-01-02", "aaa-second": "2026-01-03"})
    assert result.instances == {"chipping": 10, "new": 1}
    assert "with another label: this one, the last, is used" in bench.findings()[0].message


def test_junk_is_silent_and_broken_archives_are_told(inbox, bench):
    inbox.fill(40)
    for junk in ("up/ds/img/._a.png", "up/.DS_Store", "__MACOSX/a.png", "up/Thumbs.db", "_READY", "up/README.md"):
        inbox.put(junk, b"junk")
    inbox.put("up/more.zip", b"PK")
    result = bench.run(inbox)
    assert (result.accepted, result.quarantined) == (40, 1)
    assert [f.rule for f in bench.findings()] == ["archive-unreadable"]
    assert bench.store.read(keys.quarantine("run1", "up", "more.zip")) == b"PK"


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_gives_the_version_of_its_folder(inbox, bench, tmp_path, kind):
    inbox.fill()
    folder = bench.run(inbox)
    shutil.make_archive(str(tmp_path / "packed/up"), kind, inbox.root, "up")
    packed = type(inbox)(tmp_path / "inbox2")
    for archive in (tmp_path / "packed").iterdir():
        packed.put(archive.name, archive.read_bytes())
    result = bench.run(packed)
    assert (result.version, result.accepted, result.quarantined) == (folder.version, 20, 0)


def test_good_castings_in_a_folder_are_background_and_defective_ones_wait(inbox, bench, picture):
    """Given def/ without a drawn defect, then it is quarantined without counting as bad; ok/ trains as background."""
    inbox.fill()
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
    inbox.fill()
    inbox.put("more/ok/again.png", (inbox.root / "up/ds/img/up_03.png").read_bytes())
    result = bench.run(inbox)
    assert (result.accepted, result.instances) == (20, {"chipping": 20})
    (told,) = bench.findings()
    assert told.message == ("again.png: is the same image as up/ds/img/up_03.png, which has a label of its own: "
                            "that one is used")


def test_broken_json_beside_the_data_is_told(inbox, bench):
    inbox.fill(40)
    inbox.put("up/coco.json", b"{")
    assert bench.run(inbox).quarantined == 1
    assert bench.findings()[0].message == "coco.json: is no valid JSON: export it again"


def test_statistics_are_written(inbox, bench):
    inbox.fill()
    bench.run(inbox)
    (entry,) = json.loads((bench.output / "statistics.json").read_text())
    assert (entry["name"], entry["median_area_px"], sum(entry["instances"].values())) == ("chipping", 9.0, 20)


def test_real_castings_become_159_18_and_18(shared, bench, tmp_path):
    """Given 177 train and 18 val photographs, then val is the held-out test set, every time the same version."""
    order = Order("real", None, DataSettings())
    result = prepare(order, UploadTree.of_folder(shared / "casting"), bench.store, tmp_path / "work", tmp_path / "out")
    assert (result.version, result.images) == ("044f71bd20d3df36", {"train": 159, "val": 18, "test": 18})
    assert (result.quarantined, result.instances) == (
        0, {"chipping": 521, "deburring": 316, "disk": 196, "holes": 83})
    held_out = {m.file_name for m in bench.members(result.version) if m.split == "test"}
    assert all(name.startswith("val/img/") for name in held_out)
