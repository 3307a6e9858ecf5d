"""Why a reading can tell nothing, in words."""

from __future__ import annotations

from alerting.phrases import effect_of
from alerting.reading import Reading
from alerting.sentence_of_labels import still_coming, waits_for_labels
from alerting.words import percent

MINIMUM_ROWS = 30

_TOO_FEW_OF_THEM = {  # of rows that are enough in all
    "precision": "too few of them are predicted positive",
    "recall": "too few of them are positive",
    "f1": "too few of them are positive, or predicted so",
    "roc_auc": "too few of them are of one of the classes, or have a probability: 10 of each class are needed",
    "log_loss": "too few of them have a probability",
    "brier": "too few of them have a probability",
}


def why_not(reading: Reading) -> str:
    """What a sentence says in the place of a verdict."""
    details, reason = reading.details, reading.reason
    if reason == "too_few_rows" and reading.kind == "fairness":
        only = next(iter(details.get("groups") or {}), None)
        who = "no group has" if only is None else f"only {only} has"
        return f"{who} {MINIMUM_ROWS} rows that count for it; two groups are needed"
    if reason == "too_few_rows":
        labelled = details.get("labelled")
        rows = f"{reading.n_current} rows" if labelled is None else f"{labelled} labelled rows"
        if "needed_in_half" in details:
            return f"{rows}, and {details['needed_in_half']} are needed in either half of their time"
        needed = details.get("needed", MINIMUM_ROWS)
        if (reading.n_current if labelled is None else labelled) >= needed:
            few = _TOO_FEW_OF_THEM.get(reading.metric)
            return f"{rows}, and {few}" if few else f"{rows}; of those that can be used, {needed} are needed"
        return f"{rows}, {needed} are needed"
    if reason == "immature_labels":
        return still_coming(reading)
    if reason == "restless_reference":
        seem = f"{percent(effect_of(reading) or 0.0)} % of rows seem to have moved"
        if details.get("learned"):
            return f"{seem}, and the weeks of the log that tell what is usual differ as much by themselves"
        return f"{seem}, and the reference differs as much by itself"
    if reason == "no_reference" and "awaited" in details:
        return waits_for_labels(details["awaited"])
    if reason == "no_errors":
        exact = "the reference" if details.get("reference_value") == 0 else "the window"
        return f"every prediction of {exact} is exact, and a relative rise has no size; a bound on the value has one"
    fixed = {
        "no_reference": "no reference to compare with"
        + (f" (the check asks for {details['asked_reference']!r})" if "asked_reference" in details else ""),
        "unknown_feature": "the check names this feature, and no row has ever had it",
        "no_history": "fewer weeks before had rows at these hours than the 2 that are needed",
        "no_labels": "no label has ever become known",
        "before_reference": "part of this window is older than the reference",
        "not_measured": "no number could be had",
        "no_variation": "the values do not vary enough for this test",
        "no_positives": "no row is predicted positive",
        "no_column": f"no column is {' or '.join(details.get('kinds', ()))}, which this method is for",
        "no_common_value": "no value of the reference is common enough to have a share of its own",
        "too_large": "errors are so large that their squares are beyond all numbers",
        "not_counted": "pairs of features are counted from the next reference on",
        "not_classes": "a regression's rows are not right or wrong",
        "missing_extra": "the extra 'river' is not installed",
        "not_two_levels": "this test is for columns of exactly two categories",
        "label_shift_rejected": "the scores changed in a way that another base rate does not explain",
        "error": f"the check failed ({details.get('error', 'no message')})",
    }
    return fixed.get(reason or "", (reason or "no reason is known").replace("_", " "))
