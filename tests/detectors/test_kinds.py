"""Numeric or categorical."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.kinds import infer_kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array(["a", None]), "categorical"),
        (pa.array(["a", "a"]).dictionary_encode(), "categorical"),
        (pa.array([True, False]), "categorical"),
        (pa.array([0, 1] * 10), "categorical"),
        (pa.array(list(range(20)) * 20), "categorical"),
        (pa.array(list(range(20)) * 19), "numeric"),
        (pa.array(list(range(21)) * 100), "numeric"),
        (pa.array([1, 2, 3]), "numeric"),
        (pa.array([0.0, 1.0] * 50), "numeric"),
        (pa.array(np.arange(3), pa.timestamp("s")), None),
        (pa.nulls(4, pa.float64()), None),
        (pa.array([[1], [2]]), None),
    ],
)
def test_the_rule(values, kind):
    assert infer_kind(values) == kind
