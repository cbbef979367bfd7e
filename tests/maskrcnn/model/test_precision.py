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


def test_flags_are_read_from_cpuinfo(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: fpu avx2\n")
    assert precision.cpu_flags(tmp_path / "cpuinfo") == {"fpu", "avx2"}
    assert precision.cpu_flags(tmp_path / "absent") == frozenset()
