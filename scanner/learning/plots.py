"""The pictures of a report, drawn with matplotlib (extra `plot`), on light paper and on dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scanner.errors import ConfigurationError
from scanner.learning import curves
from scanner.learning.growth import Growth
from scanner.learning.trial import Table

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
except ImportError as error:  # the smallest install draws nothing
    raise ConfigurationError(
        "a report has pictures, and matplotlib is missing; install unflub with the extra `plot`"
    ) from error

Draw = Callable[[Axes], None]

_SIZE, _DPI = (6.4, 4.4), 130
_LIGHT, _DARK = ("#ffffff", "#23211c"), ("#24221f", "#ece8df")
# Told apart without colours, too, by dashes and marks.
_BEFORE: dict[str, Any] = {"color": "#8a8375", "linestyle": "--", "marker": "s"}
_AFTER: dict[str, Any] = {"color": "#c07a00", "linestyle": "-", "marker": "o"}


def pictures(tables: Mapping[str, Table], growth: Growth | None) -> dict[str, Draw]:
    """Give the pictures by the names of their files, of the sides by name, the later one last."""
    last = [*tables.values()][-1]
    found: dict[str, Draw] = {
        "precision-recall": partial(_precision_recall, tables),
        "calibration": partial(_calibration, tables),
        "confusion": partial(_confusion, curves.confusion(last)),
    }
    if growth:
        found["learning-curve"] = partial(learning_curve, growth)
    return found


def png(draw: Draw, *, dark: bool = False) -> bytes:
    """Draw a picture; the same numbers and libraries give the same bytes."""
    paper, ink = _DARK if dark else _LIGHT
    colours: dict[Any, Any] = {"figure.facecolor": paper, "axes.facecolor": paper}
    for part in ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"):
        colours[part] = ink
    with rc_context(colours):
        figure = Figure(figsize=_SIZE, layout="constrained")
        draw(figure.subplots())
        made = BytesIO()
        figure.savefig(made, format="png", dpi=_DPI, metadata={"Software": None})
    return made.getvalue()


def learning_curve(growth: Growth, axes: Axes) -> None:
    """Draw what was reached by how many messages, with the interval of each point."""
    sizes = [point.messages for point in growth.points]
    reached = [point.reached for point in growth.points]
    axes.plot(sizes, [one.value for one in reached], **_AFTER)
    if not any(np.isnan(one.low) for one in reached):
        band = [one.low for one in reached], [one.high for one in reached]
        axes.fill_between(sizes, *band, color=_AFTER["color"], alpha=0.2, linewidth=0)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set(
        xlabel=f"labelled messages {growth.whose} that were learnt from",
        ylabel="average precision on held-out notes",
    )
    axes.grid(visible=True, alpha=0.3)


def _precision_recall(tables: Mapping[str, Table], axes: Axes) -> None:
    for name, rows, style in _styled(tables):
        recall, precision = curves.precision_by_recall(rows)
        axes.plot(recall, precision, **style | {"marker": ""}, label=name)
        axes.plot(*curves.operating_point(rows), **style | {"linestyle": "", "markersize": 9})
    axes.set(
        xlabel="recall: of the flub sentences, how many are shown",
        ylabel="precision: of those shown, how many are flubs",
        xlim=(0, 1.02), ylim=(0, 1.02),
    )  # fmt: skip
    _finish(axes, "lower left")


def _calibration(tables: Mapping[str, Table], axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color="#8a8375", linewidth=0.8, label="as it should be")
    for name, rows, style in _styled(tables):
        axes.plot(*curves.came_true(rows), **style, label=name)
    axes.set(
        xlabel="how sure the model was of a flub",
        ylabel="how often it was one",
        xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    _finish(axes, "upper left")


def _confusion(counts: NDArray[np.int64], axes: Axes) -> None:
    """Draw the shares of each true category; sentences that are rightly not shown are left out."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares[-1] = counts[-1] / max(int(counts[-1, :-1].sum()), 1)
    shares[-1, -1] = 0
    paper = axes.get_facecolor()
    shades = LinearSegmentedColormap.from_list("shares", [paper, _AFTER["color"]])
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1.4, aspect="auto")  # figures stay legible
    for row, column in zip(*np.nonzero(counts), strict=True):
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=7)
    names = [name.replace("_", "-") for name in curves.LABELS]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel="what they are shown as", ylabel="what sentences are")


def _styled(tables: Mapping[str, Table]) -> list[tuple[str, Table, dict[str, Any]]]:
    styles = (_BEFORE, _AFTER)[-len(tables) :]
    return list(zip(tables.keys(), tables.values(), styles, strict=True))


def _finish(axes: Axes, place: Literal["lower left", "upper left"]) -> None:
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc=place, frameon=False)
