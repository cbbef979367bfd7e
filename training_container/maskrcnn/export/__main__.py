"""Program `python -m maskrcnn.export`: a trained model in, a file or folder for another program out."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.contracts.documents import ContractError
from maskrcnn.evaluation import artifact
from maskrcnn.export import lite_data, lite_export, saved_model
from maskrcnn.export.litert import Quantization
from maskrcnn.predictor import Predictor
from maskrcnn.program import JobError
from maskrcnn.training.records import Record
from maskrcnn.weights import tensorpack
from maskrcnn.weights.arrays import WeightsError

log = logging.getLogger("castline")


def main(arguments: Sequence[str] | None = None) -> int:
    """Export, and say where the result lies; 1 with one sentence when that is not possible."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            predictor = _load(options.model, Path(folder))
            options.out.parent.mkdir(parents=True, exist_ok=True)
            _write(predictor, options)
    except lite_export.ExportRefusedError as refusal:
        log.error("Refused, nothing written: %s", refusal)
        return 1
    except (JobError, ContractError, WeightsError, OSError, ValueError) as error:
        log.error("%s", error)
        return 1
    log.info("%s written to %s", options.format, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m maskrcnn.export", description="Export a trained model; docs/weights.md")
    parser.add_argument("--model", type=Path, required=True, help="folder with model.json, or a model.tar.gz")
    parser.add_argument("--format", choices=["tensorpack", "savedmodel", "litert"], required=True)
    parser.add_argument("--out", type=Path, required=True, help=".npz, or a folder to make")
    parser.add_argument("--fc6-rows", choices=["CHW", "HWC"], default="CHW",
                        help="tensorpack: row order of fc6; HWC for aws-samples' TF2 branch")
    lite = parser.add_argument_group("litert")
    lite.add_argument("--data", type=Path, help="a version with the folders test, which judges, and train")
    lite.add_argument("--quantization", choices=typing.get_args(Quantization), default="float32")
    lite.add_argument("--height", type=int, default=0, help="of the images; default: what the test images come to")
    lite.add_argument("--width", type=int, default=0, help="likewise")
    lite.add_argument("--calibration-images", type=int, default=100, help="int8: how many training images")
    return parser


def _load(model: Path, scratch: Path) -> Predictor:
    """The model in float32: exports compute the same on every machine.

    Raises:
        JobError: it is no artifact.
    """
    folder = model
    if model.is_file():
        folder = artifact.unpack_archive(model, scratch)
    if not (folder / "model.json").exists():
        raise JobError("CONFIG_INVALID", f"{model}: holds no model.json: give the folder or the model.tar.gz that "
                       "training wrote")
    return Predictor.load(folder, "float32")


def _write(predictor: Predictor, options: argparse.Namespace) -> None:
    if options.format == "tensorpack":
        named = {name: variable.numpy() for name, variable in predictor.model.named_variables().items()}
        arrays: dict[str, Any] = tensorpack.from_ours(named, options.fc6_rows, predictor.model.config.box.pool_size)
        with options.out.open("wb") as file:
            np.savez(file, **arrays)
    elif options.format == "savedmodel":
        saved_model.write(predictor, options.out)
    else:
        lite_export.write(predictor, _order(predictor, options), options.out)


def _order(predictor: Predictor, options: argparse.Namespace) -> lite_export.Order:
    """What was asked for, with the images that judge and calibrate.

    Raises:
        JobError: CONFIG_INVALID: no data, or one side without the other.
    """
    if options.data is None:
        raise JobError("CONFIG_INVALID", "--data: missing: a LiteRT export is judged on the test images of a version")
    if bool(options.height) != bool(options.width):
        raise JobError("CONFIG_INVALID", f"--height {options.height} --width {options.width}: give both or neither")
    if options.calibration_images < 1:
        raise JobError("CONFIG_INVALID", f"--calibration-images {options.calibration_images}: must be 1 or more")
    calibration: list[Record] = []
    if options.quantization == "int8":
        calibration = lite_data.training_records(lite_data.split_folder(options.data, "train"))
    return lite_export.Order(options.quantization, (options.height, options.width) if options.height else None,
                             lite_data.judges(options.data, "test", predictor.card.classes), "test", calibration,
                             options.calibration_images)


if __name__ == "__main__":
    sys.exit(main())
