"""Amazon Lookout for Vision: normal, anomalous with a mask, anomalous without."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
COLOURS = {"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
           "1": {"class-name": "scratch", "hex-color": "#2ca02c", "confidence": 0.0},
           "2": {"class-name": "dent", "hex-color": "#1f77b4", "confidence": 0.0}}


def line(image, anomaly, mask="", colours=COLOURS):
    entry = {"source-ref": f"s3://lookout/line/{image}", "anomaly-label": anomaly, "anomaly-label-metadata": {
        "class-name": "anomaly" if anomaly else "normal", "type": "groundtruth/image-classification", "confidence": 1,
        "human-annotated": "yes", "job-name": "x", "creation-date": "2021-10-12T14:16:45.668"}}
    if mask:
        entry |= {"anomaly-mask-ref": f"s3://lookout/line/{mask}", "anomaly-mask-ref-metadata": {
            "internal-color-map": colours, "type": "groundtruth/semantic-segmentation", "human-annotated": "yes"}}
    return json.dumps(entry)


def mask_png(*rectangles):
    pixels = np.full((48, 64, 3), 255, np.uint8)
    for top, left, height, width, colour in rectangles:
        pixels[top : top + height, left : left + width] = colour
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


SCRATCH, DENT = (0x2C, 0xA0, 0x2C), (0x1F, 0x77, 0xB4)


def test_masks_normal_images_and_images_without_a_mask(inbox, picture, take_in):
    for seed, name in enumerate(("anomaly/1.png", "anomaly/2.png", "normal/1.png")):
        inbox.put(f"up/{name}", picture(seed))
    inbox.put("up/masks/1.png", mask_png((2, 3, 4, 5, SCRATCH), (20, 20, 3, 3, SCRATCH), (30, 40, 2, 9, DENT)))
    inbox.put("up/train.manifest", "\n".join([
        line("anomaly/1.png", 1, "masks/1.png"), line("anomaly/2.png", 1), line("normal/1.png", 0)]).encode())
    taken = take_in(inbox)
    assert taken.formats == ("lookout",)
    assert sorted(taken.objects("up/anomaly/1.png")) == [
        ("dent", (40.0, 30.0, 9.0, 2.0), True), ("scratch", (3.0, 2.0, 5.0, 4.0), True),
        ("scratch", (20.0, 20.0, 3.0, 3.0), True)]
    assert (taken.objects("up/normal/1.png"), taken.records["up/normal/1.png"].tags) == ([], ("normal",))
    assert taken.messages() == ["2.png: is said to be defective, but nobody drew where: it is set aside; draw the "
                                "defects and upload it again"]
    assert (taken.intake.faults, taken.intake.rejected) == (0, [("up/anomaly/2.png", "up/train.manifest")])
    assert {next(iter(said)).split for said in taken.intake.said.values()} == {"train"}


def test_contradictions_and_broken_lines_are_told(inbox, picture, take_in):
    for seed, name in enumerate("abc"):
        inbox.put(f"up/{name}.png", picture(seed))
    inbox.put("up/m/a.png", mask_png((2, 3, 4, 5, SCRATCH)))
    inbox.put("up/m/b.png", mask_png((2, 3, 4, 5, (1, 2, 3))))
    inbox.put("up/x.manifest", "\n".join([
        line("line/a.png", 0, "m/a.png"), line("b.png", 1, "m/b.png"), line("gone.png", 0), '{"source-ref": ',
        line("c.png", "x")]).encode())
    taken = take_in(inbox)
    assert taken.messages() == [
        "a.png: is tagged good but mask 1 (scratch) is a defect: delete the mask, or say that the casting is bad",
        "b.png: has the colour #010203 in its mask, which is no class: export masks and colours together",
        "x.manifest: lists s3://lookout/line/gone.png, which was not uploaded: upload the image, or remove it from the "
        "file",
        "x.manifest: line 4 is broken (JSONDecodeError: Expecting value: line 1 column 16 (char 15)): export it again",
        "c.png: its annotation up/x.manifest is broken (ValueError: invalid literal for int() with base 10: 'x'): "
        "export it again"]
    assert taken.objects("up/a.png") == [("scratch", (3.0, 2.0, 5.0, 4.0), True)]
