"""COCO 2017 as `stage-coco` lays it out: prepare takes the folder as it is."""

from __future__ import annotations

import json

import pytest
from maskrcnn.data.local import prepare_folder
from maskrcnn.training import records

from app.contracts import documents
from app.contracts.dataset import Finding, VersionManifest
from app.contracts.settings import DataSettings
from tests.maskrcnn.data.conftest import picture_bytes

CLASSES = {1: "person", 7: "train", 18: "dog"}
COUNTS = {"train": 24, "val": 6}


@pytest.fixture
def staged(tmp_path):
    """What the official archives hold, small: instances, captions and key points of both splits, and weights."""
    root, number = tmp_path / "coco", 0
    (root / "annotations").mkdir(parents=True)
    for split, count in COUNTS.items():
        (root / f"{split}2017").mkdir()
        images, annotations = [], []
        for k in range(count):
            number += 1
            name = f"{number:012d}.jpg"
            (root / f"{split}2017" / name).write_bytes(picture_bytes(number, 64, 48, "JPEG"))
            images.append({"id": number, "file_name": name, "width": 64, "height": 48, "license": 1})
            annotations.append({
                "id": number, "image_id": number, "category_id": list(CLASSES)[k % 3], "iscrowd": 0, "area": 200,
                "bbox": [4, 8, 20, 10], "segmentation": [[4, 8, 24, 8, 24, 18, 4, 18]]})
        annotations.append({
            "id": 10_000, "image_id": number, "category_id": 1, "iscrowd": 1, "area": 12, "bbox": [30, 0, 1, 12],
            "segmentation": {"size": [48, 64], "counts": [1440, 12, 1620]}})
        people = [{**a, "keypoints": [0] * 51, "num_keypoints": 0} for a in annotations if a["category_id"] == 1]
        common = {"info": {}, "licenses": [], "images": images}
        categories = [{"id": i, "name": name, "supercategory": name} for i, name in CLASSES.items()]
        captions = [{"id": i["id"], "image_id": i["id"], "caption": "a thing"} for i in images]
        for kind, content in {
            "instances": {"annotations": annotations, "categories": categories},
            "person_keypoints": {"annotations": people, "categories": [{**categories[0], "keypoints": ["nose"]}]},
            "captions": {"annotations": captions},
        }.items():
            (root / f"annotations/{kind}_{split}2017.json").write_text(json.dumps({**common, **content}))
    for name in ("pretrained-models/ImageNet-R50-AlignPadding.npz", ".staging/train2017.tsv"):
        (root / name).parent.mkdir()
        (root / name).write_bytes(b"PK")
    return root


def test_every_class_and_crowd_of_the_instances_is_there_and_val_is_held_out(staged, tmp_path):
    """Given key points beside the instances, then they do not replace the labels of all other classes."""
    result = prepare_folder(staged, tmp_path / "out", DataSettings(part_classes=()))
    assert result.instances == {"dog": 10, "person": 10 + len(COUNTS), "train": 10}  # one crowd a split
    assert (result.accepted, result.quarantined) == (30, 0)
    assert result.images["test"] == COUNTS["val"]  # val2017 is never trained on, nor chosen by
    assert result.images["train"] + result.images["val"] == COUNTS["train"]
    plain = json.loads((tmp_path / "out/output/findings.json").read_text())
    findings = [documents.from_plain(Finding, item) for item in plain]
    assert {(f.file, f.rule, f.severity) for f in findings} == {
        (f"annotations/{kind}_{split}2017.json", "file-unused", "warning")
        for kind in ("captions", "person_keypoints") for split in COUNTS}


def test_training_finds_the_shards_that_were_made_of_it(staged, tmp_path):
    prepare_folder(staged, tmp_path / "out")
    manifest = documents.from_json(VersionManifest, (tmp_path / "out/dataset/manifest.json").read_text())
    found = records.scan(tmp_path / "out/train", [shard.name for shard in manifest.shards["train"]])
    assert len(found) == manifest.images["train"]
