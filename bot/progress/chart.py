"""Draw progress as a picture: `python -m bot.progress.chart`, or this file itself.

A program of its own: matplotlib takes half a second and 65 MB, which end with it. It reads a JSON
object on standard input and writes a PNG on standard output:

    title, detail, day      what stands above the picture
    columns                 names, one a colour
    lines                   by column, points [days since 1970, share, derived], in order
    rows                    [name, [[share, what to write] of each column]]
    chosen                  the row that the lines are about

Shares are from 0 to 1, or null. There are names, numbers and dates in the picture and no words, so
it is the same in all languages. It is drawn for a phone that is 360 wide, on which a message leaves
it 290, and brings its own background, so it can be read on light and on dark.
"""

import json
import sys
from datetime import date, timedelta
from io import BytesIO
from itertools import groupby
from typing import Any, Final

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from PIL import Image

_WIDTH, _DPI = 1080, 120
_HEAD, _LINES, _ROW, _EDGE = 165, 430, 60, 36
"""Pixels."""
_PAPER, _INK, _FAINT, _RULE = "#22242c", "#f2f3f7", "#b4b9c6", "#3f434f"
_COLOURS: Final = ("#58b4f5", "#ffb454", "#6ee09a", "#e58cf2", "#f27a7a")
"""Told apart by people with any colour vision, on the paper; further columns begin anew."""
_BIG, _NORMAL, _SMALL = 34.0, 28.0, 26.0
"""Points at 120 to the inch: in a message on a phone, 16, 13 and 12 CSS pixels."""
_SHADES: Final = 128
"""Colours of the picture, which make it a third as large."""
_EPOCH: Final = date(1970, 1, 1)
_NAMES: Final = 0.39
"""The part of the width that the rows' names take."""
_GAP: Final = 14


def draw(order: dict[str, Any]) -> bytes:
    """Return the picture of what was ordered."""
    rcParams["font.family"] = "DejaVu Sans"  # which matplotlib brings along
    has_lines = any(len(line) > 1 for line in order["lines"])
    height = _HEAD + _LINES * has_lines + _ROW * (len(order["rows"]) + 1) + _EDGE
    figure = Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="none")
    canvas = FigureCanvasAgg(figure)
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH), ylim=(height, 0))
    page.axis("off")
    page.add_patch(
        FancyBboxPatch(
            (0, 0), _WIDTH, height, boxstyle="round,pad=0,rounding_size=28", fc=_PAPER, ec="none"
        )
    )
    _head(page, order)
    if has_lines:
        bottom = (height - _HEAD - _LINES + 96) / height
        axes = figure.add_axes((0.135, bottom, 0.82, (_LINES - 122) / height), facecolor=_PAPER)
        _draw_lines(axes, order)
    _draw_rows(page, order, _HEAD + _LINES * has_lines)
    canvas.draw()  # type: ignore[no-untyped-call]  # as it is in matplotlib
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]  # see above
    drawn = Image.frombuffer("RGBA", canvas.get_width_height(), pixels)
    picture = BytesIO()
    drawn.quantize(_SHADES, Image.Quantize.FASTOCTREE).save(picture, "PNG")
    return picture.getvalue()


def _head(page: Axes, order: dict[str, Any]) -> None:
    _text(page, _EDGE, 58, order["title"], _BIG, weight="bold")
    _text(page, _WIDTH - _EDGE, 58, order["day"], _SMALL, colour=_FAINT, ha="right")
    _text(page, _EDGE, 126, order["detail"], _NORMAL, colour=_FAINT)


