"""Features that the reference does not have: in how many rows they come, and since when. Words for people, no verdict.

A feature that is sent is sent from some hour on: before it, it is in no row to speak of. The hour is the likeliest
change of a share (Hinkley and Hinkley 1970: the split of a series of Bernoulli trials with the largest likelihood).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.cuts import Binning, NumericColumn
from detectors.intervals import Z95, wilson
from detectors.measurement import Measurement
from detectors.profile import Reference
from detectors.summary import HourlySummaries

METRIC = "new_feature_share"
_BEFORE = 0.05  # of its share since then: a feature that came before in more rows did not come then
_SURE = 10.0  # log likelihood that a change has over none: of 200 hours chance gives it in one of 600 series


@dataclass(frozen=True)
class Seen:
    """What summaries know of some stretches of hours, the oldest first: ``hours`` int64 [T] (increasing, those with
    rows), their ``rows`` int64 [T]; ``follows`` bool [T]: no hour between this one and the one before it in ``hours``
    has rows."""

    binning: Binning
    stretches: Sequence[HourlySummaries]
    end_hour: int

    @cached_property
    def _known(self) -> list[NDArray[np.bool_]]:
        return [(one.hours < self.end_hour) & (one.counts[:, 0] > 0) for one in self.stretches]

    @cached_property
    def hours(self) -> NDArray[np.int64]:
        return np.concatenate([one.hours[known] for one, known in self._parts])

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        return self._sum([0])

    @cached_property
    def follows(self) -> NDArray[np.bool_]:
        places = [np.arange(known.sum()) > 0 for known in self._known]
        places[0][:1] = True
        return np.concatenate(places)

    def without(self, name: str) -> NDArray[np.int64]:
        """How many rows have nothing in the column, int64 [T]."""
        extras = ("missing", "nan") if isinstance(self.binning.by_name[name], NumericColumn) else ("missing",)
        return self._sum([self.binning.extra(name, one) for one in extras])

    @property
    def _parts(self) -> Iterator[tuple[HourlySummaries, NDArray[np.bool_]]]:
        return zip(self.stretches, self._known, strict=True)

    def _sum(self, slots: Sequence[int]) -> NDArray[np.int64]:
        counts = [one.counts[:, slots].sum(axis=1, dtype=np.int64)[known] for one, known in self._parts]
        return np.concatenate(counts)


@dataclass(frozen=True)
class Arrival:
    """A feature in hours that were looked at: ``hours`` int64 [T] (increasing, those with rows), their ``rows`` and how
    many of them have it, ``present``, int64 [T]; ``follows`` bool [T]: no hour with rows lies between this one and the
    one before it in ``hours``."""

    name: str
    hours: NDArray[np.int64]
    rows: NDArray[np.int64]
    present: NDArray[np.int64]
    follows: NDArray[np.bool_]

    @cached_property
    def came(self) -> int | None:
        """The place of the first of these hours that have it; None where it was there all the time, or is too rare to
        say."""
        if len(self.hours) < 2 or not self.present.any():
            return None
        place, gain = _likeliest(self.rows.astype(np.float64), self.present.astype(np.float64))
        if place > 1 and self._share(place - 1, place) > _BEFORE * self._share(place, None):  # it came in its middle
            place -= 1
        before, since = self._share(0, place), self._share(place, None)
        return place if gain >= _SURE and before <= _BEFORE * since else None

    @property
    def since(self) -> int | None:
        """The hour in which it came, where the one before it was looked at."""
        return None if self.came is None or not self.follows[self.came] else int(self.hours[self.came])

    @property
    def share(self) -> float:
        """Of the rows since it came that have it."""
        return self._share(self.came or 0, None)

    def _share(self, start: int, end: int | None) -> float:
        rows = int(self.rows[start:end].sum())
        return float(self.present[start:end].sum()) / rows if rows else 0.0


def _likeliest(rows: NDArray[np.float64], present: NDArray[np.float64]) -> tuple[int, float]:
    """The place [1, T) at which a series is best cut into two of one share each, and the log likelihood gained."""
    n, x = np.cumsum(rows), np.cumsum(present)
    likelihood = _log_likelihood(x[:-1], n[:-1]) + _log_likelihood(x[-1] - x[:-1], n[-1] - n[:-1])
    place = int(np.argmax(likelihood))
    return place + 1, float(likelihood[place] - _log_likelihood(x[-1:], n[-1:])[0])


def _log_likelihood(x: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of x of n Bernoulli trials, at their own share."""
    share = x / n
    found: NDArray[np.float64] = special.xlogy(x, share) + special.xlogy(n - x, 1 - share)
    return found


def unknown(binning: Binning, names: Sequence[str], reference: Reference) -> frozenset[str]:
    """Those of the columns that no row of the reference has; found once for it."""
    key = ("unknown", tuple(names))
    if key not in reference.memo:
        total = np.asarray(reference.total, dtype=np.float64)
        reference.memo[key] = frozenset(name for name in names if not _has_values(binning, name, total))
    found: frozenset[str] = reference.memo[key]
    return found


def _has_values(binning: Binning, name: str, total: NDArray[np.float64]) -> bool:
    if name not in binning.by_name:
        return False
    start, size = binning.offsets[name], binning.by_name[name].size
    return float(total[start : start + size].sum() - total[binning.extra(name, "missing")]) > 0


def counted(seen: Seen, name: str) -> Arrival:
    """Of a column that the cuts hold, from summaries alone."""
    present = seen.rows - seen.without(name)
    return Arrival(name.removeprefix("feature."), seen.hours, seen.rows, present, seen.follows)


def told(arrivals: Sequence[Arrival], start_hour: int, n_reference: int) -> list[Measurement]:
    """One measurement for each feature that rows of the window have, which begins at ``start_hour``: ``value`` is the
    share of its rows with it, with a 95 % Wilson (1927) interval; of the rows that were looked at, ``n_current``.
    ``details.since`` (RFC 3339) is the hour from which on it is sent, where that is known, and ``details.since_share``
    the share of the rows since then."""
    found = []
    for one in arrivals:
        inside = one.hours >= start_hour
        rows, present = int(one.rows[inside].sum()), int(one.present[inside].sum())
        if present:
            low, high = (float(limit) for limit in wilson(present, rows, Z95))
            details = _details(one)
            found.append(Measurement(METRIC, present / rows, n_reference, rows, one.name, low, high, details=details))
    return found


def _details(one: Arrival) -> dict[str, Any]:
    if one.since is None:
        return {}
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=one.since)
    return {"since": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "since_share": one.share}
