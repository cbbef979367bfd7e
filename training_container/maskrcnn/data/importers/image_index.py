"""Where the image of a label lies: by the words people use for folders of labels, images and splits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from app.contracts.dataset import Split
from maskrcnn.data import split_names
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.path_index import ImageNames
from maskrcnn.data.tree import UploadTree, join, parent

_LABEL_FOLDERS = frozenset({
    "annotation", "annotations", "ann", "anns", "label", "labels", "json", "xml", "txt", "labelme", "via",
    "voc", "yolo", "mask", "masks", "gt", "ground_truth", "groundtruth", "segmentation", "segmentations",
    "instances", "instance_masks", "semantic", "semantic_masks", "masks_machine",
})
_DRAWN_FOLDERS = frozenset({
    "mask", "masks", "gt", "ground_truth", "groundtruth", "segmentation", "segmentations", "segmentationclass",
    "segmentationobject", "instances", "instance_masks", "semantic", "semantic_masks", "masks_machine", "masks_human",
    "masks_instances",
})
_IMAGE_FOLDERS = frozenset(["image", "images", "img", "imgs", "jpegimages", "photo", "photos", "photographs"])


def root_of(path: str) -> str:
    """The data set's folder: where the file lies, or above it when that is annotations/, images/, train/, ..."""
    folder = parent(path)
    while folder and (_is_kind(PurePosixPath(folder).name) or split_names.of_folder(PurePosixPath(folder).name)):
        folder = parent(folder)
    return folder


def split_of(path: str) -> Split | None:
    """The split that the innermost folder with such a name says."""
    for part in reversed(PurePosixPath(parent(path)).parts):
        if split := split_names.of_folder(part):
            return split
    return None


def is_drawn(path: str) -> bool:
    """True for a picture in a folder of masks: it is hardly a photograph."""
    return not _DRAWN_FOLDERS.isdisjoint(part.lower() for part in PurePosixPath(parent(path)).parts)


def _is_kind(folder: str) -> bool:
    return folder.lower() in _LABEL_FOLDERS | _IMAGE_FOLDERS


class ImageIndex:
    """Finds images by the name that a label gives, or by the label's own name.

    Args:
        names: Where to look.
        root: The data set's folder; an image in it is preferred, one in another upload is not looked at.
        split: What the annotation file says about the split of all of its images.
        is_mask: Tells pictures that are none of the images.
    """

    def __init__(
        self,
        names: ImageNames,
        root: str = "",
        split: Split | None = None,
        is_mask: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._names, self._root, self._split, self._is_mask = names, root, split, is_mask
        upload = root.partition("/")[0]
        self._scope = f"{upload}/" if upload else ""

    @classmethod
    def of_upload(
        cls,
        tree: UploadTree,
        root: str,
        split: Split | None = None,
        is_mask: Callable[[str], bool] = lambda _: False,
    ) -> ImageIndex:
        """All images of the upload that the data set lies in."""
        return cls(tree.images, root, split, is_mask)

    def has_stem(self, stem: str) -> bool:
        """Whether an image has this name without its suffix."""
        return bool(self._usable(self._names.by_stem.get(stem)))

    def _usable(self, paths: list[str] | None) -> list[str]:
        return [p for p in paths or () if p.startswith(self._scope) and not self._is_mask(p)]

    def find(self, file_name: str) -> str:
        """The image most like `file_name`: by trailing folders, then no mask, the split, and the data set.

        Raises:
            BadItemError: there is none, or more than one.
        """
        wanted = PurePosixPath(file_name.replace("\\", "/"))
        ranked = sorted(
            ((self._likeness(path, wanted), path) for path in self._usable(self._names.by_name.get(wanted.name))),
            reverse=True,
        )
        if not ranked:
            raise BadItemError(
                "label-without-image",
                f"image {file_name}",
                f"lists {file_name}, which was not uploaded: upload the image, or remove it from the file",
            )
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise BadItemError(
                "image-ambiguous",
                f"image {file_name}",
                f"lists {file_name}, which could be {ranked[1][1]} or {ranked[0][1]}: write the folder into file_name",
            )
        return ranked[0][1]

    def partner(self, label: str, file_name: str = "", stem: str = "") -> str:
        """The image of a label file of its own, in the folder that matches the label's: labels/train, images/train.

        Args:
            label: Path of the label file.
            file_name: The image's name where the label gives one; its folder is ignored.
            stem: The image's name without suffix, the label's unless given.

        Raises:
            BadItemError: there is none, or more than one.
        """
        stem = stem or PurePosixPath(label).stem
        name = PurePosixPath(file_name.replace("\\", "/")).name
        beside = self._usable(self._names.by_place.get(join(parent(label), PurePosixPath(name).stem or stem)))
        if len(beside) == 1:  # equal names in thousands of folders need no ranking then
            return beside[0]
        candidates = self._usable(self._names.by_name.get(name)) or self._usable(self._names.by_stem.get(stem))
        ranked = sorted(((_match(path, label), path) for path in candidates), reverse=True)
        if not ranked:
            raise BadItemError(
                "label-without-image",
                "annotation",
                f"has no image {name or stem + '.*'}: upload the image, or delete the label",
            )
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise BadItemError(
                "image-ambiguous",
                "annotation",
                f"could label {ranked[1][1]} or {ranked[0][1]}: put labels and images into folders of the same name",
            )
        return ranked[0][1]

    def split_of(self, path: str) -> Split | None:
        """The split that the annotation file says, else the one its image's folder says."""
        return self._split or split_of(path)

    def _likeness(self, path: str, wanted: PurePosixPath) -> tuple[int, bool, bool, bool]:
        common = _common(PurePosixPath(path).parts, wanted.parts)
        same_split = self._split is not None and split_of(path) == self._split
        return common, not is_drawn(path), same_split, not self._root or path.startswith(self._root + "/")


def _match(image: str, label: str) -> tuple[bool, bool, int, int]:
    """How well folders fit: the same one, else no mask, the most common trailing ones and the fewest others."""
    ours, theirs = ([part for part in PurePosixPath(parent(p)).parts if not _is_kind(part)] for p in (image, label))
    common = _common(ours, theirs)
    return parent(image) == parent(label), not is_drawn(image), common, 2 * common - len(ours) - len(theirs)


def _common(ours: Iterable[str], theirs: Iterable[str]) -> int:
    """How many parts are equal, from the end."""
    common = 0
    for have, want in zip(reversed(tuple(ours)), reversed(tuple(theirs)), strict=False):
        if have != want:
            break
        common += 1
    return common
