"""Fit a model to a corpus: its heads, and on writers held out the gate and the thresholds."""

from __future__ import annotations

from scanner.learning import thresholds
from scanner.learning.estimators import fit_all
from scanner.learning.folds import folds
from scanner.learning.holding_out import cross_fit
from scanner.learning.ingredients import described
from scanner.learning.model import Model
from scanner.learning.on_demand import OnDemand
from scanner.learning.preparing import ReadCorpus
from scanner.learning.progress import Progress, silent


def train(
    read: ReadCorpus,
    *,
    version: str,
    encoder: OnDemand,
    progress: Progress = silent,
) -> Model:
    """Fit a model to labelled notes; same corpus, encoder and libraries, same answers.

    Ordinary mail teaches what a note is.
    Raises `ConfigurationError` where the corpus is too small to hold writers out, or notes
    among the background would silence a preset.
    """
    prepared, ordinary = read.prepared, read.ordinary
    held_out = cross_fit(prepared, ordinary, folds(prepared.writers), progress)
    fitted = fit_all(prepared, ordinary)
    gate, chosen = thresholds.gate_and_presets(held_out)
    behind = thresholds.gated(held_out, gate)
    thresholds.require_warnings(behind, chosen)
    metadata = described(read, encoder.known().writers) | {
        "scores": thresholds.scores(behind, chosen)
    }
    return Model(version, fitted.heads, gate, chosen, encoder, metadata, fitted)
