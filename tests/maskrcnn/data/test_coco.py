"""COCO files: geometries, crowds, background images, and images found wherever they lie."""

from __future__ import annotations

import pytest
from maskrcnn.data.importers.coco import CocoImporter
from maskrcnn.data.samples import Rejected
from maskrcnn.data.shapes import Box, CocoPolygons, CocoRle
from maskrcnn.data.tree import UploadTree

IMPORTER = CocoImporter()
CATEGORIES = [{"id": 7, "name": "chipping"}, {"id": 9, "name": "disk"}]


def document(images, annotations=()):
    return {
        "images": [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(images)],
        "annotations": [{"id": n, "iscrowd": 0, **a} for n, a in enumerate(annotations)],
        "categories": CATEGORIES,
    }


def square(image_id=0, category=7, **more):
    return {"image_id": image_id, "category_id": category, "segmentation": [[1, 1, 5, 1, 5, 5]], **more}


def read(inbox):
    tree = UploadTree.of_folder(inbox.root)
    return [item for data_set in IMPORTER.find(tree) for item in IMPORTER.read(tree, data_set)]


def test_every_geometry_of_coco(inbox, picture):
    inbox.put("up/images/a.png", picture())
    inbox.put("up/labels.json", document(["a.png"], [
        square(), square(segmentation={"size": [48, 64], "counts": [48 * 64 - 1, 1]}, iscrowd=1, category=9),
        square(segmentation={"size": [48, 64], "counts": "PPQ1"}),
        {"image_id": 0, "category_id": 7, "segmentation": [], "bbox": [2, 3, 10, 20]}]))
    (sample,) = read(inbox)
    assert [type(s.shape) for s in sample.shapes] == [CocoPolygons, CocoRle, CocoRle, Box]
    assert [s.class_name for s in sample.shapes] == ["chipping", "disk", "chipping", "chipping"]
    assert [s.is_crowd for s in sample.shapes] == [False, True, False, False]
    assert sample.shapes[2].shape.counts == "PPQ1"
    assert sample.shapes[3].shape == Box(2, 3, 11, 22)
    assert (sample.size, sample.name) == ((64, 48), "images/a.png")


def test_an_image_without_annotations_is_background(inbox, picture):
    inbox.put("up/a.png", picture())
    inbox.put("up/coco.json", document(["a.png"]))
    (sample,) = read(inbox)
    assert sample.shapes == ()


def test_splits_come_from_file_names_and_the_images_from_the_folder_of_that_split(inbox, picture):
    """Given the same image name in train2017 and val2017, then each file finds its own."""
    for split in ("train", "val"):
        inbox.put(f"up/images/{split}2017/0.png", picture())
        inbox.put(f"up/annotations/instances_{split}2017.json", document(["0.png"], [square()]))
    assert {sample.image: sample.split for sample in read(inbox)} == {
        "up/images/train2017/0.png": "train", "up/images/val2017/0.png": "val"}


def test_splits_come_from_folders_where_the_file_says_nothing(inbox, picture):
    for split in ("train", "valid", "test"):
        inbox.put(f"up/{split}/{split}.png", picture())
        inbox.put(f"up/{split}/_annotations.coco.json", document([f"{split}.png"], [square()]))
    tree = UploadTree.of_folder(inbox.root)
    assert {data_set.root for data_set in IMPORTER.find(tree)} == {"up"}
    assert [sample.split for sample in read(inbox)] == ["test", "train", "val"]


def test_folders_in_file_name_decide(inbox, picture):
    for camera in ("left", "right"):
        inbox.put(f"up/data/{camera}/0.png", picture())
    inbox.put("up/coco.json", document(["C:\\export\\right\\0.png"], [square()]))
    (sample,) = read(inbox)
    assert sample.image == "up/data/right/0.png"


def test_an_ambiguous_name_is_told(inbox, picture):
    for camera in ("left", "right"):
        inbox.put(f"up/{camera}/0.png", picture())
    inbox.put("up/coco.json", document(["0.png"], [square()]))
    (bad,) = read(inbox)
    assert bad.finding.message == ("coco.json: lists 0.png, which could be up/left/0.png or up/right/0.png: "
                                   "write the folder into file_name")


