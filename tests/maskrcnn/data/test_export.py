"""Versions written out and read back: every mask pixel by pixel, every box, class, tag and split."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from maskrcnn.data import export as program
from maskrcnn.data.export import export
from maskrcnn.data.exporters import EXPORTERS, items
from maskrcnn.data.exporters.supervisely import bitmap
from maskrcnn.data.local import LocalStore, prepare_folder
from maskrcnn.data.members import read_members
from maskrcnn.data.shapes import Bitmap
from maskrcnn.program import JobError
from maskrcnn.storage import ObjectNotFoundError
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from app.contracts import documents, keys
from app.contracts.dataset import LabelRecord, Member
from app.contracts.settings import DataSettings
from app.contracts.uploads import EXPORT_FORMATS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def rle(mask):
    packed = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": packed["counts"].decode()}


@pytest.fixture
def version(inbox, tmp_path, picture):
    """A published version: overlapping masks, a crowd, a box, background, equal names, a photograph `x_mask`."""
    rng = np.random.default_rng(3)
    names = [f"{folder}/{name}.png" for folder in ("one", "two", "three") for name in ("a", "b", "c_mask", "d")]
    annotations = []
    for image_id, name in enumerate(names):
        inbox.put(f"up/{name}", picture(image_id))
        for number in range(image_id % 4):
            mask = rng.random((48, 64)) < 0.3
            mask[10:20, 10:20] = True
            annotations.append({"image_id": image_id, "category_id": 1 + number % 2, "segmentation": rle(mask),
                                "iscrowd": int(number == 2)})
    annotations.append({"image_id": 5, "category_id": 2, "segmentation": [], "bbox": [3, 4, 20, 10], "iscrowd": 0})
    inbox.put("up/coco.json", {
        "images": [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(names)],
        "annotations": [{"id": n, **a} for n, a in enumerate(annotations)],
        "categories": [{"id": 1, "name": "disk"}, {"id": 2, "name": "train"}]})
    result = prepare_folder(inbox.root, tmp_path / "bucket", DataSettings())
    return LocalStore(tmp_path / "bucket"), result.version


def content(store, version):
    """Image hash -> its split and its objects, in any order."""
    records = {m: documents.from_json(LabelRecord, store.read(keys.label(m.label_sha256)))
               for m in read_members(store, version)}
    return {m.image_sha256: (m.split, Counter(record.instances)) for m, record in records.items()}


def read_again(folder, tmp_path):
    again = prepare_folder(folder, tmp_path / "again", DataSettings())
    assert again.quarantined == 0
    return content(LocalStore(tmp_path / "again"), again.version)


@pytest.mark.parametrize("kind", ["coco", "supervisely"])
def test_what_is_exported_is_read_back_without_a_difference(version, tmp_path, kind):
    store, name = version
    export(store, name, kind, tmp_path / "out/up")
    assert read_again(tmp_path / "out", tmp_path) == content(store, name)


def test_overlapping_masks_survive_png_and_what_png_cannot_say_is_told(version, tmp_path, caplog):
    store, name = version
    export(store, name, "masks", tmp_path / "out/up")
    before = {sha: (split, Counter((i.class_name, i.mask) for i in instances.elements() if i.mask))
              for sha, (split, instances) in content(store, name).items()}
    after = {sha: (split, Counter((i.class_name, i.mask) for i in instances.elements()))
             for sha, (split, instances) in read_again(tmp_path / "out", tmp_path).items()}
    assert after == before
    assert sum(sum(objects.values()) for _, objects in before.values()) == 18
    assert "left out, as PNG masks cannot say it: 1 boxes without a mask, 3 marks of crowds" in caplog.text


def test_pycocotools_reads_the_coco_export(version, tmp_path, capsys):
    store, name = version
    export(store, name, "coco", tmp_path / "out")
    for split in ("train", "val", "test"):
        coco = COCO(tmp_path / f"out/annotations/instances_{split}.json")
        members = [m for m in read_members(store, name) if m.split == split]
        assert (len(coco.getImgIds()), len(coco.getAnnIds())) == (len(members), sum(m.instances for m in members))
        for annotation in coco.loadAnns(coco.getAnnIds()):
            if annotation["segmentation"]:
                assert coco.annToMask(annotation).sum() == annotation["area"]
        for image in coco.loadImgs(coco.getImgIds()):
            assert (tmp_path / "out/images" / split / image["file_name"]).is_file()
    capsys.readouterr()


def test_tfrecords_hold_the_same_examples_beside_a_label_map(version, tmp_path):
    store, name = version
    export(store, name, "tfrecord", tmp_path / "out")
    assert (tmp_path / "out/label_map.pbtxt").read_text() == (
        'item {\n  id: 1\n  name: "disk"\n}\nitem {\n  id: 2\n  name: "train"\n}\n')
    for split in ("train", "val", "test"):
        ours = tf.data.TFRecordDataset(str(tmp_path / "out" / split / "shard-00000.tfrecord"))
        published = [str(path) for path in (tmp_path / "bucket" / split).iterdir()]
        assert sorted(e.numpy() for e in ours) == sorted(e.numpy() for e in tf.data.TFRecordDataset(published))


def test_image_tags_survive_supervisely(inbox, tmp_path):
    for n in range(6):
        inbox.good(f"up/ds/{n}.png", tags=[{"name": "shift", "value": "2"}, {"name": "good", "value": None}])
    result = prepare_folder(inbox.root, tmp_path / "bucket")
    store = LocalStore(tmp_path / "bucket")
    export(store, result.version, "supervisely", tmp_path / "out/up")
    again = prepare_folder(tmp_path / "out", tmp_path / "again")
    for sha in {m.label_sha256 for m in read_members(LocalStore(tmp_path / "again"), again.version)}:
        record = documents.from_json(LabelRecord, LocalStore(tmp_path / "again").read(keys.label(sha)))
        assert record.tags == ("good", "shift=2")
    assert again.accepted == 6
    meta = json.loads((tmp_path / "out/up/meta.json").read_text())
    assert [(t["name"], t["value_type"]) for t in meta["tags"]] == [("good", "none"), ("shift", "any_string")]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20))).filter(np.any))
def test_bitmaps_are_decoded_to_the_same_mask(mask):
    plain = bitmap(mask)
    drawn = Bitmap(plain["data"], tuple(plain["origin"])).draw(mask.shape[1], mask.shape[0])
    np.testing.assert_array_equal(drawn, mask)


def member(sha, file_name, extension="png"):
    return Member(sha * 8, extension, "l", file_name, "g", "train", 64, 48, 0)


def test_equal_names_get_a_piece_of_the_hash_and_the_kept_suffix():
    names = items.names_of([member("12345678", "x/a.bmp"), member("abcdefab", "y/A.png", "jpg"), member("3", "b.jpg")])
    assert list(names.values()) == ["a-12345678.png", "A-abcdefab.jpg", "b.png"]


def test_a_class_that_is_no_folder_is_refused_for_masks(inbox, tmp_path):
    for n in range(6):
        inbox.good(f"up/ds/{n}.png", class_name="a/b")
    result = prepare_folder(inbox.root, tmp_path / "bucket")
    with pytest.raises(JobError, match="class 'a/b' cannot be the name of a folder of masks: rename it"):
        export(LocalStore(tmp_path / "bucket"), result.version, "masks", tmp_path / "out")


@pytest.mark.parametrize("exists", [True, False])
def test_an_export_that_fails_leaves_nothing_and_may_be_done_again(version, tmp_path, exists):
    """Given an image that the bucket lost, when exports fail on it, then nothing is there; brought back, all is."""
    store, name = version
    lost = max((p for p in (tmp_path / "bucket/dataset/images").iterdir()), key=lambda path: path.name)
    lost.rename(tmp_path / "elsewhere")
    (tmp_path / "outs").mkdir()
    for exporter in EXPORTERS:
        if exists:
            (tmp_path / "outs" / exporter.name).mkdir()
        with pytest.raises(ObjectNotFoundError):
            export(store, name, exporter.name, tmp_path / "outs" / exporter.name)
    left = [path.relative_to(tmp_path / "outs").as_posix() for path in (tmp_path / "outs").rglob("*")]
    assert sorted(left) == (sorted(exporter.name for exporter in EXPORTERS) if exists else [])
    (tmp_path / "elsewhere").rename(lost)
    for exporter in EXPORTERS:
        export(store, name, exporter.name, tmp_path / "outs" / exporter.name)
    assert len(list((tmp_path / "outs/coco/images").rglob("*.png"))) == 12
    assert list((tmp_path / "outs").rglob("*.half*")) == []


def test_what_a_killed_export_left_is_no_obstacle(version, tmp_path):
    store, name = version
    for left in (".new.half/images/old.png", "there/.half/images/old.png"):
        (tmp_path / left).parent.mkdir(parents=True)
        (tmp_path / left).write_bytes(b"half")
    for target in ("new", "there"):
        export(store, name, "coco", tmp_path / target)
        assert sorted(path.name for path in (tmp_path / target).iterdir()) == ["annotations", "images"]
    assert list(tmp_path.rglob("old.png")) == []


def test_a_coco_file_is_what_json_writes_of_its_document(version, tmp_path):
    """Given the file that is written piece by piece, then it is the text of one document, ids counted from 1."""
    store, name = version
    export(store, name, "coco", tmp_path / "out")
    numbers = 0
    for split in ("train", "val", "test"):
        text = (tmp_path / f"out/annotations/instances_{split}.json").read_text()
        document = json.loads(text)
        assert text == json.dumps(document)
        assert list(document) == ["info", "images", "annotations", "categories"]
        for kind in ("images", "annotations"):
            assert [entry["id"] for entry in document[kind]] == list(range(1, len(document[kind]) + 1))
        assert [entry["file_name"] for entry in document["images"]] == sorted(
            entry["file_name"] for entry in document["images"])
        numbers += len(document["annotations"])
    assert numbers == 19


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["export", *map(str, arguments)])
    return program.main()


def test_the_command_exports_the_last_version(version, tmp_path, monkeypatch):
    for exporter in EXPORTERS:
        assert run(monkeypatch, tmp_path / "bucket", exporter.name, tmp_path / exporter.name) == 0
    assert len(list((tmp_path / "coco/images").rglob("*.png"))) == 12


@pytest.mark.parametrize(("arguments", "message"), [
    (("gone", "coco", "new"), "CONFIG_INVALID: gone: no such folder: name a bucket as s3://<bucket>, or a folder"),
    (("bucket", "coco", "bucket"), "bucket: holds something already: name a new folder"),
    (("bucket", "coco", "new", "--version", "none"), "DATA_INVALID: version none: "),
])
def test_what_cannot_be_exported_is_said(version, tmp_path, monkeypatch, caplog, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 1
    assert message in caplog.text


def test_every_format_that_the_command_line_offers_has_one_exporter():
    assert [exporter.name for exporter in EXPORTERS] == list(EXPORT_FORMATS)
