"""A data set in a terminal: tables, and histograms as a line of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from app.cli.rendering import facts_table
from app.contracts.portrait import AnchorAdvice, ClassPortrait, Histogram, Portrait, Spread

BLOCKS = " ▁▂▃▄▅▆▇█"
MATRIX_CLASSES = 10
LISTED_OUTLIERS = 6
SPLITS = ("train", "val", "test")


def parts(portrait: Portrait) -> Iterator[RenderableType]:
    """Everything, from top to bottom."""
    yield facts_table(_facts(portrait))
    yield _classes(portrait)
    if 1 < len(portrait.classes) <= MATRIX_CLASSES:
        yield _together(portrait)
    yield _images(portrait)
    if portrait.pixels.outliers:
        yield _outliers(portrait)
    if portrait.anchors:
        yield _anchors(portrait.anchors, portrait.classes)
    if portrait.advice:
        yield _advice(portrait)


def blocks(histogram: Histogram, bins: tuple[int, int] | None = None) -> str:
    """One block a bin, as high as its count; any count shows. `bins`: first, and after the last."""
    counts = histogram.counts[slice(*(bins or used([histogram])))]
    most = max(counts, default=0) or 1
    return "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] for count in counts)


def used(histograms: Sequence[Histogram]) -> tuple[int, int]:
    """First bin, and bin after the last, that any of some histograms with equal edges needs."""
    filled = [place for h in histograms for place, count in enumerate(h.counts) if count]
    return (min(filled), max(filled) + 1) if filled else (0, 1)


def _facts(p: Portrait) -> Iterator[tuple[str, str]]:
    yield "Data set", f"{escape(p.title)}{f', version {p.version}' if p.version else ''}"
    counted = (f"{split} {p.images.get(split, 0)} ({p.background.get(split, 0)} without a defect)" for split in SPLITS)
    yield "Images", f"{p.total_images}: {', '.join(counted)}"
    sizes = [f"{size.images} of {size.width} x {size.height}" for size in p.sizes[:4]]
    others = p.total_images - sum(size.images for size in p.sizes[:4])
    yield "Sizes", ", ".join([*sizes, *([f"{others} of others"] if others else [])])
    yield "Objects", f"{p.total_objects} of {len(p.classes)} classes"
    yield "Tags", escape(", ".join(f"{tag} {count}" for tag, count in p.tags.items()))


def _classes(p: Portrait) -> Table:
    bins = used([c.area_roots for c in p.classes] or [p.objects_per_image])
    edges = p.classes[0].area_roots.edges if p.classes else (0.0,) * (bins[1] + 1)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Class", min_width=10, overflow="fold")
    for name in ("Objects", "train, val, test", "Images", "S, M, L", "10, 50, 90 % px"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{edges[bins[0]]:.0f} to {edges[bins[1]]:.0f} px", no_wrap=True)
    for c in p.classes:
        splits = ", ".join(str(c.instances.get(split, 0)) for split in SPLITS)
        role = " [dim]part[/]" if c.role == "part" else ""
        table.add_row(f"{escape(c.name)}{role}", str(c.total), splits, str(sum(c.images.values())),
                      f"{c.small}, {c.medium}, {c.large}", _spread(c.longer_side_px), blocks(c.area_roots, bins))
    table.caption = "S, M, L: small, medium and large as in COCO; px: longer side of the box; bars: root of the area."
    table.caption_justify = "left"
    return table


def _together(p: Portrait) -> Table:
    table = _table("Images that show both", *(escape(c.name) for c in p.classes), right=1)
    for place, c in enumerate(p.classes):
        table.add_row(escape(c.name), *map(str, p.together[place][: place + 1]))
    return table


def _images(p: Portrait) -> Table:
    table = _table("Images", "10 %", "median", "90 %", right=1)
    table.add_column("", no_wrap=True)
    table.add_column("from", justify="right")
    table.add_column("to", justify="right")
    pixels = p.pixels
    for name, spread, histogram in (("Brightness (0 to 255)", pixels.brightness_spread, pixels.brightness),
                                    ("Sharpness (variance of the Laplacian)", pixels.sharpness_spread,
                                     pixels.sharpness)):
        if spread:
            table.add_row(name, *(f"{v:.0f}" for v in (spread.p10, spread.median, spread.p90)), blocks(histogram),
                          f"{spread.low:.0f}", f"{spread.high:.0f}")
    first, last = used([p.objects_per_image])
    edges = p.objects_per_image.edges
    table.add_row("Objects in an image", "", "", "", blocks(p.objects_per_image), f"{edges[first]:.0f}",
                  f"{edges[last] - 1:.0f}")
    return table


def _outliers(p: Portrait) -> Table:
    table = _table("Unlike the others", "Split", "What", "Value", "Deviations", right=3)
    for outlier in p.pixels.outliers[:LISTED_OUTLIERS]:
        table.add_row(escape(outlier.file_name), outlier.split, outlier.what, f"{outlier.value:.0f}",
                      f"{outlier.score:.1f}")
    return table


def _anchors(anchors: AnchorAdvice, classes: Sequence[ClassPortrait]) -> Table:
    names = [c.name for c in classes if c.name in anchors.configured.recall50_by_class][:MATRIX_CLASSES]
    table = _table("Anchors", "Sizes px", "Ratios", "Mean best IoU", "IoU 0.5", *map(escape, names), right=3)
    for name, chosen in ((anchors.preset, anchors.configured), ("suggested", anchors.suggested)):
        recalls = (f"{chosen.recall50_by_class[n]:.0%}" for n in names)
        table.add_row(name, ", ".join(f"{s:g}" for s in chosen.sizes_px), ", ".join(f"{r:g}" for r in chosen.ratios),
                      f"{chosen.mean_best_iou:.2f}", f"{chosen.recall50:.0%}", *recalls)
    return table


def _advice(p: Portrait) -> Padding:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in p.advice:
        color = "yellow" if item.level == "problem" else "cyan"
        table.add_row(f"[{color}]{item.level}[/]", escape(item.text))
    return Padding(table, (0, 0, 1, 0))


def _spread(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.p10:.0f}, {spread.median:.0f}, {spread.p90:.0f}"


def _table(*columns: str, right: int) -> Table:
    """A table whose columns from number `right` on hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place >= right else "left", overflow="fold")
    return table
