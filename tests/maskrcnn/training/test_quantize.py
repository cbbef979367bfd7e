"""A run with quantize leaves the int8 model beside the weights, or says why not and keeps the weights."""

from __future__ import annotations

import json
import logging

import pytest
from maskrcnn.export import lite_export
from maskrcnn.export.lite_predictor import LitePredictor
from maskrcnn.programs import train as program

SHORT = {"preset": "edge", "epochs": "1", "images_per_epoch": "2", "eval_period": "1", "mobilenet_width": "0.25"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_job):
    job = make_job(tmp_path_factory.mktemp("edge") / "ml", **SHORT)
    program.train(job)
    return job


def test_edge_preset_leaves_a_model_for_the_device(trained):
    """Given the edge preset in the smallest size: judged on the validation images, calibrated on the training ones."""
    folder = trained.model / "litert"
    assert sorted(path.name for path in trained.model.iterdir()) == ["litert", "model.json", "weights.npz"]
    report = json.loads((folder / "export.json").read_text())
    assert (report["quantization"], report["judged_on"], report["judging_images"]) == ("int8", "val", 2)
    assert (report["calibration_images"], report["height"], report["width"]) == (5, 64, 64)
    assert report["class_names"] == ["disk", "holes"]
    assert LitePredictor.load(folder).height == 64


def test_model_that_does_not_quantise_well_stays_a_model(trained, monkeypatch, caplog):
    """Given the finished run started again, which writes its model again."""
    def refuse(predictor, order, folder):
        raise lite_export.ExportRefusedError("int8: it loses 9.00 points and may lose 2")

    monkeypatch.setattr(lite_export, "write", refuse)
    with caplog.at_level(logging.WARNING, "castline"):
        program.train(trained)
    assert sorted(path.name for path in trained.model.iterdir()) == ["model.json", "weights.npz"]
    assert "the model is written without a LiteRT export: int8: it loses 9.00 points" in caplog.text


def test_c4_model_cannot_be_asked_for_it(job, change_hyperparameters):
    change_hyperparameters(job, mode_fpn="False", quantize="True")
    with pytest.raises(program.JobError, match=r'hyperparameter quantize = "True": needs a feature pyramid'):
        program.train(job)
