"""Amazon Lookout for Vision manifests: JSON lines with source-ref, an image-level label and, at best, a mask.

A normal image is background. An anomalous one with a mask has an object for every connected part of each colour;
without a mask nobody knows where its defects are, so it is set aside.
Source: docs.aws.amazon.com, "Amazon Lookout for Vision developer guide", "Defining JSON lines for image segmentation".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from app.contracts.uploads import LabelFormat
from maskrcnn.data import mask_pictures, split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.image_index import ImageIndex, root_of
from maskrcnn.data.importers.machine_masks import objects_of_colours
from maskrcnn.data.importers.parsing import MALFORMED, reading_file, rejected, text_of
from maskrcnn.data.path_index import ImageNames, is_image_name
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.tree import UploadTree

_SUFFIXES = (".manifest", ".jsonl", ".json")
_CLASSIFICATION, _SEGMENTATION = "groundtruth/image-classification", "groundtruth/semantic-segmentation"
_BACKGROUND = "BACKGROUND"
NO_MASK = "is said to be defective, but nobody drew where: it is set aside; draw the defects and upload it again"


class LookoutImporter:
    """Reads manifests; the s3:// names find their images and masks by their trailing folders."""

    name: LabelFormat = "lookout"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: JSON lines with source-ref and an image classification."""
        found = []
        for path in tree.paths:
            if path.lower().endswith(_SUFFIXES) and _is_manifest(tree.read(path)):
                found.append(DataSet(root_of(path), self.name, (path,), (), _masks(tree, path)))
        return found

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        file = data_set.files[0]
        split = split_names.of_file(PurePosixPath(file).stem)
        is_mask = frozenset(data_set.belongings).__contains__
        photographs = ImageIndex.of_upload(tree, data_set.root, split, is_mask)
        masks = ImageIndex(ImageNames(data_set.belongings))
        for number, line in enumerate(text_of(tree, file).splitlines(), 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                image = photographs.find(str(entry["source-ref"]))
            except BadItemError as bad:
                yield Rejected(bad.finding(file), (file,))
                continue
            except MALFORMED as problem:
                message = f"line {number} is broken ({type(problem).__name__}: {problem}): export it again"
                yield rejected(file, "annotation-unreadable", message)
                continue
            try:
                with reading_file(file):
                    yield _sample(tree, data_set, entry, image, photographs, masks)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, file), bad.rule != "defect-without-mask")


def _is_manifest(body: bytes) -> bool:
    try:
        entry = json.loads(body.lstrip().split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(entry, dict) and "source-ref" in entry and _attribute(entry, _CLASSIFICATION) is not None


def _attribute(entry: dict[str, Any], kind: str) -> str | None:
    """The attribute whose -metadata has this type; Lookout's own names are anomaly-label and anomaly-mask-ref."""
    for key, value in entry.items():
        if key.endswith("-metadata") and isinstance(value, dict) and value.get("type") == kind:
            return key.removesuffix("-metadata")
    return None


def _masks(tree: UploadTree, manifest: str) -> tuple[str, ...]:
    """The mask pictures that the manifest names, so that nobody takes them for photographs."""
    pictures = ImageIndex.of_upload(tree, root_of(manifest))
    masks = []
    for line in tree.read(manifest).splitlines():
        try:
            entry = json.loads(line)
            masks.append(pictures.find(str(entry[str(_attribute(entry, _SEGMENTATION))])))
        except (*MALFORMED, BadItemError):
            continue  # reading says what is wrong
    return tuple(path for path in masks if is_image_name(path))


def _sample(
    tree: UploadTree,
    data_set: DataSet,
    entry: dict[str, Any],
    image: str,
    photographs: ImageIndex,
    masks: ImageIndex,
) -> Sample:
    label = str(_attribute(entry, _CLASSIFICATION))
    is_anomaly = bool(int(entry[label]))
    mask = _attribute(entry, _SEGMENTATION)
    shapes: tuple[LabelledShape, ...] = ()
    size = None
    if mask and mask in entry:
        values = mask_pictures.colours_of(tree.read(masks.find(str(entry[mask]))))
        size = (values.shape[1], values.shape[0])
        shapes = _objects(values, entry[f"{mask}-metadata"]["internal-color-map"])
    if is_anomaly and not shapes:
        raise BadItemError("defect-without-mask", "image", NO_MASK)
    tags = (str(entry.get(f"{label}-metadata", {}).get("class-name") or ("anomaly" if is_anomaly else "normal")),)
    file = data_set.files[0]
    return Sample(image, file, data_set.name_of(image), size, shapes, tags, photographs.split_of(image))


def _objects(values: mask_pictures.Values, colour_map: dict[str, dict[str, Any]]) -> tuple[LabelledShape, ...]:
    """By the internal-color-map: {"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"}, ...}."""
    named = {int(str(v["hex-color"]).lstrip("#"), 16): str(v["class-name"]) for v in colour_map.values()}
    background = next((colour for colour, name in named.items() if name.upper() == _BACKGROUND), 0xFFFFFF)
    return objects_of_colours(values, named, background)
