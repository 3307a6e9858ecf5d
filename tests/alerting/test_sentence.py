"""The sentences, word for word: they are what people read."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.sentence import sentence
from tests.alerting.make import reading


def said(verdict: str | None, metric: str, value: float | None, **given: Any) -> str:
    usual: dict[str, Any] = {"lower": None, "upper": None, "p_value": None}
    return sentence(reading(verdict, metric=metric, value=value, **{**usual, **given}))


DRIFT = {"effect": 0.12, "effect_lower": 0.09, "effect_upper": 0.15}
WORSE = {"effect": 0.05, "effect_lower": 0.03, "effect_upper": 0.07}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            said("warning", "ks", 0.12, details={**DRIFT, "cut": 41.0, "share_reference": 0.2, "share_current": 0.32}),
            "temp: 12 % of rows moved (between 9 and 15), more below 41 than in the reference",
        ),
        (
            said(
                "warning", "l_infinity", 0.08,
                details={**DRIFT, "category": "AA", "share_reference": 0.12, "share_current": 0.2}, feature="carrier",
            ),
            "carrier: 12 % of rows moved (between 9 and 15), AA from 12 % to 20 %",
        ),
        (said("ok", "ks", 0.012, details={"effect": 0.012, "effect_lower": 0.0, "effect_upper": 0.03, "cut": 1.0}),
         "temp: 1.2 % of rows moved (between 0 and 3)"),
        (said("warning", "ks", 0.12, lower=0.05, upper=0.2, details={"last_hours": 2}),
         "temp: 12 % of rows moved in the last 2 hours (between 5 and 20)"),
        (said("warning", "ks", 0.31, p_value=0.00042), "temp: 31 % of rows moved (p = 0.00042)"),
        (
            said(None, "estimated_base_rate", 0.3, lower=0.25, upper=0.35, feature=None, kind="prediction_drift",
                 details={"positive": "late", "reference_value": 0.2, "gate_p_value": 0.4}),
            "base rate of late: about 30 % (between 25 and 35) by the scores, 20 % in the reference; "
            "supposes that rows of a class look as they did",
        ),
        (
            said(None, "estimated_base_rate_bbse", 0.3, feature=None, kind="prediction_drift",
                 details={"positive": "late", "reference_value": 0.2, "gate_p_value": None}),
            "base rate of late: about 30 % by the predicted classes, 20 % in the reference; "
            "supposes that rows of a class look as they did; the scores are too few or too alike to test it",
        ),
        (
            said(None, "estimated_base_rate", 0.3, lower=0.25, upper=0.35, feature=None, kind="prediction_drift",
                 details={"positive": "late", "reference_value": 0.2, "gate_p_value": 0.4,
                          "classes": {"late": {}, "good": {}, "lost": {}}}),
            "base rate of late: about 30 % (between 25 and 35) by the predicted classes and their scores, "
            "20 % in the reference; of 3 classes it moved most; supposes that rows of a class look as they did",
        ),
        (
            said(None, "estimated_base_rate", 0.3, lower=0.25, upper=0.35, feature=None, kind="prediction_drift",
                 details={"positive": "late", "reference_value": 0.28, "gate_p_value": 0.4, "moved": False,
                          "classes": {"late": {}, "good": {}, "lost": {}}}),
            "base rate of late: about 30 % (between 25 and 35) by the predicted classes and their scores, "
            "28 % in the reference; none of 3 classes has surely moved; supposes that rows of a class look as they did",
        ),
        (
            said(None, "estimated_base_rate", None, feature=None, kind="prediction_drift",
                 reason="label_shift_rejected", details={"classes": {"late": {"reference": 0.2}}}),
            "mix of classes: cannot tell: "
            "the scores changed in a way that another base rate does not explain",
        ),
        (said("warning", "psi", 0.31, threshold=0.1), "temp: PSI 0.31, beyond 0.1"),
        (said("critical", "psi", 0.31, details={"critical": 0.25}), "temp: PSI 0.31, above 0.25"),
        (said("ok", "chi_square", 48.2, p_value=1e-30), "temp: chi-square 48.2 (p < 1e-12)"),
        (said("ok", "wasserstein", 3.2, details={"per_sd": 0.4}),
         "temp: Wasserstein distance 3.2 (0.4 standard deviations)"),
        (said("ok", "jensen_shannon", 0.123), "temp: Jensen–Shannon distance 0.123"),
        (said("warning", "t_test", -4.2, p_value=0.00003, threshold=0.001),
         "temp: Welch's t-test -4.2 (p = 3e-05), beyond 0.001"),
        (
            said(
                "warning", "class_share", 0.08, kind="prediction_drift", feature=None,
                details={**DRIFT, "classes": {"late": {"reference": 0.2, "window": 0.28, "change": 0.08}}},
            ),
            "predictions: 12 % of rows moved (between 9 and 15), late from 20 % to 28 %",
        ),
        (said("ok", "score_ks", 0.02, kind="prediction_drift", feature=None), "scores: 2 % of rows moved"),
        (
            said("warning", "missing_share", 0.12, kind="data_quality", lower=0.1, upper=0.14,
                 details={"effect": 0.11}),
            "temp: 12 % missing (between 10 and 14), 11 points more than in the reference",
        ),
        (
            said("ok", "unseen_category_share", 0.117, kind="data_quality", lower=0.1, upper=0.13,
                 details={"effect": 0.001, "effect_lower": -0.03, "effect_upper": 0.03, "expected_share": 0.116}),
            "temp: 12 % in categories that the reference does not know (between 10 and 13), "
            "as expected of a column with such rare values",
        ),
        (
            said("critical", "unseen_category_share", 0.24, kind="data_quality", lower=0.22, upper=0.26,
                 details={"effect": 0.12, "effect_lower": 0.1, "effect_upper": 0.14, "expected_share": 0.12}),
            "temp: 24 % in categories that the reference does not know (between 22 and 26), "
            "12 points more than expected",
        ),
        (
            said("ok", "unseen_category_share", 0.0, kind="data_quality",
                 details={"effect": -0.01, "effect_lower": -0.02, "effect_upper": 0.0, "expected_share": 0.01}),
            "temp: 0 % in categories that the reference does not know, 1 point fewer than expected",
        ),
        (said("ok", "rejected_share", 0.0, kind="data_quality", feature=None, details={"effect": 0.0}),
         "0 % of the rows rejected, as in the reference"),
        (
            said("warning", "accuracy", 0.84, kind="performance", feature=None, lower=0.83, upper=0.86, details=WORSE),
            "accuracy 0.84 (0.83 to 0.86), 5 points below the reference",
        ),
        (said("ok", "roc_auc", 0.7, kind="performance", feature=None, details={"effect": -0.01}),
         "ROC AUC 0.7, 1 point above the reference"),
        (said("warning", "mae", 12.3, kind="performance", feature=None, details={"effect": 0.2}),
         "mean absolute error 12.3, 20 % above the reference"),
        (said("warning", "roc_auc", 0.7, kind="performance", feature=None,
              details={"effect": 0.05, "usual_value": 0.75, "reference_value": 0.7}),
         "ROC AUC 0.7, 5 points below what is usual at these hours"),
        (said("ok", "accuracy", 0.7, kind="performance", feature=None, details={"effect": 0.0, "usual_value": 0.7}),
         "accuracy 0.7, as is usual at these hours"),
        (said("warning", "mae", 12.0, kind="performance", feature=None, details={"effect": 0.2, "usual_value": 10.0}),
         "mean absolute error 12, 20 % above what is usual at these hours"),
        (said("ok", "brier", 0.1, kind="performance", feature=None,
              details={"effect": 0.01, "usual_value": 0.09, "reference_value": 0.12}),
         "brier 0.1, 0.09 is usual at these hours"),
        (said(None, "f1", 0.5, kind="performance", feature=None, details={"reference_value": 0.6}),
         "F1 0.5, 0.6 in the reference"),
        (said(None, "label_coverage", 0.82, kind="performance", feature=None), "labels known for 82 % of predictions"),
        (said(None, "label_coverage", 0.41, kind="performance", feature=None,
              details={"expected": {"coverage": 0.8, "after_hours": 214, "plateau": 0.97}}),
         "labels known for 41 % of predictions; for 80 % usually after 9 days"),
        (said(None, "label_coverage", 0.41, kind="performance", feature=None,
              details={"expected": {"coverage": 0.8, "after_hours": None, "plateau": 0.72}}),
         "labels known for 41 % of predictions; they usually come for 72 % in all"),
        (said(None, "label_coverage", 0.85, kind="performance", feature=None,
              details={"too_late": {"share": 0.374, "count": 374, "labels": 1000, "horizon_days": 30.0}}),
         "labels known for 85 % of predictions; 37 % of the labels of the last 30 days came more than 30 days "
         "(label_horizon) after their rows and were never judged: a longer label_horizon would wait for them"),
        (said("warning", "label_pause", 216.0, kind="performance", feature=None, threshold=52.0,
              details={"longest_before": 26, "limit": 52, "since": "2026-11-12T08:00:00Z", "judged": "value"}),
         "no label has become known since 12 Nov 2026, 08:00 UTC (9 days; the longest pause before was 26 hours)"),
        (said("warning", "label_pause", 80.0, kind="performance", feature=None, threshold=72.0,
              details={"judged": "value", "since": "2026-11-12T08:00:00Z"}),
         "no label has become known since 12 Nov 2026, 08:00 UTC (3 days), above 72"),
        (said("ok", "label_pause", 3.0, kind="performance", feature=None,
              details={"longest_before": 26, "limit": 52, "since": "2026-11-12T08:00:00Z"}),
         "the newest label became known at 12 Nov 2026, 08:00 UTC (3 hours before the window's end; the longest pause "
         "before was 26 hours)"),
        (said(None, "label_coverage", 0.85, kind="performance", feature=None,
              details={"expected": {"coverage": 0.8, "after_hours": 1, "plateau": 0.97}}),
         "labels known for 85 % of predictions"),
        (said(None, "precision", 0.5, kind="performance", feature=None, lower=0.48, upper=0.52,
              details={"reference_value": 0.6, "unweighted": {"value": 0.36}}),
         "precision 0.5 (0.48 to 0.52), corrected for labels that are still to come (0.36 without), "
         "0.6 in the reference"),
        (said(None, "estimated_roc_auc", 0.84, kind="performance", feature=None, lower=0.82, upper=0.86,
              details={"reference_value": 0.85, "blind": "cannot see concept drift"}),
         "estimated ROC AUC 0.84 (0.82 to 0.86), 0.85 in the reference; without labels, so it cannot see concept "
         "drift"),
        (said(None, "estimated_accuracy", 0.84, kind="data_drift", feature=None,
              details={"estimator": "pape", "blind": "cannot see concept drift"}),
         "estimated accuracy 0.84; by PAPE without labels, so it cannot see concept drift"),
        (said(None, "estimated_recall", 0.5, kind="performance", feature=None,
              details={"estimator": "cbpe", "blind": "cannot see concept drift",
                       "if_base_rate_moved": {"value": 0.377, "base_rate": 0.342}}),
         "estimated recall 0.5; by CBPE without labels, so it cannot see concept drift; 0.377 if only the base rate "
         "changed, to about 34 %"),
        (said("warning", "domain_classifier", 0.59, feature=None, lower=0.53, upper=0.65, threshold=0.55,
              details={"auc": 0.66, "replayed": True, "replayed_auc": 0.57,
                       "features": {"a": 0.1, "b": 0.03, "c": 0.01}}),
         "rows of window and reference told apart: AUC 0.66, of which days without drift give 0.57: counts as 0.59 "
         "(0.53 to 0.65), most by a, b, beyond 0.55"),
        (said("ok", "domain_classifier", 0.51, feature=None, lower=0.48, upper=0.54, threshold=0.55,
              details={"auc": 0.58, "replayed": True, "replayed_auc": 0.57, "features": {"a": 0.01, "b": 0.01}}),
         "rows of window and reference told apart: AUC 0.58, of which days without drift give 0.57: counts as 0.51 "
         "(0.48 to 0.54)"),
        (said("ok", "domain_classifier", 0.52, feature=None, lower=0.45, upper=0.6, threshold=0.55,
              details={"auc": 0.52, "replayed": False}),
         "rows of window and reference told apart: AUC 0.52 (0.45 to 0.6), with nothing known of what days without "
         "drift give"),
        (said(None, "calibration_gap", 0.16, kind="performance", feature=None, lower=0.08, upper=0.24,
              details={"from": 0.4, "to": 0.5, "expected": 0.45, "observed": 0.61, "concept_drift": True}),
         "scores 0.4 to 0.5: 45 % expected, 61 % came (a gap between 8 and 24 points): concept drift"),
        (said(None, "calibration_gap", 0.16, kind="performance", feature=None, lower=0.08, upper=0.24,
              details={"from": 0.4, "to": 0.5, "expected": 0.45, "observed": 0.61, "concept_drift": True,
                       "uncorrected": True}),
         "scores 0.4 to 0.5: 45 % expected, 61 % came (a gap between 8 and 24 points): concept drift, or what the "
         "missing labels are unlike (not judged while they are missing)"),
        (said(None, "calibration_gap", 0.01, kind="performance", feature=None, lower=0.0, upper=0.05,
              details={"from": 0.4, "to": 0.5, "expected": 0.45, "observed": 0.46, "concept_drift": False}),
         "scores 0.4 to 0.5: 45 % expected, 46 % came (a gap between 0 and 5 points), which may be chance or is "
         "tolerated"),
        (said("warning", "calibration_gap", 0.13, kind="performance", feature=None, lower=0.05, upper=0.21,
              details={"from": 0.6, "to": 0.7, "expected": 0.65, "observed": 0.52, "positive": "late",
                       "cohort": {"metric": "accuracy", "expected": 0.83, "realised": 0.78}}),
         "rows of the same score turn out otherwise than in the reference (concept drift): of those scored 0.6 to 0.7, "
         "52 % were late where 65 % were expected (a gap between 5 and 21 points); accuracy 0.78 where 0.83 was "
         "estimated"),
        (said("critical", "calibration_gap", 0.32, kind="performance", feature=None, lower=0.25, upper=0.4,
              details={"from": 0.4, "to": 0.5, "expected": 0.62, "observed": 0.3, "positive": "predicted right",
                       "new_labels": 0.314}),
         "rows of the same score turn out otherwise than in the reference (concept drift): of those scored 0.4 to 0.5, "
         "30 % were predicted right where 62 % were expected (a gap between 25 and 40 points); 31 % of the labels are "
         "none of the model's classes"),
        (said("warning", "calibration_gap", 0.05, kind="performance", feature=None,
              details={"from": 0.4, "to": 0.5, "expected": 0.4, "observed": 0.45, "new_labels": 0.01}),
         "rows of the same score turn out otherwise than in the reference (concept drift): of those scored 0.4 to 0.5, "
         "45 % were positive where 40 % were expected"),
        (said("ok", "calibration_gap", 0.16, kind="performance", feature=None,
              details={"from": 0.4, "to": 0.5, "expected": 0.45, "observed": 0.61, "concept_drift": False,
                       "label_shift": {"explains": True}}),
         "scores 0.4 to 0.5: 45 % expected, 61 % came, which another base rate may explain"),
        (said("critical", "error_gap", 0.5, kind="performance", feature=None, lower=0.3, upper=0.7,
              details={"expected": 2.0, "realised": 3.0}),
         "rows are farther off than such rows were in the reference (concept drift): mean absolute error 3 where 2 was "
         "expected of such rows, 50 % above expected (between 30 and 70 %)"),
        (said("ok", "error_gap", -0.001, kind="performance", feature=None, details={"expected": 2.0, "realised": 2.0}),
         "mean absolute error 2 where 2 was expected of such rows, as expected"),
        (said("warning", "shiryaev_roberts", 9.3, kind="performance", feature=None, n_current=1204,
              details={"alarms": 1, "error_rate": 0.153, "usual": 0.1,
                       "guarantee": "at most one false alarm expected in 1,000 labels"}),
         "Shiryaev–Roberts: 1 alarm in 1,204 labels, 15 % of them predicted wrong (10 % in the reference); at most one "
         "false alarm expected in 1,000 labels"),
        (said("ok", "adwin", 0.0, kind="performance", feature=None, n_current=50,
              details={"alarms": 0, "guarantee": "no guarantee on false alarms"}),
         "ADWIN: no alarm in 50 labels; no guarantee on false alarms"),
        (said("warning", "volume", 12300, kind="serving", feature=None, details={"effect": 0.69}),
         "12,300 predictions, 31 % fewer than usual"),
        (said("critical", "volume", 0, kind="serving", feature=None),
         "no predictions at all at hours that usually have some"),
        (said("warning", "latency_p95", 230.0, kind="serving", feature=None, details={"effect": 1.6}),
         "95th percentile of latency 230 ms, 60 % more than usual"),
        (said("ok", "error_share", 0.03, kind="serving", feature=None, details={"effect": 0.02}),
         "3 % errors, 2 points more than usual"),
        (said(None, "freshness_minutes", 34.0, kind="serving", feature=None),
         "newest prediction 34 minutes before the window's end"),
        (said(None, "metric.revenue", 3.21, kind="serving", feature=None), "revenue 3.21 on average"),
        (said("cannot_tell", "ks", None, n_current=12), "temp: cannot tell: 12 rows, 30 are needed"),
        (said("cannot_tell", "recall", None, kind="performance", feature=None, details={"labelled": 1148}),
         "recall: cannot tell: 1148 labelled rows, and too few of them are positive"),
        (said("cannot_tell", "macro_f1", None, kind="performance", feature=None, details={"labelled": 1148}),
         "macro f1: cannot tell: 1148 labelled rows; of those that can be used, 30 are needed"),
        (said("warning", "precision", 0.627, kind="performance", feature=None, lower=0.592, upper=0.662, threshold=0.7,
              details={"judged": "floor", "reference_value": 0.605}),
         "precision 0.627 (0.592 to 0.662), 0.605 in the reference, below 0.7"),
        (said("critical", "rmse", 3.2, kind="performance", feature=None, threshold=2.0,
              details={"judged": "value", "critical": 3.0}),
         "root mean squared error 3.2, above 3"),
        (said("warning", "demographic_parity_difference", 0.143, kind="fairness", feature=None, segment="country=*",
              threshold=0.1, details={"judged": "value", "highest": "fr", "lowest": "de",
              "groups": {"fr": {"value": 0.343, "rows": 900}, "de": {"value": 0.2, "rows": 800}}}),
         "country: predicted positive: 34 % in fr, 20 % in de, 14 points apart, above 10 points"),
        (said("ok", "calibration_difference", 0.05, kind="fairness", feature=None, segment="country=*",
              details={"highest": "fr", "lowest": "de",
              "groups": {"fr": {"value": 0.01, "rows": 900}, "de": {"value": -0.04, "rows": 800}}}),
         "country: share of positive less mean score: 1 point in fr, -4 points in de, 5 points apart"),
        (said("cannot_tell", "equal_opportunity_difference", None, kind="fairness", feature=None, n_current=1203,
              segment="country=*", details={"groups": {"fr": {"value": 0.8, "rows": 1203}}}),
         "country: cannot tell: only fr has 30 rows that count for it; two groups are needed"),
        (said("cannot_tell", "equal_opportunity_difference", None, kind="fairness", feature=None, n_current=0,
              segment="country=*", details={"groups": {}}),
         "country: cannot tell: no group has 30 rows that count for it; two groups are needed"),
        (said("cannot_tell", "ks", 0.2, reason="before_reference"),
         "temp: cannot tell: part of this window is older than the reference"),
        (said("cannot_tell", "accuracy", None, kind="performance", feature=None, reason="immature_labels",
              details={"coverage": 0.34}),
         "accuracy: cannot tell: labels are still coming, 34 % are known"),
        (said("cannot_tell", "accuracy", None, kind="performance", feature=None, reason="immature_labels",
              details={"coverage": 0.0}),
         "accuracy: cannot tell: no label is known yet"),
        (said("cannot_tell", "accuracy", 0.9, kind="performance", feature=None, reason="immature_labels",
              details={"coverage": 0.34, "weighted": {"value": 0.84, "lower": 0.8, "upper": 0.87}}),
         "accuracy: cannot tell: labels are still coming, 34 % are known; so far they point to 0.84 (0.8 to 0.87)"),
        (said(None, "precision", 0.6, kind="performance", feature=None, reason="immature_labels",
              details={"coverage": 0.34, "weighted": {"value": 0.84, "lower": 0.8, "upper": 0.87}}),
         "precision: labels are still coming, 34 % are known; so far they point to 0.84 (0.8 to 0.87)"),
        (said(None, "mae", 3.1, lower=2.9, upper=3.3, kind="performance", feature=None, reason="immature_labels",
              details={"coverage": 0.34, "effect": 0.2}),
         "mean absolute error: labels are still coming, 34 % are known; of those 3.1 (2.9 to 3.3), which the others "
         "may change"),
        (said(None, "log_loss", 0.28, kind="performance", feature=None,
              details={"uncorrected": True, "reference_value": 0.3}),
         "log loss 0.28, not corrected for labels that are still missing, 0.3 in the reference"),
        (said("ok", "mae", 3.1, kind="performance", feature=None, details={"uncorrected": True, "effect": 0.1}),
         "mean absolute error 3.1, not corrected for labels that are still missing, 10 % above the reference"),
        (said("cannot_tell", "ks", None, reason="no_reference"), "temp: cannot tell: no reference to compare with"),
        (said("cannot_tell", "volume", 5, kind="serving", feature=None, reason="no_history"),
         "volume: cannot tell: fewer weeks before had rows at these hours than the 2 that are needed"),
        (said("ok", "ks", 0.012, details={"effect": 0.012}, segment="origin=EWR"),
         "temp in origin=EWR: 1.2 % of rows moved"),
        (said("ok", "score_ks", 0.1, kind="prediction_drift", feature=None, segment="origin=EWR"),
         "scores in origin=EWR: 10 % of rows moved"),
        (said("ok", "accuracy", 0.8, kind="performance", feature=None, segment="origin=EWR"),
         "origin=EWR: accuracy 0.8"),
        (said("cannot_tell", "ks", None, n_current=12, segment="origin=EWR"),
         "temp in origin=EWR: cannot tell: 12 rows, 30 are needed"),
    ],
)  # fmt: skip
def test_sentences(made: str, words: str) -> None:
    assert made == words


def test_a_method_nobody_has_written_words_for_still_says_something() -> None:
    assert (
        said("warning", "watson_u_squared", 1.5, p_value=0.01) == "temp: watson u squared 1.5 (p = 0.01), beyond 0.02"
    )


SHORT = {"short_reference": True, "tolerance": 0.05}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (said("critical", "ks", 0.12, details={**DRIFT, **SHORT}),
         "temp: 12 % of rows moved (between 9 and 15); the reference is short: tolerance 5 %"),
        (said("warning", "accuracy", 0.8, kind="performance", feature=None, segment="origin=EWR",
              details={**WORSE, **SHORT}),
         "origin=EWR: accuracy 0.8, 5 points below the reference; the reference is short: tolerance 5 %"),
        (said("warning", "correlation", 0.4, feature=None, details={"short_reference": True, "tolerance": 0.15}),
         "correlations: changed by 0.4; the reference is short: tolerance 0.15"),
        (said("warning", "missing_share", 0.4, kind="data_quality", details={"short_reference": True}),
         "temp: 40 % missing; the reference is short"),
        (said("warning", "ks", 0.12, details={**DRIFT, "learned": True}),
         "temp: 12 % of rows moved (between 9 and 15); how much it varies was learned from earlier weeks"),
        (said("ok", "ks", 0.012, details={"effect": 0.012, **SHORT}), "temp: 1.2 % of rows moved"),
        (said("cannot_tell", "ks", None, n_current=12, details=SHORT), "temp: cannot tell: 12 rows, 30 are needed"),
        (said("cannot_tell", "ks", 0.3, reason="restless_reference", details={"effect": 0.3}),
         "temp: cannot tell: 30 % of rows seem to have moved, and the reference differs as much by itself"),
        (said("cannot_tell", "ks", 0.3, reason="restless_reference", details={"effect": 0.3, "learned": True}),
         "temp: cannot tell: 30 % of rows seem to have moved, "
         "and the weeks of the log that tell what is usual differ as much by themselves"),
    ],
)  # fmt: skip
def test_what_alarms_says_that_its_reference_is_short(made: str, words: str) -> None:
    assert made == words


@pytest.mark.parametrize(
    ("metric", "details", "words"),
    [
        ("missing_share", {}, ""),
        ("missing_share", {"since": "2013-10-21T20:00:00Z"}, ": it has not been sent since 20:00 UTC"),
        ("missing_share", {"since": "2013-10-18T20:00:00Z"}, ": it has not been sent since 18 Oct 2013, 20:00 UTC"),
        ("type_mismatch_share", {"since": "2013-10-21T20:00:00Z", "expected": "numbers"},
         ": its type changed at 20:00 UTC, numbers are expected"),
        ("type_mismatch_share", {"since": "2013-10-21T20:00:00Z", "expected": "vectors of 16 numbers"},
         ": its type or its length changed at 20:00 UTC, vectors of 16 numbers are expected"),
        ("unseen_category_share", {"since": "2013-10-21T20:00:00Z"},
         ": all of them since 20:00 UTC: is it spelled or coded in another way now?"),
        ("out_of_range_share", {"since": "2013-10-21T20:00:00Z"}, ""),
    ],
)  # fmt: skip
def test_a_schema_that_changed_within_the_window(metric: str, details: dict[str, Any], words: str) -> None:
    before = said("warning", metric, 0.12, kind="data_quality", details={"expected": None})
    assert said("warning", metric, 0.12, kind="data_quality", details=details) == before + words
    assert said("ok", metric, 0.12, kind="data_quality", details=details) == before


def test_a_type_that_changed_says_what_is_expected() -> None:
    made = said("critical", "type_mismatch_share", 1.0, kind="data_quality", details={"expected": "numbers"})
    assert made == "temp: 100 % of the wrong type: its type has changed, numbers are expected"
    made = said(
        "critical", "type_mismatch_share", 1.0, kind="data_quality", details={"expected": "vectors of 16 numbers"}
    )
    changed = "its type or its length has changed"
    assert made == f"temp: 100 % of the wrong type: {changed}, vectors of 16 numbers are expected"


def test_a_question_is_followed_by_a_sentence_of_its_own() -> None:
    details = {"diagnosis": "looks like x1000: another unit?", "short_reference": True, "tolerance": 0.05}
    made = sentence(reading(verdict="critical", details=details))
    assert made.endswith("another unit? The reference is short: tolerance 5 %")
