"""A LiteRT export that was run and judged: a folder with model.tflite, label_map.pbtxt, export.json and its runner.

What computes with fewer bits may find less. So an export is measured on labelled images beside the model that it was
made of, and refused where it loses too much.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.contracts import documents
from app.contracts.settings import VerdictSettings
from maskrcnn.data.exporters.tfrecord import label_map
from maskrcnn.data.whole_folder import whole_folder
from maskrcnn.detections import Detections
from maskrcnn.evaluation.model_run import run_model
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.export import lite_data, lite_predictor, litert
from maskrcnn.export.lite_predictor import LitePredictor, Tiling, views
from maskrcnn.export.litert import Quantization
from maskrcnn.export.static_network import StaticNetwork
from maskrcnn.model.config import SEAM_PX, ModelConfig
from maskrcnn.model_card import ModelCard
from maskrcnn.predictor import Predictor
from maskrcnn.program import JobError
from maskrcnn.serving.answer import SegmentationModel
from maskrcnn.training.records import Record

log = logging.getLogger("castline")

FOLDER = "litert"
"""In the artifact of a model trained with quantize."""
POINT = 0.01
ALLOWED_POINTS: dict[Quantization, float] = {"float32": 1.0, "float16": 1.0, "dynamic": 1.0, "int8": 2.0}
"""Hundredths of average precision that an export may lose, of boxes and of masks."""


class ExportRefusedError(Exception):
    """The export finds less than it may; the sentence has the figures."""


@dataclasses.dataclass(frozen=True)
class Order:
    """What to make of a model.

    Attributes:
        quantization: Number type of weights and arithmetic.
        size: (height, width) of the network's images; None: what the judging images come to, or a tile of them.
        judges: Labelled images that decide; the training set's would flatter.
        judges_name: What they are: `test`, or `val`.
        calibration: Training images.
        calibration_images: How many of them int8 finds its ranges on.
    """

    quantization: Quantization
    size: tuple[int, int] | None
    judges: Sequence[LabelledImage]
    judges_name: str
    calibration: Sequence[Record]
    calibration_images: int = 100


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a model did on the judging images."""

    bytes: int
    """Of its weights and, in a .tflite, its graph."""
    box_ap: float
    """COCO AP at IoU 0.50:0.95, 0 to 1."""
    mask_ap: float
    milliseconds_per_image: float
    """Median, from pixels to masks, on the machine that exported."""


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """export.json: what the runner must know, and what was measured."""

    run_id: str
    version: str
    quantization: Quantization
    height: int
    width: int
    class_names: tuple[str, ...]
    fill_rgb: tuple[int, ...]
    tiling: Tiling | None
    judged_on: str
    judging_images: int
    calibration_images: int
    saved_model: Measured
    export: Measured
    allowed_points: float


