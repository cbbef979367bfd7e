"""Histograms and the matrix of classes as inline SVG; colours are variables of the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from app.contracts.portrait import ClassPortrait, Histogram
from maskrcnn.pages import svg

WIDTH, HEIGHT = 440, 150
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 14, 36
SIZE_MARKS = ((32.0, "32"), (96.0, "96"))
"""COCO's limits: below 32 small, from 96 large."""
MATRIX_CELL, MATRIX_NAMES = 62, 104
LINE_COLORS = tuple(f"var(--line-{number})" for number in range(1, 7))


def extent(histograms: Sequence[Histogram], margin: int = 1) -> tuple[int, int]:
    """First bin and bin after the last that any of some histograms with equal edges needs.

    The first is even: a logarithmic axis with two bins an octave then begins at a round number.
    """
    used = np.flatnonzero(np.sum([h.counts for h in histograms], axis=0))
    if not len(used):
        return 0, len(histograms[0].counts)
    first = max(int(used[0]) - margin, 0)
    return first - first % 2, min(int(used[-1]) + 1 + margin, len(histograms[0].counts))


def bars(
    histogram: Histogram,
    *,
    label: str,
    x_title: str,
    color: str = "var(--line-1)",
    marks: Sequence[tuple[float, str]] = (),
    bins: tuple[int, int] | None = None,
    is_whole: bool = False,
) -> Markup:
    """A histogram whose bins are drawn equally wide, so a logarithmic one has a logarithmic axis.

    Args:
        histogram: What to draw.
        label: For screen readers.
        x_title: Under the axis.
        color: CSS colour of the bars.
        marks: Vertical lines at values, with names.
        bins: First bin and bin after the last; those in use unless given.
        is_whole: Values are whole numbers: a tick names the bin, not its left edge.
    """
    first, last = bins or extent([histogram])
    counts, edges = histogram.counts[first:last], histogram.edges[first : last + 1]
    most = max(*counts, 1)
    step = (WIDTH - LEFT - RIGHT) / len(counts)

    def x(place: float) -> float:
        return round(LEFT + place * step, 1)

    def y(count: float) -> float:
        return round(TOP + (1 - count / most) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [_grid(count, y(count)) for count in sorted({0, most // 2, most})]
    for place, count in enumerate(counts):
        name = _bin_name(edges, place, is_whole=is_whole)
        if count:
            height = round(max(y(0) - y(count), 1.5), 1)
            parts.append(f'<rect x="{x(place) + 0.5:.1f}" y="{y(0) - height:.1f}" width="{max(step - 1, 1):.1f}" '
                         f'height="{height}" style="fill:{color}"><title>{name}: {count}</title></rect>')
    for place in _ticks(len(counts), is_whole=is_whole):
        at = x(place + 0.5) if is_whole else x(place)
        parts.append(f'<text x="{at}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{_short(edges[place])}</text>')
    for value, name in marks:
        if edges[0] < value < edges[-1]:
            at = x(float(np.interp(np.log(value), np.log(edges), np.arange(len(edges)))))
            parts.append(f'<line class="marker" x1="{at}" x2="{at}" y1="{TOP - 2}" y2="{y(0)}"/>'
                         f'<text x="{at}" y="{TOP - 4}" text-anchor="middle">{escape(name)}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 5}" text-anchor="middle">{escape(x_title)}'
                 "</text>")
    return svg("chart", WIDTH, HEIGHT, label, parts)


def together(classes: Sequence[ClassPortrait], counts: Sequence[Sequence[int]]) -> Markup:
    """How many images show the class of the row and the class of the column."""
    cell, names = MATRIX_CELL, MATRIX_NAMES
    side = names + cell * len(classes)
    most = max((count for row in counts for count in row), default=0) or 1
    parts = []
    for row, c in enumerate(classes):
        top = row * cell
        parts.append(f'<text x="{names - 8}" y="{top + cell / 2 + 4}" text-anchor="end">{escape(_cut(c.name))}</text>')
        for column in range(row + 1):
            count = counts[row][column]
            parts.append(
                f'<g><title>{escape(c.name)} and {escape(classes[column].name)}: {count} images</title>'
                f'<rect x="{names + column * cell + 1}" y="{top + 1}" width="{cell - 2}" height="{cell - 2}" rx="4" '
                f'style="fill:var(--line-1);fill-opacity:{0.06 + 0.6 * count / most:.2f}"/>'
                f'<text class="cell" x="{names + (column + 0.5) * cell}" y="{top + cell / 2 + 4}" text-anchor="middle">'
                f"{count}</text></g>")
    for column, c in enumerate(classes):
        middle = names + (column + 0.5) * cell
        parts.append(f'<text x="{middle}" y="{len(classes) * cell + 16}" text-anchor="middle">'
                     f"{escape(_cut(c.name, 9))}</text>")
    label = "Images that show two classes together: " + "; ".join(
        f"{c.name} and {classes[column].name} {counts[row][column]}"
        for row, c in enumerate(classes) for column in range(row))
    return svg("chart matrix", side, len(classes) * cell + 24, label, parts)


def _grid(count: int, at: float) -> str:
    return (f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
            f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{_short(count)}</text>')


def _ticks(bins: int, *, is_whole: bool) -> list[int]:
    """Bins whose left edge is written; a logarithmic axis of two bins an octave shows the octaves."""
    step = max(1, -(-bins // 9))
    step += step % 2 if step > 1 else 0
    return list(range(0, bins if is_whole else bins + 1, step))


def _bin_name(edges: Sequence[float], place: int, *, is_whole: bool) -> str:
    low, high = edges[place], edges[place + 1]
    if is_whole:
        return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"
    return f"{_short(low)} to {_short(high)}"


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 10 else f"{value:.3g}"


def _cut(name: str, letters: int = 14) -> str:
    return name if len(name) <= letters else name[: letters - 1] + "…"