def test_a_listed_image_that_is_missing_is_told(inbox, picture):
    inbox.put("up/a.png", picture())
    inbox.put("up/coco.json", document(["a.png", "gone.png"], [square()]))
    _, bad = read(inbox)
    assert bad.finding.message == ("coco.json: lists gone.png, which was not uploaded: upload the image, "
                                   "or remove it from the file")


def test_annotations_of_images_that_are_not_listed_are_told(inbox, picture):
    inbox.put("up/a.png", picture())
    inbox.put("up/coco.json", document(["a.png"], [square(), square(7), square(7)]))
    bad, sample = read(inbox)
    assert len(sample.shapes) == 1
    assert bad.finding.message == ("coco.json: has 2 annotations of image 7, which it does not list: "
                                   "export images and annotations together")


@pytest.mark.parametrize("broken", [
    {"category_id": 99}, {"segmentation": [["x", "y"]]}, {"segmentation": {"size": [48, 64]}},
    {"segmentation": None}])
def test_a_broken_annotation_rejects_its_image_only(inbox, picture, broken):
    inbox.put("up/a.png", picture(1))
    inbox.put("up/b.png", picture(2))
    inbox.put("up/coco.json", document(["a.png", "b.png"], [square(0), square(1), square(1, **broken)]))
    good, bad = read(inbox)
    assert good.image == "up/a.png"
    assert isinstance(bad, Rejected)
    assert (bad.finding.rule, bad.finding.object, bad.files) == (
        "annotation-unreadable", "object 2", ("up/b.png", "up/coco.json"))


def test_a_cut_off_file_is_told(inbox):
    inbox.put("up/coco.json", b'{"images": [], "categories": [], "annotations": [')
    (bad,) = read(inbox)
    assert bad.finding.rule == "annotation-unreadable"


def test_other_json_is_not_recognised(inbox):
    inbox.put("up/package.json", {"images": [], "annotations": []})
    inbox.put("up/empty.json", b"")
    assert IMPORTER.find(UploadTree.of_folder(inbox.root)) == []


def test_real_coco_imports_whole(shared):
    """Given the real subset: 424 annotations, 5 of them crowds, 2 background images."""
    tree = UploadTree.of_folder(shared / "tinycoco")
    items = [item for data_set in IMPORTER.find(tree) for item in IMPORTER.read(tree, data_set)]
    shapes = [s for sample in items for s in sample.shapes]
    assert (len(items), len(shapes), sum(s.is_crowd for s in shapes)) == (38, 424, 5)
    assert sum(not sample.shapes for sample in items) == 2
    assert {sample.split for sample in items} == {"train", "val"}


def test_annotations_stay_with_their_image_whatever_its_id_is_like(inbox, picture):
    """Given ids that are texts, numbers written with a point, and one that begins like another."""
    ids = [1, 12, "a", 'a"/0', -3]
    named = [{"id": n, "file_name": f"{i}.png"} for i, n in enumerate(ids)]
    for i in range(len(ids)):
        inbox.put(f"up/{i}.png", picture(i))
    inbox.put("up/coco.json", {
        "annotations": [square(float(n) if n == 12 else n) for i, n in enumerate(ids) for _ in range(i)],
        "images": named[::-1], "categories": CATEGORIES})
    assert [(sample.image, len(sample.shapes)) for sample in read(inbox)] == [(f"up/{i}.png", i) for i in range(5)]


@pytest.mark.parametrize(("text", "words"), [
    ('{"images": [], "annotations": [], "categories": 3}', "TypeError: categories is no list"),
    ('{"images": [], "annotations": [{"x": "categories"}]}', "KeyError: 'image_id'"),
    ('{"images": [], "annotations": [], "info": "categories", "categories"}', "Expecting ':' delimiter: line 1 column"),
    ('{"images": [], "annotations": [], "info": {"categories": []}}', "KeyError: 'categories'"),
])
def test_a_file_that_only_looks_like_coco_is_refused_with_the_reason(inbox, text, words):
    inbox.put("up/coco.json", text.encode())
    (bad,) = read(inbox)
    assert words in bad.finding.message
