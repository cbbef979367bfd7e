"""portrait.html: one page, nothing fetched from elsewhere, for whoever answers for the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.contracts.dataset import Member
from app.contracts.portrait import ClassPortrait, ImageSize, Outlier
from maskrcnn import overlay, pages
from maskrcnn.data.portrait import charts, pictures
from maskrcnn.data.portrait.collect import Collected
from maskrcnn.data.portrait.heat import HeatMaps
from maskrcnn.data.portrait.labels import Shown
from maskrcnn.data.portrait.sources import Source

TEMPLATE = "portrait.html.j2"
SHOWN_CLASSES, CHARTED_CLASSES, MATRIX_CLASSES, MAPPED_CLASSES = 16, 12, 14, 8
MAX_TILES = 96
"""About 10 kB each: the page stays below 5 MB."""
SHOWN_OUTLIERS = 8
_QUALITY = 78
SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Tile:
    """One picture with its caption."""

    uri: str
    title: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Group:
    """Examples of one class."""

    portrait: ClassPortrait
    tiles: list[Tile]


def render(source: Source, collected: Collected) -> str:
    """Render the page; loads the images that are shown, one at a time."""
    portrait = collected.portrait
    used = [c for c in portrait.classes if c.total]
    environment = pages.environment(Path(__file__).parent)
    environment.filters |= {"short": _short, "count": _count, "percent": _percent}
    return environment.get_template(TEMPLATE).render(
        p=portrait,
        splits=[s for s in SPLITS if portrait.images.get(s)],
        without_defect=sum(portrait.background.values()),
        size=_usual(portrait.sizes),
        most=max((c.total for c in portrait.classes), default=1) or 1,
        colors={c.name: charts.LINE_COLORS[i % len(charts.LINE_COLORS)] for i, c in enumerate(portrait.classes)},
        groups=_examples(source, collected, used),
        hidden_groups=max(len(used) - SHOWN_CLASSES, 0),
        charted=_size_charts(portrait.classes),
        hidden_charts=max(len(used) - CHARTED_CLASSES, 0),
        objects_chart=charts.bars(portrait.objects_per_image, label="Objects per image", x_title="objects in an image",
                                  is_whole=True),
        brightness_chart=charts.bars(portrait.pixels.brightness, label="Brightness of the images",
                                     x_title="mean grey level, 0 black to 255 white"),
        sharpness_chart=charts.bars(portrait.pixels.sharpness, label="Sharpness of the images",
                                    x_title="variance of the Laplacian"),
        matrix=charts.together(portrait.classes, portrait.together) if 1 < len(portrait.classes) <= MATRIX_CLASSES
        else "",
        matrix_px=charts.MATRIX_NAMES + charts.MATRIX_CELL * len(portrait.classes),
        pairs=_pairs(collected),
        maps=_maps(collected.heat, collected, used),
        outliers=[_outlier(source, m, o) for m, o in
                  list(zip(collected.outliers, portrait.pixels.outliers, strict=True))[:SHOWN_OUTLIERS]],
    )


def _usual(sizes: tuple[ImageSize, ...]) -> tuple[int, int]:
    return (sizes[0].width, sizes[0].height) if sizes else (1, 1)


def _rare_first(used: list[ClassPortrait]) -> list[ClassPortrait]:
    """Defects before parts, rare ones before frequent ones."""
    return sorted(used, key=lambda c: (c.role == "part", c.total, c.name))


def _frequent(classes: Iterable[ClassPortrait], count: int) -> set[str]:
    """The names of the classes with most objects."""
    return {c.name for c in sorted(classes, key=lambda c: (-c.total, c.name))[:count] if c.total}


def _examples(source: Source, collected: Collected, used: list[ClassPortrait]) -> list[Group]:
    shown = _rare_first(used)[:SHOWN_CLASSES]
    each = max(1, min(2, MAX_TILES // (3 * max(len(shown), 1))))
    names = [c.name for c in collected.portrait.classes if c.role == "defect"]
    groups = []
    for c in shown:
        color = overlay.PART_COLOR
        if c.role == "defect":
            color = overlay.DEFECT_COLORS[names.index(c.name) % len(overlay.DEFECT_COLORS)]
        chosen = collected.labels.classes[c.name].examples(each if c.role == "defect" else 1)
        groups.append(Group(c, [_tile(source, kind, s, color) for kind, s in chosen]))
    return groups


def _tile(source: Source, kind: str, shown: Shown, color: overlay.Color) -> Tile:
    image = pictures.decode(source.image(shown.member))
    instance = source.label(shown.member).instances[shown.index]
    picture = pictures.example(image, instance, color)
    width, height = shown.bbox[2:]
    caption = f"{kind}: {width:.0f} x {height:.0f} px; {shown.area_px} px²; {shown.member.split}"
    return Tile(pages.jpeg_uri(picture, _QUALITY), _base(shown.member.file_name), caption)


def _outlier(source: Source, member: Member, outlier: Outlier) -> Tile:
    picture = pictures.thumbnail(pictures.decode(source.image(member)))
    words = {"dark": "darker than the others", "bright": "brighter than the others",
             "blurred": "softer than the others", "sharp": "more detail than the others"}[outlier.what]
    measure = "grey level" if outlier.what in ("dark", "bright") else "variance"
    caption = f"{words}: {measure} {outlier.value:.0f}, {outlier.score:.1f} deviations off; {outlier.split}"
    return Tile(pages.jpeg_uri(picture, _QUALITY), _base(outlier.file_name), caption)


def _base(file_name: str) -> str:
    return file_name.rpartition("/")[2]


def _size_charts(classes: tuple[ClassPortrait, ...]) -> list[dict[str, Any]]:
    """Area and shape of each class on common axes."""
    frequent = _frequent(classes, CHARTED_CLASSES)
    numbered = [(place, c) for place, c in enumerate(classes) if c.name in frequent]
    if not numbered:
        return []
    sizes = charts.extent([c.area_roots for _, c in numbered] + [c.longer_sides for _, c in numbered])
    shapes = charts.extent([c.aspects for _, c in numbered])
    return [
        {
            "portrait": c,
            "area": charts.bars(c.area_roots, label=f"Areas of {c.name}", x_title="square root of the area, px",
                                color=_color(place), marks=charts.SIZE_MARKS, bins=sizes),
            "side": charts.bars(c.longer_sides, label=f"Longer sides of {c.name}", x_title="longer side of the box, px",
                                color=_color(place), marks=charts.SIZE_MARKS, bins=sizes),
            "aspect": charts.bars(c.aspects, label=f"Shapes of {c.name}", x_title="height over width",
                                  color=_color(place), marks=((1.0, "square"),), bins=shapes),
        }
        for place, c in numbered
    ]


def _color(place: int) -> str:
    return charts.LINE_COLORS[place % len(charts.LINE_COLORS)]


def _pairs(collected: Collected) -> list[tuple[str, str, int]]:
    """The classes that occur together most, where there are too many for a matrix."""
    classes, counts = collected.portrait.classes, collected.portrait.together
    if len(classes) <= MATRIX_CLASSES:
        return []
    pairs = [(classes[i].name, classes[j].name, counts[i][j]) for i in range(len(classes)) for j in range(i)]
    return sorted((pair for pair in pairs if pair[2]), key=lambda pair: -pair[2])[:20]


def _maps(heat: HeatMaps, collected: Collected, used: list[ClassPortrait]) -> list[Tile]:
    """All defects, then the most frequent classes, the rare ones of them first."""
    defects = [c for c in _rare_first(used) if c.role == "defect"]
    frequent = _frequent(defects, MAPPED_CLASSES)
    named = [("All defects", heat.defects())] if len(defects) > 1 else []
    named += [(c.name, heat.by_class[c.name]) for c in defects if c.name in frequent]
    mean, size = collected.pixels.mean_picture(), _usual(collected.portrait.sizes)
    return [
        Tile(pages.jpeg_uri(pictures.heat_map(mean, grid, size), _QUALITY), name,
             f"{name}: the brightest place is covered in {_percent(grid.max() / max(heat.images, 1))} of the images")
        for name, grid in named if grid.any()
    ]


def _short(value: float) -> str:
    """Three digits that matter: 7.25, 17.5, 434, 12,300."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def _count(value: int) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"
