"""How common each of several classes is now, without labels: if only their shares changed (label shift).

As of two classes (``label_shift``) the window is a mixture of what the reference's rows of each class look like. What
is known of a window are its predicted classes and its confidence, each by itself: P + B counts for C - 1 shares. They
come from the same rows, whose joint counts nobody has kept, so that there is no likelihood for the EM iterations of
Saerens, Latinne and Decaestecker (2002); the shares are those of minimum chi-square (Neyman 1949; for moments Hansen
1982), with the covariance of both counts that the reference's joint table gives. Predicted classes alone are black box
shift estimation (Lipton, Wang and Smola 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # loads scipy.optimize and scipy.stats where they are first needed
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.estimation.class_table import Cells, ClassTable
from detectors.estimation.label_shift import BY_CLASSES, GATE, LABEL_SHIFT_REJECTED, LEAST_IN_BIN, METRIC
from detectors.intervals import Z95, normal_quantile
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

_ROUNDS = 4  # of weights and shares: each changes the other little
_NO_CELL = 1e-12  # variance of a cell that has no row
_NONE = 1e-9  # a share that is none
_ON_SUM = 1e3  # how much heavier than any cell it weighs that shares add up to 1


def measure_class_mix(binning: Binning, current: WindowCounts, table: ClassTable | None) -> list[Measurement]:
    """``estimated_base_rate`` and, where the gate is open, ``estimated_base_rate_bbse`` of a window of a model of
    several classes with probabilities; nothing for any other model.

    ``value`` with its 95 % interval is of ``details.positive``: of the class whose share moved most surely, or where
    none has surely moved (``details.moved`` false) of the reference's commonest, so that a series without drift is of
    one class. ``classes`` hold ``{class: {reference, value, lower, upper, bbse, bbse_lower, bbse_upper}}`` of all.
    Everything else is as in ``label_shift.measure_base_rate``; ``no_reference``: fewer than two classes have 10
    labelled rows.
    """
    cells = Cells.of(binning)
    if cells is None:
        return []
    seen = cells.seen(binning, current)
    rows, known = round(float(min(part.sum() for part in seen))), None if table is None else table.usable()
    if table is None or known is None or len(known.classes) < 2:
        return [Measurement(METRIC, None, 0 if table is None else table.rows, rows, reason=NO_REFERENCE)]
    labelled = known.counts.sum(axis=(1, 2))
    before = labelled / labelled.sum()
    named = {name: {"reference": share} for name, share in zip(known.classes, before.tolist(), strict=True)}
    base: dict[str, Any] = {"classes": named}
    if rows < MINIMUM_ROWS:
        return [Measurement(METRIC, None, known.rows, rows, reason=TOO_FEW_ROWS, details=base)]
    found, box = estimate_mix(known.counts, *seen, table.too_few()), estimate_mix(known.counts, seen[0], None)
    gated = {**base, "gate_p_value": found.gate_p_value}
    if found.gate_p_value is not None and found.gate_p_value < GATE:
        return [Measurement(METRIC, None, known.rows, rows, reason=LABEL_SHIFT_REJECTED, details=gated)]
    moved = found.moved_most(labelled)
    place = int(np.argmax(labelled)) if moved is None else moved
    ends = found.told("", "value"), box.told("bbse_", "bbse")
    told = {name: {**one, **ends[0][i], **ends[1][i]} for i, (name, one) in enumerate(named.items())}
    mine = told[known.classes[place]]
    details = {
        **gated,
        "positive": known.classes[place],
        "moved": moved is not None,
        "reference_value": mine["reference"],
        "classes": told,
    }
    by_classes = {name: mine[name] for name in ("bbse", "bbse_lower", "bbse_upper")}
    value, low, high = mine["value"], mine["lower"], mine["upper"]
    return [
        Measurement(METRIC, value, known.rows, rows, lower=low, upper=high, details={**details, **by_classes}),
        Measurement(
            BY_CLASSES,
            by_classes["bbse"],
            known.rows,
            rows,
            lower=by_classes["bbse_lower"],
            upper=by_classes["bbse_upper"],
            details=details,
        ),
    ]


@dataclass(frozen=True, eq=False)
class Mix:
    """Shares of the classes [C], not negative, of sum 1, with their ``covariance`` [C, C]; ``gate_p_value`` None where
    there are no more cells than shares."""

    shares: Array
    covariance: Array
    gate_p_value: float | None

    @property
    def error(self) -> Array:
        """Standard errors [C]."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def moved_most(self, labelled: NDArray[Any]) -> int | None:
        """The class that is surely farthest from its share of the reference's labelled rows [C]: by the lower limit of
        how far, at 95 % over all classes and both sides (Bonferroni). None where none of these limits is above 0."""
        before = labelled / labelled.sum()
        error = np.sqrt(self.error**2 + before * (1 - before) / labelled.sum())
        surely = np.abs(self.shares - before) - normal_quantile(0.025 / len(before)) * error
        return int(np.argmax(surely)) if surely.max() > 0 else None

    def told(self, prefix: str, value: str) -> list[dict[str, float]]:
        """By class: the share and its 95 % limits."""
        low, high = (np.clip(self.shares + side * Z95 * self.error, 0, 1) for side in (-1, 1))
        ends = zip(self.shares.tolist(), low.tolist(), high.tolist(), strict=True)
        return [{value: middle, f"{prefix}lower": a, f"{prefix}upper": b} for middle, a, b in ends]


