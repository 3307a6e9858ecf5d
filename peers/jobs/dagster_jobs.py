"""The jobs of one code location, each of one op."""

from __future__ import annotations

from typing import Any

from dagster import Definitions, Enum, EnumValue, Field, Int, job, op

from peers.jobs.retrain import retrain
from peers.jobs.retrain import work as take_a_while


@op(name="op", config_schema=dict.fromkeys(("plimsoll", "model", "data_url", "window_end"), str))
def fit(context: Any) -> None:
    retrain(**context.op_config)


@op(name="op", config_schema={"model": str, "seconds": Field(Int, default_value=1)})
def wait(context: Any) -> None:
    take_a_while(context.op_config["seconds"])


@op(name="op", config_schema={"model": Enum("Only", [EnumValue("model")])})
def pick(context: Any) -> None:
    """Takes what a check tries, and nothing else."""


@job
def train() -> None:
    fit()


@job
def work() -> None:
    wait()


@job
def strict() -> None:
    pick()


defs = Definitions(jobs=[train, work, strict])
