"""The made-up months: a reference of 28 days and 30 days of traffic in which a known thing happens, or nothing.

Fifty features (45 numbers, 5 categories) of ``rows`` rows an hour, a model of five of them with its probability, and
labels that come late. Everything follows from (scenario, its version, seed, rows): every tool sees the same rows.
Raise ``version`` of the scenarios that a change here touches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

START = pd.Timestamp("2025-02-03")  # a Monday: the first monitored hour
REFERENCE_HOURS, HOURS, DAY = 28 * 24, 30 * 24, 24
NUMBERS, CATEGORIES = 45, 5
MOVED = ("f10", "f20", "f30")  # the features that drift; the model does not use them
WEIGHTS = np.array([1.2, -1.0, 0.8, 0.6, 0.4])  # of f00 .. f04 in the log odds of the label
LEVELS = np.array(["a", "b", "c", "d"])
SCORE = "probability"


@dataclass(frozen=True)
class Scenario:
    """``base``: iid, seas or ar. ``onset``: the monitored hour at which it begins (``None``: nothing to find);
    ``expected``: what a correct alarm names; ``allowed``: what else is then no error; ``within``: hours to find it."""

    words: str
    base: str = "iid"
    onset: int | None = None
    expected: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    within: int = 24
    prior: float = 0.2
    labels: bool = False
    change: str = "none"
    size: float = 0.0
    segments: tuple[str, ...] = ()  # columns that the user would slice by
    version: int = 1


def _moved(change: str, words: str, base: str, size: float) -> Scenario:
    return Scenario(f"{words}, {size:g} sd", base, 20 * DAY, frozenset(MOVED), change=change, size=size)


FOUND = 20 * DAY
SCENARIOS: dict[str, Scenario] = {
    "N1": Scenario("nothing, independent rows"),
    "N2": Scenario("nothing, daily and weekly cycles", "seas"),
    "N3": Scenario("nothing, cycles, wandering hours and batches", "ar"),
    "N5": Scenario("a day of a tenth of the traffic", "seas", FOUND, frozenset({"volume"}), change="volume"),
    **{
        f"{name}-{size:g}-{base}": _moved(change, words, base, size)
        for name, (change, words) in {
            "D1": ("abrupt", "abrupt shift of 3 features"),
            "D2": ("mix", "gradual mix over 10 days"),
            "D3": ("ramp", "ramp over 10 days"),
            "D4": ("recurring", "shift for a day, every 5 days"),
        }.items()
        for size in (0.15, 0.3, 0.5)
        for base in ("iid", "seas", "ar")
    },
    "D5": Scenario(
        "correlation of two features .8 to .5", onset=FOUND, expected=frozenset({"correlation"}), change="correlation"
    ),
    "P1": Scenario(
        "prior of the label 10 % to 20 %",
        onset=FOUND,
        expected=frozenset({SCORE}),
        allowed=frozenset(f"f{place:02}" for place in range(len(WEIGHTS))),
        prior=0.1,
        labels=True,
        change="prior",
        version=2,  # 1 drew rows with repetition, so that they were no longer independent
    ),
    "C1": Scenario(
        "inputs move, accuracy does not", "seas", FOUND, frozenset(MOVED), labels=True, change="abrupt", size=0.5
    ),
    "C2": Scenario(
        "concept drift, inputs unchanged, slow labels",
        onset=10 * DAY,
        expected=frozenset({"performance"}),
        within=20 * DAY,
        labels=True,
        change="concept",
    ),
    "C3": Scenario("nothing, slow and biased labels", "seas", labels=True),
    "S1": Scenario(
        "a shift of 1 sd in a segment of 5 % of the rows",
        onset=FOUND,
        expected=frozenset({"segment"}),
        allowed=frozenset(MOVED),
        change="segment",
        segments=("region",),
        version=2,  # 1 named no segment
    ),
    "Q1": Scenario("missing 1 % to 6 %", "seas", FOUND, frozenset({"f10"}), change="missing"),
    "Q2": Scenario("a unit changes: x 1000", "seas", FOUND, frozenset({"f10"}), change="unit"),
    "Q3": Scenario("a new category, 2 %", "seas", FOUND, frozenset({"c0"}), change="category"),
    "Q4": Scenario("a feature gets stuck", "seas", FOUND, frozenset({"f10"}), change="stuck"),
}


@dataclass(frozen=True)
class Stream:
    """``reference`` and ``monitored``: timestamp, id, region, features, probability, prediction (the reference also
    label); ``labels``: id, label, timestamp of the monitored rows that are ever labelled."""

    scenario: Scenario
    columns: tuple[str, ...]  # what tools compare: the features and the probability
    reference: pd.DataFrame
    monitored: pd.DataFrame
    labels: pd.DataFrame
    hours: int = HOURS  # of monitored time


def make(name: str, seed: int, rows: int) -> Stream:
    """The stream of a scenario; ``rows`` an hour."""
    scenario = SCENARIOS[name]
    key = sum(ord(letter) << 8 * (place % 4) for place, letter in enumerate(name))
    random = np.random.default_rng([scenario.version, seed, key])
    hours = np.repeat(np.arange(-REFERENCE_HOURS, HOURS), rows)
    if scenario.change == "volume":
        random_rows = random.random(len(hours))
        hours = hours[(random_rows < 0.1) | (hours // DAY != FOUND // DAY)]
    latent = _latent(random, scenario.base, hours)
    after = np.zeros(len(hours), bool) if scenario.onset is None else hours >= scenario.onset
    region = np.where(random.random(len(hours)) < 0.05, "north", "south")
    latent = _change_latent(random, scenario, latent, hours, after, region)
    odds, truth = _truth(random, scenario, latent, after)
    if scenario.change == "prior":
        latent[after], odds[after], truth[after] = _with_prior(random, scenario, 2 * scenario.prior, int(after.sum()))
    frame = _change_values(random, scenario, _frame(random, latent, hours, region, odds), after)
    past = hours < 0
    labels = _labels(random, frame[~past], truth[~past])
    features = (*(f"f{place:02}" for place in range(NUMBERS)), *(f"c{place}" for place in range(CATEGORIES)), SCORE)
    reference = frame[past].assign(label=truth[past])
    return Stream(scenario, features, reference, frame[~past], labels if scenario.labels else labels[:0])


def _latent(random: np.random.Generator, base: str, hours: np.ndarray) -> np.ndarray:
    """Standard normal noise around each feature's level of the hour, float64 [rows, 50]. Levels: "seas" daily and
    weekly cycles of .10 to .25; "ar" adds first-order autoregression (.8, sd .10) and independent batches (sd .05)."""
    count = NUMBERS + CATEGORIES
    values = random.standard_normal((len(hours), count))
    values[:, 1] = 0.8 * values[:, 0] + 0.6 * values[:, 1]
    if base != "iid":
        values += levels(random, base, count, REFERENCE_HOURS + HOURS)[hours + REFERENCE_HOURS]
    return values


def levels(random: np.random.Generator, base: str, count: int, hours: int) -> np.ndarray:
    """The level of each feature in each of so many hours, float64 [hours, count]; the first is ``REFERENCE_HOURS``
    before the first monitored one."""
    if base == "iid":
        return np.zeros((hours, count))
    clock = np.arange(-REFERENCE_HOURS, hours - REFERENCE_HOURS)[:, None]
    size, phase = random.uniform(0.10, 0.25, (2, count)), random.uniform(0, 2 * np.pi, (2, count))
    level = np.sum(
        [size[i] * np.sin(2 * np.pi * clock / period + phase[i]) for i, period in enumerate((24, 168))], axis=0
    )
    if base == "ar":
        level = level + _wander(random, hours, count) + 0.05 * random.standard_normal((hours, count))
    return level


def _wander(random: np.random.Generator, length: int, count: int) -> np.ndarray:
    steps = random.standard_normal((length, count)) * 0.10
    steps[1:] *= np.sqrt(1 - 0.8**2)
    for hour in range(1, length):
        steps[hour] += 0.8 * steps[hour - 1]
    return steps


def _change_latent(
    random: np.random.Generator,
    scenario: Scenario,
    latent: np.ndarray,
    hours: np.ndarray,
    after: np.ndarray,
    region: np.ndarray,
) -> np.ndarray:
    since = hours - (scenario.onset or 0)
    moved = [int(name[1:]) for name in MOVED]
    share = np.clip(since / (10 * DAY), 0, 1)
    shifts: dict[str, Callable[[], np.ndarray]] = {
        "abrupt": lambda: scenario.size * after,
        "mix": lambda: scenario.size * (random.random(len(hours)) < share),
        "ramp": lambda: scenario.size * share,
        "recurring": lambda: scenario.size * (after & (since // DAY % 5 == 0)),
        "segment": lambda: 1.0 * (after & (region == "north")),
    }
    if scenario.change in shifts:
        latent[:, moved] += shifts[scenario.change]()[:, None]
    if scenario.change == "correlation":
        first, second = latent[after, 0], (latent[after, 1] - 0.8 * latent[after, 0]) / 0.6
        latent[after, 1] = 0.5 * first + np.sqrt(1 - 0.5**2) * second
    return latent


def _truth(
    random: np.random.Generator, scenario: Scenario, latent: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the model says (log odds) and what is true; after a concept drift two of the true weights have the other
    sign, which costs the model 5 points of accuracy and half of its recall and leaves the prior as it was."""
    used = latent[:, : len(WEIGHTS)]
    score = used @ WEIGHTS
    start = _intercept(scenario.prior)
    odds = start + score
    real = odds - np.where(after & (scenario.change == "concept"), 2 * used[:, :2] @ WEIGHTS[:2], 0.0)
    return odds, (random.random(len(odds)) < _share(real)).astype(np.int8)


