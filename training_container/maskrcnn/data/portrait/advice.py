"""What to do about a data set, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.contracts.portrait import Advice, AnchorAdvice, ClassPortrait, InputAdvice, Pixels

RARE_IMAGES = 10
"""LVIS calls a class in at most 10 training images rare (Gupta et al. 2019, section 3)."""
FEW_TEST_OBJECTS = 10
"""As PromotionSettings.min_recall_instances: below, one object more or less moves recall by over ten points."""
IMBALANCE = 20.0
MOST_IMAGES = 0.5
NAMED = 10
_LOSS = 0.03
_SPLITS = {"train": "to train on", "val": "to validate", "test": "to test"}


def advise(
    images: Mapping[str, int],
    background: Mapping[str, int],
    classes: Sequence[ClassPortrait],
    together: Sequence[Sequence[int]],
    pixels: Pixels,
    anchors: AnchorAdvice | None,
    size: InputAdvice | None,
) -> tuple[Advice, ...]:
    """Problems first; each names what it is about, the fact, and what to do."""
    found = [
        *_unused(classes),
        *_missing(classes),
        *_rare(images.get("train", 0), classes),
        *_few_to_test(classes),
        *_boxes_only(classes),
        *_imbalance([c for c in classes if c.role == "defect"]),
        *_background(images, background),
        *_parts(images, classes, together),
        *_input(size),
        *_anchors(anchors),
        *_pixels(pixels),
    ]
    return tuple(sorted(found, key=lambda advice: advice.level != "problem"))


def _unused(classes: Sequence[ClassPortrait]) -> Iterator[Advice]:
    names = [c.name for c in classes if not c.total]
    if names:
        yield Advice("hint", "classes", f"No object is labelled {_list(names, 'or')}: the model has an output for it "
                     "that never learns. Label some, or take the class out of the setting data.classes.")


def _missing(classes: Sequence[ClassPortrait]) -> Iterator[Advice]:
    for split, consequence in _CONSEQUENCE.items():
        names = [f"{c.name} ({c.total} in all)" for c in classes if c.total and not c.instances.get(split)]
        if names:
            yield Advice("problem", split, f"{_SPLITS[split].capitalize()} there is no {_list(names, 'and no')}: "
                         f"{consequence} Upload more photographs that show it.")


def _rare(train_images: int, classes: Sequence[ClassPortrait]) -> Iterator[Advice]:
    if train_images <= RARE_IMAGES:
        yield Advice("problem", "train", f"Only {train_images} {_images(train_images)} to train on: good for trying "
                     f"the way, not for a model. A class needs more than {RARE_IMAGES} that show it, better a hundred.")
        return
    rare = [f"{c.name} ({c.images['train']})" for c in classes if 0 < c.images.get("train", 0) <= RARE_IMAGES]
    if rare:
        yield Advice("problem", "classes", f"In at most {RARE_IMAGES} training images: {_list(rare)}. A class that "
                     "rare is found badly: upload more, the odd ones first.")


def _few_to_test(classes: Sequence[ClassPortrait]) -> Iterator[Advice]:
    few = [f"{c.name} ({c.instances['test']})" for c in classes if 0 < c.instances.get("test", 0) < FEW_TEST_OBJECTS]
    if few:
        yield Advice("hint", "test", f"Few objects to test: {_list(few)}. One more or less found moves the recall by "
                     f"more than {100 // FEW_TEST_OBJECTS} points: take these scores as a rough guess until there are "
                     f"{FEW_TEST_OBJECTS}.")


def _boxes_only(classes: Sequence[ClassPortrait]) -> Iterator[Advice]:
    named = [f"{c.name} ({'all' if c.boxes_only == c.total else f'{c.boxes_only} of'} {c.total})"
             for c in classes if c.boxes_only]
    if named:
        yield Advice("hint", "classes", f"Boxes without an outline: {_list(named)}. They train boxes, never masks: "
                     "draw outlines, at least in the images to test.")


_CONSEQUENCE = {
    "train": "the model cannot learn it.",
    "val": "the best checkpoint is chosen without regard to it.",
    "test": "nothing tells whether the model finds it.",
}


def _imbalance(defects: Sequence[ClassPortrait]) -> Iterator[Advice]:
    counted = [c for c in defects if c.instances.get("train")]
    if len(counted) < 2:
        return
    least = min(counted, key=lambda c: c.instances["train"])
    most = max(counted, key=lambda c: c.instances["train"])
    times = most.instances["train"] / least.instances["train"]
    if times >= IMBALANCE:
        yield Advice("hint", least.name, f"For each {least.name} there are {times:.0f} {most.name} to train on: "
                     f"the next photographs to label are those with {least.name}.")


def _background(images: Mapping[str, int], background: Mapping[str, int]) -> Iterator[Advice]:
    for split, words in _SPLITS.items():
        if images.get(split) and not background.get(split):
            yield Advice("hint", split, f"Every image {words} shows a defect: without good castings "
                         f"{'the model learns to find one always' if split == 'train' else 'overkill is not measured'}."
                         " Upload good castings too.")


def _parts(
    images: Mapping[str, int], classes: Sequence[ClassPortrait], together: Sequence[Sequence[int]]
) -> Iterator[Advice]:
    total = sum(images.values())
    for place, c in enumerate(classes):
        shown = together[place][place]
        if c.role == "part" and MOST_IMAGES * total <= shown < total:
            yield Advice("hint", c.name, f"{total - shown} of {total} images have no {c.name} although it is the part: "
                         "label it there, or the model learns to overlook it and calls good castings NG.")


def _input(size: InputAdvice | None) -> Iterator[Advice]:
    if size is None or size.suggested_short_edge_px <= size.short_edge_px:
        return
    more = "" if not size.is_capped else (
        " More would only magnify what the camera did not see: photograph closer, or cut the images into tiles.")
    is_bad = size.p10_at_training_px < 0.75 * size.needed_px
    yield Advice("problem" if is_bad else "hint", "image_size", f"A tenth of all {size.class_name} spans less than "
                 f"{size.p10_at_training_px:.0f} px at the trained size (short edge {size.short_edge_px}); "
                 f"{size.needed_px:.0f} are needed. Train with image_size {size.suggested_short_edge_px} and max_size "
                 f"to match: about {size.cost:.1f} times the time and memory.{more}")


def _anchors(anchors: AnchorAdvice | None) -> Iterator[Advice]:
    if anchors is None or not anchors.worthwhile:
        return
    sizes = ", ".join(f"{size:g}" for size in anchors.suggested.sizes_px)
    ratios = ", ".join(f"{ratio:g}" for ratio in anchors.suggested.ratios)
    before, after = anchors.configured.recall50_by_class, anchors.suggested.recall50_by_class
    losing = [f"{name} falls from {before[name]:.0%} to {after[name]:.0%}"
              for name in before if after[name] < before[name] - _LOSS]
    price = f" The price: {', '.join(losing)}." if losing else ""
    yield Advice("problem" if anchors.configured.recall50 < 0.8 else "hint", "anchor_sizes",
                 f"The anchors of preset {anchors.preset} reach {anchors.configured.recall50:.0%} of the boxes with "
                 f"IoU 0.5; anchor_sizes [{sizes}] with anchor_ratios [{ratios}] reach "
                 f"{anchors.suggested.recall50:.0%}.{price}")


def _pixels(pixels: Pixels) -> Iterator[Advice]:
    odd = [outlier for outlier in pixels.outliers if outlier.what != "sharp"]
    if odd:
        names = ", ".join(outlier.file_name for outlier in odd[:3])
        yield Advice("hint", "images", f"{len(odd)} {_images(len(odd))} much darker, brighter or softer than the others"
                     f" ({names}{', ...' if len(odd) > 3 else ''}): look whether the line will see such photographs, "
                     "else take them out.")


def _list(names: Sequence[str], word: str = "and") -> str:
    """`a, b and c`; of many the first ones and how many more."""
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _images(count: int) -> str:
    return "image" if count == 1 else "images"
