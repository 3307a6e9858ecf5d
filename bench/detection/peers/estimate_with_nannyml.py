"""NannyML's estimates without labels, by chunk: CBPE for binary models, DLE for regression, at their defaults."""

import json
import sys
import warnings

import nannyml
import pandas as pd
from common import quiet, say


def estimator(task, metrics, chunking, reference):
    if task == "binary":
        return nannyml.CBPE(
            y_pred_proba="probability",
            y_pred="prediction",
            y_true="label",
            problem_type="classification_binary",
            metrics=metrics,
            **chunking,
        )
    ids = {"prediction_id", "timestamp", "model_version", "prediction", "label"}
    features = [name for name in reference if name not in ids]
    return nannyml.DLE(feature_column_names=features, y_pred="prediction", y_true="label", metrics=metrics, **chunking)


def main(job):
    told = json.loads(job)
    reference, current = (pd.read_parquet(f"{told['folder']}/{part}.parquet") for part in ("reference", "predictions"))
    made = estimator(told["task"], list(told["metrics"]), told["chunking"], reference).fit(reference)
    frame = made.estimate(current).filter(period="analysis").to_df()
    answer = []
    for _, row in frame.iterrows():
        one = {name: [float(row[name, "value"]), float(row[name, "sampling_error"])] for name in told["metrics"]}
        answer.append({"start": int(row["chunk", "start_index"]), "end": int(row["chunk", "end_index"]), **one})
    say(answer)


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    main(sys.argv[1])