def concept_rows(random: np.random.Generator, rows: int, *, changed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truths of independent rows as in C2, before its change or after it."""
    latent = random.standard_normal((rows, len(WEIGHTS)))
    latent[:, 1] = 0.8 * latent[:, 0] + 0.6 * latent[:, 1]
    scenario = Scenario("rows of C2", change="concept")
    odds, truth = _truth(random, scenario, latent, np.full(rows, changed))
    return _share(odds), truth


def _intercept(prior: float) -> float:
    """The constant of the log odds at which a share ``prior`` of the rows is positive."""
    spread = np.sqrt(WEIGHTS @ WEIGHTS + 2 * 0.8 * WEIGHTS[0] * WEIGHTS[1])
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        positive = (weights * _share(middle + spread * points)).sum() / weights.sum()
        low, high = (middle, high) if positive < prior else (low, middle)
    return low


def _share(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-odds)))


def _with_prior(
    random: np.random.Generator, scenario: Scenario, prior: float, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Independent rows with another share of positives and the same inputs given the label: negatives are kept with
    such a chance that the share comes out (rejection sampling)."""
    keep = scenario.prior / prior * (1 - prior) / (1 - scenario.prior)
    parts, found = [], 0
    while found < rows:
        latent = _latent(random, scenario.base, np.zeros(rows, dtype=np.int64))
        odds, truth = _truth(random, scenario, latent, np.zeros(rows, dtype=bool))
        kept = (truth == 1) | (random.random(rows) < keep)
        parts.append((latent[kept], odds[kept], truth[kept]))
        found += int(kept.sum())
    latent, odds, truth = (np.concatenate(part)[:rows] for part in zip(*parts, strict=True))
    return latent, odds, truth


def _frame(
    random: np.random.Generator, latent: np.ndarray, hours: np.ndarray, region: np.ndarray, odds: np.ndarray
) -> pd.DataFrame:
    """Numbers to seven digits; categories are the latent quarters; feature f10 lacks 1 % of its values."""
    columns: dict[str, object] = {}
    for place in range(NUMBERS):
        columns[f"f{place:02}"] = np.round(latent[:, place], 6)
    for place in range(CATEGORIES):
        columns[f"c{place}"] = LEVELS[np.digitize(latent[:, NUMBERS + place], [-0.67, 0.0, 0.67])]
    times = START + pd.to_timedelta(hours, "h") + pd.to_timedelta(_within_the_hour(hours), "us")
    columns |= {SCORE: np.round(_share(odds), 6), "prediction": (odds > 0).astype(np.int8), "region": region}
    frame = pd.DataFrame({"timestamp": times, **columns})
    frame.loc[random.random(len(hours)) < 0.01, "f10"] = np.nan
    return frame.assign(id=[f"r{row}" for row in range(len(frame))])


def _within_the_hour(hours: np.ndarray) -> np.ndarray:
    """Microseconds, evenly spread over each hour's rows (``hours`` is sorted)."""
    _, first, sizes = np.unique(hours, return_index=True, return_counts=True)
    place = np.arange(len(hours)) - np.repeat(first, sizes)
    return place * 3_600_000_000 // np.repeat(sizes, sizes)


def _change_values(
    random: np.random.Generator, scenario: Scenario, frame: pd.DataFrame, after: np.ndarray
) -> pd.DataFrame:
    chance = random.random(len(frame))
    if scenario.change == "missing":
        frame.loc[after & (chance < 0.05 / 0.99), "f10"] = np.nan
    elif scenario.change == "unit":
        frame.loc[after, "f10"] *= 1000
    elif scenario.change == "category":
        frame.loc[after & (chance < 0.02), "c0"] = "new"
    elif scenario.change == "stuck":
        frame.loc[after, "f10"] = frame.loc[~after, "f10"].dropna().iloc[-1]
    return frame


def _labels(random: np.random.Generator, frame: pd.DataFrame, truth: np.ndarray) -> pd.DataFrame:
    """Positives are confirmed after 20 days on average, negatives after 4, high scores twice as fast, 3 % never."""
    mean = np.where(truth == 1, 20.0, 4.0) / np.where(frame[SCORE].to_numpy() > 0.5, 2.0, 1.0)
    delay = pd.to_timedelta(random.exponential(mean) * 86_400e6, "us").floor("us")
    labels = pd.DataFrame({"id": frame["id"], "label": truth, "timestamp": frame["timestamp"] + delay})
    return labels[random.random(len(labels)) >= 0.03]
