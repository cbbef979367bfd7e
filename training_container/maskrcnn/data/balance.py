"""Classes that the splits leave out although somebody drew them, in words a person can act on."""

from __future__ import annotations

from collections.abc import Iterable

from app.contracts.dataset import ClassStatistics, Finding
from maskrcnn.data import findings

_DATA_SET = "data set"
"""What such a finding is about, where others name a file."""


def left_out(statistics: Iterable[ClassStatistics]) -> list[Finding]:
    """A warning for each class that is drawn somewhere, but not in train, or not in test.

    The draw sees to every class, so this remains where uploads say their splits, or where one part shows it all.
    """
    found = []
    for entry in statistics:
        total = sum(entry.images.values())
        if total and not entry.images.get("train"):
            found.append(_warning(entry, total, "class-not-trained", "train: the model cannot learn it: upload "
                                  "photographs of other parts that show it"))
        elif total and not entry.images.get("test"):
            found.append(_warning(entry, total, "class-not-tested", "test: nobody learns how well it is found: upload "
                                  "photographs of other parts that show it, or call some of them test"))
    return found


def _warning(entry: ClassStatistics, total: int, rule: str, where: str) -> Finding:
    shown = "1 image shows" if total == 1 else f"{total} images show"
    return findings.warning(_DATA_SET, f"class {entry.name}", rule, f"{shown} {entry.name}, none of them in {where}")
