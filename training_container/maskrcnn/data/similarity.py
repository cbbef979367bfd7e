"""Near-duplicates: the same photograph again, re-encoded, scaled, brighter or darker; pure.

Two steps, because castings on one stand look alike. A 256-bit difference hash of every image finds candidates in
time that grows like n log n; small thumbnails of these then decide. The thumbnails lose their slow changes first,
so that the light of one stand or one smooth surface does not make two parts the same.

Sources: difference hash: N. Krawetz, "Kind of Like That" (2013). Candidates from a few sorted rotations of the
hashes: M. Charikar, "Similarity Estimation Techniques from Rounding Algorithms" (STOC 2002); G. Manku et al.,
"Detecting Near-Duplicates for Web Crawling" (WWW 2007), section 3.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Container, Iterable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Thumbnail = NDArray[np.float32]
"""[THUMBNAIL_PX * THUMBNAIL_PX], mean 0, length 1; all zeros for an image without structure."""

MAX_BITS_APART = 24
"""Copies lie 0 to 22 bits apart (JPEG at quality 20, or 15 % brighter until the highlights clip)."""
MIN_CORRELATION = 0.988
"""Measured: copies 0.991 to 1.000; different castings up to 0.84, smooth metal of neighbouring places up to 0.980."""
THUMBNAIL_PX = 64
_SMOOTHING_PX = 5
_MIN_CONTRAST = 0.25  # grey levels; below it there is only noise to compare
_ROWS, _COLUMNS = 16, 16
_TABLES = 16
_NEIGHBOURS = 16
_NEAREST_KEPT = 8


def fingerprint(picture: Image.Image) -> str:
    """64 hexadecimal digits: whether it becomes brighter to the right, on a grid of 16 x 16."""
    grid = np.asarray(picture.convert("L").resize((_COLUMNS + 1, _ROWS), Image.Resampling.BOX))
    return np.packbits(grid[:, 1:] > grid[:, :-1]).tobytes().hex()


def thumbnail(body: bytes) -> Thumbnail:
    """The structure of an encoded image, without its brightness, contrast and slow changes of light."""
    with Image.open(io.BytesIO(body)) as picture:
        grey = picture.convert("L").resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey, np.float32)
    detail = pixels - cv2.blur(pixels, (_SMOOTHING_PX, _SMOOTHING_PX))
    spread = float(detail.std())
    if spread < _MIN_CONTRAST:
        return np.zeros(detail.size, np.float32)
    detail = np.clip(detail, -3 * spread, 3 * spread).ravel()  # no single glint decides
    detail -= detail.mean()
    return np.asarray(detail / np.linalg.norm(detail), np.float32)


class Fingerprints(Protocol):
    """What a dict is, too."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Each image with its fingerprint, in the same order each time."""


def near_duplicates(
    fingerprints: Fingerprints, fresh: Container[str], thumbnail_of: Callable[[str], Thumbnail]
) -> list[tuple[str, str]]:
    """Pairs of images that show nearly the same photograph, each pair and the list sorted.

    Takes some 100 bytes of memory an image, and 3 KB where all images have nearly the same fingerprint.

    Args:
        fingerprints: Image -> fingerprint; an image without one ("") is compared with none. Iterated twice.
        fresh: The images to compare with all others; what lies between the rest was said before.
        thumbnail_of: Called for the candidates only.
    """
    codes, new = bytearray(), bytearray()
    for name, code in fingerprints.items():
        if code:
            codes += bytes.fromhex(code)
            new.append(name in fresh)
    if len(new) < 2 or not any(new):
        return []
    pairs = _candidates(np.frombuffer(codes, np.uint8).reshape(len(new), -1), np.frombuffer(new, bool))
    wanted = np.zeros(len(new), bool)
    wanted[pairs.ravel()] = True
    coded = (name for name, code in fingerprints.items() if code)
    names = {number: name for number, name in enumerate(coded) if wanted[number]}
    return sorted(
        (min(names[a], names[b]), max(names[a], names[b]))
        for a, b in map(np.ndarray.tolist, pairs)
        if float(thumbnail_of(names[a]) @ thumbnail_of(names[b])) >= MIN_CORRELATION
    )


def _candidates(codes: NDArray[np.uint8], new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[M, 2] index pairs a < b at most MAX_BITS_APART bits apart, sorted.

    The hashes are sorted once for each of 16 starts and compared with their next neighbours. Hashes that differ in
    at most 15 bits agree in one of 16 stretches at least, and hence come to lie side by side there.

    Args:
        codes: [N, 32] hashes.
        new: [N] at least one of a pair must be new.
    """
    count = len(codes)
    keys, distances = np.empty(0, np.int64), np.empty(0, np.uint16)
    for table in range(_TABLES):
        order = _order(codes, table)
        words, is_new = codes[order].view(np.uint64), new[order]
        found, apart_by = [keys], [distances]
        for step in range(1, min(_NEIGHBOURS, count - 1) + 1):
            apart = _bits_apart(words[step:], words[:-step])
            near = np.flatnonzero((apart <= MAX_BITS_APART) & (is_new[step:] | is_new[:-step]))
            one, other = order[near], order[near + step]
            found.append(np.minimum(one, other) * count + np.maximum(one, other))
            apart_by.append(apart[near])
        unique, first = np.unique(np.concatenate(found), return_index=True)
        apart = np.concatenate(apart_by)[first]
        # who is not among the nearest few of these will not be among those of more: few are ever kept
        kept = _nearest(np.stack(np.divmod(unique, count), axis=1), apart)
        keys, distances = unique[kept], apart[kept]
    return np.stack(np.divmod(keys, count), axis=1)


def _order(codes: NDArray[np.uint8], table: int) -> NDArray[np.intp]:
    """[N] the hashes sorted as if they began at another of their places."""
    rotated = np.ascontiguousarray(np.roll(codes, -table * codes.shape[1] // _TABLES, axis=1))
    return np.argsort(rotated.view(f"V{codes.shape[1]}").ravel().view(f"S{codes.shape[1]}"), kind="stable")


def _bits_apart(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """[N] distances of the hashes [N, words], word by word because there may be millions."""
    apart = np.zeros(len(one), np.uint16)
    for word in range(one.shape[1]):
        apart += np.bitwise_count(one[:, word] ^ other[:, word])
    return apart


def _nearest(pairs: NDArray[np.int64], distances: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Mask of the pairs that are among the nearest few of either image: bounds the work where all look alike."""
    kept = np.zeros(len(pairs), bool)
    for side in (0, 1):
        order = np.lexsort((distances, pairs[:, side]))
        owner = pairs[order, side]
        begins = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]])) if len(owner) else owner
        rank = np.arange(len(owner)) - np.repeat(begins, np.diff(np.append(begins, len(owner))))
        kept[order[rank < _NEAREST_KEPT]] = True
    return kept
