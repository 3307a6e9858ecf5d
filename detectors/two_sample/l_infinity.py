"""The largest change of any category's share."""

from __future__ import annotations

import numpy as np

from detectors.intervals import Z95, difference_lower, difference_p_value
from detectors.sample import Comparison, Levels, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """max |p - q|, with the category that moved most in ``details``.

    p-value: Newcombe's intervals inverted for each category (exact limits where counts are small), Bonferroni over
    categories and two sides. Limits: those of the category that moved most, at 95 %.
    """
    if not (isinstance(reference, Levels) and isinstance(current, Levels)):
        raise TypeError("l_infinity compares categories")
    counts = table(reference, current)
    p, q = counts.shares
    rows = counts.reference.sum(), counts.current.sum()
    up = q >= p
    x = np.where(up, counts.current, rows[1] - counts.current)
    y = np.where(up, counts.reference, rows[0] - counts.reference)
    p_value = min(1.0, float(difference_p_value(x, rows[1], y, rows[0], 0.0).min()) * 2 * len(p))
    change = np.abs(q - p)
    top = int(change.argmax())
    lower = float(difference_lower(x[top], rows[1], y[top], rows[0], Z95))
    upper = -float(difference_lower(y[top], rows[0], x[top], rows[1], Z95))
    names = counts.details["categories"]
    details = {
        "category": names[top],
        "from": float(p[top]),
        "to": float(q[top]),
        "categories": {name: {"from": float(p[place]), "to": float(q[place])} for place, name in enumerate(names)},
    }
    return Comparison(float(change[top]), p_value, max(0.0, lower), min(1.0, upper), details)
