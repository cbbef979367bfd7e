"""The learning rate at every step, and how many steps there are."""

from __future__ import annotations

import dataclasses
import math

from maskrcnn.training.config import REFERENCE_BATCH, TrainingConfig

STEP_DECAYS = ((2 / 3, 0.1), (8 / 9, 0.01))
"""Shares of training after which the rate falls: tensorpack's 120k and 160k of 180k steps."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Linear warm-up to `peak`, then falls at `decays` (step, factor), or a cosine to zero at the end."""

    total_steps: int
    steps_per_epoch: int
    peak: float
    warmup_steps: int
    warmup_start: float
    decays: tuple[tuple[int, float], ...]
    cosine: bool

    @classmethod
    def from_config(cls, config: TrainingConfig, train_images: int) -> Schedule:
        """Lay out training on `train_images` images."""
        batch = config.batch
        steps_per_epoch = math.ceil((config.images_per_epoch or train_images) / batch)
        cosine, decays = False, list[tuple[int, float]]()
        if config.stages:
            ends = [stage.epochs * steps_per_epoch for stage in config.stages]
            first, total = config.stages[0], ends[-1]
            decays = [(end, stage.lr / first.lr) for end, stage in zip(ends, config.stages[1:], strict=False)]
            return cls(total, steps_per_epoch, first.lr, min(config.warmup, ends[0] // 2), config.warmup_init_lr,
                       tuple(decays), cosine)
        if config.lr_epoch_schedule:
            total = config.lr_epoch_schedule[-1][0] * steps_per_epoch
            decays = [(epoch * steps_per_epoch, factor) for epoch, factor in config.lr_epoch_schedule if factor]
        elif config.lr_schedule:
            *falls, total = (round(steps * REFERENCE_BATCH / batch) for steps in config.lr_schedule)
            decays = [(step, 0.1 ** (index + 1)) for index, step in enumerate(falls)]
        else:
            total = math.ceil(config.total_images / batch) or config.epochs * steps_per_epoch
            cosine = config.lr_decay == "cosine"
            decays = [] if cosine else [(round(total * share), factor) for share, factor in STEP_DECAYS]
        peak = config.base_lr * batch / (config.lr_reference_batch or batch)
        return cls(total, steps_per_epoch, peak, min(config.warmup, total // 2), config.warmup_init_lr, tuple(decays),
                   cosine)

    def learning_rate(self, step: int) -> float:
        """Rate of the step with this number, from 0."""
        if step < self.warmup_steps:
            return self.warmup_start + (self.peak - self.warmup_start) * step / self.warmup_steps
        if self.cosine:
            progress = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
            return self.peak * 0.5 * (1.0 + math.cos(math.pi * progress))
        return self.peak * next((factor for start, factor in reversed(self.decays) if step >= start), 1.0)

    def is_epoch_end(self, step: int) -> bool:
        """Whether `step` steps complete an epoch, or training."""
        return step > 0 and (step % self.steps_per_epoch == 0 or step == self.total_steps)
