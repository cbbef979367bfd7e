"""Bytes as the whole numbers that tf.distribute can gather, each message behind its length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WORD_BYTES = 8


def packed(message: bytes) -> NDArray[np.int64]:
    """[1 + ceil(length / 8)] int64: the length in bytes, then the bytes."""
    padding = b"\0" * (-len(message) % WORD_BYTES)
    return np.concatenate([[np.int64(len(message))], np.frombuffer(message + padding, np.int64)])


def unpacked(words: NDArray[np.int64]) -> list[bytes]:
    """The messages of several arrays that were put one behind the other."""
    messages, at = [], 0
    while at < len(words):
        length = int(words[at])
        end = at + 1 - (-length // WORD_BYTES)
        messages.append(words[at + 1 : end].tobytes()[:length])
        at = end
    return messages
