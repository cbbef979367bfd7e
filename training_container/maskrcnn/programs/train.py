"""Program `train`: shards in, a model or a checkpoint out."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import tensorflow as tf

from app.contracts import documents, jobs
from app.contracts.dataset import ClassDefinition, VersionManifest
from maskrcnn import hyperparameters, program
from maskrcnn.data.channel import shard_names
from maskrcnn.distribution import team
from maskrcnn.distribution.cluster import Cluster, parse_addresses
from maskrcnn.distribution.team import Team
from maskrcnn.evaluation import truth
from maskrcnn.hyperparameters import Resolved
from maskrcnn.layout import Layout
from maskrcnn.model import precision
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model_card import ModelCard
from maskrcnn.predictor import Predictor, write_artifact
from maskrcnn.program import JobError
from maskrcnn.training import anchor_fit, interruption, labels, optimizer, records, selection
from maskrcnn.training.checkpoint import Checkpoints
from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.loop import Data, Trainer
from maskrcnn.training.run_log import RunLog
from maskrcnn.training.selection import Selection
from maskrcnn.weights import start
from maskrcnn.weights.start import Start

log = logging.getLogger("castline")


def main() -> int:
    """Run under the frame that turns failures into /opt/ml/output/failure."""
    return program.main(train)


def train(layout: Layout) -> None:
    """Train, resume, or finish what is already trained.

    An interrupted run leaves its checkpoint and no model: what lies in the model folder is always complete.

    Raises:
        JobError: see app/contracts/errors.py.
    """
    with interruption.listening() as interrupted:
        given = _given(layout)
        resolved = hyperparameters.resolve(given)
        together = _team(layout, resolved.settings.training)
        interrupted.listen()
        resolved = hyperparameters.resolve(given, together.replicas)
        for note in resolved.notes:
            log.info("%s", note)
        starts = start.find(layout, resolved.settings.training)
        resolved = _adapted(resolved, starts)
        manifest = _manifest(layout)
        classes = manifest.classes
        hyperparameters.check_classes(resolved.settings.training, [c.name for c in classes])
        data = Data(
            _training_records(layout.channel("train"), shard_names(manifest, "train"), resolved.settings.training),
            truth.read_test_set(layout.channel("val"), classes, shard_names(manifest, "val")))
        resolved, data = _fitted(resolved, data, classes)
        try:
            trainer = _trainer(layout, resolved, starts, classes, data, interrupted, together)
            if not trainer.run():
                log.info("Interrupted at step %d: %s, no model", trainer.state.step,
                         "checkpoint written" if trainer.checkpoints.newest() else "nothing to save yet")
                return
        except (tf.errors.OpError, MemoryError) as error:
            if (lost := together.host_lost(error)) and interrupted():
                log.info("Interrupted, and another host was quicker to end: the last checkpoint counts, no model")
                return
            raise lost or _out_of_memory(error, resolved) or error from error
        if together.is_chief:
            interrupted.at_stake = False  # all of it is in the last checkpoint
            card = _card(resolved, classes, trainer.choose_weights())
            _write_model(trainer, card, layout, interrupted)


def _team(layout: Layout, training: TrainingConfig) -> Team:
    """Every device of every host; only the chief's log tells of progress."""
    cluster = Cluster.read(layout.resources)
    addresses = parse_addresses(os.environ.get(jobs.HOST_ADDRESSES_VARIABLE, ""))
    together = team.start(cluster, training.gpus, addresses)
    if not together.is_chief:
        log.info("%s works for %s, whose log tells how training goes", cluster.host, cluster.hosts[0])
        log.setLevel(logging.WARNING)
    return together


def _out_of_memory(error: Exception, resolved: Resolved) -> JobError | None:
    """What to tell where the error means that memory ran out; None where it means something else."""
    if not program.is_out_of_memory(error):
        return None
    batch = resolved.settings.training.batch_size_per_gpu
    return JobError("OUT_OF_MEMORY", f"training ran out of memory: halve batch_size_per_gpu ({batch}) or image_size, "
                    f"or take a larger instance: {str(error)[:200]}")


def _write_model(trainer: Trainer, card: ModelCard, layout: Layout, interrupted: interruption.Interruption) -> None:
    """Write the artifact aside and move it, so that an end meanwhile leaves no half of it."""
    with tempfile.TemporaryDirectory(dir=layout.root, prefix="model-") as folder:
        write_artifact(trainer.model, card, Path(folder))
        if trainer.settings.training.quantize:
            _write_quantized(Path(folder), trainer.data)
        interrupted.at_stake = True
        layout.model.mkdir(parents=True, exist_ok=True)
        for old in layout.model.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for made in Path(folder).iterdir():
            shutil.move(made, layout.model / made.name)
    log.info("Model written to %s", layout.model)


