"""Every orchestrator that there is a trigger for, by its name here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.orchestrators.base import SECRET, Orchestrator
from tests.orchestrators.clusters import Argo, Databricks, GitHub, Kubeflow, Kubernetes
from tests.orchestrators.schedulers import Airflow, Dagster, Prefect

EVERY: Mapping[str, Callable[[], Orchestrator]] = {
    "prefect": Prefect,
    "airflow": Airflow,
    "airflow 2": lambda: Airflow("v1"),
    "dagster": Dagster,
    "github": GitHub,
    "argo": Argo,
    "kubernetes": Kubernetes,
    "databricks": Databricks,
    "kubeflow": Kubeflow,
}
ENVIRONMENT = {"TOKEN": SECRET, "PASSWORD": SECRET}
