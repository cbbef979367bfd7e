"""Copies of a photograph are found whatever was done to their bytes; castings that only look alike are not copies."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from maskrcnn.data import similarity
from PIL import Image, ImageEnhance


def texture(seed, side=160):
    """Blotches of all sizes, as cast metal has."""
    rng = np.random.default_rng(seed)
    noise = (Image.fromarray(rng.integers(0, 256, (n, n), dtype=np.uint8)) for n in (5, 12, 40))
    octaves = [np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), float) for picture in noise]
    return Image.fromarray(np.mean(octaves, axis=0).astype(np.uint8))


def encoded(picture, quality=90):
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def opened(body):
    return Image.open(io.BytesIO(body))


CHANGES = {
    "low quality": lambda p: encoded(p, 30),
    "smaller": lambda p: encoded(p.resize((150, 150))),
    "half the size": lambda p: encoded(p.resize((80, 80))),
    "brighter": lambda p: encoded(ImageEnhance.Brightness(p).enhance(1.15)),
    "darker": lambda p: encoded(ImageEnhance.Brightness(p).enhance(0.7)),
    "more contrast": lambda p: encoded(ImageEnhance.Contrast(p).enhance(1.2)),
}


def compare(bodies, fresh=None):
    prints = {name: similarity.fingerprint(opened(body)) for name, body in bodies.items()}
    return similarity.near_duplicates(prints, bodies if fresh is None else fresh,
                                      lambda name: similarity.thumbnail(bodies[name]))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change):
    bodies = {f"part-{n}": encoded(texture(n)) for n in range(6)}
    bodies["zz-copy"] = CHANGES[change](texture(3))
    assert compare(bodies) == [("part-3", "zz-copy")]


def test_pairs_between_known_images_are_not_said_again():
    bodies = {"a": encoded(texture(1)), "b": encoded(texture(1), 50), "c": encoded(texture(1), 40)}
    assert compare(bodies, fresh={"c"}) == [("a", "c"), ("b", "c")]
    assert compare(bodies, fresh=set()) == []


def test_a_fingerprint_says_where_it_becomes_brighter_to_the_right():
    """Given 17 columns that rise by one to the middle and then fall, then each row is 8 ones and 8 zeros."""
    row = np.array([*range(9), *range(7, -1, -1)], np.uint8)
    assert similarity.fingerprint(Image.fromarray(np.tile(row, (16, 1)))) == "ff00" * 16


def test_the_light_of_one_stand_does_not_make_two_parts_one():
    """Given two surfaces in the same strong shade, whose grey values correlate above 0.99, then they differ."""
    shade = np.tile(np.linspace(20, 220, 160), (160, 1))
    parts = [shade + (np.asarray(texture(n), float) - 128) * 0.12 for n in (1, 2)]
    assert np.corrcoef(parts[0].ravel(), parts[1].ravel())[0, 1] > 0.99
    bodies = {str(n): encoded(Image.fromarray(part.astype(np.uint8))) for n, part in enumerate(parts)}
    assert compare(bodies) == []


def test_images_without_structure_are_copies_of_nothing():
    assert compare({str(n): encoded(Image.new("L", (64, 64), 10 * n)) for n in range(3)}) == []


def test_an_image_without_fingerprint_is_compared_with_none():
    assert similarity.near_duplicates({"old": "", "new": "0" * 64}, {"new"}, lambda _: pytest.fail("compared")) == []


def spread(count, bits_apart, seed=0):
    """`count` random hashes, each followed by a copy with that many bits flipped."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    flips = np.zeros((count, 256), np.uint8)
    for row in flips:
        row[rng.choice(256, bits_apart, replace=False)] = 1
    return np.stack([codes, codes ^ np.packbits(flips, axis=1)], axis=1).reshape(-1, 32)


def test_every_hash_up_to_15_bits_away_is_a_candidate():
    """Given 20,000 hashes in pairs that differ in 15 bits, then exactly these pairs come out."""
    pairs = similarity._candidates(spread(10_000, 15), np.ones(20_000, bool))
    assert pairs.tolist() == [[n, n + 1] for n in range(0, 20_000, 2)]


def test_a_hash_more_than_24_bits_away_is_no_candidate():
    assert len(similarity._candidates(spread(200, 25), np.ones(400, bool))) == 0


def test_the_work_stays_bounded_where_all_hashes_are_alike():
    """Given 3,000 equal hashes, then there are candidates for each, but nowhere near 4.5 million."""
    pairs = similarity._candidates(np.zeros((3_000, 32), np.uint8), np.ones(3_000, bool))
    assert set(pairs.ravel().tolist()) == set(range(3_000))
    assert len(pairs) <= 2 * 8 * 3_000


def test_real_castings_are_all_different_and_their_copies_are_found(shared):
    files = sorted((shared / "casting").glob("*/img/*"))
    bodies = {file.name: file.read_bytes() for file in files}
    copies = {}
    for number, (name, body) in enumerate(list(bodies.items())[::8]):
        change = list(CHANGES)[number % len(CHANGES)]
        copies[f"{name}.copy"] = CHANGES[change](opened(body).convert("L").resize((497, 497)))
    assert len(files) == 195
    assert compare(bodies) == []
    assert compare({**bodies, **copies}) == sorted((name.removesuffix(".copy"), name) for name in copies)


def test_memory_is_bounded_where_all_photographs_look_alike():
    """Given fingerprints a few bits apart, of which each has 250 candidates, then few of these are ever kept."""
    random = np.random.default_rng(3)
    codes = np.repeat(random.integers(0, 256, (1, 32), dtype=np.uint8), 2000, 0)
    codes ^= np.packbits(random.random((2000, 256)) < 0.03, axis=1)
    prints = {f"{n:04d}": code.tobytes().hex() for n, code in enumerate(codes)}
    asked = []
    tracemalloc.start()
    similarity.near_duplicates(prints, prints, lambda name: asked.append(name) or np.zeros(1, np.float32))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 8 * 2000 <= len(asked) / 2 <= 16 * 2000
    assert peak_bytes / 2000 < 4500
