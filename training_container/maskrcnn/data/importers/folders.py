"""Folders that say only which castings are good: ok/ and def/.

A photograph in ok/ is background: it has no defect. One in def/ has defects that nobody drew; as background it
would teach the model to overlook them, so it is set aside until somebody draws them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from app.contracts.uploads import LabelFormat
from maskrcnn.data import findings, verdict_words
from maskrcnn.data.importers.image_index import root_of, split_of
from maskrcnn.data.importers.lookout import NO_MASK
from maskrcnn.data.path_index import is_image_name
from maskrcnn.data.samples import DataSet, Rejected, Sample
from maskrcnn.data.tree import UploadTree, parent


class FoldersImporter:
    """Reads photographs that no other label mentions, by the folder they lie in."""

    name: LabelFormat = "folders"

    def find(self, tree: UploadTree) -> list[DataSet]:
        """See Importer: folders called ok or def, or like these (good, normal, ng, bad, def_front)."""
        found = []
        for folder, paths in sorted(tree.folders.items()):
            images = tuple(path for path in paths if is_image_name(path))
            if images and verdict_words.of_folder(folder):
                found.append(DataSet(root_of(folder), self.name, images))
        return found

    def read(self, tree: UploadTree, data_set: DataSet) -> Iterator[Sample | Rejected]:
        """See Importer."""
        for image in data_set.files:
            folder = parent(image)
            if verdict_words.of_folder(folder) == "ok":
                tags = (PurePosixPath(folder).name,)
                yield Sample(image, image, data_set.name_of(image), None, (), tags, split_of(image), is_weak=True)
            else:
                finding = findings.error(image, "image", "defect-without-mask", NO_MASK)
                yield Rejected(finding, (image,), is_fault=False)
