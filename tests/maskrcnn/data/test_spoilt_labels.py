"""Labels spoilt at random: no reader stops, and every photograph is either used or named in a finding."""

from __future__ import annotations

import base64
import copy
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maskrcnn.data.reading import read_uploads
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def png(value):
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 24), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


RING = [[1, 1], [9, 1], [9, 9]]
COCO = {"images": [{"id": 1, "file_name": "a.png", "width": 24, "height": 16}],
        "categories": [{"id": 1, "name": "x"}], "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": [[1, 1, 9, 1, 9, 9]]},
            {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 1,
             "segmentation": {"size": [16, 24], "counts": [380, 4]}}]}
LABELME = {"imagePath": "a.png", "imageWidth": 24, "imageHeight": 16, "flags": {"good": True}, "shapes": [
    {"label": "x", "points": RING, "shape_type": "polygon", "group_id": 1},
    {"label": "x", "points": RING[:2], "shape_type": "circle", "group_id": None},
    {"label": "x", "points": [[1, 1], [24, 16]], "shape_type": "mask", "mask": base64.b64encode(png(1)).decode()}]}
VIA = {"a": {"filename": "a.png", "size": 3, "file_attributes": {"line": "3"}, "regions": [
    {"shape_attributes": {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [1, 1, 9]},
     "region_attributes": {"class": "x"}},
    {"shape_attributes": {"name": "ellipse", "cx": 9, "cy": 9, "rx": 3, "ry": 2},
     "region_attributes": {"class": "x"}}]}}
LOOKOUT = {"source-ref": "s3://b/images/a.png", "anomaly-label": 1,
           "anomaly-label-metadata": {"type": "groundtruth/image-classification", "class-name": "anomaly"},
           "anomaly-mask-ref": "s3://b/m/a.png", "anomaly-mask-ref-metadata": {
               "type": "groundtruth/semantic-segmentation", "internal-color-map": {
                   "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"},
                   "1": {"class-name": "x", "hex-color": "#050505"}}}}
SUPERVISELY = {"size": {"width": 24, "height": 16}, "tags": [{"name": "good", "value": None}], "objects": [
    {"classTitle": "x", "geometryType": "polygon", "points": {"exterior": RING, "interior": [RING]}, "tags": []},
    {"classTitle": "x", "geometryType": "multipolygon", "parts": [{"exterior": RING, "interior": []}]},
    {"classTitle": "x", "geometryType": "bitmap", "bitmap": {"origin": [1, 2], "data": "eJw="}}]}
NOTE = {"format": "semantic-masks", "class_name": "x", "classes": {"5": "x"}}
FORMATS = {
    "coco": ("up/coco.json", COCO), "labelme": ("up/labels/a.json", LABELME), "via": ("up/via.json", VIA),
    "lookout": ("up/x.manifest", LOOKOUT), "supervisely": ("up/ann/a.png.json", SUPERVISELY),
    "note": ("up/castline.json", NOTE)}
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**30), st.floats(), st.text(max_size=4), st.just([]), st.just({}),
    st.just([1, 2]), st.just({"x": 1}), st.just([[]]), st.just("a.png"), st.just(1e300))


def places(node, path=()):
    """The path of every value in a JSON tree, the tree itself but for."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*path, key)
        yield from places(child, (*path, key))


def spoil(document, place, value, remove):
    spoilt = copy.deepcopy(document)
    node = spoilt
    for key in place[:-1]:
        node = node[key]
    if remove:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return spoilt


@pytest.mark.parametrize("kind", FORMATS)
@MANY
@given(st.data())
def test_any_value_anywhere_in_a_label(kind, data):
    name, document = FORMATS[kind]
    place = data.draw(st.sampled_from(list(places(document))))
    spoilt = spoil(document, place, data.draw(STRANGE), data.draw(st.booleans()))
    photograph = "up/img/a.png" if kind == "supervisely" else "up/images/a.png"
    files = {photograph: png(90), name: json.dumps(spoilt).encode()}
    if kind in ("lookout", "note"):
        files["up/m/a.png" if kind == "lookout" else "up/masks/a.png"] = png(5)
    accounted_for(files, photograph)


@pytest.mark.parametrize(("name", "body"), [
    ("up/xml/a.xml", b"<annotation><filename>a.png</filename><size><width>24</width><height>16</height></size><object>"
                     b"<name>x</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
                     b"</annotation>"),
    ("up/labels/a.txt", b"0 .5 .5 .2 .2\n0 .1 .1 .2 .1 .2 .2\n"), ("up/labels/a.txt", b"2\n1 2 9 8 x\n3 4 9 9 y z\n"),
    ("up/masks/x/a.png", png(5))])
@MANY
@given(st.data())
def test_any_byte_anywhere_in_a_file(name, body, data):
    spoilt = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    accounted_for({"up/images/a.png": png(90), "up/classes.txt": b"x\n", name: bytes(spoilt[:cut] or spoilt)},
                  "up/images/a.png")


def accounted_for(files, photograph):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "inbox"
        for name, body in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(body)
        intake = read_uploads(UploadTree.of_folder(root), (), Scratch(Path(folder) / "scratch"))
    used = {said.path for copies in intake.said.values() for said in copies}
    assert photograph in used or photograph in {file for files in intake.rejected for file in files}
    assert all(finding.message and finding.rule for finding in intake.findings)
    assert len(intake.rejected) <= intake.items
