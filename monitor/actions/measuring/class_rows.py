"""What rows of each class look like to a model of several, from the reference's labelled rows: counted once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from detectors.estimation.class_table import Cells, ClassTable, count_classes, mix_tables
from monitor.actions.frame import Frame
from monitor.actions.from_probabilities import likeliest, score_of
from monitor.actions.labelled_rows import Asked, of_reference
from monitor.actions.measuring.task import Task
from monitor.actions.pinned_labels import standing_in, state_of
from monitor.config.document import Trailing
from monitor.store import references
from monitor.store.observations.canonical import canonical_stored

_PREDICTION, _SCORE = "prediction", "probability."


def class_table(
    frame: Frame, task: Task, rows: Mapping[str, int], *, of_performance: bool = False
) -> ClassTable | None:
    """Of what rows of these versions are compared with (with their counts; of none where a window has no rows), from at
    most 20,000 labelled rows of each. None of a trailing reference, without one, or where none has such rows.
    ``of_performance``: of the version that stands in for one that waits for its labels."""
    cells = Cells.of(frame.binning)
    if cells is None or isinstance(task.check.reference, Trailing):
        return None
    wanted: dict[tuple[int, str], int] = {}
    by_id: dict[int, references.Reference] = {}
    for version, count in (rows or {"": 0}).items():
        chosen = references.choose(frame.known, frame.model.default_reference, task.check.reference, version)
        if chosen is not None:
            chosen = standing_in(frame, chosen, task.as_of) if of_performance else chosen
            key = (chosen[0].id, chosen[1])
            by_id[key[0]] = chosen[0]
            wanted[key] = wanted.get(key, 0) + max(count, 1)
    found = [
        (_table(frame, cells, by_id[place], version, task.as_of), count)
        for (place, version), count in sorted(wanted.items())
    ]
    there = [(table, float(count)) for table, count in found if table.rows]
    if not there:
        return None
    return there[0][0] if len(there) == 1 else mix_tables(*map(list, zip(*there, strict=True)))


def _table(frame: Frame, cells: Cells, reference: references.Reference, version: str, as_of: int) -> ClassTable:
    def count() -> ClassTable:
        mine = None if version == references.WHOLE else version
        said = [replace(one, name=_PREDICTION) for one in frame.model.columns if one.role == "prediction"]
        scores = [replace(one, name=_SCORE + one.name) for one in frame.model.columns if one.role == "probability"]
        known = of_reference(frame, Asked(mine, None, [*said, *scores], "wrong_share"), reference, as_of)
        there = known.rows.columns
        by_class = {one.name.removeprefix(_SCORE): there[one.name].to_numpy(zero_copy_only=False) for one in scores}
        score = score_of(frame.meaning, by_class)
        if frame.meaning.likeliest:
            predicted = likeliest(frame.meaning, by_class, len(known))
        else:
            predicted = canonical_stored(there[_PREDICTION], said[0].storage)
        names = pa.array([*frame.binning.scores.classes, None], pa.string())  # the truth is a place among them
        truth = names.take(pa.array(known.truth.astype(np.int64)))
        sure = np.full(len(known), np.nan) if score is None else score
        return count_classes(frame.binning, cells, truth, predicted, sure)

    key = ("classes", reference.id, version, frame.binning_id, *state_of(frame, reference, as_of))
    table: ClassTable = frame.service.of_segments.get(key, count)
    return table