def _draw_lines(axes: Axes, order: dict[str, Any]) -> None:
    """Draw shares over time: dotted what is derived, and each line's newest share at its end."""
    lines = order["lines"]
    days = [point[0] for line in lines for point in line]
    first, last = min(days), max(days)
    top = max(point[1] for line in lines for point in line)
    top = min(1.0, (int(top * 5) + 1) / 5)
    axes.set_xlim(first, last)
    axes.set_ylim(0, top)
    for number, line in enumerate(lines):
        colour = _colour(number)
        for derived, part in _parts(line):
            style = (0, (1.2, 0.8)) if derived else "solid"
            axes.plot(*part, color=colour, linewidth=6, linestyle=style, zorder=3)
        if line:
            axes.plot(*line[-1][:2], "o", color=colour, markersize=14, clip_on=False, zorder=4)
    shares = [step / 5 for step in range(6) if step / 5 <= top + 0.01]
    axes.set_yticks(shares, [f"{share:.0%}" for share in shares])
    axes.set_xticks(*_dates(first, last))
    axes.tick_params(colors=_FAINT, labelsize=_SMALL, length=0, pad=12)
    axes.grid(axis="y", color=_RULE, linewidth=1.5)
    for side in axes.spines.values():
        side.set_visible(False)


def _parts(line: list[list[Any]]) -> list[tuple[bool, tuple[list[int], list[float]]]]:
    """Split a line where what was recorded begins; the parts share a point, so they meet."""
    parts = []
    before: list[Any] | None = None
    for derived, points in groupby(line, key=lambda point: bool(point[2])):
        part = [*([before] if before else []), *points]
        before = part[-1]
        parts.append((derived, ([point[0] for point in part], [point[1] for point in part])))
    return parts


def _dates(first: int, last: int) -> tuple[list[int], list[str]]:
    """Choose dates for the axis: the beginnings of years, quarters or months, or just the ends."""
    begin, end = _EPOCH + timedelta(days=first), _EPOCH + timedelta(days=last)
    months = [
        day
        for year in range(begin.year, end.year + 1)
        for month in range(1, 13)
        if begin <= (day := date(year, month, 1)) <= end
    ]
    for step in (1, 3, 6, 12):
        chosen = [day for day in months if (day.month - 1) % step == 0]
        if 2 <= len(chosen) <= 3:
            break
    else:
        chosen = [begin, end] if len(months) < 2 else [months[0], months[-1]]
    whole = all(day.day == 1 for day in chosen)
    names = [day.strftime("%Y-%m") if whole else day.isoformat() for day in chosen]
    return [(day - _EPOCH).days for day in chosen], names


def _draw_rows(page: Axes, order: dict[str, Any], top: float) -> None:
    """Draw a table: for each row its share in every column, before a bar as long."""
    columns = order["columns"]
    left, width = _WIDTH * _NAMES, (_WIDTH * (1 - _NAMES) - _EDGE) / max(len(columns), 1)
    for number, name in enumerate(columns):
        x = left + width * number + _GAP
        _text(page, x, top + _ROW / 2, name, _NORMAL, colour=_colour(number), weight="bold")
    for place, (name, shares) in enumerate(order["rows"], 1):
        y = top + _ROW * place
        weight = "bold" if name == order["chosen"] else "normal"
        _text(page, _EDGE, y + _ROW / 2, name, _SMALL, weight=weight)
        for number, (share, written) in enumerate(shares):
            x = left + width * number
            for part, colour, alpha in ((1, _RULE, 0.55), (share or 0, _colour(number), 0.42)):
                size = (width - _GAP) * part, _ROW - 8
                page.add_patch(Rectangle((x, y + 4), *size, fc=colour, ec="none", alpha=alpha))
            _text(page, x + _GAP, y + _ROW / 2, written, _SMALL, weight=weight)


def _text(
    page: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    colour: str = _INK,
    weight: str = "normal",
    ha: str = "left",
) -> None:
    page.text(
        x,
        y,
        text,
        size=size,
        color=colour,
        weight=weight,
        ha=ha,
        va="center",
        parse_math=False,
    )


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


if __name__ == "__main__":
    sys.stdout.buffer.write(draw(json.load(sys.stdin.buffer)))
