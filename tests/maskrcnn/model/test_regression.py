"""Tiny networks compute what they computed when the big one was shown to equal tensorpack (fixtures/make.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FIXTURES = Path(__file__).parent / "fixtures"
TOLERANCE, GRADIENT_TOLERANCE = 1e-4, 2e-3
"""Relative, as norms. Convolutions for AVX-512, AVX2 and SSE4.1 differ by 5e-6, the cascade's gradients by 3e-4."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Made by a process of its own, because sums in one order are chosen for a whole process."""
    file = tmp_path_factory.mktemp("regression") / "found.npz"
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run([sys.executable, FIXTURES / "make.py", file], check=True,  # noqa: S603
                   env={**os.environ, "TF_DETERMINISTIC_OPS": "1", "PYTHONPATH": paths})
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("network", ["fpn", "c4", "cascade", "joint"])
def test_nothing_has_drifted(found, network):
    with np.load(FIXTURES / "regression.npz") as arrays:
        stored = {name: arrays[name] for name in arrays.files if name.startswith(f"{network}/")}
    assert {name for name in found if name.startswith(f"{network}/")} == set(stored)
    for name, value in stored.items():
        tolerance = GRADIENT_TOLERANCE if name.endswith("/gradients") else TOLERANCE
        assert found[name].shape == value.shape, name
        assert np.linalg.norm(found[name] - value) <= tolerance * np.linalg.norm(value), name
