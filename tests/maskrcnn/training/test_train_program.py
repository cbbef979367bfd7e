"""The train program on a tiny network: straight, interrupted, resumed, finished, refused."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.distribution.team import Team
from maskrcnn.evaluation import truth
from maskrcnn.predictor import Predictor
from maskrcnn.program import JobError
from maskrcnn.programs import train as program
from maskrcnn.training import loop, objective, records
from maskrcnn.training.interruption import Interruption

LINE = re.compile(r"^([\w()/.:=]+): (-?[\d.e+-]+)$")
NAMES = {
    *(f"mAP({kind})/{stat}" for kind in ("bbox", "segm")
      for stat in ("IoU=0.5:0.95", "IoU=0.5", "IoU=0.75", "small", "medium", "large")),
    "fastrcnn_losses/box_loss", "fastrcnn_losses/label_loss", "fastrcnn_losses/label_metrics/accuracy",
    "fastrcnn_losses/label_metrics/false_negative", "fastrcnn_losses/label_metrics/fg_accuracy",
    "fastrcnn_losses/num_fg_label", "maskrcnn_loss/accuracy", "maskrcnn_loss/fg_pixel_ratio",
    "maskrcnn_loss/maskrcnn_loss", "maskrcnn_loss/pos_accuracy",
}
"""The 22 names that dashboards know."""


def figures(messages: list[str]) -> dict[str, str]:
    """The last value of every figure in the log."""
    found = (LINE.match(message) for message in messages)
    return dict(match.groups() for match in found if match and match.group(1) != "Throughput")


def weights(model_dir: Path) -> dict[str, np.ndarray]:
    with np.load(model_dir / "weights.npz") as arrays:
        return dict(arrays)


def send_sigterm_in_step(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    take = loop.Trainer._take_step

    def take_and_signal(trainer, compiled, batch):
        if trainer.state.step == step - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return take(trainer, compiled, batch)

    monkeypatch.setattr(loop.Trainer, "_take_step", take_and_signal)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_job):
    """A job that was trained straight to its end, and its log."""
    layout = make_job(tmp_path_factory.mktemp("straight") / "ml", run_id="run-7")
    layout.channel("log").mkdir()
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("castline")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    program.train(layout)
    logger.removeHandler(handler)
    logger.setLevel(level)
    return layout, messages


@pytest.mark.slow
def test_interrupted_and_resumed_equals_straight(trained, make_job, tmp_path, monkeypatch, caplog):
    """Given SIGTERM during step 3 of 6, when training is started again, then losses and weights are the same."""
    straight, messages = trained
    stopped = make_job(tmp_path / "ml")
    with monkeypatch.context() as patch:
        send_sigterm_in_step(patch, 3)
        program.train(stopped)
    assert not stopped.model.exists()
    assert [p.name for p in stopped.checkpoints.iterdir()] == ["checkpoint-000000006.npz"]

    caplog.set_level(logging.INFO, "castline")
    program.train(stopped)

    expected, resumed = weights(straight.model), weights(stopped.model)
    assert expected.keys() == resumed.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(array, resumed[name], err_msg=name)
    assert figures(caplog.messages) == figures(messages)


@pytest.mark.slow
def test_run_that_balances_pastes_and_fits_resumes_exactly(
        make_job, make_shard, make_squares, make_example, tmp_path, monkeypatch):
    """Given all that labels decide, and heavy augmentation, when SIGTERM comes in step 2, then nothing differs."""
    asked = {"anchor_fit": "True", "class_balance": "1", "augmentation": "heavy", "epochs": "2"}
    straight, stopped = (make_job(tmp_path / name, **asked) for name in ("straight", "stopped"))
    for layout in (straight, stopped):
        good = [make_example(f"good_{n}.png", 64, 64, [(1, (n, n, n + 36, n + 36), True, False)]) for n in range(10)]
        make_shard(layout.channel("train"), [*make_squares(22, 1), *good])
    program.train(straight)
    with monkeypatch.context() as patch:
        send_sigterm_in_step(patch, 2)
        program.train(stopped)
    assert not stopped.model.exists()
    program.train(stopped)
    expected, resumed = weights(straight.model), weights(stopped.model)
    for name, array in expected.items():
        np.testing.assert_array_equal(array, resumed[name], err_msg=name)
    assert (straight.model / "model.json").read_text() == (stopped.model / "model.json").read_text()


def test_log_has_the_22_figures_and_those_of_training(trained):
    found = figures(trained[1])
    assert found.keys() >= NAMES | {"total_cost", "wd_cost", "learning_rate", "rpn_losses/label_loss",
                                    "rpn_losses/box_loss"}
    assert all(np.isfinite(float(value)) for value in found.values())


def test_loss_falls_and_training_moved_every_kind_of_weight(trained):
    costs = [float(m.split(": ")[1]) for m in trained[1] if m.startswith("total_cost: ")]
    assert costs[-1] < costs[0]
    with np.load(next(iter(trained[0].checkpoints.glob("checkpoint-*12.npz")))) as checkpoint:
        still = [name for name in checkpoint.files if name.endswith("/W/Momentum") and not checkpoint[name].any()]
    assert still == []


def test_finished_run_writes_its_model_again(trained):
    layout, _ = trained
    before = weights(layout.model)
    shutil.rmtree(layout.model)
    program.train(layout)
    after = weights(layout.model)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_artifact_predicts_the_same_each_time_at_any_size(trained):
    predictor = Predictor.load(trained[0].model)
    assert (predictor.card.run_id, predictor.card.version, predictor.card.steps) == ("run-7", "v1", 6)
    image = np.random.default_rng(0).integers(0, 255, (50, 130, 3), np.uint8)
    first, second = predictor.predict(image), predictor.predict(image)
    assert first.masks.shape[1:] == (50, 130)
    assert (first.boxes[:, 2] <= 130).all()
    assert (first.boxes[:, 3] <= 50).all()
    assert set(first.class_ids) <= {1, 2}
    assert (np.diff(first.scores) <= 0).all()
    for one, other in zip((first.boxes, first.scores, first.masks), (second.boxes, second.scores, second.masks),
                          strict=True):
        np.testing.assert_array_equal(one, other)


def test_changed_learning_rate_refuses_to_resume(trained, change_hyperparameters, tmp_path):
    layout = shutil.copytree(trained[0].root, tmp_path / "ml") and type(trained[0])(tmp_path / "ml")
    change_hyperparameters(layout, base_lr="0.5")
    with pytest.raises(JobError, match=r"base_lr was 0\.04, is 0\.5") as caught:
        program.train(layout)
    assert caught.value.code == "CHECKPOINT_MISMATCH"


def test_halved_batch_goes_on_where_the_images_were_left(trained, change_hyperparameters, tmp_path):
    """Given a finished run, when the batch is halved as after running out of memory, then nothing is seen twice."""
    layout = shutil.copytree(trained[0].root, tmp_path / "ml") and type(trained[0])(tmp_path / "ml")
    change_hyperparameters(layout, batch_size_per_gpu="1")
    program.train(layout)
    assert json.loads((layout.model / "model.json").read_text())["steps"] == 12


@pytest.fixture
def trainer(job):
    resolved = hyperparameters.resolve(json.loads(job.hyperparameters.read_text()))
    classes = program._manifest(job).classes
    data = loop.Data(records.scan(job.channel("train")), truth.read_test_set(job.channel("val"), classes))
    return program._trainer(job, resolved, [], classes, data, Interruption(), Team())


@pytest.mark.slow
@pytest.mark.parametrize(("scores", "steps"), [((0.5, 0.6, 0.2), 4), ((0.5, 0.6, 0.595), 6)])
def test_model_has_the_weights_of_an_evaluation_that_was_clearly_better(
        job, change_hyperparameters, monkeypatch, scores, steps):
    """Given a validation AP that falls at the end, when training was interrupted before, then the best still counts."""
    change_hyperparameters(job, eval_period="1")
    given = iter(scores)
    figures = {loop.BOX_AP: 0.0}
    monkeypatch.setattr(loop.validation, "evaluate",
                        lambda *_: figures | {loop.MASK_AP: next(given)})
    with monkeypatch.context() as patch:
        send_sigterm_in_step(patch, 5)
        program.train(job)
    program.train(job)
    assert next(given, None) is None  # none was evaluated twice
    assert json.loads((job.model / "model.json").read_text())["steps"] == steps
    checkpoint = job.checkpoints / ("best-000000008.npz" if steps == 4 else "checkpoint-000000012.npz")
    made = weights(job.model)
    with np.load(checkpoint) as expected:
        shared = made.keys() & {*expected.files}
        assert len(shared) > 50
        for name in shared:
            np.testing.assert_array_equal(made[name], expected[name], err_msg=name)


@pytest.mark.parametrize("bad", ["total_cost", "gradient_norm"])
def test_loss_that_is_no_number_stops_with_step_images_and_checkpoint(trainer, bad):
    trainer._save()

    def step(batch, seed, rate):
        names = (*objective.LOSSES, "total_cost", "gradient_norm")
        return {name: tf.constant(float("nan") if name == bad else 1.0) for name in names}

    trainer.step.compiled = lambda spec: step
    with pytest.raises(JobError) as caught:
        trainer.run()
    assert caught.value.code == "LOSS_NOT_FINITE"
    message = str(caught.value)
    assert f"step 0: {bad} not finite on part_1_" in message
    assert "checkpoint-000000000.npz" in message


@pytest.mark.parametrize(("loss_scale", "total_cost", "ends"),
                         [(4.0, 1.0, False), (1.0, 1.0, True), (4.0, np.nan, True)])
def test_overflow_ends_training_only_where_a_smaller_loss_scale_cannot_help(trainer, loss_scale, total_cost, ends):
    figures = dict.fromkeys(objective.LOSSES, 1.0) | {
        "total_cost": total_cost, "gradient_norm": np.inf, "loss_scale": loss_scale}
    trainer.data = loop.Data(trainer.data.train, ())
    trainer.step.compiled = lambda spec: lambda batch, seed, rate: {n: tf.constant(v) for n, v in figures.items()}
    if ends:
        with pytest.raises(JobError, match="gradient_norm") as caught:
            trainer.run()
        assert caught.value.code == "LOSS_NOT_FINITE"
    else:
        assert trainer.run()


def test_running_out_of_memory_names_the_batch(job, monkeypatch):
    def exhausted(trainer):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(loop.Trainer, "run", exhausted)
    with pytest.raises(JobError, match=r"batch_size_per_gpu \(2\)") as caught:
        program.train(job)
    assert caught.value.code == "OUT_OF_MEMORY"


def test_checkpoints_are_written_on_a_clock(trainer):
    trainer.clock = lambda: trainer.state.step * 600.0  # checkpoint_seconds is 1000
    trainer.data = loop.Data(trainer.data.train, ())
    figures = dict.fromkeys((*objective.LOSSES, "total_cost", "gradient_norm"), tf.constant(1.0))
    trainer.step.compiled = lambda spec: lambda batch, seed, rate: figures
    written = []
    trainer.checkpoints.begin = lambda state: written.append(state.step)
    trainer._save = lambda: written.append("end")
    assert trainer.run()
    assert written == [2, 4, 6, "end"]


def test_training_on_images_with_objects_needs_some(job, change_hyperparameters, make_example, make_shard):
    change_hyperparameters(job, **{"config:DATA.FILTER_EMPTY_ANNOTATIONS": "True"})
    make_shard(job.channel("train"), [make_example("empty.png", 64, 64, [])])
    with pytest.raises(JobError, match="filter_empty to False") as caught:
        program.train(job)
    assert caught.value.code == "DATA_TOO_FEW"


@pytest.mark.parametrize("channel", ["train", "val"])
def test_channel_without_images_is_refused(job, channel):
    shutil.rmtree(job.channel(channel))
    job.channel(channel).mkdir()
    with pytest.raises(JobError, match=channel) as caught:
        program.train(job)
    assert caught.value.code == "DATA_TOO_FEW"


def test_reached_targets_end_training_with_the_model_written_also_when_started_again(
        job, change_hyperparameters, monkeypatch, caplog):
    """Given targets for box and mask, when only both are reached, then training ends, and stays ended."""
    answers = iter([{loop.BOX_AP: 0.4, loop.MASK_AP: 0.2}, {loop.BOX_AP: 0.3, loop.MASK_AP: 0.35}])
    change_hyperparameters(job, eval_period="1", epochs="9", **{"config:TEST.BOX_TARGET": "0.3",
                                                               "config:TEST.MASK_TARGET": "0.3"})
    monkeypatch.setattr(loop.validation, "evaluate", lambda *_: next(answers))
    caplog.set_level(logging.INFO, "castline")
    program.train(job)
    assert "Targets reached at step 4 of 18: box AP 0.300, mask AP 0.350" in caplog.text
    assert json.loads((job.model / "model.json").read_text())["steps"] == 4

    shutil.rmtree(job.model)
    program.train(job)
    assert json.loads((job.model / "model.json").read_text())["steps"] == 4


def test_unknown_hyperparameter_is_refused_before_any_work(job, change_hyperparameters):
    change_hyperparameters(job, epoch="3")
    shutil.rmtree(job.channel("train"))
    with pytest.raises(JobError, match="did you mean epochs"):
        program.train(job)


def test_data_set_with_other_classes_is_refused(job, change_hyperparameters):
    change_hyperparameters(job, CLASS_NAMES="['disk', 'chipping']")
    with pytest.raises(JobError, match=r"the data set has disk, holes") as caught:
        program.train(job)
    assert caught.value.code == "CONFIG_INVALID"


def test_missing_manifest_is_named(job):
    (job.channel("dataset") / "manifest.json").unlink()
    with pytest.raises(JobError, match=r"manifest\.json: missing"):
        program.train(job)


def test_fine_tuning_starts_from_a_trained_model(trained, make_job, tmp_path, monkeypatch, caplog):
    """Given the model of another job in the channel weights, then training starts with its weights."""
    layout = make_job(tmp_path / "ml", load_model="model", anchor_sizes="[8, 16, 24, 32, 64]")
    shutil.copytree(trained[0].model, layout.channel("weights") / "model")
    began: list[dict[str, np.ndarray]] = []

    def stop_at_once(trainer: loop.Trainer) -> bool:
        began.append({name: v.numpy() for name, v in trainer.model.named_variables().items()})
        return False

    monkeypatch.setattr(loop.Trainer, "run", stop_at_once)
    caplog.set_level(logging.INFO, "castline")
    program.train(layout)
    theirs = weights(trained[0].model)
    for name, value in began[0].items():
        np.testing.assert_array_equal(value, theirs[name])
    assert "format Castline" in caplog.text
    assert not layout.model.exists()


def test_fitted_anchors_are_those_of_network_checkpoint_and_artifact(
        make_job, make_shard, make_squares, tmp_path, monkeypatch):
    """Given 60 boxes of 36 and 12 pixels and anchors of other sizes, then every part of the run has the fitted ones."""
    layout = make_job(tmp_path / "ml", anchor_fit="True", anchor_sizes="[4, 6, 100, 110, 120]")
    make_shard(layout.channel("train"), make_squares(30, 1))
    trainers: list[loop.Trainer] = []
    monkeypatch.setattr(loop.Trainer, "run", lambda trainer: trainers.append(trainer) or True)
    program.train(layout)
    trainer = trainers[0]
    sizes = trainer.settings.model.rpn.anchor_sizes_px
    assert {12.0, 36.0} <= set(sizes)
    assert trainer.model.config.rpn.anchor_sizes_px == sizes
    assert trainer.state.fingerprint["anchor_sizes"] == str(sizes)
    assert Predictor.load(layout.model).model.config.rpn.anchor_sizes_px == sizes


@pytest.mark.parametrize(("asked", "gpus", "told"), [
    (True, ["a card"], "autoclustering"), (True, [], False), (False, ["a card"], False)])
def test_xla_is_for_gpus_that_ask_for_it(monkeypatch, asked, gpus, told):
    calls = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config.optimizer, "set_jit", calls.append)
    program._compile_clusters(asked)
    assert calls == [told]


@pytest.mark.slow
def test_the_log_channel_gets_the_figures_of_each_report(trained):
    """Given a log channel, then the run's own folder has what the log told, as lines and for TensorBoard."""
    layout, messages = trained
    folder = layout.channel("log") / "run-7"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    said = {name: float(value) for name, value in figures(messages).items()}
    last = {name: float(f"{value:.5g}") for line in lines for name, value in line.items()}
    assert set(last) >= NAMES
    assert {name: last[name] for name in NAMES} == {name: said[name] for name in NAMES}
    assert lines[-1]["step"] == 6
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
