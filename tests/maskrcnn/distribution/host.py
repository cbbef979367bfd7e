"""One host of a training job as a process of its own: `host.py DEVICES [SIGTERM_AT_STEP]`.

Runs the train program on so many logical CPU devices and prints the figures of every step in full.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import tensorflow as tf
from maskrcnn.distribution import team
from maskrcnn.programs import train
from maskrcnn.training import loop, validation

devices, signal_at = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
take, evaluate = loop.Trainer._take_step, validation.evaluate


def say(kind, what):
    sys.stdout.write(f"{kind} {json.dumps(what)}\n")
    sys.stdout.flush()


def told(trainer, step, batch):
    figures = take(trainer, step, batch)
    say("STEP", [trainer.state.step, figures])
    if trainer.state.step == signal_at:
        os.kill(os.getpid(), signal.SIGTERM)
    return figures


def evaluated(predictor, images, interrupted, together):
    figures = evaluate(predictor, images, interrupted, together)
    say("VALIDATION", figures)
    return figures


if devices > 1:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    team.start = lambda cluster, gpus, addresses: team.of_devices(
        cluster, [f"CPU:{number}" for number in range(devices)], addresses)
loop.Trainer._take_step, loop.validation.evaluate = told, evaluated
sys.exit(train.main())
