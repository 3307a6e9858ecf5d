"""scipy in a loop, as people write it: exact two-sample KS of numbers, chi-square of categories."""

import sys

import numpy as np
import pandas as pd
from common import measured, quiet
from scipy import stats


def p_value(then, now):
    if pd.api.types.is_numeric_dtype(then):
        return stats.ks_2samp(then.to_numpy(), now.to_numpy()).pvalue
    counts = pd.concat([then.value_counts(), now.value_counts()], axis=1).fillna(0).to_numpy()
    return stats.chi2_contingency(counts.T, correction=False).pvalue


def main(folder):
    quiet()
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))
    assert np.array_equal(reference.columns, current.columns)
    measured(lambda: sum(bool(p_value(reference[name], current[name]) < 0.05) for name in reference))


main(sys.argv[2])