def _write_quantized(artifact: Path, data: Data) -> None:
    """Add the int8 .tflite to an artifact; a model that does not quantise well stays a model."""
    from maskrcnn.export import lite_export  # here, because the converter takes seconds to import

    order = lite_export.Order("int8", None, data.val, "val", data.train)
    try:
        lite_export.write(Predictor.load(artifact, "float32"), order, artifact / lite_export.FOLDER)
    except (lite_export.ExportRefusedError, JobError) as refusal:
        log.warning("quantize: the model is written without a LiteRT export: %s", refusal)


def _given(layout: Layout) -> dict[str, str]:
    """hyperparameters.json, or nothing when the job has none."""
    if not layout.hyperparameters.exists():
        return {}
    given = json.loads(layout.hyperparameters.read_text())
    return {str(name): str(value) for name, value in given.items()}


def _manifest(layout: Layout) -> VersionManifest:
    path = layout.channel("dataset") / "manifest.json"
    if not path.exists():
        raise JobError("DATA_INVALID", f"{path}: missing: the dataset channel holds the manifest of a version")
    return documents.from_json(VersionManifest, path.read_text())


def _training_records(folder: Path, names: Collection[str], training: TrainingConfig) -> list[records.Record]:
    found = records.require(folder, names)
    if not training.filter_empty:
        return found
    kept = records.with_objects(found)
    log.info("filter_empty: %d of %d training images have objects", len(kept), len(found))
    if not kept:
        raise JobError("DATA_TOO_FEW", f"{folder}: no image has an object: set filter_empty to False, or label some")
    return kept


def _trainer(layout: Layout, resolved: Resolved, starts: list[Start], classes: tuple[ClassDefinition, ...],
             data: Data, interrupted: interruption.Interruption, together: Team) -> Trainer:
    """Everything built, from a seed."""
    settings = resolved.settings
    training = settings.training
    if training.deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(training.seed)
    dtype, reason = precision.choose(training.precision)
    log.info("Precision %s: %s", dtype.name, reason)
    _compile_clusters(training.xla)
    log.info("Preset %s, %d training and %d validation images, classes %s", resolved.preset, len(data.train),
             len(data.val), ", ".join(c.name for c in classes))
    with together.scope():
        model = MaskRCNN(settings.model, len(classes), dtype)
        start.load(model, starts, training)
        mover = optimizer.build(training, model.trained_variables())
        checkpoints = Checkpoints(layout.checkpoints, {**model.named_variables(), **mover.named_slots()},
                                  training.keep_checkpoints)
        predictor = Predictor(model, _card(resolved, classes, 0))
        return Trainer(model, settings, data, checkpoints, mover, _fingerprint(resolved, classes, data), predictor,
                       interrupted, together, run_log=RunLog.of(layout, resolved.run_id) if together.is_chief else None)


def _compile_clusters(asked: bool) -> None:
    """Clusters, not the whole step: how many proposals are sampled depends on the data, and XLA needs fixed shapes."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    tf.config.optimizer.set_jit("autoclustering" if asked and on_gpu else False)
    if asked:
        log.info("XLA %s", "compiles clusters: the first steps take longer" if on_gpu else "left out: no GPU")


def _adapted(resolved: Resolved, starts: Sequence[Start]) -> Resolved:
    """The settings with what the weights to start from were made for."""
    settings = resolved.settings
    return dataclasses.replace(
        resolved, settings=dataclasses.replace(settings, model=start.adapted(settings.model, starts,
                                                                         resolved.chosen)))


def _fitted(resolved: Resolved, data: Data, classes: Sequence[ClassDefinition]) -> tuple[Resolved, Data]:
    """Settings and data with what the labels of the training images decide."""
    training = resolved.settings.training
    if not (training.anchor_fit or selection.needs_labels(training)):
        return resolved, data
    found = labels.read(data.train)
    if training.anchor_fit:
        resolved = anchor_fit.fitted(resolved, found, classes)
    return resolved, dataclasses.replace(data, selection=Selection.of(found, classes, training))


def _fingerprint(resolved: Resolved, classes: tuple[ClassDefinition, ...], data: Data) -> dict[str, str]:
    decided = {name: value for name, value in resolved.as_strings().items() if name not in hyperparameters.MAY_CHANGE}
    return {**decided, "classes": ", ".join(c.name for c in classes), "version": resolved.version,
            "training images": str(len(data.train))}


def _card(resolved: Resolved, classes: tuple[ClassDefinition, ...], steps: int) -> ModelCard:
    return ModelCard(resolved.run_id, resolved.version, classes, resolved.preset, resolved.as_strings(), steps)
