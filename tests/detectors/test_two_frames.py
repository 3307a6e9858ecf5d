"""Two tables without a service."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from detectors.measurement import NO_COMMON_VALUE, NO_REFERENCE, TOO_FEW_ROWS
from detectors.two_frames import compare_frames


def frame(n=2000, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "x": rng.normal(shift, 1, n),
            "c": rng.choice(list("abc"), n, p=[0.5 - shift / 2, 0.3, 0.2 + shift / 2]),
            "flag": rng.random(n) < 0.3 + shift / 2,
            "code": rng.integers(0, 4, n),
            "when": pa.array(np.arange(n), pa.timestamp("s")),
            "empty": pa.nulls(n),
        }
    )


def drifted(found):
    return {one.feature for one in found if one.alpha is not None and one.p_value <= one.alpha}


def test_auto_finds_what_moved_and_nothing_else():
    same = compare_frames(frame(), frame(seed=1))
    assert [(one.feature, one.metric) for one in same] == [
        ("x", "ks"),
        ("c", "l_infinity"),
        ("flag", "l_infinity"),
        ("code", "l_infinity"),
    ]
    assert drifted(same) == set()
    assert all(one.alpha == 0.01 / 4 for one in same)
    moved = compare_frames(frame(), frame(shift=0.4, seed=1))
    assert drifted(moved) == {"x", "c", "flag"}
    by_name = {one.feature: one for one in moved}
    assert by_name["flag"].details["category"] in {"true", "false"}
    assert by_name["x"].details["direction"] == "higher"
    assert by_name["x"].value == pytest.approx(
        stats.ks_2samp(frame()["x"].to_numpy(), frame(shift=0.4, seed=1)["x"].to_numpy()).statistic
    )
    for one in moved:
        assert (one.p_value <= one.alpha) == (one.effect_lower > 0.02)


def test_methods_run_where_they_fit_and_those_without_p_never_decide():
    found = compare_frames(frame(), frame(shift=0.4, seed=1), methods=["psi", "ks", "chi_square"])
    assert [(one.feature, one.metric) for one in found][:3] == [("x", "psi"), ("x", "ks"), ("x", "chi_square")]
    assert ("c", "ks") not in {(one.feature, one.metric) for one in found}
    assert all((one.alpha is None) == (one.metric == "psi") for one in found)
    with pytest.raises(KeyError, match="nonsense"):
        compare_frames(frame(), frame(), methods=["nonsense"])


def test_columns_that_cannot_be_compared_say_why():
    reference = pa.table({"x": [1.5, 2.5] * 40, "gone": ["a", "b"] * 40, "nan": [np.nan, np.inf] * 40})
    current = pa.table({"x": [1.5] * 20, "nan": [1.0] * 20})
    by_name = {one.feature: one for one in compare_frames(reference, current)}
    assert by_name["x"].reason == TOO_FEW_ROWS
    assert by_name["x"].value == 0.5
    assert (by_name["gone"].reason, by_name["gone"].value) == (TOO_FEW_ROWS, None)
    assert by_name["nan"].reason == NO_REFERENCE


def test_columns_without_common_values_say_so():
    """Identifiers and vectors as text: every value is new, and always is."""
    names, plan = [f"r{place}" for place in range(4_000)], ["free", "pro"] * 2_000
    reference = pa.table({"id": names, "plan": plan})
    current = pa.table({"id": [f"c{place}" for place in range(2_000)], "plan": plan[:2_000]})
    untold, told = compare_frames(reference, current)
    assert (untold.feature, untold.value, untold.mde, untold.reason) == ("id", None, None, NO_COMMON_VALUE)
    assert (told.value, told.reason) == (0.0, None)
    assert compare_frames(reference, current, methods=["chi_square"])[0].reason == NO_COMMON_VALUE
    few = compare_frames(reference.slice(0, 400), current)[0]  # each has a thousandth of the rows, by chance
    assert few.reason == NO_COMMON_VALUE


def test_values_that_the_reference_lacks_are_one_category():
    """Each of 200 values has half a hundredth of the rows: none alone moves by more than is tolerated."""
    rng = np.random.default_rng(3)
    shops = np.array([f"shop {place}" for place in range(400)])
    reference = pa.table({"shop": shops[rng.integers(0, 200, 20_000)]})
    (quiet,) = compare_frames(reference, pa.table({"shop": shops[rng.integers(0, 200, 5_000)]}))
    assert quiet.p_value > 0.5
    (new,) = compare_frames(reference, pa.table({"shop": shops[rng.integers(200, 400, 5_000)]}))
    assert (new.value, new.details["category"]) == (1.0, "__unseen__")
    assert new.p_value < 1e-6


def test_a_few_values_that_the_reference_lacks_by_chance_are_no_news():
    rng, alarms = np.random.default_rng(4), 0
    shares = 1 / np.arange(1, 3_001) ** 1.3
    shops = np.array([f"shop {place}" for place in range(3_000)])
    for _ in range(60):
        then, now = (rng.choice(3_000, size, p=shares / shares.sum()) for size in (4_000, 3_000))
        (one,) = compare_frames(pa.table({"shop": shops[then]}), pa.table({"shop": shops[now]}))
        alarms += one.p_value <= one.alpha
    assert alarms <= 2


def test_many_values_of_one_size_are_compared():
    """None has a thousandth of the rows, and all are known: one that takes half of them is news."""
    rng = np.random.default_rng(2)
    reference, same, moved = (rng.integers(0, 2000, 40_000) for _ in range(3))
    moved[:20_000] = 7
    found = [
        compare_frames(pa.table({"shop": reference.astype(str)}), pa.table({"shop": now.astype(str)}))[0]
        for now in (same, moved)
    ]
    assert [one.reason for one in found] == [None, None]
    assert found[0].effect_lower < 0.02 < 0.4 < found[1].effect_lower


def test_text_and_numbers_meet_in_canonical_form():
    reference = pa.table({"code": pa.array(["1", "2"] * 100).dictionary_encode()})
    current = pa.table({"code": pa.array([1.0, 2.0] * 100)})
    (one,) = compare_frames(reference, current)
    assert (one.metric, one.value) == ("l_infinity", 0.0)
    (turned,) = compare_frames(pa.table({"x": [0.5, 1.5] * 50}), pa.table({"x": ["0.5", "1.5"] * 50}))
    assert (turned.metric, turned.value) == ("l_infinity", 0.0)


def embedded(n: int, seed: int, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    rows = rng.normal(shift, 1, (n, 8))
    lists = pa.array([None if i % 50 == 0 else row.tolist() for i, row in enumerate(rows)])
    return pa.table({"x": rng.normal(0, 1, n), "text": lists})


def test_vectors_are_compared_by_their_mean_embedding() -> None:
    reference = embedded(3000, 1)
    quiet = {one.feature: one for one in compare_frames(reference, embedded(2000, 2))}
    moved = {one.feature: one for one in compare_frames(reference, embedded(2000, 3, 0.8))}
    assert set(quiet) == {"x", "text"}
    (little,) = compare_frames(embedded(20_000, 4).select(["text"]), embedded(8_000, 5, 0.12).select(["text"]))
    assert little.effect_lower is not None
    assert 0.02 < little.effect_lower < 0.05
    assert little.p_value is not None
    assert little.p_value <= 0.01
    for found, drifted in ((quiet["text"], False), (moved["text"], True)):
        assert (found.metric, found.n_reference, found.n_current) == ("mean_embedding", 2940, 1960)
        assert found.alpha == 0.01 / 2
        assert found.effect_lower is not None
        assert (found.effect_lower > 0.02) is drifted
        assert found.p_value is not None
        assert (found.p_value <= found.alpha) is drifted
        assert found.details["tolerance"] == 0.02  # rows are independent here: no reference is too short for that
    assert moved["x"].alpha == 0.01 / 2


def test_vectors_of_any_kind_of_list() -> None:
    table = embedded(400, 1)
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(3200)), 8)
    ragged = pa.array([[1.0, float(i % 7)] if i % 3 else [float("nan")] * 5 for i in range(400)])
    for lists in (table.column("text").cast(pa.large_list(pa.float32())), ragged):
        (found,) = compare_frames(pa.table({"v": lists}), pa.table({"v": lists}))
        assert (found.metric, found.reason) == ("mean_embedding", None)
    (found,) = compare_frames(pa.table({"v": fixed}), pa.table({"v": fixed}))
    assert found.reason == "no_reference"  # all the same: nothing to tell apart
    (found,) = compare_frames(pa.table({"v": ragged}), pa.table({"w": ragged}))
    assert found.reason == "too_few_rows"
    assert compare_frames(pa.table({"v": ragged}), pa.table({"v": ragged}), methods=["ks"]) == []
