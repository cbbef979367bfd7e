"""Which number type the convolutions compute in, decided by what the machine is good at."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from maskrcnn.model.config import Precision

FAST_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
FIRST_GPU_WITH_BFLOAT16 = (8, 0)  # compute capability of Ampere


def choose(precision: Precision) -> tuple[tf.DType, str]:
    """The compute type, and the reason in words for the log."""
    if precision != "auto":
        return tf.as_dtype(precision), "asked for"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        fast = capability >= FIRST_GPU_WITH_BFLOAT16
        return (tf.bfloat16 if fast else tf.float32), f"GPU of compute capability {capability[0]}.{capability[1]}"
    found = sorted(FAST_BFLOAT16_FLAGS & cpu_flags())
    return (tf.bfloat16, f"CPU has {', '.join(found)}") if found else (tf.float32, "CPU has no fast bfloat16")


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The processor's feature flags; empty where the system does not tell."""
    if not cpuinfo.exists():
        return frozenset()
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    return next((frozenset(value.split()) for name, _, value in lines if name.strip() == "flags"), frozenset())