def estimate_mix(known: NDArray[Any], said: Array, sure: Array | None, too_few: Array | None = None) -> Mix:
    """From labelled rows [C, P, B] and rows of the window by predicted class [P] and by tenth of confidence [B] (None:
    from predicted classes alone, and no gate); ``too_few``: labelled rows [P] of classes that are in no mixture.

    Shares w minimise (m - A w)' V⁻¹ (m - A w), with V the multinomial covariance of the window's shares of cells m at
    such a mixture, and of the reference's columns A, each times w²: so the error of the reference is in the intervals
    and in the gate. Rows count as independent. Predicted classes that no labelled row has tell of no mixture: m is of
    the other rows, and the gate tests how many they are.
    """
    rows, unknown = known.sum(axis=(0, 2)), known.sum(axis=(0, 2)) == 0
    columns, inside = _columns(known[:, ~unknown]), said[~unknown]
    fit = _Fit(columns.share, 0.0, np.zeros((1, len(known))))
    if inside.sum() > 0:
        fit = _fit(_Cells.of(columns, inside, sure), columns, columns.share)
    gate = None
    if sure is not None:
        usual = _Usual(rows if too_few is None else rows + too_few, said, float(np.max(fit.shares / columns.share)))
        gate = _gate(columns, fit.shares, inside, sure, usual, unknown)
    directions = np.linalg.svd(np.ones((1, len(known))))[2][1:].T  # in which shares can move: their sum stays
    pull = fit.whitened @ directions
    size, way = np.linalg.eigh(pull.T @ pull)
    way = directions @ way
    # What the cells do not tell is unknown: by a whole share, and no more.
    return Mix(fit.shares, (way / np.maximum(size, 1.0)) @ way.T, gate)


def p_value_of_mix(known: NDArray[Any], said: Array, sure: Array, mix: Mix, too_few: Array) -> float | None:
    """The gate where the mix is known otherwise: of that rows predicted so, counted as in ``estimate_mix``, are of this
    mix of the reference's classes."""
    rows, unknown = known.sum(axis=(0, 2)), known.sum(axis=(0, 2)) == 0
    columns = _columns(known[:, ~unknown])
    usual = _Usual(rows + too_few, said, float(np.max(mix.shares / columns.share)))
    return _gate(columns, mix.shares, said[~unknown], sure, usual, unknown, mix.covariance)


def p_value_of_more(seen: float, n: float, before: float, n_before: float, times: float) -> float | None:
    """Of that ``seen`` rows of n are at most ``times`` as common as ``before`` of n_before: given their sum they are
    binomial (Przyborowski and Wilenski 1940). None where there are none."""
    share = n / (n + n_before / times)
    return float(scipy.special.betainc(seen, before + 1, share)) if seen > 0 else None


@dataclass(frozen=True, eq=False)
class _Columns:
    """Of each class in the reference: shares of the joint cells [C, P, B] (one row's worth of what all have among them,
    so that none is certain), labelled ``rows`` [C], and its own ``share`` [C]."""

    joint: Array
    rows: Array
    share: Array


