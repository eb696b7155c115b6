"""A trial as one page of HTML, which needs nothing from anywhere, and its pictures as PNG."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.core.classify import DEFAULT_PRESET
from scanner.core.render import templates
from scanner.errors import ConfigurationError
from scanner.learning import plots, showing
from scanner.learning.growth import FEWEST_GROUPS, Growth
from scanner.learning.plots import Draw
from scanner.learning.trial import Table, Trial, table

PAGE = "report.html"

_NO_CURVE = (
    "That cannot be told yet: it takes notes of more writers, some of which are held out while "
    f"others are learnt from. There is an answer from {FEWEST_GROUPS} writers on, "
    f"or {FEWEST_GROUPS} notes of your own that are not alike."
)


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture on the page, in both inks."""

    light: str
    dark: str
    alt: str
    caption: str


def write(
    trial: Trial,
    folder: Path,
    learning_curve: Growth | None = None,
    remarks: Sequence[str] = (),
) -> Path:
    """Write the page and its pictures into a folder; gives the page's path.

    `remarks` are sentences to put before everything else (what the gate said, for instance).
    The page quotes sentences of notes, so it is for its owner's eyes: where the system knows
    such rights, nobody else may read what is written, whatever folder it is. Raises
    `ConfigurationError` where it cannot be written.
    """
    names = [side.name for side in trial.sides]
    if trial.before:
        names = [f"{when} ({name})" for when, name in zip(("before", "now"), names, strict=True)]
    tables = {
        name: table(trial.cases, side, DEFAULT_PRESET)
        for name, side in zip(names, trial.sides, strict=True)
    }
    drawn = plots.pictures(tables, learning_curve)
    prepare(folder)
    try:
        for name, draw in drawn.items():
            _write(folder / f"{name}.png", plots.png(draw))
        _write(folder / PAGE, page(trial, drawn, learning_curve, remarks).encode())
    except OSError as error:
        raise _refused(folder, error) from None
    return folder / PAGE


def prepare(folder: Path) -> None:
    """Make the folder of a report. Raises `ConfigurationError` where that is not possible."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, error) from None


def _write(path: Path, content: bytes) -> None:
    """Write a file of mode 0600, also where there was one that others could read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _refused(folder: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{folder} cannot be written ({error.strerror}); name another folder for the report"
    )


def page(
    trial: Trial, drawn: Mapping[str, Draw], growth: Growth | None, remarks: Sequence[str] = ()
) -> str:
    """Write the page with the pictures drawn."""
    captions = _captions(table(trial.cases, trial.after, DEFAULT_PRESET), growth)
    return (
        templates()
        .get_template("trial.html.j2")
        .render(
            title="What the training changed" if trial.before else "How well the model does",
            method=showing.method(trial),
            remarks=remarks,
            preset=DEFAULT_PRESET,
            short=showing.short(trial, DEFAULT_PRESET),
            growth=growth.answer if growth else _NO_CURVE,
            numbers=showing.numbers(trial, DEFAULT_PRESET),
            pictures=[
                _Picture(_data(draw, dark=False), _data(draw, dark=True), *captions[name])
                for name, draw in drawn.items()
            ],
            sentences=showing.sentences(trial, DEFAULT_PRESET),
            words=showing.WORDS,
        )
    )


def _data(draw: Draw, *, dark: bool) -> str:
    return b64encode(plots.png(draw, dark=dark)).decode()


def _captions(rows: Table, growth: Growth | None) -> dict[str, tuple[str, str]]:
    """Give each picture's alternative text and its caption."""
    return {
        "precision-recall": (
            "Precision over recall, a falling curve for each model.",
            "What finding more costs. The higher and the further to the right a curve lies, the "
            f"better; the mark is where the preset {DEFAULT_PRESET} stands.",
        ),
        "calibration": (
            "How often a sentence was a flub over how sure the model was of it, beside the "
            "diagonal.",
            "Can its certainty be believed? On the diagonal, of sentences it is 70 % sure of, "
            "70 in 100 are flubs. Above it the model is too timid, below it too sure.",
        ),
        "confusion": (
            f"A table of true categories against shown ones. {showing.mixed_up(rows)}",
            "Rows are what sentences are, columns what they are shown as. “None” is a sentence "
            f"that is no flub, or is not shown as one. {showing.mixed_up(rows)}",
        ),
        "learning-curve": (
            "The average precision over the number of messages learnt from.",
            f"{growth.answer} The encoder was left as it is; only the heads were refitted."
            if growth
            else "",
        ),
    }
