"""The number type by the machine's abilities."""

from __future__ import annotations

import pytest
import tensorflow as tf
from maskrcnn.model import precision


@pytest.mark.parametrize(
    ("flags", "expected"), [("fpu avx512_bf16", tf.bfloat16), ("amx_bf16 sse", tf.bfloat16), ("avx512f", tf.float32)]
)
def test_auto_follows_the_flags_of_the_cpu(monkeypatch, flags, expected):
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert precision.choose("auto")[0] == expected


def test_asked_for_is_obeyed():
    assert precision.choose("bfloat16") == (tf.bfloat16, "asked for")


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((9, 0), tf.bfloat16), ((8, 6), tf.bfloat16), ((7, 5), tf.float16), ((6, 1), tf.float32)])
def test_auto_follows_the_compute_capability_of_the_gpu(monkeypatch, capability, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": capability})
    assert precision.choose("auto") == (expected, f"GPU of compute capability {capability[0]}.{capability[1]}")


def test_model_trained_in_float16_serves_on_a_cpu_in_the_type_that_suits_it(monkeypatch):
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    dtype, reason = precision.choose("float16")
    assert dtype == tf.bfloat16
    assert "needs a GPU" in reason


def test_flags_are_read_from_cpuinfo(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: fpu avx2\n")
    assert precision.cpu_flags(tmp_path / "cpuinfo") == {"fpu", "avx2"}
    assert precision.cpu_flags(tmp_path / "absent") == frozenset()
