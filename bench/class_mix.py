"""How common each of several classes is, estimated without labels: how far off, how sure, and when nothing is told.

    python -m bench.class_mix [--runs 400] [--unknown]

Rows of class j are normal around the j-th corner; the model is calibrated at the reference's mix of the classes and
says the likeliest. Each run is a new reference of 5,000 labelled rows and a new window. ``same``: the reference's mix;
``moved``: the commonest class doubles; ``rare``: the first class falls to 1 % of the rows; ``days``: the mix of every
day wanders around that of the reference (AR(1) of the log odds by day, 0.8, sd 0.5) in the reference and the window.
``narrow`` and ``wide``: rows of each class are spread otherwise than in the reference (standard deviation times 0.9 or
1.1); ``one``: those of the second class alone lie nearer to the first. That is no label shift, and the gate should
reject it.

Error: root mean squared, of all shares, in points; from predicted classes and confidence each by itself, as the
summaries have them; from predicted classes alone (BBSE); and by the EM iterations from joint counts of both, which are
not kept. Cover: how often the 95 % intervals hold the share of the window's population, the lowest of all classes
(of the first class where that is rare). Gate: rejections at 0.001, with their 95 % interval, and at 0.05.

``--unknown``: some rows, whatever their class, are predicted as one that is none of the truth; in the window as many as
in the reference, or more. Moved: how often a class is said to have moved though none did.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.estimation.class_mix import estimate_mix
from detectors.estimation.label_shift import GATE
from detectors.intervals import Z95, wilson

Array = NDArray[np.float64]

POOL = 400_000  # rows of each class that their joint distribution is known from
LABELLED = 5_000
DAYS = 28
SIZES = (2_000, 20_000)
PRIORS = {3: np.array([0.4, 0.35, 0.25]), 5: np.array([0.3, 0.3, 0.2, 0.1, 0.1])}
APART = {3: 2.0, 5: 2.5}
SHIFTED = ("same", "moved", "rare", "days")
OTHERWISE = ("narrow", "wide", "one")
UNKNOWN = (0.0, 0.0003, 0.003)  # shares of the reference's rows
MORE = (0.003, 0.01, 0.03, 0.1, 0.2)  # shares of the window's rows
SPREAD = {"narrow": 0.9, "wide": 1.1}
NEARER = 0.3


def seen(random: np.random.Generator, classes: int, kind: str) -> tuple[list[Array], list[NDArray[np.int64]]]:
    """Confidence and predicted class of rows of each class."""
    corners = APART[classes] * np.eye(classes)
    sure, said = [], []
    for own, corner in enumerate(corners):
        middle = corner + NEARER * (corners[0] - corner) if kind == "one" and own == 1 else corner
        rows = random.normal(middle, SPREAD.get(kind, 1.0), (POOL, classes))
        odds = np.exp(APART[classes] * rows - (APART[classes] * rows).max(axis=1, keepdims=True)) * PRIORS[classes]
        chance = odds / odds.sum(axis=1, keepdims=True)
        sure.append(chance.max(axis=1))
        said.append(chance.argmax(axis=1))
    return sure, said


@dataclass(frozen=True)
class World:
    """Joint shares [C, P, B] of predicted class and tenth of the confidence by class: ``usual``, and otherwise."""

    classes: int
    usual: Array
    others: dict[str, Array]

    @classmethod
    def of(cls, classes: int) -> World:
        """The tenths are those of the reference."""
        random = np.random.default_rng(classes)
        sure, said = seen(random, classes, "same")
        every = np.concatenate([one[: int(POOL * part)] for one, part in zip(sure, PRIORS[classes], strict=True)])
        cuts = np.quantile(every, np.arange(1, 10) / 10)

        def joint(sure: list[Array], said: list[NDArray[np.int64]]) -> Array:
            flat = [a * 10 + np.searchsorted(cuts, b) for a, b in zip(said, sure, strict=True)]
            return np.stack([np.bincount(one, minlength=classes * 10) for one in flat]) / POOL

        shape = (classes, classes, 10)
        others = {kind: joint(*seen(random, classes, kind)).reshape(shape) for kind in OTHERWISE}
        return cls(classes, joint(sure, said).reshape(shape), others)

    def mix(self, kind: str) -> Array:
        """What the window's mix is."""
        prior = PRIORS[self.classes]
        if kind == "moved":
            return np.append(2 * prior[0], prior[1:] * (1 - 2 * prior[0]) / (1 - prior[0]))
        if kind == "rare":
            return np.append(0.01, prior[1:] * 0.99 / (1 - prior[0]))
        return prior


def wandering(random: np.random.Generator, prior: Array) -> Array:
    """Mixes of days, [DAYS + 1, C]."""
    steps = random.normal(0, 0.5 * np.sqrt(1 - 0.8**2), (DAYS + 1, len(prior)))
    level = np.empty_like(steps)
    level[0] = steps[0] / np.sqrt(1 - 0.8**2)
    for day in range(1, DAYS + 1):
        level[day] = 0.8 * level[day - 1] + steps[day]
    odds = prior * np.exp(level)
    return odds / odds.sum(axis=1, keepdims=True)


def drawn(random: np.random.Generator, rows: int, mix: Array, joint: Array) -> NDArray[np.int64]:
    """So many rows by class and cell, [C, P, B]."""
    flat = joint.reshape(len(mix), -1)
    counts = [random.multinomial(n, one) for n, one in zip(random.multinomial(rows, mix), flat, strict=True)]
    return np.stack(counts).reshape(joint.shape)