def write(predictor: Predictor, order: Order, folder: Path) -> ExportReport:
    """Convert, run, judge, and leave the folder behind only if the export is good enough.

    Args:
        predictor: In float32: it computes what the SavedModel computes. Its network is taken over.
        order: What to make.
        folder: A new or empty one.

    Raises:
        ExportRefusedError: it loses too much.
        JobError: CONFIG_INVALID: the folder holds something, the network cannot become LiteRT, or a size was given
            for one with tiles; DATA_TOO_FEW: the judging images have no labels.
    """
    card, config = predictor.card, predictor.model.config
    tiling = _tiling(config)
    if tiling and order.size:
        raise JobError("CONFIG_INVALID", f"size {order.size[0]} x {order.size[1]}: the model sees images in tiles of "
                       f"{tiling.tile_px}: leave height and width out")
    height, width = order.size or lite_data.canvas(order.judges, config)
    fill = tuple(round(value) for value in config.input.pixel_mean)
    names = tuple(definition.name for definition in card.classes)
    with whole_folder(folder) as made:
        before = _measure(predictor, sum(v.numpy().nbytes for v in predictor.model.variables), order)
        content = _convert(predictor, order, (height, width), fill, tiling)
        (made / lite_predictor.MODEL_FILE).write_bytes(content)
        runner = LitePredictor(made / lite_predictor.MODEL_FILE, names, fill, tiling)
        after = _measure(LiteModel(runner, card), len(content), order)
        calibrated = min(order.calibration_images, len(order.calibration)) if order.quantization == "int8" else 0
        report = ExportReport(card.run_id, card.version, order.quantization, height, width, names, fill,
                              tiling, order.judges_name, len(order.judges), calibrated, before, after,
                              ALLOWED_POINTS[order.quantization])
        judge(report, boxes_alone=card.masks_are_boxes)
        (made / "label_map.pbtxt").write_text(label_map(card.classes))
        (made / lite_predictor.REPORT_FILE).write_text(documents.to_json(report, indent=2))
        runner_source = Path(lite_predictor.__file__).parent
        shutil.copytree(runner_source, made / runner_source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return report


def _tiling(config: ModelConfig) -> Tiling | None:
    tiles, inputs = config.tiles, config.input
    if not tiles.size_px:
        return None
    return Tiling(inputs.short_edge_px, inputs.max_size_px, tiles.size_px, tiles.overlap_px, SEAM_PX, tiles.whole,
                  config.box.detections)


def _convert(predictor: Predictor, order: Order, size: tuple[int, int], fill: tuple[int, ...],
             tiling: Tiling | None) -> bytes:
    """The .tflite, calibrated on images as the runner will show them: of each image one view, another one in turn."""
    def samples() -> Iterator[NDArray[np.uint8]]:
        for number, image in enumerate(lite_data.pixels(order.calibration, order.calibration_images)):
            shown = views.in_tiles(image, tiling, size, fill)[0] if tiling else [views.letterbox(image, *size, fill)]
            yield shown[number % len(shown)].canvas

    return litert.convert(StaticNetwork(predictor.model, *size), order.quantization, samples)


def judge(report: ExportReport, *, boxes_alone: bool) -> None:
    """Refuse what loses more than it may.

    Raises:
        ExportRefusedError: it does.
        JobError: DATA_TOO_FEW: there was nothing to find.
    """
    before, after = report.saved_model, report.export
    if before.box_ap < 0.0:
        raise JobError("DATA_TOO_FEW", f"the {report.judged_on} images have no labels: an export is judged by what it "
                       "finds of them")
    pairs = {"box": (before.box_ap, after.box_ap)} | ({} if boxes_alone else {"mask": (before.mask_ap, after.mask_ap)})
    figures = ", ".join(f"{name} AP {new:.4f} against the SavedModel's {old:.4f}" for name, (old, new) in pairs.items())
    where = f"on {report.judging_images} {report.judged_on} images"
    log.info("%s: %s, %s; %.1f ms an image against %.1f; %.2f MB against %.2f", report.quantization, figures, where,
             after.milliseconds_per_image, before.milliseconds_per_image, after.bytes / 1e6, before.bytes / 1e6)
    lost = max(old - new for old, new in pairs.values())
    if lost > report.allowed_points * POINT:
        raise ExportRefusedError(
            f"{report.quantization}: {figures}, {where}: it loses {lost / POINT:.2f} points and may lose "
            f"{report.allowed_points:g}: export with more bits, calibrate on more images, or at a --height and --width "
            "that suit the images")


class LiteModel:
    """A .tflite as evaluation sees a model."""

    def __init__(self, runner: LitePredictor, card: ModelCard) -> None:
        self._runner, self.card = runner, card

    def predict(self, image: NDArray[np.uint8], min_score: float = 0.0) -> Detections:
        """Instances of at least this score in an RGB image [H, W, 3]."""
        return Detections(*self._runner.predict(image, min_score))

    def warm_up(self) -> None:
        """Predict once."""
        self.predict(np.zeros((64, 64, 3), np.uint8))


def _measure(model: SegmentationModel, size: int, order: Order) -> Measured:
    scores = run_model(model, order.judges, model.card.classes, VerdictSettings()).scores
    return Measured(size, scores.box.ap, scores.mask.ap, scores.milliseconds_per_image)
