"""What the generator writes: Supervisely and COCO files that hold exactly the drawn masks."""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from app.generator import coco, project
from app.generator.casting import render

SEED, COUNT, SIZE = 5, 6, 160


@pytest.fixture(scope="module")
def supervisely(tmp_path_factory):
    """A small project."""
    folder = tmp_path_factory.mktemp("supervisely")
    list(project.generate(folder, count=COUNT, seed=SEED, size=SIZE))
    return folder


def decode(bitmap, size):
    """The mask of a Supervisely bitmap object in its image."""
    picture = Image.open(io.BytesIO(zlib.decompress(base64.b64decode(bitmap["data"]))))
    crop = np.array(picture.convert("RGBA"))[..., 3] > 0
    x, y = bitmap["origin"]
    full = np.zeros((size, size), bool)
    full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    return full


def test_a_project_has_an_annotation_for_every_image(supervisely):
    images = sorted(p.name for p in (supervisely / "castings" / "img").iterdir())

    assert images == [f"casting_5_{number:04d}.jpeg" for number in range(COUNT)]
    assert sorted(p.name for p in (supervisely / "castings" / "ann").iterdir()) == [f"{name}.json" for name in images]
    with Image.open(supervisely / "castings" / "img" / images[0]) as image:
        assert (image.mode, image.size, image.format) == ("RGB", (SIZE, SIZE), "JPEG")


def test_bitmaps_are_the_drawn_masks_in_the_drawn_order(supervisely):
    for number in range(COUNT):
        drawn = render((SEED, number), SIZE)
        path = supervisely / "castings" / "ann" / f"casting_5_{number:04d}.jpeg.json"
        written = json.loads(path.read_text())

        assert written["size"] == {"height": SIZE, "width": SIZE}
        assert [t["name"] for t in written["tags"]] == ["good" if drawn.is_good else "bad"]
        assert [o["classTitle"] for o in written["objects"]] == [name for name, _ in drawn.instances]
        for found, (_, mask) in zip(written["objects"], drawn.instances, strict=True):
            assert found["geometryType"] == "bitmap"
            assert (decode(found["bitmap"], SIZE) == mask).all()


def test_bitmaps_are_one_bit_palette_pngs(supervisely):
    path = next((supervisely / "castings" / "ann").iterdir())
    data = zlib.decompress(base64.b64decode(json.loads(path.read_text())["objects"][0]["bitmap"]["data"]))

    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (data[24], data[25]) == (1, 3)  # bit depth, colour type: what Supervisely writes


def test_meta_names_every_class_and_tag_that_occurs(supervisely):
    meta = json.loads((supervisely / "meta.json").read_text())

    assert {c["title"]: c["shape"] for c in meta["classes"]} == dict.fromkeys(
        ("disk", "chipping", "holes", "burrs"), "bitmap")
    assert {t["name"] for t in meta["tags"]} == {"good", "bad"}


def test_the_same_seed_writes_the_same_bytes(supervisely, tmp_path):
    list(project.generate(tmp_path, count=COUNT, seed=SEED, size=SIZE))

    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(files) == 2 * COUNT + 1
    assert all((tmp_path / f).read_bytes() == (supervisely / f).read_bytes() for f in files)


def test_fewer_castings_are_the_beginning_of_more(supervisely, tmp_path):
    [only] = project.generate(tmp_path, count=1, seed=SEED, size=SIZE)

    assert only.read_bytes() == (supervisely / "castings" / "img" / only.name).read_bytes()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
def test_coco_holds_the_drawn_masks(tmp_path):
    paths = list(coco.generate(tmp_path, count=COUNT, seed=SEED, size=SIZE))
    written = json.loads((tmp_path / "annotations.json").read_text())
    names = {c["id"]: c["name"] for c in written["categories"]}

    assert [i["file_name"] for i in written["images"]] == [p.name for p in paths]
    for image in written["images"]:
        drawn = render((SEED, image["id"] - 1), SIZE)
        found = [a for a in written["annotations"] if a["image_id"] == image["id"]]
        assert [names[a["category_id"]] for a in found] == [name for name, _ in drawn.instances]
        for annotation, (_, mask) in zip(found, drawn.instances, strict=True):
            rle = coco_mask.frPyObjects(annotation["segmentation"], SIZE, SIZE)
            assert (coco_mask.decode(rle).astype(bool) == mask).all()
            assert annotation["area"] == coco_mask.area(rle)
            assert annotation["bbox"] == coco_mask.toBbox(rle).tolist()


@pytest.mark.parametrize(("rows", "counts"), [
    ([[0, 1], [0, 1]], [2, 2]),
    ([[1, 0], [0, 1]], [0, 1, 2, 1]),
    ([[1, 1], [1, 1]], [0, 4]),
])
def test_run_lengths_go_down_the_columns_and_begin_with_zeros(rows, counts):
    assert coco.outline(np.array(rows, bool))["segmentation"] == {"size": [2, 2], "counts": counts}
