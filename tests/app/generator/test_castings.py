"""Generated castings: the same seed gives the same bytes, masks are exact, sizes are those of real castings."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from app.generator import casting, defects, surface
from app.generator.geometry import Pose, Rings

SIZE = 512


def shapes(castings, name):
    """Longer side in pixels of every instance of a class."""
    masks = [m for c in castings for n, m in c.instances if n == name]
    return [max(np.ptp(np.flatnonzero(m.any(0))), np.ptp(np.flatnonzero(m.any(1)))) + 1 for m in masks]


@pytest.fixture(scope="module")
def many():
    """Enough small castings for statistics."""
    return [casting.render((11, number), 256) for number in range(120)]


def test_same_seed_gives_the_same_pixels_and_another_seed_others():
    one, again, other = (casting.render(seed, 192) for seed in ((7, 3), (7, 3), (7, 4)))

    assert one.image.tobytes() == again.image.tobytes()
    assert [(n, hashlib.sha256(m.tobytes()).digest()) for n, m in one.instances] == [
        (n, hashlib.sha256(m.tobytes()).digest()) for n, m in again.instances]
    assert one.image.tobytes() != other.image.tobytes()


def test_a_photograph_is_grey_stored_as_rgb():
    image = casting.render(1, 160).image

    assert image.shape == (160, 160, 3)
    assert image.dtype == np.uint8
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 0] == image[..., 2]).all()
    assert image.min() < 40
    assert image.max() > 200


@pytest.mark.parametrize("name", ["chipping", "holes", "burrs"])
def test_a_defect_changes_the_pixels_of_its_mask_and_no_others(name):
    for seed in range(12):
        random = np.random.default_rng(seed)
        pose = Pose.sample(random, SIZE)
        flawless = surface.paint(random, pose, SIZE)
        disc = pose.polar(SIZE)[0] <= 1
        picture = flawless.copy()

        mask = casting.DEFECTS[name](random, picture, pose, disc)

        changed = picture != flawless
        assert mask.any()
        assert not (changed & ~mask).any()
        assert changed[mask].mean() > 0.98


def test_chipping_and_holes_stay_on_the_disc_and_burrs_reach_over_its_edge():
    for seed in range(12):
        random = np.random.default_rng(seed)
        pose = Pose.sample(random, SIZE)
        disc = pose.polar(SIZE)[0] <= 1
        picture = surface.paint(random, pose, SIZE)

        assert not (defects.chipping(random, picture, pose, disc) & ~disc).any()
        assert not (defects.hole(random, picture, pose, disc) & ~disc).any()
        burr = defects.burr(random, picture, pose, disc)
        assert (burr & ~disc).any()
        assert cv2.connectedComponents(burr.astype(np.uint8))[0] == 2  # background and one piece


def test_the_disc_is_the_ellipse_of_its_pose():
    pose = Pose(center_x=100, center_y=90, radius_x=80, radius_y=70, tilt=0.0)
    disc = pose.polar(200)[0] <= 1

    assert disc.sum() == pytest.approx(np.pi * 80 * 70, rel=0.005)
    assert (disc[90, 20], disc[90, 19], disc[20, 100], disc[19, 100]) == (True, False, True, False)


def test_a_point_of_the_pose_lies_at_its_distance():
    pose = Pose(center_x=100, center_y=90, radius_x=80, radius_y=70, tilt=0.6, rings=Rings())
    distance, angle = pose.polar(200)

    for share, direction in ((0.5, 0.3), (0.9, -2.0)):
        x, y = pose.point(share, direction)
        assert distance[round(y), round(x)] == pytest.approx(share, abs=0.02)
        assert angle[round(y), round(x)] == pytest.approx(direction, abs=0.03)


def test_the_part_comes_first_and_lies_in_the_picture(many):
    for shown in many:
        names = [name for name, _ in shown.instances]
        part = shown.instances[0][1]
        assert names[0] == "disk"
        assert names.count("disk") == 1
        assert not part[[0, -1]].any()
        assert not part[:, [0, -1]].any()
        assert 0.38 < part.mean() < 0.68


def test_no_instance_is_too_small_to_see(many):
    assert min(m.sum() for c in many for _, m in c.instances) >= casting.MIN_VISIBLE_PX * (256 / 512) ** 2


def test_nearly_half_of_the_castings_are_good(many):
    good = sum(c.is_good for c in many)

    assert good == sum(len(c.instances) == 1 for c in many)
    assert 0.33 < good / len(many) < 0.57


@pytest.mark.parametrize(("name", "low", "high"), [("chipping", 13, 22), ("holes", 16, 24), ("burrs", 45, 75)])
def test_sizes_are_those_of_real_castings(many, name, low, high):
    """Real castings 512 pixels wide have medians of 17, 20 and 59 pixels."""
    assert low <= 2 * np.median(shapes(many, name)) <= high


def test_every_defect_is_common_enough_to_learn(many):
    for name in casting.DEFECTS:
        assert sum(any(n == name for n, _ in c.instances) for c in many) >= 15
