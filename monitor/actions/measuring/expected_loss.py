"""What errors a regression's predictions of a window will have, learned from the reference's labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from detectors.estimation.dle_trees import Expected, LossTrees, estimate_losses, fit_loss_trees
from detectors.measurement import MINIMUM_ROWS
from detectors.performance.estimate import Estimate
from monitor.actions.frame import Frame, Nothing
from monitor.actions.labelled_rows import Asked, of_reference
from monitor.actions.measuring.sampled_rows import columns_of, of_version, sampled, step_of
from monitor.actions.measuring.task import Task
from monitor.actions.pinned_labels import standing_in, state_of
from monitor.config.document import Trailing
from monitor.config.inventory import Check
from monitor.store import references
from monitor.store.observations.base import StoredColumn

_FEATURE, _PREDICTION = "feature.", "prediction"


def expected_losses(frame: Frame, task: Task, rows: Mapping[str, int]) -> dict[str, Estimate]:
    """``mae`` and ``rmse`` of a regression's rows of these versions (with their counts) in the window. Nothing where
    there are no rows to learn from or to look at: of a trailing reference, a reference without enough labels, or hours
    of which the rows are deleted."""
    columns = _columns(frame)
    if columns is None or not _can_learn(frame, task.check):
        return {}
    total = sum(rows.values())
    parts = [_expected(frame, task, version, count, total, columns) for version, count in sorted(rows.items())]
    found = [part for part in parts if part is not None]
    if len(found) < len(rows) or sum(map(len, found)) < MINIMUM_ROWS:
        return {}
    looked = Expected.join(found)
    return estimate_losses(looked, len(looked) * step_of(total))


def _expected(
    frame: Frame, task: Task, version: str, count: int, total: int, columns: Sequence[StoredColumn]
) -> Expected | None:
    """Of a version's share of at most 20,000 of all rows; None where it cannot be told of all of them."""
    trees = _trees_of(frame, task.check, version, columns, task.as_of)
    if trees is None:
        return None
    read = frame.service.observations.read(frame.connection, frame.model.stored, task.start, task.end, columns)
    mine = sampled(of_version(read, version), total, columns, timed=True)
    if len(mine) < count // step_of(total):
        return None
    known = pc.is_finite(pc.fill_null(mine.columns[_PREDICTION], np.nan))
    return trees.expected({name: values.filter(known) for name, values in mine.columns.items()})


def learn_losses(frame: Frame, check: Check, as_of: int) -> None:
    """Fit what the references tell, for the runs to come: it takes seconds."""
    columns = _columns(frame)
    if _can_learn(frame, check) and columns is not None:
        for version in frame.versions:
            _trees_of(frame, check, version, columns, as_of)


def _can_learn(frame: Frame, check: Check) -> bool:
    wanted = check.kind == "performance" and check.metric is None and not check.is_stream
    return wanted and frame.meaning.task == "regression" and not isinstance(check.reference, Trailing)


def _columns(frame: Frame) -> list[StoredColumn] | None:
    """Features but for vectors, and the prediction; under names that cannot meet. None without numeric predictions."""
    predictions = [one for one in frame.model.columns if one.role == "prediction" and one.storage == "number"]
    features = [one for one in columns_of(frame, frame.features()) if one.storage != "vector"]
    named = [replace(one, name=_FEATURE + one.name) for one in features]
    return [*named, replace(predictions[0], name=_PREDICTION)] if predictions else None


def _trees_of(
    frame: Frame, check: Check, version: str, columns: Sequence[StoredColumn], as_of: int
) -> LossTrees | None:
    """Of what rows of the version are compared with, fitted once; None where that has too few labelled rows."""
    named = check.reference if isinstance(check.reference, str) else None
    chosen = references.choose(frame.known, frame.model.default_reference, named, version)
    if chosen is None:
        return None
    reference, mine = standing_in(frame, chosen, as_of)

    def fit() -> LossTrees | Nothing:
        asked = Asked(None if mine == references.WHOLE else mine, None, columns, "absolute_error")
        known = of_reference(frame, asked, reference, as_of)
        return fit_loss_trees([one.name for one in columns], known.rows, known.loss) or Nothing()

    of_labels = state_of(frame, reference, as_of)
    key = ("expected_loss", reference.id, mine, frame.binning_id, len(columns), *of_labels)
    found: LossTrees | Nothing = frame.service.learned.get(key, fit)
    return None if isinstance(found, Nothing) else found
