"""Labelled rows of a made-up classifier whose errors depend on its inputs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from detectors.explain.labelled import Labelled
from detectors.multivariate.domain_classifier import Rows

FEATURES = ("x", "y", "z", "kind")


def labelled(
    seed: int, n: int = 6000, days: int = 10, *, shift: float = 0.0, broken: float = 0.0, everywhere: float = 0.0
) -> Labelled:
    """Truth follows x and y; the model knows x alone. ``shift`` moves x; of the rows of kind b with z above 0 a share
    ``broken`` turns out the other way round, of all rows a share ``everywhere``."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, days, n))
    x, y, z = rng.normal(size=(3, n))
    x += shift
    kind = rng.choice(["a", "b", "c"], n)
    truth = rng.random(n) < 1 / (1 + np.exp(-1.5 * x - 0.5 * y))
    turned = rng.random(n) < everywhere + broken * ((kind == "b") & (z > 0))
    truth ^= turned
    columns = {"x": pa.array(x), "y": pa.array(y), "z": pa.array(z), "kind": pa.array(kind)}
    wrong = truth != (x > 0)
    return Labelled(Rows(columns, day), wrong.astype(float), truth.astype(float), np.ones(n))
