"""What holds for every orchestrator, tried on the real one; a subclass names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from peers.plimsoll import Plimsoll, moved_at
from peers.programs import until
from peers.proxy import Passed, losing

FIELDS = {"model": "{model}", "data_url": "{data_url}", "window_end": "{window_end}"}


class Peer(Protocol):
    """An orchestrator that runs. Its jobs are ``train``, ``work`` and ``strict``."""

    root: str  # scheme and host
    cancelled: str  # the state that a cancelled run is seen in

    def trigger(self, job: str, root: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Settings of a trigger that starts a job with parameters, through a proxy at ``root`` if given."""

    def is_start(self, request: Passed) -> bool:
        """Whether a request started a run."""

    def runs(self, key: str) -> list[str]:
        """The ids of all the runs that a key has started."""

    def cancel(self, run: str) -> None:
        """As a person would."""

    def stop_working(self) -> None:
        """From now on nothing is begun, though runs are accepted."""

    def start_working(self) -> None:
        """As before."""


class Orchestrated:
    """The tests. ``plimsoll`` and ``peer`` are fixtures; ``words`` are the orchestrator's own."""

    unknown_job: str
    bad_parameters: str
    refusal: str

    def test_an_unknown_job_is_refused_when_saved(self, plimsoll: Plimsoll, peer: Peer) -> None:
        self.is_refused(plimsoll, peer.trigger("nothing", model="m"), self.unknown_job)

    def test_bad_parameters_are_refused_when_saved(self, plimsoll: Plimsoll, peer: Peer) -> None:
        self.is_refused(plimsoll, peer.trigger("work", model="m", seconds="many"), self.bad_parameters)

    def is_refused(self, plimsoll: Plimsoll, trigger: dict[str, Any], words: str) -> None:
        answer = plimsoll.save(triggers={"wrong": trigger})
        assert answer.status_code == 422, answer.text
        error = answer.json()["error"]
        print(error)
        assert error["field"] == "triggers.wrong"
        assert words in error["message"]

    def test_what_is_refused_when_fired_is_told_at_once(self, plimsoll: Plimsoll, peer: Peer) -> None:
        """A job that takes what a check tries, and nothing else."""
        name = plimsoll.triggered("data_drift", peer.trigger("strict", model="{model}"))
        run = plimsoll.run_in(plimsoll.fire(name), "refused", 30)
        print(run["message"])
        assert self.refusal in run["message"]
        assert self.refusal in plimsoll.was_told(name, "retraining.refused")["data"]["trigger_run"]["message"]
        assert peer.runs(run["idempotency_key"]) == []

    def test_one_run_though_the_first_answer_is_lost(self, plimsoll: Plimsoll, peer: Peer) -> None:
        with losing(peer.root, peer.is_start) as proxy:
            name = plimsoll.triggered("data_drift", peer.trigger("work", proxy.url, model="{model}", seconds=2))
            alert = plimsoll.fire(name)
            run = plimsoll.run_in(alert, "succeeded", 240)
        print([(one.method, one.path, one.status) for one in proxy.passed if peer.is_start(one)])
        assert len(proxy.lost) == 1
        assert peer.runs(run["idempotency_key"]) == [run["external_id"]]
        kinds = [one["kind"] for one in plimsoll.alert(alert)["transitions"]]
        assert "retraining_running" in kinds or "retraining_succeeded" in kinds
        plimsoll.was_told(name, "alert.firing")

    def test_a_cancel_there_is_seen_here(self, plimsoll: Plimsoll, peer: Peer) -> None:
        name = plimsoll.triggered("data_drift", peer.trigger("work", model="{model}", seconds=600))
        alert = plimsoll.fire(name)
        run = plimsoll.run_in(alert, "running", 240)
        peer.cancel(run["external_id"])
        ended = plimsoll.run_in(alert, peer.cancelled, 180)
        print(ended["message"])
        plimsoll.was_told(name, f"retraining.{peer.cancelled}")

    def test_drift_is_retrained_away(self, plimsoll: Plimsoll, peer: Peer) -> None:
        trigger = peer.trigger("train", plimsoll=plimsoll.url, **FIELDS)
        name = plimsoll.triggered("performance", trigger)
        alert = plimsoll.fire(name)
        before = plimsoll.alert(alert)["summary"]
        plimsoll.run_in(alert, "succeeded", 300)
        later = (moved_at() + timedelta(hours=32, minutes=5)).isoformat()
        plimsoll.must("POST", f"/v1/models/{name}/runs", json={"as_of": later})
        closing = plimsoll.run(alert)["closing"]
        print(before, closing)
        assert closing["result"] == "recovered"
        assert closing["version"] == "v2"
        plimsoll.was_told(name, "retraining.recovered")

    def test_without_a_worker_it_is_stuck_and_told(self, plimsoll: Plimsoll, peer: Peer) -> None:
        trigger = {**peer.trigger("work", model="{model}"), "start_by": "1m"}
        name = plimsoll.triggered("data_drift", trigger)
        peer.stop_working()
        try:
            alert = plimsoll.fire(name)
            run = plimsoll.run_in(alert, "accepted", 30)
            stuck = plimsoll.run_in(alert, "stuck", 80)
            print(stuck["message"])
            assert "did not start in time" in stuck["message"]
            plimsoll.was_told(name, "retraining.stuck")
            assert len(peer.runs(run["idempotency_key"])) == 1
        finally:
            peer.start_working()

    def test_the_program_still_works(self, plimsoll: Plimsoll, peer: Peer) -> None:
        """What came before was not a program that had fallen over."""
        name = plimsoll.triggered("data_drift", peer.trigger("work", model="{model}", seconds=1))
        run = plimsoll.run_in(plimsoll.fire(name), "succeeded", 240)
        until("it is one run", lambda: peer.runs(run["idempotency_key"]) == [run["external_id"]], 5)


class PausingPeer(Peer, Protocol):
    """One whose jobs can be paused."""

    def pause(self, job: str, paused: bool) -> None:
        """Pause a job, or let it go on."""


class Pausable(Orchestrated):
    """The tests of those. ``paused`` are the words of a refusal."""

    paused: str

    def test_a_paused_job_is_refused_when_saved(self, plimsoll: Plimsoll, peer: PausingPeer) -> None:
        peer.pause("work", True)
        try:
            self.is_refused(plimsoll, peer.trigger("work", model="m"), self.paused)
        finally:
            peer.pause("work", False)
