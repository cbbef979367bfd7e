"""Supervisely downloads, new and old."""

from __future__ import annotations

import numpy as np
from maskrcnn.data.importers.supervisely import SuperviselyImporter
from maskrcnn.data.samples import Rejected, Sample
from maskrcnn.data.shapes import Bitmap, Box, Extent, Polygon
from maskrcnn.data.tree import UploadTree

IMPORTER = SuperviselyImporter()


def read(inbox):
    tree = UploadTree.of_folder(inbox.root)
    return [item for data_set in IMPORTER.find(tree) for item in IMPORTER.read(tree, data_set)]


def test_bitmap_polygon_and_rectangle_arrive_in_painting_order(inbox, bitmap):
    inbox.supervisely("up/ds/a.png", [
        bitmap(np.ones((2, 3)), 7, 8, "disk"),
        {"classTitle": "holes", "geometryType": "polygon",
         "points": {"exterior": [[1, 1], [9, 1], [9, 9]], "interior": [[[3, 2], [4, 2], [4, 3]]]}},
        {"classTitle": "burr", "geometryType": "rectangle",
         "points": {"exterior": [[20, 30], [10, 5]], "interior": []}},
    ], tags=[{"name": "good", "value": None}, {"name": "shift", "value": 2}, "reviewd"])
    (sample,) = read(inbox)
    assert [(s.class_name, type(s.shape)) for s in sample.shapes] == [
        ("disk", Bitmap), ("holes", Polygon), ("burr", Box)]
    assert sample.shapes[0].shape.origin == (7, 8)
    assert sample.shapes[1].shape.interior == (((3.0, 2.0), (4.0, 2.0), (4.0, 3.0)),)
    assert sample.shapes[2].shape == Box(10, 5, 20, 30)
    assert (sample.tags, sample.size, sample.name) == (("good", "shift=2", "reviewd"), (64, 48), "ds/img/a.png")


def old_object(class_name, *, bitmap=None, points=()):
    return {"classTitle": class_name, "bitmap": bitmap, "tags": [],
            "points": {"exterior": list(points), "interior": []}}


def test_old_objects_take_their_geometry_from_meta_or_content(inbox, bitmap):
    """Given no geometryType and both keys present, then the bitmap, meta.json or the points decide."""
    two, three = [[0.0, 1.6], [5.2, 9.9]], [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]
    inbox.put("up/meta.json", {"classes": [{"title": "bike", "shape": "rectangle", "color": "#FF0000"},
                                           {"title": "car", "shape": "polygon", "color": "#FF0000"}], "tags": []})
    data = bitmap(np.ones((2, 2)), 1, 1, "person")["bitmap"]
    inbox.supervisely("up/ds/a.png", [
        old_object("bike", points=two), old_object("car", points=three), old_object("person", bitmap=data),
        old_object("undeclared", points=two), old_object("undeclared", points=three)])
    (sample,) = read(inbox)
    assert [type(s.shape) for s in sample.shapes] == [Box, Polygon, Bitmap, Box, Polygon]
    assert sample.shapes[0].shape == Box(0.0, 1.6, 5.2, 9.9)


def test_an_annotation_named_without_the_images_extension_is_found(inbox, picture):
    inbox.good("up/ds/a.png")
    (inbox.root / "up/ds/ann/a.png.json").rename(inbox.root / "up/ds/ann/a.json")
    (sample,) = read(inbox)
    assert (sample.image, sample.annotation) == ("up/ds/img/a.png", "up/ds/ann/a.json")


def test_the_same_name_in_two_data_sets_is_two_images(inbox):
    inbox.good("up/one/a.png", seed=1)
    inbox.good("up/two/a.png", seed=2)
    assert [sample.name for sample in read(inbox)] == ["one/img/a.png", "two/img/a.png"]


def test_a_data_set_may_lie_directly_in_the_inbox(inbox):
    inbox.good("train/a.png")
    (sample,) = read(inbox)
    assert (sample.name, sample.split) == ("train/img/a.png", "train")