def expected_maximum(known: NDArray[np.int64], window: NDArray[np.int64]) -> Array:
    """The iterations of Saerens, Latinne and Decaestecker (2002) on joint counts."""
    flat, h = known.reshape(len(known), -1).astype(float), window.ravel() / window.sum()
    rows = flat.sum(axis=1)
    own, mix = (flat + flat.sum(axis=0) / rows.sum()) / (rows + 1)[:, None], rows / rows.sum()
    for _ in range(300):
        mix = mix * (own @ (h / (mix @ own)))
    return mix


def told(world: World, kind: str, rows: int, runs: int) -> str:
    """One line of the table."""
    random = np.random.default_rng((world.classes, rows, (*SHIFTED, *OTHERWISE).index(kind)))
    prior, errors, covered, gates = PRIORS[world.classes], [], [], []
    for _ in range(runs):
        days = wandering(random, prior) if kind == "days" else np.stack([prior, world.mix(kind)])
        known = drawn(random, LABELLED, days[:-1].mean(axis=0), world.usual)
        real = days[-1]
        window = drawn(random, rows, real, world.others.get(kind, world.usual)).sum(axis=0)
        said, sure = window.sum(axis=1).astype(float), window.sum(axis=0).astype(float)
        found, box = estimate_mix(known, said, sure), estimate_mix(known, said, None)
        errors.append([found.shares - real, box.shares - real, expected_maximum(known, window) - real])
        inside = [[a["lower"] <= r <= a["upper"] for a, r in zip(m.told("", "value"), real, strict=True)]
                  for m in (found, box)]  # fmt: skip
        covered.append(inside)
        gates.append(1.0 if found.gate_p_value is None else found.gate_p_value)
    p, hits = np.array(gates), int(np.sum(np.array(gates) < GATE))
    low, high = wilson(hits, runs, Z95)
    gate = f"{hits / runs:.3f} ({float(low):.3f} to {float(high):.3f}) | {np.mean(p < 0.05):.3f}"
    head = f"| {world.classes} | {rows:,} | {kind}"
    if kind in OTHERWISE:
        return f"{head} | – | – | {gate} |"
    off = " / ".join(f"{100 * one:.2f}" for one in np.sqrt(np.mean(np.square(errors), axis=(0, 2))))
    cover = np.mean(covered, axis=0)
    of = cover[:, 0] if kind == "rare" else cover.min(axis=1)
    return f"{head} | {off} | {of[0]:.3f} / {of[1]:.3f} | {gate} |"


def table(runs: int, numbers: Sequence[int] = tuple(PRIORS)) -> Iterator[str]:
    """Lines of a table."""
    names = "error: both / BBSE / EM of joint counts", "cover: both / BBSE", "gate at 0.001", "at 0.05"
    yield "| classes | rows | window | " + " | ".join(names) + " |"
    yield "|---|---|---|---|---|---|---|"
    for classes in numbers:
        world = World.of(classes)
        for rows in SIZES:
            for kind in (*SHIFTED, *OTHERWISE):
                yield told(world, kind, rows, runs)


def with_unknown(random: np.random.Generator, counts: NDArray[np.int64], share: float | Array) -> NDArray[np.int64]:
    """Counts [C, P + 1, B] of which this share (broadcast to [C, P, B]) is predicted as one class more."""
    took = random.binomial(counts, share)
    return np.concatenate([counts - took, took.sum(axis=1, keepdims=True)], axis=1)


def told_unknown(world: World, rows: int, before: float, now: float, runs: int) -> str:
    """One line of the table of unknown classes."""
    random = np.random.default_rng((rows, round(1e5 * before), round(1e5 * now)))
    prior, gates, moved = PRIORS[world.classes], [], []
    for _ in range(runs):
        known = with_unknown(random, drawn(random, LABELLED, prior, world.usual), before)
        window = with_unknown(random, drawn(random, rows, prior, world.usual), now).sum(axis=0)
        found = estimate_mix(known, window.sum(axis=1).astype(float), window.sum(axis=0).astype(float))
        gates.append(1.0 if found.gate_p_value is None else found.gate_p_value)
        moved.append(found.moved_most(known.sum(axis=(1, 2))) is not None)
    hits = int(np.sum(np.array(gates) < GATE))
    low, high = wilson(hits, runs, Z95)
    gate = f"{hits / runs:.3f} ({float(low):.3f} to {float(high):.3f})"
    said = f"{np.mean(moved):.3f}" if before == now else "–"
    return f"| {rows:,} | {100 * before:g} % | {100 * now:g} % | {gate} | {said} |"


def unknown_table(runs: int, shares: Sequence[float] = UNKNOWN, more: Sequence[float] = MORE) -> Iterator[str]:
    """Lines of a table, of three classes."""
    yield "| rows | unknown in the reference | in the window | gate at 0.001 | moved |"
    yield "|---|---|---|---|---|"
    world = World.of(3)
    for rows in SIZES:
        for before in shares:
            for now in (before, *(one for one in more if one > before)):
                yield told_unknown(world, rows, before, now, runs)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=400)
    arguments.add_argument("--unknown", action="store_true")
    given = arguments.parse_args()
    for line in unknown_table(given.runs) if given.unknown else table(given.runs):
        print(line, flush=True)
