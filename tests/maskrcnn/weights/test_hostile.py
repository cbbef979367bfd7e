"""Files of weights that somebody made to do harm: refused with a sentence, and nothing of theirs is run or read."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from maskrcnn.weights import containers
from maskrcnn.weights.arrays import WeightsError


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_in_an_npz_is_not_run(tmp_path: Path) -> None:
    witness, weights = tmp_path / "witness", tmp_path / "weights.npz"
    bait = np.array([Touch(witness)], dtype=object)
    np.savez(weights, conv0=bait)
    with pytest.raises(WeightsError, match="cannot be read"):
        containers.read(weights)
    assert not witness.exists()
    with np.load(weights, allow_pickle=True) as opened:  # the trap itself works
        opened["conv0"]
    assert witness.exists()


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".keras", ""])
def test_a_bare_pickle_is_not_run(tmp_path: Path, suffix: str) -> None:
    witness, weights = tmp_path / "witness", tmp_path / f"weights{suffix}"
    weights.write_bytes(pickle.dumps(Touch(witness)))
    with pytest.raises(WeightsError):
        containers.read(weights)
    assert not witness.exists()


def test_an_array_that_lies_in_another_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"password")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("conv1/kernel", (8,), "u1", external=[(str(tmp_path / "secret"), 0, 8)])
        assert bytes(file["conv1/kernel"][()]) == b"password"
    with pytest.raises(WeightsError, match="conv1/kernel lies in another file: save the weights in one file"):
        containers.read(tmp_path / "w.h5")


def test_a_virtual_array_is_not_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["data"] = np.arange(4)
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data", (4,))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_virtual_dataset("conv1/kernel", layout)
    with pytest.raises(WeightsError, match="lies in another file"):
        containers.read(tmp_path / "w.h5")


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["conv2/kernel"] = np.arange(4)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["conv1/kernel"] = np.arange(3)
        file["conv2"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/conv2")
    assert containers.read(tmp_path / "w.h5").keys() == {"conv1/kernel"}


def test_an_array_that_only_claims_to_be_large_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("conv1/kernel", (10**12,), "f4", chunks=(1024,))
    assert (tmp_path / "w.h5").stat().st_size < 10_000
    with pytest.raises(WeightsError, match="holds arrays of 4,000,000,000,000 bytes, and 8,000,000,000 are read"):
        containers.read(tmp_path / "w.h5")


def test_an_npz_that_would_unpack_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_BYTES", 1_000_000)
    np.savez_compressed(tmp_path / "w.npz", conv0=np.zeros(1_000_000, np.float32))
    assert (tmp_path / "w.npz").stat().st_size < 10_000
    with pytest.raises(WeightsError, match="these are no weights of such a model"):
        containers.read(tmp_path / "w.npz")


def test_a_header_that_claims_more_than_the_memory_is_named(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000000,), }"
    header += b" " * (117 - len(header)) + b"\n"
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as bundle:
        bundle.writestr("conv0.npy", body)
    with pytest.raises(WeightsError, match=r"cannot be read|do not fit into the memory"):
        containers.read(tmp_path / "w.npz")


def test_only_the_weights_of_a_keras_file_are_opened(tmp_path: Path) -> None:
    """A Lambda layer in config.json may hold code; a name with `..` may not leave the scratch folder."""
    with h5py.File(tmp_path / "inner.h5", "w") as file:
        file["layers/conv/vars/0"] = np.arange(4)
    with zipfile.ZipFile(tmp_path / "w.keras", "w") as bundle:
        bundle.write(tmp_path / "inner.h5", "model.weights.h5")
        bundle.writestr("config.json", '{"class_name": "Lambda", "config": {"function": "boom"}}')
        bundle.writestr("../evil", b"x")
    assert list(containers.read(tmp_path / "w.keras")) == ["conv/kernel"]
    assert not list(tmp_path.parent.rglob("evil"))
