"""The flows, served by one process: ``python -m peers.jobs.prefect_flows``."""

from __future__ import annotations

from typing import Literal

from prefect import flow, serve

from peers.jobs.retrain import retrain
from peers.jobs.retrain import work as take_a_while


@flow
def train(plimsoll: str, model: str, data_url: str, window_end: str) -> float:
    return retrain(plimsoll, model, data_url, window_end)


@flow
def work(model: str, seconds: int = 1) -> None:
    take_a_while(seconds)


@flow
def strict(model: Literal["model"]) -> None:
    """Takes what a check tries, and nothing else."""


if __name__ == "__main__":
    serve(*(one.to_deployment("peers") for one in (train, work, strict)))
