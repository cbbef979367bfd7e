"""The vectorised bootstrap gives what COCOeval gives, image set by image set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from maskrcnn.evaluation import bootstrap, coco

NAMES = ("disk", "chipping", "holes")


def repeated(items: list, times: np.ndarray) -> list:
    return [item for item, count in zip(items, times, strict=True) for _ in range(int(count))]


@pytest.mark.parametrize("seed", range(5))
def test_on_the_whole_set_it_equals_cocoeval(seed: int, world: Callable) -> None:
    images, answers = world(seed, 25, 0.7)
    run = coco.run(images, answers, NAMES, "segm")
    ours = bootstrap.average_precision(run, np.ones((1, 25)))
    assert ours[0] == pytest.approx(run.average.ap, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_resampled_set_it_equals_cocoeval_over_the_repeated_images(seed: int, world: Callable) -> None:
    """Given images drawn with replacement, the weights do what repeating the images and scoring anew does."""
    images, answers = world(seed, 12, 0.6)
    run = coco.run(images, answers, NAMES, "segm")
    weights = bootstrap.draw(12, 3, seed)
    ours = bootstrap.average_precision(run, weights)
    for times, value in zip(weights, ours, strict=True):
        again = coco.run(repeated(images, times), repeated(answers, times), NAMES, "segm")
        assert value == pytest.approx(again.average.ap, abs=1e-6)


def test_draws_have_as_many_images_as_the_set_and_are_always_the_same() -> None:
    weights = bootstrap.draw(40, 100, 7)
    assert weights.shape == (100, 40)
    assert (weights.sum(axis=1) == 40).all()
    np.testing.assert_array_equal(weights, bootstrap.draw(40, 100, 7))
    assert (weights != bootstrap.draw(40, 100, 8)).any()


def test_a_model_against_itself_gains_exactly_nothing(world: Callable) -> None:
    run = coco.run(*world(1, 20, 0.7), NAMES, "segm")
    gain = bootstrap.gain(run, run, samples=200, confidence=0.95)
    assert (gain.mean, gain.low, gain.high, gain.samples) == (0.0, 0.0, 0.0, 200)


def test_a_much_better_model_gains_beyond_noise_and_the_reverse_loses(world: Callable) -> None:
    images, good = world(2, 60, 0.95)
    _, poor = world(2, 60, 0.3)
    better, worse = (coco.run(images, answers, NAMES, "segm") for answers in (good, poor))
    gain = bootstrap.gain(better, worse, samples=300, confidence=0.95)
    assert 0 < gain.low < gain.mean < gain.high
    loss = bootstrap.gain(worse, better, samples=300, confidence=0.95)
    assert (loss.mean, loss.low, loss.high) == (-gain.mean, -gain.high, -gain.low)


def test_more_confidence_means_a_wider_interval(world: Callable) -> None:
    images, good = world(3, 40, 0.9)
    _, fair = world(3, 40, 0.7)
    runs = [coco.run(images, answers, NAMES, "segm") for answers in (good, fair)]
    narrow = bootstrap.gain(*runs, samples=500, confidence=0.5)
    wide = bootstrap.gain(*runs, samples=500, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_test_set_without_any_label_says_nothing(image: Callable) -> None:
    run = coco.run([image(1, []), image(2, [])], [[], []], NAMES, "segm")
    assert bootstrap.gain(run, run, samples=100, confidence=0.95).samples == 0
