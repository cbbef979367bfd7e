"""Labels of the training images, as written into the shards."""

from __future__ import annotations

import numpy as np
from maskrcnn.training import labels, records


def test_labels_are_in_pixels_without_crowds_and_empty_boxes(tmp_path, make_example, make_shard):
    make_shard(tmp_path, [
        make_example("two.png", 40, 80, [(1, (8, 4, 48, 24), True, False), (2, (0, 0, 8, 8), False, False)]),
        make_example("none.png", 32, 32, []),
        make_example("crowd.png", 32, 32, [(2, (0, 0, 16, 16), True, True), (2, (4, 8, 6, 20), True, False),
                                           (2, (4, 8, 4, 20), True, False)]),
    ])
    found = labels.read(records.scan(tmp_path))
    assert found.images == 3
    np.testing.assert_array_equal(found.extents, [[80, 40], [32, 32], [32, 32]])
    np.testing.assert_array_equal(found.image, [0, 0, 2])
    np.testing.assert_array_equal(found.class_id, [1, 2, 2])
    np.testing.assert_allclose(found.xywh, [[8, 4, 40, 20], [0, 0, 8, 8], [4, 8, 2, 12]], atol=1e-5)
    np.testing.assert_array_equal(found.has_mask, [True, False, True])


def test_no_records_have_no_labels():
    found = labels.read([])
    assert (found.images, found.xywh.shape, found.class_id.shape) == (0, (0, 4), (0,))
