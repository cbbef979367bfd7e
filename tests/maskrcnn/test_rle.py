"""COCO's run lengths as pycocotools writes them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from maskrcnn import rle

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_the_runs_of_a_mask_are_those_of_its_columns(mask: np.ndarray) -> None:
    column_major = mask.flatten(order="F").tolist()
    runs = [len(list(run)) for _, run in itertools.groupby(column_major)]
    expected = [0, *runs] if column_major[0] else runs
    assert rle.runs_of(rle.encode(mask).counts) == expected


def test_long_runs_and_steps_down_are_read() -> None:
    mask = np.zeros((300, 200), bool)
    mask[5:205, 3], mask[7, 9], mask[:, 100] = True, True, True
    assert sum(rle.runs_of(rle.encode(mask).counts)) == 300 * 200


def test_a_string_that_ends_in_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="cut off"):
        rle.runs_of("P")
