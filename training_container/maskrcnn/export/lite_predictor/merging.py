"""One answer from the views of an image: every object once, and none cut at a seam of the tiles.

The steps of maskrcnn.tiling.merging, which says why, without TensorFlow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .mask_areas import Index, SmallMasks, area, both
from .views import WHOLE, Places

SAME_OBJECT = 0.5
"""IoU of two fragments' masks in the strip that both tiles see, from which they are of one object."""
COVERED = 0.5
"""Above this share of the smaller mask two detections of different views are of one object."""
CANDIDATES = 1000
"""Most detections that are compared with each other, the best ones."""
OF_SEVERAL = -2
"""From here down: view numbers of objects that were put together from several tiles."""


class Raw(NamedTuple):
    """N detections of the views of an image, in its pixels."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    masks: NDArray[np.float32]
    """[N, m, m] probabilities inside the box; m = 0 where the network finds boxes alone."""
    numbers: NDArray[np.int32]
    """Of the view of each."""

    def taken(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Raw:
        """Some of them, in that order."""
        return Raw(self.boxes[index], self.scores[index], self.class_ids[index], self.masks[index], self.numbers[index])


def merge(found: Raw, places: Places, keep: int) -> Raw:
    """At most `keep` objects of the image, by falling score."""
    found, cut = _large_or_whole(found, places)
    found, cut = _united(found, cut, places)
    overlaps = _overlaps(found, cut)
    # Who sees an object whole is right about it; a fragment may still be surer that it is there.
    kept = _thinned(overlaps, np.where(cut, found.scores, found.scores + 1))
    fragments = np.where((overlaps > COVERED) & cut[None] & ~cut[:, None], found.scores[None], 0)
    found = found._replace(scores=np.maximum(found.scores, fragments.max(1, initial=0)))
    return _best(found.taken(kept), keep)


def _large_or_whole(found: Raw, places: Places) -> tuple[Raw, NDArray[np.bool_]]:
    """Without fragments of what another tile sees whole; [N] bool: which of the rest are fragments."""
    boxes, tiles = found.boxes[:, None], places.whole[None]
    inside = (boxes[..., :2] >= tiles[..., :2]) & (boxes[..., 2:] <= tiles[..., 2:])
    seen: NDArray[np.bool_] = np.all(inside, axis=2)
    of_tile: NDArray[np.bool_] = found.numbers[:, None] == np.arange(len(places.whole))
    uncut = (found.numbers == WHOLE) | np.any(seen & of_tile, axis=1)
    chosen = np.flatnonzero(uncut | ~np.any(seen, axis=1))
    chosen = chosen[_falling(found.scores[chosen])[:CANDIDATES]]
    return found.taken(chosen), ~uncut[chosen]


def _united(found: Raw, cut: NDArray[np.bool_], places: Places) -> tuple[Raw, NDArray[np.bool_]]:
    """Fragments of one object, in different tiles, as one detection: the union of the masks, the best score."""
    whole, parts = found.taken(~cut), found.taken(cut)
    groups = _groups(_of_one_object(parts, places))
    united = [_union(parts.taken(members), OF_SEVERAL - number) for number, members in enumerate(groups)]
    joined = Raw(*(np.concatenate(same) for same in zip(whole, *united, strict=True)))
    return joined, np.arange(len(joined.scores)) >= len(whole.scores)


def _union(parts: Raw, number: int) -> Raw:
    """One detection [1, ...] of some."""
    if len(parts.scores) == 1:
        return parts
    box = np.concatenate([parts.boxes[:, :2].min(0), parts.boxes[:, 2:].max(0)])[None]
    masks = parts.masks
    if masks.shape[1]:
        masks = SmallMasks(parts.boxes, masks).read(np.arange(len(masks)), box.repeat(len(masks), 0), masks.shape[1])
    return Raw(box, parts.scores.max(keepdims=True), parts.class_ids[:1], masks.max(0, keepdims=True),
               np.array([number], np.int32))


def _of_one_object(parts: Raw, places: Places) -> NDArray[np.bool_]:
    """[F, F]: fragments whose masks agree where both of their tiles see."""
    masks, tiles = SmallMasks(parts.boxes, parts.masks), places.boxes[parts.numbers]
    first, second = _pairs(_comparable(parts) & (_intersections(parts.boxes) > 0))
    shared = masks.shared(first, second)
    in_strip = sum(masks.areas(one, both(parts.boxes[one], tiles[other]))
                   for one, other in ((first, second), (second, first)))
    return _symmetric(first, second, _share(shared, in_strip - shared), len(parts.scores)) >= SAME_OBJECT


def _groups(connected: NDArray[np.bool_]) -> list[Index]:
    """[F, F] bool -> the members of everything that hangs together, each by its lowest."""
    lowest = np.arange(len(connected))
    while True:
        reached = np.minimum(lowest, np.where(connected, lowest[None], len(lowest)).min(1, initial=len(lowest)))
        if (reached == lowest).all():
            return [np.flatnonzero(lowest == first) for first in np.unique(lowest)]
        lowest = reached


def _overlaps(found: Raw, cut: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[N, N]: the share of the smaller mask, or of the fragment, that the other one covers; 0 within a view."""
    masks = SmallMasks(found.boxes, found.masks)
    areas = masks.areas(np.arange(len(found.boxes)), found.boxes)
    row, column = areas[:, None], areas[None]
    smaller = np.where(cut[:, None] == cut[None], np.minimum(row, column), np.where(cut[:, None], row, column))
    # Masks share no more than their boxes do: most pairs need no closer look.
    first, second = _pairs(_comparable(found) & (_intersections(found.boxes) > COVERED * smaller))
    return _symmetric(first, second, _share(masks.shared(first, second), smaller[first, second]), len(areas))


def _thinned(overlaps: NDArray[np.float32], rank: NDArray[np.float32]) -> Index:
    """Greedy NMS over given overlaps: what stays, by falling rank."""
    kept: list[int] = []
    for index in _falling(rank):
        if not (overlaps[index, kept] > COVERED).any():
            kept.append(int(index))
    return np.array(kept, np.intp)


def _comparable(found: Raw) -> NDArray[np.bool_]:
    """[N, N]: detections of the same class in different views."""
    same = found.class_ids[:, None] == found.class_ids[None]
    return np.asarray(same & (found.numbers[:, None] != found.numbers[None]))


def _intersections(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, N]: what boxes [N, 4] share, in pixels."""
    count = len(boxes)
    return area(both(boxes.repeat(count, 0), np.tile(boxes, (count, 1)))).reshape(count, count)


def _pairs(chosen: NDArray[np.bool_]) -> tuple[Index, Index]:
    """Rows and columns [P] of what is chosen above the diagonal of a symmetric [N, N]."""
    rows, columns = np.nonzero(np.triu(chosen))
    return rows, columns


def _symmetric(rows: Index, columns: Index, values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """[side, side] with the values at (row, column) and at (column, row)."""
    made = np.zeros((side, side), np.float32)
    made[rows, columns] = made[columns, rows] = values
    return made


def _share(part: NDArray[np.float32], of: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 of nothing."""
    return np.divide(part, of, out=np.zeros_like(part), where=of != 0)


def _best(found: Raw, keep: int) -> Raw:
    return found.taken(_falling(found.scores)[:keep])


def _falling(values: NDArray[np.float32]) -> Index:
    """Order by falling value; equals stay in theirs."""
    return np.argsort(-values, kind="stable")
