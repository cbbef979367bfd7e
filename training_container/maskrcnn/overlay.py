"""Draw what was found onto the picture: translucent masks, crisp outlines, readable labels, the verdict.

Used for the endpoint's `Accept: image/png` answer and for the pictures of the evaluation. Colours are near
those of Okabe and Ito (2008), which colour-blind people can tell apart; the part is drawn in quiet grey-blue.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.contracts.prediction import Instance, Prediction, Verdict
from maskrcnn import rle
from maskrcnn.label_layout import Box, place_labels

Color = tuple[int, int, int]
Picture = NDArray[np.uint8]

PART_COLOR: Color = (120, 150, 190)
DEFECT_COLORS: tuple[Color, ...] = (
    (230, 85, 0), (240, 200, 30), (204, 90, 170), (0, 170, 130), (86, 180, 233), (250, 150, 60),
)  # fmt: skip
OK_COLOR: Color = (0, 122, 84)
NG_COLOR: Color = (190, 30, 30)
RING_COLOR: Color = (220, 20, 20)
INK: Color = (20, 20, 20)
PAPER: Color = (255, 255, 255)

MIN_SIDE_PX, MAX_SIDE_PX = 640, 1280
"""The longer side of a drawing: labels need room, and a PNG must stay below the endpoint's 4 MB answer."""
FONT_PX = 15
RING_PX = 7
"""Between a shape and the line around it."""
MAX_LABELS = 40
DEFECT_ALPHA, PART_ALPHA = 0.40, 0.12


@dataclasses.dataclass(frozen=True)
class Shape:
    """One thing to draw, in pixels of the drawing."""

    mask: NDArray[np.bool_]
    box: Box
    """x1, y1, x2, y2."""
    text: str
    color: Color
    is_part: bool


def draw_prediction(image: Picture, prediction: Prediction) -> Picture:
    """Draw an answer of the endpoint onto its image [H, W, 3], with the verdict as a banner above."""
    drawing = draw_instances(image, prediction.instances, class_colors(prediction.instances))
    return np.concatenate([banner(prediction.verdict, drawing.shape[1]), drawing])


def class_colors(instances: Sequence[Instance], names: Sequence[str] = ()) -> dict[str, Color]:
    """A colour for each class; `names` (all classes, in their order) keeps colours equal across pictures."""
    parts = {instance.class_name for instance in instances if instance.role == "part"}
    ordered = [*names, *sorted({instance.class_name for instance in instances} - set(names))]
    defects = [name for name in ordered if name not in parts]
    colors = {name: DEFECT_COLORS[i % len(DEFECT_COLORS)] for i, name in enumerate(defects)}
    return colors | dict.fromkeys(parts, PART_COLOR)


def draw_instances(
    image: Picture,
    instances: Sequence[Instance],
    colors: dict[str, Color],
    *,
    texts: Sequence[str] | None = None,
    side_px: int | None = None,
    ringed: Collection[int] = (),
    labelled: bool = True,
) -> Picture:
    """Draw instances onto a copy of the image, scaled so that labels are readable.

    Args:
        image: RGB uint8 [H, W, 3].
        instances: What to draw; the part first, small things last, so that nothing is hidden.
        colors: Class name to colour.
        texts: What to write at each instance; class and score unless given.
        side_px: Longer side of the drawing; chosen for readable labels unless given.
        ringed: Positions of the instances that get a red line around them.
        labelled: Whether texts are written at all; in a small drawing they hide more than they say.
    """
    scale = side_px / max(image.shape[:2]) if side_px else drawing_scale(image.shape)
    canvas = _resize(image, scale)
    texts = texts or [f"{instance.class_name} {instance.score:.2f}" for instance in instances]
    order = sorted(range(len(instances)), key=lambda i: (instances[i].role != "part", -instances[i].area_px))
    shapes = [_shape(instances[i], texts[i], colors, canvas.shape, scale) for i in order]
    for shape in shapes:
        _fill(canvas, shape)
    for shape in shapes:
        _outline(canvas, shape)
    for index, shape in zip(order, shapes, strict=True):
        if index in ringed:
            _ring(canvas, shape)
    return _label(canvas, shapes) if labelled else canvas


