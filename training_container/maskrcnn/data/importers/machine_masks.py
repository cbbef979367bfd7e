"""Supervisely's "export as masks" without ann/: masks_machine/ and obj_class_to_machine_color.json.

Later objects painted over earlier ones and touching objects of a class became one: the export with ann/ keeps them
apart and is read instead where it is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import numpy as np

from app.contracts.uploads import LabelFormat
from maskrcnn.data import mask_pictures
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.importers.image_index import ImageIndex
from maskrcnn.data.importers.parsing import MALFORMED, rejected
from maskrcnn.data.path_index import ImageNames, is_image_name
from maskrcnn.data.samples import DataSet, LabelledShape, Rejected, Sample
from maskrcnn.data.tree import UploadTree, below, join, parent

_COLOURS = "obj_class_to_machine_color.json"
_FOLDER = "masks_machine"


class MachineMasksImporter:
    """Reads the colour of each class; the connected parts of a class are its objects."""

    name: LabelFormat = "machine-masks"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: a folder masks_machine with the list of colours in the project above."""
        found = []
        for folder in sorted(tree.folders):
            home = parent(folder)
            colours = join(parent(home), _COLOURS)
            if PurePosixPath(folder).name == _FOLDER and colours in tree:
                masks = tuple(path for path in tree.folders[folder] if is_image_name(path))
                others = (join(home, "masks_human"), join(home, "masks_instances"))
                meta = join(parent(home), "meta.json")
                found.append(DataSet(parent(home), self.name, masks, others, (colours, *([meta] * (meta in tree)))))
        return [data_set for data_set in found if data_set.files]

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        home = parent(parent(data_set.files[0]))
        try:
            document = json.loads(tree.read(join(data_set.root, _COLOURS)))
            class_of = {mask_pictures.colour_value(*map(int, colour)): str(name) for name, colour in document.items()}
        except MALFORMED as problem:
            message = f'is broken ({problem}): it has to read {{"class": [1, 1, 1], ...}}'
            yield rejected(join(data_set.root, _COLOURS), "annotation-unreadable", message, *data_set.files)
            return
        images = ImageIndex(ImageNames(below(tree.paths, join(home, "img"))))
        for mask in data_set.files:
            try:
                image = images.partner(mask)
            except BadItemError as bad:
                yield Rejected(bad.finding(mask), (mask,))
                continue
            try:
                values = mask_pictures.colours_of(tree.read(mask))
                shapes = objects_of_colours(values, class_of)
            except BadItemError as bad:
                yield Rejected(bad.finding(image), (image, mask))
                continue
            size = (values.shape[1], values.shape[0])
            yield Sample(image, mask, data_set.name_of(image), size, shapes, (), images.split_of(image))


def objects_of_colours(
    values: mask_pictures.Values, class_of: Mapping[int, str], background: int = 0
) -> tuple[LabelledShape, ...]:
    """The connected parts of each class colour, by colour.

    Args:
        values: [height, width] colour values.
        class_of: Colour value -> class.
        background: The colour that is nothing.

    Raises:
        BadItemError: a colour means no class.
    """
    present = [int(value) for value in np.unique(values) if value != background]
    unknown = [value for value in present if value not in class_of]
    if unknown:
        message = f"has the colour #{unknown[0]:06x} in its mask, which is no class: export masks and colours together"
        raise BadItemError("unknown-colour", "annotation", message)
    return tuple(
        LabelledShape(class_of[value], part) for value in present for part in mask_pictures.components(values == value)
    )