def test_an_image_without_annotation_and_the_reverse_are_rejected(inbox, picture):
    inbox.good("up/ds/a.png")
    inbox.put("up/ds/img/b.png", picture())
    inbox.put("up/ds/ann/c.png.json", {"size": {"width": 1, "height": 1}, "objects": []})
    found = {item.finding.rule: item for item in read(inbox) if isinstance(item, Rejected)}
    assert found["image-without-label"].files == ("up/ds/img/b.png",)
    assert found["label-without-image"].files == ("up/ds/ann/c.png.json",)
    assert found["label-without-image"].finding.message == (
        "c.png.json: has no image in img/: upload the image, or delete the annotation")


def test_a_broken_annotation_rejects_its_image_with_it(inbox):
    inbox.good("up/ds/a.png")
    inbox.good("up/ds/b.png")
    inbox.put("up/ds/ann/b.png.json", b'{"size": {"width": 3')
    good, bad = read(inbox)
    assert isinstance(good, Sample)
    assert (bad.finding.rule, bad.files) == ("annotation-unreadable", ("up/ds/img/b.png", "up/ds/ann/b.png.json"))


def test_a_multipolygon_is_one_object_with_holes(inbox):
    """Given two parts, the first with a hole, then one mask has both and the hole eats its own outline."""
    inbox.supervisely("up/ds/a.png", [{"classTitle": "x", "geometryType": "multipolygon", "parts": [
        {"exterior": [[1, 1], [5, 1], [5, 5], [1, 5]], "interior": [[[2, 2], [4, 2], [4, 4], [2, 4]]]},
        {"exterior": [[8, 1], [9, 1], [9, 2], [8, 2]], "interior": []}]}])
    (sample,) = read(inbox)
    (labelled,) = sample.shapes
    expected = np.zeros((48, 64), bool)
    expected[1:6, 1:6], expected[2:5, 2:5], expected[1:3, 8:10] = True, False, True
    np.testing.assert_array_equal(labelled.shape.draw(64, 48), expected)
    assert labelled.shape.extent() == Extent(1, 1, 9, 5)


def test_a_line_is_no_mask(inbox):
    inbox.supervisely("up/ds/a.png", [{"classTitle": "x", "geometryType": "line",
                                       "points": {"exterior": [[1, 1], [2, 2]], "interior": []}}])
    (bad,) = read(inbox)
    assert bad.finding.message == ("a.png: object 1 is a line: Castline takes bitmap, polygon, multipolygon "
                                   "and rectangle: convert it to one of them")


def test_a_tag_wins_over_the_data_sets_name(inbox):
    inbox.good("up/train/a.png", tags=[{"name": "Test", "value": None}])
    inbox.good("up/train/b.png")
    inbox.good("up/other/c.png", tags=["val"])
    assert {sample.image[-5:]: sample.split for sample in read(inbox)} == {
        "a.png": "test", "b.png": "train", "c.png": "val"}


def test_contradicting_tags_are_rejected(inbox):
    inbox.good("up/ds/a.png", tags=["train", "test"])
    (bad,) = read(inbox)
    assert bad.finding.message == "a.png: is tagged test and train: keep one of them"


def test_drawn_masks_of_the_export_are_no_photographs(inbox, picture):
    inbox.good("up/ds/a.png")
    inbox.put("up/ds/masks_machine/a.png", picture())
    tree = UploadTree.of_folder(inbox.root)
    (data_set,) = IMPORTER.find(tree)
    assert "up/ds/masks_machine" in data_set.pictures_to_ignore


def test_folders_that_only_look_alike_are_not_recognised(inbox, picture):
    inbox.put("up/img/a.png", picture())
    inbox.put("up/ann/a.json", {"shapes": [], "imagePath": "a.png"})
    assert IMPORTER.find(UploadTree.of_folder(inbox.root)) == []


def test_real_tutorial_projects_import_whole(shared):
    """Given the old variant: 15 objects a project, float points, plain-string tags, names without extension."""
    tree = UploadTree.of_folder(shared / "sly_tutorial_projects")
    items = [item for data_set in IMPORTER.find(tree) for item in IMPORTER.read(tree, data_set)]
    kinds = [type(s.shape) for sample in items for s in sample.shapes]
    assert len(items) == 10
    assert (kinds.count(Box), kinds.count(Polygon), kinds.count(Bitmap)) == (6, 12, 12)
    assert sum(len(sample.tags) for sample in items) == 14
