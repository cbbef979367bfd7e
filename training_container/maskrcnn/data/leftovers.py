"""What no data set claims, so that nothing is lost silently."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from app.contracts.dataset import Finding
from app.contracts.uploads import is_archive
from maskrcnn.data import findings
from maskrcnn.data.importers.image_index import is_drawn
from maskrcnn.data.path_index import is_image_name
from maskrcnn.data.samples import Rejected
from maskrcnn.data.tree import UploadTree, is_paper

_LABEL_SUFFIXES = frozenset({".json", ".jsonl", ".manifest", ".txt", ".xml", ".csv", ".yaml", ".yml"})
_PACKED_SUFFIXES = frozenset({".7z", ".rar", ".gz", ".bz2", ".xz"})


def leftovers(tree: UploadTree, claimed: Collection[str]) -> tuple[list[Rejected], list[Finding]]:
    """Sort what is left.

    Returns:
        Errors for photographs, broken JSON and archives that were not unpacked; warnings for labels and masks that
        nobody reads.
    """
    lost: list[Rejected] = []
    unused: list[Finding] = []
    for path in tree.paths:
        suffix = PurePosixPath(path).suffix.lower()
        refused = is_archive(path) and path not in tree.places  # unpack has said why
        if path in claimed or refused:
            continue
        if is_image_name(path) and is_drawn(path):
            unused.append(findings.warning(path, "file", "file-unused", _UNUSED_MASK))
        elif is_image_name(path):
            lost.append(_lost(path, "image", "image-without-label", _NO_LABEL))
        elif suffix == ".json" and not _is_json(tree.local(path)):
            lost.append(_lost(path, "annotation", "annotation-unreadable", "is no valid JSON: export it again"))
        elif suffix in _PACKED_SUFFIXES or is_archive(path):
            lost.append(_lost(path, "archive", "archive-not-unpacked", _NOT_UNPACKED))
        elif suffix in _LABEL_SUFFIXES and not is_paper(path):
            unused.append(findings.warning(path, "file", "file-unused", _UNUSED))
    return lost, unused


_NO_LABEL = (
    "belongs to no labelled data set: label it, or add it to the annotations without objects if it is background"
)
_NOT_UNPACKED = "is not unpacked: upload its folder, or pack it as one zip or tar"
_UNUSED_MASK = "is a mask that belongs to no photograph or is not read here: nothing of it was used"
_UNUSED = "is no label of a format that Castline reads, or labels no image: nothing of it was used"


def _lost(path: str, object_name: str, rule: str, message: str) -> Rejected:
    return Rejected(findings.error(path, object_name, rule, message), (path,))


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return True
