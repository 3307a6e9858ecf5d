"""Where the rows of a window can be told from the reference's: what that means for the model's performance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from detectors.density_ratio import density_ratio
from detectors.estimation.pape import LEAST_AREA, estimate_where_inputs_moved
from detectors.measurement import Measurement
from detectors.multivariate.domain_classifier import CHANCE, Rows
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.from_probabilities import score_of
from monitor.actions.labelled_rows import Asked, of_reference
from monitor.actions.measuring.task import Task
from monitor.actions.pinned_labels import labelled
from monitor.config.document import Trailing
from monitor.store import references
from monitor.store.observations.base import StoredColumn

_SCORE = "probability."


def estimated(
    frame: Frame,
    task: Task,
    window: Window,
    columns: Sequence[StoredColumn],
    current: Rows,
    compared: Compared | None,
    told: Measurement,
) -> list[Measurement]:
    """Estimates of a binary model's performance in a window of one version whose rows are told from the reference's by
    an area above 0.6 beyond what the reference's own days do, and certainly above 1/2 (``told``); from the reference's
    labelled rows."""
    given = task.check.reference
    if compared is None or len(window.versions) != 1 or not _moved(told):
        return []
    if frame.meaning.task != "binary" or isinstance(given, Trailing):
        return []
    (version,) = window.versions
    chosen = references.choose(frame.known, frame.model.default_reference, given, version)
    if chosen is None:
        return []
    scores = [replace(one, name=_SCORE + one.name) for one in frame.model.columns if one.role == "probability"]
    mine = None if chosen[1] == references.WHOLE else chosen[1]
    known = of_reference(frame, Asked(mine, None, [*columns, *scores], "wrong_share"), chosen[0], task.as_of)
    there = known.rows.columns
    names = [column.name for column in columns]
    ratio = density_ratio(names, Rows({name: there[name] for name in names}, known.rows.blocks), current)
    by_class = {one.name.removeprefix(_SCORE): there[one.name].to_numpy(zero_copy_only=False) for one in scores}
    score = score_of(frame.meaning, by_class)
    if ratio is None or score is None:
        return []
    reference = labelled(frame, compared, task.as_of)
    return estimate_where_inputs_moved(frame.binning, window.pooled, reference, known.truth, score, ratio)


def _moved(told: Measurement) -> bool:
    return told.value is not None and told.value > LEAST_AREA and told.lower is not None and told.lower > CHANCE
