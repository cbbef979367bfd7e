"""Progress lines: where training stands, how fast it goes and how long it will take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from maskrcnn.training.config import TrainingConfig
from maskrcnn.training.schedule import Schedule

log = logging.getLogger("castline")

PARTS = {
    "rpn_losses/label_loss": "rpn", "rpn_losses/box_loss": "rpn box", "fastrcnn_losses/label_loss": "class",
    "fastrcnn_losses/box_loss": "box", "maskrcnn_loss/maskrcnn_loss": "mask",
}


class Progress:
    """Writes a line every log_seconds.

    Args:
        schedule: Tells how many steps there are.
        config: Tells the batch size and the pace.
        clock: Seconds.
        step: Step that training begins or goes on with.
    """

    def __init__(self, schedule: Schedule, config: TrainingConfig, clock: Callable[[], float], step: int) -> None:
        self.schedule, self.config, self.clock = schedule, config, clock
        self._last_step, self._last_time = step, clock()

    def report(self, step: int, figures: Mapping[str, float]) -> None:
        """Write a line when it is time, or at the end of an epoch."""
        seconds = self.clock() - self._last_time
        if seconds < self.config.log_seconds and not self.schedule.is_epoch_end(step):
            return
        done = step - self._last_step
        seconds_per_step = seconds / max(done, 1)
        rate = self.config.batch / max(seconds_per_step, 1e-9)
        left = seconds_per_step * (self.schedule.total_steps - step)
        epoch = (step - 1) // self.schedule.steps_per_epoch + 1
        epochs = -(-self.schedule.total_steps // self.schedule.steps_per_epoch)
        parts = ", ".join(f"{label} {figures[name]:.3f}" for name, label in PARTS.items())
        log.info("epoch %d/%d step %d/%d loss %.4f (%s) %.2f images/s ETA %s", epoch, epochs, step,
                 self.schedule.total_steps, figures["total_cost"], parts, rate, duration(left))
        log.info("Throughput: %.5g", rate)
        self._last_step, self._last_time = step, self.clock()


def duration(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
