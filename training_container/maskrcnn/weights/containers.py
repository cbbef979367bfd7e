"""Files and folders that hold weights, read into arrays by name: .npz, TensorFlow checkpoints, Keras, archives."""

from __future__ import annotations

import re
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from maskrcnn.evaluation import artifact
from maskrcnn.program import JobError
from maskrcnn.training import array_file
from maskrcnn.training.checkpoint import PREFIX, STATE, SUFFIX
from maskrcnn.weights.arrays import Arrays, WeightsError
from maskrcnn.weights.own import FILE_NAME, LAYOUT, MARKER

MAX_BYTES = 8_000_000_000
"""Of all arrays of a file together; a model of this project with its optimizer takes less than one."""
KERAS_MEMBER = "model.weights.h5"
MODEL_CARD = "model.json"
_TF_SHARD = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_OLD_KIND = re.compile(r"_(W|b|gamma|beta|running_mean|running_std)(_\d+)?$")
_KINDS = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
_VARS = {1: ("kernel",), 2: ("kernel", "bias"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}
"""What a layer's numbered variables are in Keras 3, by their count."""


def read(path: Path) -> Arrays:
    """Every array of a file or folder, whatever its kind.

    Args:
        path: An .npz, an HDF5 or .keras file of Keras, a model.tar.gz; a TensorFlow checkpoint by its prefix or one
            of its files; or a folder with a model, checkpoints, or one such file.

    Raises:
        WeightsError: there is nothing there, or nothing that can be read.
    """
    try:
        return _read_folder(path) if path.is_dir() else _read_file(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, tf.errors.OpError,
            array_file.DamagedFileError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path}: cannot be read ({error}): it is damaged or cut off, copy it again") from error
    except MemoryError as error:
        raise WeightsError(f"{path}: its arrays do not fit into the memory: are they weights of a model?") from error


def _read_folder(folder: Path) -> Arrays:
    own = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
    if (folder / FILE_NAME).exists():
        return _read_file(folder / FILE_NAME)
    if (folder / artifact.ARTIFACT).exists():
        return _read_file(folder / artifact.ARTIFACT)
    if own:
        return _read_file(own[-1])
    state = tf.train.get_checkpoint_state(str(folder))
    if state:
        # By its name alone: the path in it may be one of the machine that trained.
        return _read_tf_checkpoint(folder / Path(state.model_checkpoint_path).name)
    files = sorted(p for p in folder.iterdir() if p.suffix in {".npz", ".h5", ".hdf5", ".keras", ".index"})
    if len(files) != 1:
        raise WeightsError(f"{folder}: holds {len(files)} files of weights: name one of them"
                           f"{': ' + ', '.join(p.name for p in files) if files else ''}")
    return _read_file(files[0])


def _read_file(path: Path) -> Arrays:
    prefix = path.with_name(_TF_SHARD.sub("", path.name))
    if prefix.with_name(f"{prefix.name}.index").exists():
        return _read_tf_checkpoint(prefix)
    if path.name == "checkpoint" and path.exists():
        return _read_folder(path.parent)
    if not path.exists():
        raise WeightsError(f"{path}: does not exist")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            _check_size(path, sum(member.file_size for member in archive.infolist()))
        return _read_keras_zip(path) if KERAS_MEMBER in names else _read_npz(path)
    if h5py.is_hdf5(path):
        return _read_hdf5(path)
    if tarfile.is_tarfile(path):
        return _read_archive(path)
    raise WeightsError(f"{path}: neither .npz, HDF5, .keras, model.tar.gz nor a TensorFlow checkpoint "
                       "(docs/weights.md): is it only a pointer of Git LFS, or an error page?")


def _read_npz(path: Path) -> Arrays:
    arrays = array_file.read(path)
    ours_beside = (path.parent / MODEL_CARD).exists() or any(path.parent.glob(f"{PREFIX}*{SUFFIX}"))
    if STATE in arrays or ours_beside:
        arrays.pop(STATE, None)
        arrays.setdefault(MARKER, np.array(LAYOUT))
    return arrays


def _read_archive(path: Path) -> Arrays:
    with tempfile.TemporaryDirectory() as folder:
        try:
            artifact.unpack_archive(path, Path(folder))
        except JobError as error:
            raise WeightsError(str(error)) from error
        return _read_folder(Path(folder))


def _read_tf_checkpoint(prefix: Path) -> Arrays:
    reader = tf.train.load_checkpoint(str(prefix))
    names = {name: name for name in reader.get_variable_to_shape_map() if name != _OBJECT_GRAPH}
    if reader.has_tensor(_OBJECT_GRAPH):
        graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(_OBJECT_GRAPH))
        # An object's path says where it hung in the program; the variable's own name is what we know it by.
        own_names = {a.checkpoint_key: a.full_name for node in graph.nodes for a in node.attributes if a.full_name}
        names = {key: own_names.get(key, key) for key in names}
    return {name: np.asarray(reader.get_tensor(key)) for key, name in names.items()}


def _read_keras_zip(path: Path) -> Arrays:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        return _read_hdf5(Path(archive.extract(KERAS_MEMBER, folder)))


def _read_hdf5(path: Path) -> Arrays:
    """Datasets as `layer/kind`, whichever version of Keras laid them out."""
    arrays: Arrays = {}
    found: list[tuple[str, Any]] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            found.append((name, item))

    with h5py.File(path) as file:
        file.visititems(visit)
        _check_size(path, sum(item.nbytes for _, item in found))
        for name, item in found:
            # Such arrays are read from any file that the program may read, and would leave with the model.
            if item.external or item.is_virtual:
                raise WeightsError(f"{path}: {name} lies in another file: save the weights in one file")
            arrays[_keras_name(name, item)] = item[()]
    return arrays


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise WeightsError(f"{path}: holds arrays of {size:,} bytes, and {MAX_BYTES:,} are read at most: "
                           "these are no weights of such a model")


def _keras_name(name: str, dataset: Any) -> str:
    *folders, last = name.removesuffix(":0").split("/")
    if folders and folders[-1] == "vars":
        kinds = _VARS.get(len(dataset.parent))
        layer = dataset.parent.attrs.get("name", folders[-2] if len(folders) > 1 else "")
        return f"{layer}/{kinds[int(last)] if kinds else last}"
    if match := _OLD_KIND.search(last):
        return f"{folders[-1] if folders else ''}/{_KINDS.get(match[1], match[1])}"
    return "/".join([*folders, last][-2:])
