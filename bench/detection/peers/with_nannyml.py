"""NannyML's univariate drift calculator."""

import sys
import warnings

import nannyml
import pandas as pd
from common import measured, quiet

VARIANTS = {
    "default": {},
    "ks_chi_square": {"continuous_methods": ["kolmogorov_smirnov"], "categorical_methods": ["chi2"]},
}


def alerts(result, columns):
    """Per chunk of the analysis period, the columns with an alert by any method."""
    frame = result.filter(period="analysis").to_df()
    red = frame.loc[:, frame.columns.get_level_values(-1) == "alert"].fillna(False).astype(bool)
    return [sorted({name[0] for name in red.columns[row]} & set(columns)) for row in red.to_numpy()]


def calculate(reference, current, **settings):
    columns = list(reference.columns.drop("timestamp", errors="ignore"))
    calculator = nannyml.UnivariateDriftCalculator(column_names=columns, **settings).fit(reference)
    return alerts(calculator.calculate(current), columns)


def speed(folder, variant):
    reference, current = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current"))
    measured(lambda: sum(map(len, calculate(reference, current, **VARIANTS[variant]))))


if __name__ == "__main__":
    quiet()
    warnings.simplefilter("ignore")
    {"speed": speed}[sys.argv[1]](*sys.argv[2:])
