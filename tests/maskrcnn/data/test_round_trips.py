"""Masks drawn by chance, written as each tool writes them, and read back: pixel by pixel the same, object by object.

Only formats that hold pixels can do that; of the others, rectangles on pixel edges are exact in each convention.
"""

from __future__ import annotations

import base64
import io
import json
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from maskrcnn.data.reading import read_uploads
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree
from PIL import Image
from pycocotools import mask as coco_mask

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
HEIGHT, WIDTH = 16, 24
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
masks = arrays.arrays(np.bool_, (HEIGHT, WIDTH)).filter(np.any)
overlapping = st.lists(st.tuples(st.sampled_from(["chipping", "holes"]), masks), max_size=4)
rectangles = st.tuples(st.integers(0, WIDTH - 2), st.integers(0, HEIGHT - 2)).flatmap(
    lambda corner: st.tuples(st.just(corner[0]), st.just(corner[1]), st.integers(corner[0] + 1, WIDTH),
                             st.integers(corner[1] + 1, HEIGHT)))
boxed = st.lists(st.tuples(st.sampled_from(["chipping", "holes"]), rectangles), min_size=1, max_size=4)


def png(pixels, **options):
    image = Image.fromarray(np.asarray(pixels))
    if options:
        image.putpalette([0, 0, 0, 255, 255, 255])
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def read_back(files):
    """[(class, mask or box)] of the only image, after all checks."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "inbox"
        for name, content in {"up/images/a.png": png(np.full((HEIGHT, WIDTH), 90, np.uint8)), **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        scratch = Scratch(Path(folder) / "scratch")
        intake = read_uploads(UploadTree.of_folder(root), (), scratch)
        assert [f for f in intake.findings if f.rule != "mask-tiny"] == []
        (item,) = intake.accepted.values()
        return [(i.class_name, coco_mask.decode({"size": list(i.mask.size), "counts": i.mask.counts}).astype(bool))
                if i.mask else (i.class_name, i.bbox) for i in scratch.read_label(item.label_sha256).instances]


def same(found, drawn):
    assert [name for name, _ in found] == [name for name, _ in drawn]
    for (_, one), (_, other) in zip(found, drawn, strict=True):
        np.testing.assert_array_equal(one, other)


@FEW
@given(overlapping)
def test_supervisely_bitmaps(drawn):
    objects = [{"classTitle": name, "geometryType": "bitmap", "tags": [], "bitmap": {
        "origin": [0, 0], "data": base64.b64encode(zlib.compress(png(mask.astype(np.uint8), transparency=0))).decode()}}
        for name, mask in drawn]
    annotation = {"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}, "objects": objects}
    picture = png(np.full((HEIGHT, WIDTH), 7, np.uint8))
    found = read_back_supervisely(annotation, picture)
    same(found, drawn)


def read_back_supervisely(annotation, picture):
    """Supervisely's folders have names of their own, so the usual image is background beside them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "inbox"
        for name, content in (("img/a.png", picture), ("ann/a.png.json", json.dumps(annotation).encode())):
            (root / "up/ds" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "up/ds" / name).write_bytes(content)
        scratch = Scratch(Path(folder) / "scratch")
        (item,) = read_uploads(UploadTree.of_folder(root), (), scratch).accepted.values()
        return [(i.class_name, coco_mask.decode({"size": list(i.mask.size), "counts": i.mask.counts}).astype(bool))
                for i in scratch.read_label(item.label_sha256).instances]


def runs(mask):
    """Uncompressed COCO counts: column by column, beginning with zeros."""
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [not flat[-1]]]).astype(np.int8)))
    return np.diff(np.concatenate([[0], edges])).tolist()