def drawing_scale(shape: tuple[int, ...]) -> float:
    """Whole-number enlargement of small images, reduction of large ones."""
    longer = max(shape[:2])
    if longer > MAX_SIDE_PX:
        return MAX_SIDE_PX / longer
    return float(max(1, -(-MIN_SIDE_PX // longer)))


def banner(verdict: Verdict, width: int, note: str = "") -> Picture:
    """A strip that says OK or NG and why."""
    color = NG_COLOR if verdict.label == "NG" else OK_COLOR
    strip = Image.new("RGB", (width, 44), color)
    pen = ImageDraw.Draw(strip)
    pen.text((14, 22), verdict.label, font=_font(26), fill=PAPER, anchor="lm")
    reasons = f"{'; '.join(verdict.reasons) or 'no defect found'}{note}"
    pen.text((72, 22), _shorten(reasons, pen, width - 86), font=_font(FONT_PX), fill=PAPER, anchor="lm")
    return np.asarray(strip)


def caption(text: str, width: int) -> Picture:
    """A white strip with a line of text."""
    strip = Image.new("RGB", (width, 30), PAPER)
    pen = ImageDraw.Draw(strip)
    pen.text((10, 15), _shorten(text, pen, width - 20), font=_font(FONT_PX), fill=INK, anchor="lm")
    return np.asarray(strip)


def to_png(picture: Picture) -> bytes:
    """Encode as PNG."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _resize(image: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return image.copy()
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), dtype=np.uint8)


def _shape(
    instance: Instance, text: str, colors: dict[str, Color], canvas: tuple[int, ...], scale: float
) -> Shape:
    mask = rle.decode(instance.mask)
    if mask.shape != canvas[:2]:
        size = (canvas[1], canvas[0])
        mask = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR) > 127
    x, y, width, height = (value * scale for value in instance.bbox)
    box = (x, y, x + width, y + height)
    return Shape(mask, box, text, colors.get(instance.class_name, DEFECT_COLORS[0]), instance.role == "part")


def _fill(canvas: Picture, shape: Shape) -> None:
    alpha = PART_ALPHA if shape.is_part else DEFECT_ALPHA
    tint = np.array(shape.color, dtype=np.float32) * alpha
    canvas[shape.mask] = (canvas[shape.mask] * (1 - alpha) + tint).astype(np.uint8)


def _outline(canvas: Picture, shape: Shape) -> None:
    """A dark line below a coloured one, so that the edge shows on bright and on dark metal."""
    contours, _ = cv2.findContours(shape.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, contours, -1, INK, 3, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, shape.color, 1 if shape.is_part else 2, cv2.LINE_AA)


def _ring(canvas: Picture, shape: Shape) -> None:
    """A red line with a light edge, RING_PX outside of the shape."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RING_PX + 1, 2 * RING_PX + 1))
    wide = cv2.dilate(shape.mask.astype(np.uint8), kernel)
    contours, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, contours, -1, PAPER, 4, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, RING_COLOR, 2, cv2.LINE_AA)


def _label(canvas: Picture, shapes: Sequence[Shape]) -> Picture:
    """Write the labels beside their shapes, where they hide no defect."""
    named = sorted(shapes, key=lambda shape: shape.is_part)[:MAX_LABELS]
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = _font(FONT_PX)
    sizes = [(int(pen.textlength(shape.text, font=font)) + 8, FONT_PX + 6) for shape in named]
    obstacles = [shape.box for shape in shapes if not shape.is_part]
    spots = place_labels([shape.box for shape in named], sizes, obstacles, (canvas.shape[1], canvas.shape[0]))
    for shape, spot in zip(named, spots, strict=True):
        if not shape.is_part:
            pen.line([_nearest(spot, shape.box), _nearest(shape.box, spot)], fill=shape.color, width=1)
    for shape, spot in zip(named, spots, strict=True):
        pen.rectangle(spot, fill=shape.color)
        luminance = np.dot(shape.color, (0.299, 0.587, 0.114))
        middle = ((spot[0] + spot[2]) / 2, (spot[1] + spot[3]) / 2)
        pen.text(middle, shape.text, font=font, fill=INK if luminance > 110 else PAPER, anchor="mm")
    return np.asarray(picture)


def _nearest(box: Box, other: Box) -> tuple[float, float]:
    """The point of `box` that is nearest to the middle of `other`."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _shorten(text: str, pen: ImageDraw.ImageDraw, width: int) -> str:
    """Cut the text where it no longer fits."""
    font = _font(FONT_PX)
    if pen.textlength(text, font=font) <= width:
        return text
    while text and pen.textlength(text + " ...", font=font) > width:
        text = text[:-1]
    return text.rstrip() + " ..."
