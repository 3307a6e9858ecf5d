"""Estimates without labels beside NannyML's on two public sets: CBPE on car loans, DLE on bike sharing.

    python -m bench.detection.published --data FOLDER [--kept FOLDER]

Chunks are as in NannyML's documentation: 5,000 car loans each, and the year of bike rides in twelve equal parts. Both
fit on the reference and see no label of the production rows; what labels say stands beside them. ``FOLDER`` holds
car_loan/{reference,predictions,all_labels}.parquet and bike_sharing/log/{reference,predictions,labels}.parquet.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from rich.console import Console
from rich.progress import track
from sklearn import metrics

from bench.detection import environments, kept
from detectors.binning import make_binning, score_layout
from detectors.estimation.dle_trees import LossTrees, estimate_losses, fit_loss_trees
from detectors.estimation.measure import PREFIX, estimate_performance
from detectors.multivariate.domain_classifier import Rows, time_blocks
from detectors.performance.scored import count_scored
from detectors.profile import ReferenceProfile
from detectors.summary import ColumnValues, summarise, window

SCRIPT = Path(__file__).parent / "peers" / "estimate_with_nannyml.py"
SETS = {
    "car_loan": ("binary", "car_loan", ("roc_auc", "accuracy"), {"chunk_size": 5000}),
    "bike_sharing": ("regression", "bike_sharing/log", ("mae",), {"chunk_size": 728}),
}


def estimates(task: str, reference: pd.DataFrame, chunks: list[pd.DataFrame]) -> list[dict[str, Any]]:
    """Plimsoll's, by chunk and metric, as the service finds them: from counts, and of errors from rows."""
    score = reference["probability" if task == "binary" else "prediction"].to_numpy(np.float64)
    layout = score_layout(task, ("0", "1") if task == "binary" else (), score)
    kinds = {"prediction": "categorical", "score": "numeric"} if task == "binary" else {"prediction": "numeric"}
    binning = make_binning(_columns(task, reference), kinds, layout)  # type: ignore[arg-type]
    hours = np.zeros(len(reference), dtype=np.int64)
    truth, said = (_texts(task, reference[name]) for name in ("label", "prediction"))
    rows = np.full(len(reference), np.nan) if task == "regression" else score
    known = count_scored(layout, hours, truth, said, rows, np.ones(len(reference), np.int8), score)
    profile = ReferenceProfile.of(summarise(binning, hours, _columns(task, reference)), known, timed=True)
    trees = learned(reference) if task == "regression" else None
    found = []
    for chunk in chunks:
        counted = summarise(binning, np.zeros(len(chunk), dtype=np.int64), _columns(task, chunk))
        direct = estimate_losses(trees.expected(_inputs(chunk)), len(chunk)) if trees else {}
        told = estimate_performance(binning, window(counted, 0, 1), profile, {}, direct)
        found.append({one.metric.removeprefix(PREFIX): one for one in told})
    return found


def learned(reference: pd.DataFrame) -> LossTrees | None:
    """What the reference's labelled rows tell of errors, by features and prediction."""
    columns = _inputs(reference)
    hours = reference["timestamp"].to_numpy("datetime64[h]").astype(np.int64)
    loss = (reference["label"] - reference["prediction"]).abs().to_numpy(np.float64)
    return fit_loss_trees(list(columns), Rows(columns, time_blocks(hours)), loss)


def _inputs(frame: pd.DataFrame) -> dict[str, Any]:
    names = [name for name in frame if name not in ("prediction_id", "timestamp", "model_version", "label")]
    return {str(name): pa.array(frame[name].astype(np.float64)) for name in names}


def _texts(task: str, values: pd.Series) -> Any:
    return pa.array(values.astype(str) if task == "binary" else values.astype(np.float64))


def _columns(task: str, frame: pd.DataFrame) -> dict[str, ColumnValues]:
    nothing = np.empty(0, np.int64), np.empty(0, np.uint8)
    found = {"prediction": ColumnValues(_texts(task, frame["prediction"]), *nothing)}
    if task == "binary":
        found["score"] = ColumnValues(pa.array(frame["probability"].astype(np.float64)), *nothing)
    return found


def truth(metric: str, chunk: pd.DataFrame) -> float:
    """What the labels say."""
    known = chunk.dropna(subset="label")
    if metric == "roc_auc":
        return float(metrics.roc_auc_score(known["label"], known["probability"]))
    score = {"accuracy": metrics.accuracy_score, "mae": metrics.mean_absolute_error}[metric]
    return float(score(known["label"], known["prediction"]))


def compared(name: str, data: Path, cache: Path) -> pd.DataFrame:
    """One line per metric and chunk: chunk, metric, truth, ours with its limits, theirs, sampling error."""
    task, folder, wanted, chunking = SETS[name]
    job = json.dumps({"folder": str(data / folder), "task": task, "metrics": wanted, "chunking": chunking})
    call = [str(environments.interpreter("nannyml", cache)), str(SCRIPT), job]
    done = subprocess.run(call, env=environments.environment(), capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    reference, current = (pd.read_parquet(data / folder / f"{part}.parquet") for part in ("reference", "predictions"))
    labels = pd.read_parquet(data / folder / ("all_labels.parquet" if task == "binary" else "labels.parquet"))
    current = current.merge(labels[["prediction_id", "label"]], on="prediction_id", how="left")
    chunks = [current.iloc[one["start"] : one["end"] + 1] for one in theirs]
    lines = []
    for place, (chunk, ours, their) in enumerate(zip(chunks, estimates(task, reference, chunks), theirs, strict=True)):
        for metric in wanted:
            one = ours[metric]
            value, error = their[metric]
            exact = truth(metric, chunk)
            lines.append((place, metric, exact, one.value, one.lower, one.upper, value, error))
    columns = ["chunk", "metric", "truth", "Plimsoll", "lower", "upper", "NannyML", "sampling error"]
    return pd.DataFrame(lines, columns=columns)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """By metric: how far apart the two are at most, in NannyML's sampling errors too, how far each is from the labels
    (mean absolute difference), and in how many chunks the labels lie inside our 95 % interval."""
    apart = (found["Plimsoll"] - found["NannyML"]).abs()
    known = found.assign(
        apart=apart,
        in_errors=apart / found["sampling error"],
        ours=(found["Plimsoll"] - found["truth"]).abs(),
        theirs=(found["NannyML"] - found["truth"]).abs(),
        inside=(found["lower"] <= found["truth"]) & (found["truth"] <= found["upper"]),
    )
    how = {"apart": "max", "in_errors": "max", "ours": "mean", "theirs": "mean", "inside": "sum", "chunk": "count"}
    return known.groupby("metric", sort=False).agg(how)


def measure(data: Path, folder: Path, cache: Path) -> dict[str, pd.DataFrame]:
    """Every chunk by name of the set; what ``folder`` has is not measured again."""
    found = {}
    for name in track(SETS, "estimates", console=Console(stderr=True)):
        file = folder / f"published-{name}.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(compared(name, data, cache).to_json(orient="records"), "utf-8")
        found[name] = pd.read_json(io.StringIO(file.read_text("utf-8")))
    return found


def main() -> None:
    """Print every chunk and the summary, and keep them for the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kept", type=Path, default=kept.FOLDER, help="folder of what was measured")
    parser.add_argument("--cache", type=Path, default=Path(".cache/detection"), help="folder of what may be deleted")
    arguments = parser.parse_args()
    for name, found in measure(arguments.data, arguments.kept, arguments.cache).items():
        print(f"{name}\n{found.to_string(index=False)}\n{summary(found).to_string()}\n")


if __name__ == "__main__":
    main()
