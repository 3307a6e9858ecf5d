"""The jobs of one code location, each of one op. Dagster reads annotations as classes: contexts have none."""

from __future__ import annotations

from dagster import Definitions, Enum, EnumValue, Field, Int, job, op

from peers.jobs.retrain import retrain
from peers.jobs.retrain import work as take_a_while


@op(config_schema=dict.fromkeys(("plimsoll", "model", "data_url", "window_end"), str))
def train_op(context):
    retrain(**context.op_config)


@op(config_schema={"model": str, "seconds": Field(Int, default_value=1)})
def work_op(context):
    take_a_while(context.op_config["seconds"])


@op(config_schema={"model": Enum("Only", [EnumValue("model")])})
def strict_op(context):
    """Takes what a check tries, and nothing else."""


@job
def train() -> None:
    train_op()


@job
def work() -> None:
    work_op()


@job
def strict() -> None:
    strict_op()


defs = Definitions(jobs=[train, work, strict])
