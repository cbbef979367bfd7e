"""Figures in the log channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf
from maskrcnn.layout import Layout
from maskrcnn.training.run_log import RunLog
from tensorflow.core.util import event_pb2


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    """What TensorBoard would show: (name, step) -> value."""
    found = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for serialized in tf.data.TFRecordDataset(str(file)):
            event = event_pb2.Event.FromString(serialized.numpy())
            for value in event.summary.value:
                found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_figures_are_lines_and_scalars_and_a_resumed_run_adds_to_them(tmp_path: Path) -> None:
    first, resumed = RunLog(tmp_path / "run"), RunLog(tmp_path / "run")
    first.write(2, {"total_cost": 1.5, "mAP(segm)/small": -1.0})
    resumed.write(4, {"total_cost": 0.25})
    assert [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()] == [
        {"step": 2, "mAP(segm)/small": -1.0, "total_cost": 1.5}, {"step": 4, "total_cost": 0.25}]
    assert scalars(tmp_path / "run") == {
        ("total_cost", 2): 1.5, ("mAP(segm)/small", 2): -1.0, ("total_cost", 4): 0.25}


def test_without_the_channel_nothing_is_written(tmp_path: Path) -> None:
    RunLog.of(Layout(tmp_path), "run-1").write(1, {"total_cost": 1.0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("host", "writes"), [("algo-1", True), ("algo-2", False)])
def test_only_the_first_host_writes(tmp_path: Path, host: str, writes: bool) -> None:
    layout = Layout(tmp_path)
    layout.channel("log").mkdir(parents=True)
    layout.resources.parent.mkdir()
    layout.resources.write_text(json.dumps({"current_host": host, "hosts": ["algo-1", "algo-2"]}))
    RunLog.of(layout, "run-1").write(1, {"total_cost": 1.0})
    assert (layout.channel("log") / "run-1/metrics.jsonl").exists() is writes


def test_a_directory_that_cannot_be_written_is_told_once_and_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "full").write_text("no folder")
    run_log = RunLog(tmp_path / "full" / "run")
    for step in (1, 2):
        run_log.write(step, {"total_cost": 1.0})
    (warning,) = caplog.messages
    assert "full/run: cannot be written" in warning
