"""A classifier's probabilities that were sent as its predictions: no label can ever be equal to one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from monitor.actions.models import settings_of
from monitor.store.models import Model

MOST_CLASSES = 2  # of labels that are no numbers between 0 and 1 by nature


def said_of_scores(model: Model, table: pa.Table) -> list[str]:
    """What there is to say of a reference's predictions (its stored columns, and canonical ``label``s) that are
    fractions between 0 and 1 where the task is one of classes, or is not configured and labels are of two classes."""
    task = settings_of(model).task
    if task == "regression" or not _fractions(model, table):
        return []
    labels = pc.unique(pc.drop_null(table.column("label")))
    if task is None and not (0 < len(labels) <= MOST_CLASSES):
        return []
    taken = "the task is taken for a regression" if task is None else f"none is a class of this {task} model"
    return [
        f"prediction: its values lie between 0 and 1 and are no whole numbers, so {taken}; send probabilities as "
        "'probability', where no 'prediction' is needed"
    ]


def _fractions(model: Model, table: pa.Table) -> bool:
    for column in model.columns:
        if column.role == "prediction" and column.storage == "number" and column.physical in table.column_names:
            values = pc.drop_null(table.column(column.physical))
            span = pc.min_max(values).as_py()
            if span["min"] is None or not (span["min"] >= 0 and span["max"] <= 1):
                return False
            return bool(pc.any(pc.and_(pc.greater(values, 0), pc.less(values, 1))).as_py())
    return False