def _columns(known: NDArray[Any]) -> _Columns:
    rows, every = known.sum(axis=(1, 2)).astype(np.float64), known.sum(axis=0) / max(known.sum(), 1)
    return _Columns((known + every) / (rows + 1)[:, None, None], rows, rows / max(rows.sum(), 1))


@dataclass(frozen=True, eq=False)
class _Cells:
    """The window's shares of cells ``seen`` [k] of ``n`` rows, and sums of predicted classes ``by_class`` [k, P] and of
    tenths ``by_tenth`` [k, B] that they are; of each of the two one is left out, which the others tell."""

    seen: Array
    by_class: Array
    by_tenth: Array
    n: float

    @classmethod
    def of(
        cls, columns: _Columns, said: Array, sure: Array | None, expected: tuple[Array, Array] | None = None
    ) -> _Cells:
        """``expected`` rows: cells are joined until each has 5 of them."""
        p, b = columns.joint.shape[1:]
        classes = np.eye(p) if expected is None else _rare_joined(expected[0])
        tenths = np.eye(b) if expected is None else _joined(expected[1])
        usual = np.tensordot(columns.share, columns.joint, 1)
        one = np.delete(classes, int(np.argmax(classes @ usual.sum(axis=1))), axis=0)
        other = np.delete(tenths, int(np.argmax(tenths @ usual.sum(axis=0))), axis=0)[: None if sure is not None else 0]
        seen = [one @ said / said.sum()] + ([] if sure is None else [other @ sure / sure.sum()])
        by_class = np.concatenate([one, np.zeros((len(other), p))])
        by_tenth = np.concatenate([np.zeros((len(one), b)), other])
        n = float(said.sum() if sure is None else min(said.sum(), sure.sum()))
        return cls(np.concatenate(seen), by_class, by_tenth, n)

    def shares(self, joint: Array) -> Array:
        """Of joint shares [..., P, B]: of the cells, [..., k]."""
        found: Array = joint.sum(axis=-1) @ self.by_class.T + joint.sum(axis=-2) @ self.by_tenth.T
        return found

    def covariance(self, joint: Array) -> Array:
        """Of one row, [..., k, k]."""
        of_class = (self.by_class * joint.sum(axis=-1)[..., None, :]) @ self.by_class.T
        of_tenth = (self.by_tenth * joint.sum(axis=-2)[..., None, :]) @ self.by_tenth.T
        both = self.by_class @ joint @ self.by_tenth.T
        mean = self.shares(joint)
        found: Array = of_class + of_tenth + both + np.swapaxes(both, -1, -2) - mean[..., :, None] * mean[..., None, :]
        return found


@dataclass(frozen=True, eq=False)
class _Fit:
    """``shares`` [C]; ``distance`` their X²; ``whitened`` [k, C]: columns in standard errors that are independent."""

    shares: Array
    distance: float
    whitened: Array


def _fit(cells: _Cells, columns: _Columns, start: Array) -> _Fit:
    design, spread = cells.shares(columns.joint).T, cells.covariance(columns.joint) / columns.rows[:, None, None]
    fit = _Fit(start, 0.0, design)
    for _ in range(_ROUNDS):
        mixed = np.tensordot(fit.shares, columns.joint, 1)
        variance = cells.covariance(mixed) / cells.n + np.tensordot(fit.shares**2, spread, 1)
        lower = np.linalg.cholesky(variance + _NO_CELL * np.eye(len(variance)))
        both = scipy.linalg.solve_triangular(lower, np.column_stack([design, cells.seen]), lower=True)
        fit = _on_simplex(both[:, :-1], both[:, -1])
    return fit


def _on_simplex(design: Array, seen: Array) -> _Fit:
    """Least squares with shares that are not negative (Lawson and Hanson 1974) and add up to 1."""
    weight = _ON_SUM * max(float(np.abs(design).max()), 1.0)
    rows = np.vstack([design, np.full((1, design.shape[1]), weight)])
    shares = scipy.optimize.nnls(rows, np.append(seen, weight), maxiter=30 * design.shape[1])[0]
    shares = shares / shares.sum()
    return _Fit(shares, float(np.sum((seen - design @ shares) ** 2)), design)


