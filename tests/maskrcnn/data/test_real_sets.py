"""The real samples, each whole: images and objects are counted, and what is wrong with them is said."""

from __future__ import annotations

from collections import Counter

import pytest
from maskrcnn.data.importers import IMPORTERS
from maskrcnn.data.recognition import recognise
from maskrcnn.data.samples import Sample
from maskrcnn.data.shapes import Box
from maskrcnn.data.tree import UploadTree

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def read(shared, name, without=""):
    """Format -> (images, objects with a mask, boxes), and the rules of what was rejected."""
    tree = UploadTree.of_folder(shared)
    tree = tree.below(name)
    if without:
        tree = tree.without(frozenset(tree.below(f"{name}/{without}").paths))
    counts, rules = {}, Counter()
    recognised, _ = recognise(tree, IMPORTERS)
    for found in recognised:
        images, masks, boxes = counts.get(found.importer.name, (0, 0, 0))
        for item in found.importer.read(tree, found.data_set):
            if isinstance(item, Sample):
                drawn = sum(isinstance(s.shape, Box) for s in item.shapes)
                images, masks, boxes = images + 1, masks + len(item.shapes) - drawn, boxes + drawn
            else:
                rules[item.finding.rule] += 1
        counts[found.importer.name] = (images, masks, boxes)
    return counts, dict(rules)


@pytest.mark.parametrize(("name", "without", "expected"), [
    ("bbox_label_tool", "labels_original_puzzledqs_no_class", {"bbox-label-tool": (3, 0, 4)}),
    ("bsdata_labelme", "label_with_imageData", {"labelme": (129, 160, 0)}),
    ("bsdata_labelme", "label", {"labelme": (6, 6, 0)}),
    ("fruits_nuts", "", {"coco": (18, 165, 0), "labelme": (18, 165, 0)}),
    ("sly_tutorial_projects", "", {"supervisely": (10, 24, 6)}),
    ("tinycoco", "", {"coco": (38, 424, 0)}),
    ("casting", "", {"supervisely": (195, 1116, 0)}),
])
def test_images_masks_and_boxes(shared, name, without, expected):
    assert read(shared, name, without) == (expected, {})


def test_the_variant_without_classes_asks_for_one(shared):
    """Given three classes to choose from and labels without any, then no box gets one by chance."""
    assert read(shared, "bbox_label_tool", "Labels") == ({"bbox-label-tool": (0, 0, 0)}, {"class-missing": 3})


def test_real_labels_of_two_formats_are_drawn_to_nearly_the_same_masks(shared, inbox, take_in):
    """Given the same polygons as COCO and as labelme, then their conventions differ by no more than the outline."""
    source = shared / "fruits_nuts"
    both = {"coco": [source / "coco_trainval.json"], "labelme": sorted((source / "labelme").iterdir())}
    for kind, labels in both.items():
        for file in (*labels, *sorted((source / "images").iterdir())[:3]):
            folder = "images" if file.suffix == ".jpg" else "labels"
            inbox.put(f"{kind}/up/{folder}/{file.name}", file.read_bytes())
    coco = take_in(inbox.root / "coco")
    labelme = take_in(inbox.root / "labelme")
    compared = 0
    for image in ("up/images/0.jpg", "up/images/1.jpg", "up/images/10.jpg"):
        for (name, one), (other_name, other) in zip(coco.masks(image), labelme.masks(image), strict=True):
            assert name == other_name
            assert (one & other).sum() / (one | other).sum() > 0.95
            compared += 1
    assert compared > 20


def test_real_metal_surfaces_pass_every_check(shared, inbox, take_in):
    """Given labelme outlines on 30 photographs, then each is used, and each object keeps its class and its mask."""
    images = sorted((shared / "bsdata_labelme/img").iterdir())[:30]
    for image in images:
        inbox.put(f"up/img/{image.name}", image.read_bytes())
        inbox.put(f"up/label/{image.stem}.json", (shared / f"bsdata_labelme/label/{image.stem}.json").read_bytes())
    taken = take_in(inbox)
    assert (len(taken.records), taken.intake.faults, taken.formats) == (30, 0, ("labelme",))
    instances = [instance for record in taken.records.values() for instance in record.instances]
    assert {(i.class_name, i.mask is not None) for i in instances} == {("Pitting", True)}
