"""Small charts as inline SVG; colours are variables of the page, so that light, dark and print all work."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from app.contracts.evaluation import Gain
from maskrcnn.evaluation.verdicts import SweepPoint
from maskrcnn.pages import svg

Points = Sequence[tuple[float, float]]
"""(x, y), each from 0 to 1."""

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 40


def lines(
    series: Sequence[tuple[str, str, Points]],
    *,
    x_title: str,
    y_title: str,
    marker: tuple[float, str] | None = None,
) -> Markup:
    """A line chart over 0 to 1 on both axes.

    Args:
        series: (name, CSS colour, points) of each line.
        x_title: Under the axis.
        y_title: Said to screen readers with the title, and above the axis.
        marker: A vertical line at x with a name.
    """
    parts = [_axes(x_title, y_title)]
    if marker:
        x = _x(marker[0])
        anchor, nudge = ("end", -5) if marker[0] > 0.6 else ("start", 5)
        parts.append(
            f'<line class="marker" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text x="{x + nudge:.1f}" y="{TOP + 10}" text-anchor="{anchor}">{escape(marker[1])}</text>'
        )
    for name, color, points in series:
        path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
        parts.append(f'<polyline style="stroke:{color}" points="{path}"><title>{escape(name)}</title></polyline>')
    label = f"{y_title} against {x_title}: {', '.join(name for name, _, _ in series)}"
    return svg("chart", WIDTH, HEIGHT, label, parts)


def sweep_chart(points: Sequence[SweepPoint], min_score: float) -> Markup:
    """Escape and overkill rate against the score threshold."""
    escape_line = [(point.min_score, point.escape_rate) for point in points]
    overkill_line = [(point.min_score, point.overkill_rate) for point in points]
    series = [("escape", "var(--bad)", escape_line), ("overkill", "var(--warn)", overkill_line)]
    marker = (min_score, f"now {min_score:.2f}")
    return lines(series, x_title="score threshold of the verdict", y_title="share of images", marker=marker)


def gain_chart(gain: Gain, min_gain: float) -> Markup:
    """The interval of the gain on a line with zero (or the asked gain) marked."""
    reach = max(abs(gain.low), abs(gain.high), abs(min_gain), 0.01) * 1.25
    width, height, middle = 640, 84, 40

    def x(value: float) -> float:
        return round(20 + (value + reach) / (2 * reach) * (width - 40), 1)

    color = "var(--good)" if gain.low > min_gain else "var(--bad)" if gain.high < min_gain else "var(--warn)"
    zero = x(min_gain)
    parts = [
        f'<line class="axis" x1="20" x2="{width - 20}" y1="{middle}" y2="{middle}"/>',
        f'<line class="marker" x1="{zero}" x2="{zero}" y1="14" y2="{middle + 16}"/>',
        f'<text x="{zero}" y="{middle + 34}" text-anchor="middle">must be above {min_gain * 100:g}</text>',
        f'<line class="interval" style="stroke:{color}" x1="{x(gain.low)}" x2="{x(gain.high)}" '
        f'y1="{middle}" y2="{middle}"/>',
        f'<circle cx="{x(gain.mean)}" cy="{middle}" r="7" style="stroke:{color}"/>',
        f'<text x="{width - 20}" y="{middle + 34}" text-anchor="end">better than the serving model</text>',
        f'<text x="20" y="{middle + 34}">worse</text>',
        f'<text class="strong" x="{x(gain.mean)}" y="20" text-anchor="middle">{gain.mean * 100:+.1f} points</text>',
    ]
    label = f"gain in mask AP {gain.mean * 100:+.1f} points, {gain.low * 100:+.1f} to {gain.high * 100:+.1f}"
    return svg("chart wide", width, height, label, parts)


def _axes(x_title: str, y_title: str) -> str:
    parts = []
    for step in range(0, 6):
        value = step / 5
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(value)}" y2="{_y(value)}"/>'
            f'<text x="{LEFT - 6}" y="{_y(value) + 4}" text-anchor="end">{value:.0%}</text>'
            f'<text x="{_x(value)}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(0)}" y2="{_y(0)}"/>'
    )
    return "".join(parts)


def _x(value: float) -> float:
    return round(LEFT + value * (WIDTH - LEFT - RIGHT), 1)


def _y(value: float) -> float:
    return round(TOP + (1 - value) * (HEIGHT - TOP - BOTTOM), 1)