@FEW
@given(overlapping, st.booleans())
def test_coco_run_lengths(drawn, compressed):
    def segmentation(mask):
        if not compressed:
            return {"size": [HEIGHT, WIDTH], "counts": runs(mask)}
        rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
        return {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}

    categories = {"chipping": 3, "holes": 8}
    annotations = [{"id": n, "image_id": 1, "category_id": categories[name], "iscrowd": 0,
                    "segmentation": segmentation(mask)} for n, (name, mask) in enumerate(drawn)]
    same(read_back({"up/coco.json": {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}], "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()]}}), drawn)


@FEW
@given(overlapping)
def test_labelme_masks(drawn):
    shapes = []
    for name, mask in drawn:
        (top, left), (bottom, right) = np.argwhere(mask).min(0).tolist(), np.argwhere(mask).max(0).tolist()
        crop = mask[top : bottom + 1, left : right + 1]
        shapes.append({"label": name, "points": [[left, top], [right, bottom]], "shape_type": "mask", "flags": {},
                       "group_id": None, "mask": base64.b64encode(png(crop)).decode()})
    same(read_back({"up/json/a.json": {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": "a.png",
                                       "imageHeight": HEIGHT, "imageWidth": WIDTH}}), drawn)


@FEW
@given(arrays.arrays(np.uint16, (HEIGHT, WIDTH), elements=st.sampled_from([0, 0, 0, 1, 2, 900])))
def test_instance_masks(values):
    drawn = [("chipping", values == value) for value in np.unique(values) if value]
    note = {"format": "instance-masks", "class_name": "chipping"}
    same(read_back({"up/masks/a.png": png(values), "up/castline.json": note}), drawn)


@FEW
@given(arrays.arrays(np.uint8, (HEIGHT, WIDTH), elements=st.sampled_from([0, 0, 0, 1, 2])))
def test_semantic_masks_lose_no_pixel_and_join_nothing_that_is_apart(values):
    found = read_back({"up/masks/a.png": png(values),
                       "up/castline.json": {"format": "semantic-masks", "classes": {"1": "chipping", "2": "holes"}}})
    again = np.zeros_like(values)
    for name, mask in found:
        assert not again[mask].any()
        again[mask] = {"chipping": 1, "holes": 2}[name]
        rows, columns = np.nonzero(mask)
        reached = np.zeros((HEIGHT + 2, WIDTH + 2), bool)
        reached[rows[0] + 1, columns[0] + 1] = True
        for _ in range(mask.sum()):
            grown = np.any([np.roll(reached, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=0)
            reached[1:-1, 1:-1] = grown[1:-1, 1:-1] & mask
        np.testing.assert_array_equal(reached[1:-1, 1:-1], mask)
    np.testing.assert_array_equal(again, values)


def as_voc(boxes):
    objects = "".join(f"<object><name>{name}</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax>"
                      f"<ymax>{y2}</ymax></bndbox></object>" for name, (x1, y1, x2, y2) in boxes)
    return {"up/xml/a.xml": f"<annotation><filename>a.png</filename>{objects}</annotation>".encode()}


def as_yolo(boxes):
    lines = [f"{['chipping', 'holes'].index(name)} {(x1 + x2) / 2 / WIDTH!r} {(y1 + y2) / 2 / HEIGHT!r} "
             f"{(x2 - x1) / WIDTH!r} {(y2 - y1) / HEIGHT!r}" for name, (x1, y1, x2, y2) in boxes]
    return {"up/labels/a.txt": "\n".join(lines).encode(), "up/classes.txt": b"chipping\nholes\n"}


def as_bbox_label_tool(boxes):
    lines = [str(len(boxes)), *(f"{x1} {y1} {x2} {y2} {name}" for name, (x1, y1, x2, y2) in boxes)]
    return {"up/labels/a.txt": "\n".join(lines).encode()}


def as_labelme(boxes):
    shapes = [{"label": name, "points": [[x1, y1], [x2, y2]], "shape_type": "rectangle"}
              for name, (x1, y1, x2, y2) in boxes]
    return {"up/json/a.json": {"shapes": shapes, "imagePath": "a.png"}}


def as_via(boxes):
    regions = [{"shape_attributes": {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1},
                "region_attributes": {"class": name}} for name, (x1, y1, x2, y2) in boxes]
    return {"up/via.json": {"a": {"filename": "a.png", "size": 1, "regions": regions}}}


@pytest.mark.parametrize("write", [as_voc, as_yolo, as_bbox_label_tool, as_labelme, as_via])
@FEW
@given(boxed)
def test_boxes_keep_their_edges_and_get_no_mask(write, boxes):
    found = read_back(write(boxes))
    assert [name for name, _ in found] == [name for name, _ in boxes]
    for (_, box), (_, (x1, y1, x2, y2)) in zip(found, boxes, strict=True):
        assert isinstance(box, tuple)
        np.testing.assert_allclose(box, (x1, y1, x2 - x1, y2 - y1), atol=1e-9)


@FEW
@given(boxed)
def test_polygons_along_pixel_edges_fill_exactly_these_pixels(boxes):
    """Given YOLO segments and VIA polygons, both of edges, then the mask is the rectangle's pixels."""
    corners = [(name, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]) for name, (x1, y1, x2, y2) in boxes]
    drawn = []
    for name, (x1, y1, x2, y2) in boxes:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[y1:y2, x1:x2] = True
        drawn.append((name, mask))
    lines = [" ".join([str(["chipping", "holes"].index(name)), *(repr(v / side) for point in ring
             for v, side in zip(point, (WIDTH, HEIGHT), strict=True))]) for name, ring in corners]
    same(read_back({"up/labels/a.txt": "\n".join(lines).encode(), "up/classes.txt": b"chipping\nholes\n"}), drawn)
    regions = {str(n): {"shape_attributes": {"name": "polygon", "all_points_x": [x for x, _ in ring],
                                             "all_points_y": [y for _, y in ring]},
                        "region_attributes": {"class": name}} for n, (name, ring) in enumerate(corners)}
    same(read_back({"up/via.json": {"a": {"filename": "a.png", "size": 1, "regions": regions}}}), drawn)
