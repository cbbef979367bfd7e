"""Our own weights: they come back, or the error says why not."""

from __future__ import annotations

import numpy as np
import pytest
from maskrcnn.weights import own
from maskrcnn.weights.arrays import WeightsError
from maskrcnn.weights.assign import assign


def test_weights_come_back(filled, values, tmp_path):
    model, other = filled(), filled()
    for variable in other.variables:
        variable.assign(np.zeros_like(variable))
    own.save(model, tmp_path / "weights.npz")
    own.load(other, tmp_path / "weights.npz")
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, values(other)[name])


def test_weights_of_another_class_count_are_refused_and_nothing_is_changed(filled, values, tmp_path):
    own.save(filled(class_count=3), tmp_path / "weights.npz")
    other = filled(class_count=5)
    before = values(other)
    before["fpn/lateral_1x1_c2/b"] = np.full(8, 7.0, np.float32)
    other.named_variables()["fpn/lateral_1x1_c2/b"].assign(before["fpn/lateral_1x1_c2/b"])
    with pytest.raises(WeightsError, match=r"weights.npz: 6 of \d+ weights do not fit .*fastrcnn/outputs/box/W: "
                                           r"\(16, 16\) in the file, \(16, 24\) here"):
        own.load(other, tmp_path / "weights.npz")
    for name, value in values(other).items():
        np.testing.assert_array_equal(value, before[name])


def test_lenient_loading_skips_what_does_not_fit_by_name(filled, values):
    theirs = {**values(filled(class_count=3)), "cascade/W": np.zeros(1)}
    theirs.pop("rpn/conv0/b")
    model = filled(class_count=5)
    for variable in model.variables:
        variable.assign(np.zeros_like(variable))
    report = assign(model, theirs, "other.npz", strict=False)
    assert [line.split(":")[0] for line in report.left] == [
        "fastrcnn/outputs/box/W", "fastrcnn/outputs/box/b", "fastrcnn/outputs/class/W", "fastrcnn/outputs/class/b",
        "maskrcnn/conv/W", "maskrcnn/conv/b", "rpn/conv0/b"]
    assert report.left[-1] == "rpn/conv0/b: not in the file"
    assert report.unused == ("cascade/W",)
    assert len(report.loaded) == len(values(model)) - 7
    np.testing.assert_array_equal(model.fpn.laterals[0].kernel, theirs["fpn/lateral_1x1_c2/W"])
    assert not model.rpn.conv.bias.numpy().any()


def test_only_wanted_variables_are_touched(filled, values):
    theirs = values(filled())
    model = filled()
    for variable in model.variables:
        variable.assign(np.zeros_like(variable))
    report = assign(model, theirs, "x", strict=True, wanted=lambda name: name.startswith("rpn/"))
    assert set(report.loaded) == {f"rpn/{part}/{kind}" for part in ("conv0", "class", "box") for kind in "Wb"}
    assert report.left == report.unused == ()
    assert not values(model)["fastrcnn/fc7/W"].any()


def test_a_file_of_which_nothing_fits_is_refused_even_when_lenient(filled):
    with pytest.raises(WeightsError, match=r"x.npz: .*take another file"):
        assign(filled(), {"a": np.zeros(1)}, "x.npz", strict=False)


def test_a_damaged_file_says_so(filled, tmp_path):
    path = tmp_path / "weights.npz"
    own.save(filled(), path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"weights.npz: it is cut off or altered.*download the model again"):
        own.load(filled(), path)
