"""The training loop: step, report, evaluate, checkpoint, until the schedule ends or the machine is taken away."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from maskrcnn.distribution.team import Team
from maskrcnn.evaluation.truth import LabelledImage
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.program import JobError
from maskrcnn.serving.answer import SegmentationModel
from maskrcnn.training import metrics_log, pipeline, validation
from maskrcnn.training.best_weights import BestWeights
from maskrcnn.training.checkpoint import Checkpoints, State
from maskrcnn.training.config import Settings
from maskrcnn.training.examples import Example
from maskrcnn.training.interruption import Interruption
from maskrcnn.training.optimizer import Optimizer
from maskrcnn.training.progress import Progress
from maskrcnn.training.records import Record
from maskrcnn.training.run_log import RunLog
from maskrcnn.training.schedule import Schedule
from maskrcnn.training.selection import Selection
from maskrcnn.training.stages import Staging
from maskrcnn.training.step import Step, TrainingStep

log = logging.getLogger("castline")

BOX_AP, MASK_AP = "mAP(bbox)/IoU=0.5:0.95", "mAP(segm)/IoU=0.5:0.95"


@dataclasses.dataclass(frozen=True)
class Data:
    """The two splits that training looks at, and how often it shows each training image."""

    train: Sequence[Record]
    val: Sequence[LabelledImage]
    selection: Selection | None = None
    """None: each once a pass."""


class Trainer:
    """Trains one model.

    Args:
        model: Built, with its initial weights.
        settings: Preset and hyperparameters.
        data: Training and validation records.
        checkpoints: Of this run.
        optimizer: Of the model's variables.
        fingerprint: What a resumed run must share.
        predictor: Inference with the live weights, for validation.
        interruption: Asked after every step.
        team: Who trains; this host alone by default. All hosts of it come to the same decisions at the same steps,
            and the chief alone writes.
        clock: Seconds; only differences count.
        run_log: Also gets the figures of each report.
    """

    def __init__(self, model: MaskRCNN, settings: Settings, data: Data, checkpoints: Checkpoints,
                 optimizer: Optimizer, fingerprint: dict[str, str], predictor: SegmentationModel,
                 interruption: Interruption | None = None, team: Team | None = None,
                 clock: Callable[[], float] = time.monotonic, run_log: RunLog | None = None) -> None:
        self.run_log = run_log or RunLog()
        self.model, self.settings, self.data, self.checkpoints = model, settings, data, checkpoints
        self.predictor, self.interruption, self.clock = predictor, interruption or Interruption(), clock
        self.team = team or Team()
        self.schedule = Schedule.from_config(settings.training, len(data.train))
        self.step = TrainingStep(model, optimizer, settings.training.loss_weights, self.team)
        self.staging = Staging(settings.training.stages, self.schedule.steps_per_epoch, model, optimizer)
        checkpoints.optional |= self.step.named_variables()
        self.best = BestWeights(checkpoints, model.named_variables())
        self.state = State(0, 0, fingerprint)
        self.means = metrics_log.Means()
        self.stopping = False
        self._unsaved(False)

    def run(self) -> bool:
        """Train to the end of the schedule; False when interrupted, with a checkpoint written."""
        self._resume()
        progress = Progress(self.schedule, self.settings.training, self.clock, self.state.step)
        saved_at = self.clock()
        dataset = pipeline.batches(self.data.train, self.settings, self.state.position, self.team.rank, self.team.hosts,
                                   self.data.selection)
        batches = iter(dataset)
        while not self._evaluate_if_due() and not self._finished():
            if self.staging.enter(self.state.step):
                step = self.step.compiled(dataset.element_spec)
            figures = self._take_step(step, next(batches))
            progress.report(self.state.step, figures)
            if self._asked_to_stop():
                break
            if self.team.is_chief and self.clock() - saved_at >= self.settings.training.checkpoint_seconds:
                self.checkpoints.begin(self._state_now())
                saved_at = self.clock()
        if self.interruption.at_stake:
            self._save()
        return not self.stopping

    def _asked_to_stop(self) -> bool:
        """Whether somebody asked any host to end: then all of them end after the same step."""
        self.stopping = self.stopping or self.team.any(self.interruption())
        return self.stopping

    def _finished(self) -> bool:
        return self.state.step >= self.schedule.total_steps or self.state.reached_targets

    def _resume(self) -> None:
        """Go on from the newest checkpoint, if there is one, and say so."""
        restored = self._restored()
        if not restored:
            log.info("No checkpoint in %s: training begins", self.checkpoints.folder)
            return
        name, state = restored
        # The batch may be another one than before; what counts is the images seen.
        self.state = dataclasses.replace(state, step=state.position // self.settings.training.batch)
        self.means = metrics_log.Means(state.sums, state.summed_steps)
        best = f", best AP {state.best_score:.3f} after {state.best_position}" if state.best_position >= 0 else ""
        log.info("Resumed from %s: step %d of %d, %d images seen%s", name, self.state.step,
                 self.schedule.total_steps, state.position, best)

    def _restored(self) -> tuple[str, State] | None:
        """Name and state of the checkpoint that the chief restored; every host then has its variables."""
        found = self.checkpoints.restore(self.state.fingerprint) if self.team.is_chief else None
        if self.team.hosts == 1:
            return (found[0].name, found[1]) if found else None
        said = json.dumps([found[0].name, dataclasses.asdict(found[1])] if found else None)
        heard = json.loads(self.team.from_chief(said.encode()))
        self.team.share({**self.checkpoints.variables, **self.checkpoints.optional}.values())
        return (heard[0], State(**heard[1])) if heard else None

    def _take_step(self, step: Step, batch: Example) -> dict[str, float]:
        """One step; its figures."""
        rate = self.schedule.learning_rate(self.state.step)
        seed = tf.constant([self.settings.training.seed, self.state.position], tf.int64)
        figures = {name: float(value) for name, value in step(batch, seed, tf.constant(rate)).items()}
        self._check_finite(batch, figures)
        self._unsaved(True)
        self.state = dataclasses.replace(
            self.state, step=self.state.step + 1, position=self.state.position + self.settings.training.batch)
        figures["learning_rate"] = rate
        self.means.add(figures)
        return figures

    def _check_finite(self, batch: Example, figures: dict[str, float]) -> None:
        """Refuse a step that spoils the weights; one that loss scaling skipped is only told.

        The norm counts too: a loss may be finite one last time before its gradients spoil the weights.
        """
        if math.isfinite(figures["total_cost"] + figures["gradient_norm"]):
            return
        scale = figures.get("loss_scale", 1.0)
        if scale <= 1.0 or not math.isfinite(figures["total_cost"]):
            raise self._not_finite(batch, figures)
        log.info("step %d: gradients overflow float16 at loss scale %g: skipped, scale halved", self.state.step, scale)
        figures["gradient_norm"] = 0.0

    def _not_finite(self, batch: Example, figures: dict[str, float]) -> JobError:
        of_hosts = self.team.gather(", ".join(name.decode() for name in batch.name.numpy()).encode())
        names = ", ".join(part.decode() for part in of_hosts)
        bad = ", ".join(sorted(name for name, value in figures.items() if not math.isfinite(value)))
        self.checkpoints.settle()
        last = self.checkpoints.newest()
        return JobError("LOSS_NOT_FINITE", f"step {self.state.step}: {bad} not finite on {names}: last good checkpoint "
                        f"{last.name if last else 'none'}: lower base_lr, or look at the labels of these images")

    def _evaluate_if_due(self) -> bool:
        """Report the means of a finished epoch and validate after every eval_period of them; True when interrupted."""
        step = self.state.step
        period = self.settings.training.eval_period * self.schedule.steps_per_epoch
        if self.means.steps and (self.schedule.is_epoch_end(step) or self._finished()):
            self._report(self.means.take())
        due = self._finished() or (self.schedule.is_epoch_end(step) and step % period == 0)
        if due and self.data.val and self.state.evaluated_position != self.state.position:
            if self.interruption.at_stake:
                self._save()
            self._evaluate()
        return self._asked_to_stop() if due else self.stopping

    def _evaluate(self) -> None:
        """Validate, and keep the weights when they are the best so far."""
        started = self.clock()
        figures = validation.evaluate(self.predictor, self.data.val, self.interruption, self.team)
        if figures is None:
            self.stopping = True
            return
        self._report(figures)
        log.info("Validated %d images in %.1f s", len(self.data.val), self.clock() - started)
        score, position = figures[MASK_AP if self.settings.model.masks else BOX_AP], self.state.position
        self.state = dataclasses.replace(self.state, evaluated_position=position, last_score=score)
        if score > self.state.best_score:
            if self.team.is_chief:
                self.best.keep(position)
            self.state = dataclasses.replace(self.state, best_position=position, best_score=score)
        self._note_targets(figures)
        self._unsaved(True)

    def _report(self, figures: Mapping[str, float]) -> None:
        """Tell figures to all that read them."""
        metrics_log.write(figures)
        self.run_log.write(self.state.step, figures)

    def _note_targets(self, figures: Mapping[str, float]) -> None:
        """Note when the figures are as good as asked for, which ends training."""
        targets = {BOX_AP: self.settings.training.box_target, MASK_AP: self.settings.training.mask_target}
        if any(targets.values()) and all(figures[name] >= target for name, target in targets.items() if target):
            self.state = dataclasses.replace(self.state, reached_targets=True)
            log.info("Targets reached at step %d of %d: box AP %.3f, mask AP %.3f: training ends", self.state.step,
                     self.schedule.total_steps, figures[BOX_AP], figures[MASK_AP])

    def choose_weights(self) -> int:
        """Put the weights into the model that become the product; returns the steps that they took.

        The last ones, unless an earlier evaluation was clearly better.
        """
        if not self.best.choose(self.state):
            log.info("The model has the last weights: validation AP %.3f, best %.3f", self.state.last_score,
                     self.state.best_score)
            return self.state.step
        step = self.state.best_position // self.settings.training.batch
        log.info("The model has the weights of step %d: validation AP %.3f there, %.3f at the end", step,
                 self.state.best_score, self.state.last_score)
        return step

    def _state_now(self) -> State:
        return dataclasses.replace(self.state, sums=dict(self.means.sums), summed_steps=self.means.steps)

    def _save(self) -> None:
        """Write a checkpoint and wait until it is safe; other hosts than the chief go on."""
        if self.team.is_chief:
            self.checkpoints.write(self._state_now())
        self._unsaved(False)

    def _unsaved(self, work: bool) -> None:
        """Note whether work would be lost now; a host of several never ends alone while it can ask the others."""
        self.interruption.at_stake = work or self.team.hosts > 1
