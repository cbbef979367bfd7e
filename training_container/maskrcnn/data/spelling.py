"""Names of classes: what an alias makes of them, and which two are probably one, spelt in two ways."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Collection, Mapping

from maskrcnn.data.samples import Sample

LIKENESS = 0.85
"""difflib's ratio: one wrong letter of seven, or two of fourteen."""


def renamed(sample: Sample, aliases: Mapping[str, str]) -> Sample:
    """The same sample with the class names that aliases stand for; several names may stand for one class."""
    if not aliases:
        return sample
    shapes = tuple(
        dataclasses.replace(shape, class_name=aliases.get(shape.class_name, shape.class_name))
        for shape in sample.shapes
    )
    return dataclasses.replace(sample, shapes=shapes)


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known class that is spelt most like a name, whatever its case."""
    by_key = {_plain(other): other for other in sorted(known)}
    match = difflib.get_close_matches(_plain(name), list(by_key), n=1)
    return by_key[match[0]] if match else None


def look_alikes(counts: Mapping[str, int], part_classes: Collection[str] = ()) -> list[tuple[str, str]]:
    """Classes that are probably another one, misspelt: (name, the name that is probably meant), sorted.

    Args:
        counts: Class -> number of objects; of two alike the rarer one is taken for the slip.
        part_classes: Names that are right whether they occur or not.
    """
    pairs = []
    for name in sorted(counts):
        better = [
            other
            for other in {*counts, *part_classes} - {name}
            if name not in part_classes
            and (other in part_classes or (counts[other], other) > (counts[name], name))
            and _alike(name, other)
        ]
        if better:
            pairs.append((name, max(better, key=lambda other: (other in part_classes, counts.get(other, 0), other))))
    return pairs


def _alike(one: str, other: str) -> bool:
    """Equal but for case, spaces and punctuation, or nearly; names that differ in a number only are two classes."""
    if re.sub(r"\D", "", one) != re.sub(r"\D", "", other):
        return False
    plain, same = _plain(one), _plain(other)
    return plain == same or difflib.SequenceMatcher(None, plain, same).ratio() >= LIKENESS


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold() or name
