"""river's detectors as they are offered here: they see a change, portions do not matter, and their absence is said."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from detectors.registry import SEQUENTIAL
from detectors.streams import START, Usual, has_river

NO_RIVER = [name for name, one in SEQUENTIAL.items() if one.guaranteed]
RIVER = [name for name in SEQUENTIAL if name not in NO_RIVER]
USUAL = Usual(0.1, 0.02, 1000.0)


def errors(n: int, share: float, seed: int = 1):
    return (np.random.default_rng(seed).random(n) < share).astype(float)


@pytest.mark.parametrize("name", [name for name in SEQUENTIAL if name != "kswin"])
def test_a_large_change_is_seen(name):
    stream = np.concatenate([errors(1500, 0.05), errors(1500, 0.6)])
    state, found = SEQUENTIAL[name].step(START, stream, USUAL)
    assert found.metric == name
    assert any(1500 <= row < 2500 for row in state.alarms)
    assert found.details["alarms"] == len(state.alarms)
    assert found.n_current == 3000


def test_kswin_sees_a_change_of_values():
    """It compares distributions: of errors that are 0 or 1 it sees little."""
    rng = np.random.default_rng(2)
    state, found = SEQUENTIAL["kswin"].step(START, np.concatenate([rng.random(300), 1 + rng.random(300)]), USUAL)
    assert any(300 <= row < 400 for row in state.alarms)
    again, _ = SEQUENTIAL["kswin"].step(START, np.concatenate([rng.random(0)]), USUAL)
    assert again.rows == 0
    assert found.value == len(state.alarms)


@pytest.mark.parametrize("name", [name for name in SEQUENTIAL if name != "kswin"])
def test_portions_do_not_matter(name):
    stream = np.concatenate([errors(700, 0.1), errors(700, 0.5, seed=2)])
    whole, _ = SEQUENTIAL[name].step(START, stream, USUAL)
    state = START
    for part in np.split(stream, [1, 300, 1399]):
        state, _ = SEQUENTIAL[name].step(state, part, USUAL)
    assert (state.rows, state.alarms) == (whole.rows, whole.alarms)


@pytest.mark.parametrize("name", list(SEQUENTIAL))
def test_only_the_guaranteed_one_promises(name):
    _, found = SEQUENTIAL[name].step(START, errors(10, 0.1), USUAL)
    promised = found.details["guarantee"] == "at most one false alarm expected in 1,000 labels"
    assert promised == SEQUENTIAL[name].guaranteed
    if not promised:
        assert found.details["guarantee"] == "no guarantee on false alarms"


def test_without_the_extra(monkeypatch):
    assert has_river()
    for module in [name for name in sys.modules if name.partition(".")[0] == "river"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "river", None)
    assert not has_river()
    for name in RIVER:
        with pytest.raises(ImportError):
            SEQUENTIAL[name].step(START, errors(10, 0.1), USUAL)
    assert SEQUENTIAL["shiryaev_roberts"].step(START, errors(10, 0.1), USUAL)[0].rows == 10
