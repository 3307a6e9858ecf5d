"""The DAGs. They are started by Plimsoll alone."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from peers.jobs.retrain import retrain
from peers.jobs.retrain import work as take_a_while


def text() -> Param:
    return Param("", type="string")


@dag(schedule=None, params={name: text() for name in ("plimsoll", "model", "data_url", "window_end")})
def train():
    @task
    def fit(params=None):
        retrain(params["plimsoll"], params["model"], params["data_url"], params["window_end"])

    fit()


@dag(schedule=None, params={"model": text(), "seconds": Param(1, type="integer")})
def work():
    @task
    def wait(params=None):
        take_a_while(params["seconds"])

    wait()


@dag(schedule=None, params={"model": Param("model", enum=["model"])})
def strict():
    """Takes what a check tries, and nothing else."""

    @task
    def pick():
        return None

    pick()


train()
work()
strict()
