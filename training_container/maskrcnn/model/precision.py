"""Which number type the convolutions compute in, decided by what the machine is good at."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from maskrcnn.model.config import Precision

FAST_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
FIRST_GPU_WITH_BFLOAT16 = (8, 0)  # compute capability of Ampere: A10G, A100, L4 and newer
FIRST_GPU_WITH_FAST_FLOAT16 = (7, 0)  # of Volta; T4 has 7.5


def choose(precision: Precision) -> tuple[tf.DType, str]:
    """The compute type, and the reason in words for the log.

    float16 is for GPUs: a CPU takes its own best type instead, so that a model trained in float16 serves anywhere.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if precision == "float16" and not gpus:
        dtype, reason = _for_cpu()
        return dtype, f"float16 asked for, which needs a GPU; {reason}"
    if precision != "auto":
        return tf.as_dtype(precision), "asked for"
    if not gpus:
        return _for_cpu()
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
    return _for_gpu(capability), f"GPU of compute capability {capability[0]}.{capability[1]}"


def _for_gpu(capability: tuple[int, int]) -> tf.DType:
    if capability >= FIRST_GPU_WITH_BFLOAT16:
        return tf.bfloat16
    return tf.float16 if capability >= FIRST_GPU_WITH_FAST_FLOAT16 else tf.float32


def _for_cpu() -> tuple[tf.DType, str]:
    found = sorted(FAST_BFLOAT16_FLAGS & cpu_flags())
    return (tf.bfloat16, f"CPU has {', '.join(found)}") if found else (tf.float32, "CPU has no fast bfloat16")


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The processor's feature flags; empty where the system does not tell."""
    if not cpuinfo.exists():
        return frozenset()
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    return next((frozenset(value.split()) for name, _, value in lines if name.strip() == "flags"), frozenset())