@dataclass(frozen=True, eq=False)
class _Usual:
    """Rows by predicted class [P]: ``labelled`` ones of the reference and those of the window, ``said``; ``times``: by
    what factor the commonness of a class rose at most."""

    labelled: Array
    said: Array
    times: float

    def p_value(self, which: NDArray[np.bool_]) -> float | None:
        """Of that the window's rows of these rare cells are no more common than the reference's, in any class. None
        where the window has none."""
        seen, before = float(self.said[which].sum()), float(self.labelled[which].sum())
        return p_value_of_more(seen, float(self.said.sum()), before, float(self.labelled.sum()), self.times)


def _gate(
    columns: _Columns,
    shares: Array,
    said: Array,
    sure: Array,
    usual: _Usual,
    unknown: NDArray[np.bool_],
    covariance: Array | None = None,
) -> float | None:
    """The least p-value (Bonferroni) of three: X² of the best mixture (with a ``covariance``: of this one), on cells of
    at least 5 expected rows; that there are too many rows of predicted classes ``unknown`` [P] to the reference; the
    same of those with fewer than 5 expected rows, together."""
    few = np.zeros(len(unknown), dtype=bool)
    found = [usual.p_value(unknown)]
    if said.sum() > 0:
        mixed = np.tensordot(shares, columns.joint, 1) * min(said.sum(), sure.sum())
        expected = mixed.sum(axis=1), mixed.sum(axis=0)
        few[~unknown] = ~_rare_joined(expected[0]).any(axis=0)
        cells = _Cells.of(columns, said, sure, expected)
        found.append(usual.p_value(few))
        if covariance is None:
            found.append(_chi_square(cells, columns, shares))
        else:
            found.append(_of_this(cells, columns, shares, covariance))
    told = [one for one in found if one is not None]
    return min(1.0, len(told) * min(told)) if told else None


def _chi_square(cells: _Cells, columns: _Columns, shares: Array) -> float | None:
    """As many degrees of freedom as there are more cells than shares that were free to move (a share that ended at none
    was not)."""
    if len(cells.seen) == 0:
        return None
    fit = _fit(cells, columns, shares)
    degrees = len(cells.seen) - (np.count_nonzero(fit.shares > _NONE) - 1)
    return float(scipy.stats.chi2.sf(fit.distance, degrees)) if degrees > 0 else None


def _of_this(cells: _Cells, columns: _Columns, shares: Array, covariance: Array) -> float | None:
    """The like of a mixture that nothing was fitted to: the more as labels and cells are of the same rows, whose chance
    is counted in both, its p-value is too large."""
    if len(cells.seen) == 0:
        return None
    each, design = cells.covariance(columns.joint), cells.shares(columns.joint).T
    of_rows = shares / cells.n + shares**2 / columns.rows
    variance = np.tensordot(of_rows, each, 1) + design @ covariance @ design.T + _NO_CELL * np.eye(len(cells.seen))
    off = cells.seen - design @ shares
    return float(scipy.stats.chi2.sf(off @ np.linalg.solve(variance, off), len(off)))


def _rare_joined(expected: Array) -> Array:
    """Sums [k, P] of cells: those of fewer than 5 expected rows are joined with each other, never with a common one,
    which would hide what they gain. Where they have fewer than 5 together they are in no sum."""
    rare = expected < LEAST_IN_BIN
    if rare.all():
        return np.ones((1, len(expected)))
    own = np.eye(len(expected))[~rare]
    if expected[rare].sum() < LEAST_IN_BIN:
        return own
    order = np.flatnonzero(rare)[np.argsort(expected[rare], kind="stable")]
    together = _joined(expected[order])
    joined = np.zeros((len(together), len(expected)))
    joined[:, order] = together
    return np.concatenate([joined, own])


def _joined(expected: Array) -> Array:
    """Sums [k, B] of neighbours that are joined until each has 5 expected rows."""
    place, held, places = 0, 0.0, np.zeros(len(expected), dtype=np.int64)
    for one, rows in enumerate(expected.tolist()):
        if held >= LEAST_IN_BIN:
            place, held = place + 1, 0.0
        places[one] = place
        held += rows
    if held < LEAST_IN_BIN and place > 0:
        places[places == place] = place - 1
        place -= 1
    found: Array = (places == np.arange(place + 1)[:, None]).astype(np.float64)
    return found
