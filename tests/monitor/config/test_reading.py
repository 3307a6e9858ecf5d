"""Every mistake names file, line and key, and changes nothing."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from monitor.actions import apply_config
from monitor.config.document import Check, Document, Model
from monitor.config.inventory import checks_of, newest_end, rules_of, runs_per_month
from monitor.config.mistakes import mistakes_in_model
from monitor.config.reading import from_object, from_yaml
from monitor.errors import Invalid
from monitor.store import config, models
from tests.monitor.world import NOW, T0, D, H, World, at, traffic

pytestmark = pytest.mark.usefixtures("on_sqlite")

WHOLE = """\
default_notify: [ml-chat]
models:
  flight-delays:
    task: binary
    positive_label: late
    owner: "#ml-flights"
    false_alarms_per_month: 1
    tolerance: 0.02
    features: {dest: {type: categorical}, temp: {type: numeric}}
    segments: [origin, carrier]
    min_label_coverage: 0.8
    label_horizon: 30d
    retention: 90d
    checks:
      - {name: temp-ks, kind: data_drift, features: [temp], method: ks, window: 24h, schedule: "5 * * * *", threshold: {p_value: 0.001}}
      - {name: carriers, kind: data_drift, features: [carrier], method: psi, window: 7d, threshold: {warning: 0.1, critical: 0.25}}
      - {name: quality, kind: performance, metric: roc_auc, window: 7d, threshold: {drop: 0.03}}
    rules:
      - {name: drift, check: data_drift, at: warning, for: 2, notify: [ml-chat]}
      - {name: worse, check: quality, at: warning, notify: [ml-chat, ops], trigger: retrain, cooldown: 24h, remind: 7d}
channels:
  ml-chat: {type: slack, webhook_url: "${SLACK_WEBHOOK_URL}"}
  ops:     {type: webhook, url: "https://ops.example/hook", secret: "${OPS_SECRET}"}
triggers:
  retrain: {type: webhook, url: "https://orchestrator.example/runs", secret: "${RETRAIN_SECRET}"}
"""  # noqa: E501

CHECK = "models:\n  m:\n    checks:\n      - {name: a, kind: data_drift}\n      - "
RULE = "models:\n  m:\n    rules:\n      - "

MISTAKES = [  # what is wrong: the document, its line, the key
    ("modles: {}", 1, "modles"),
    ("models:\n  'no good': {}", 2, "models.no good"),
    ("channels:\n  a/b: {type: webhook, url: 'https://a.example'}", 2, "channels.a/b"),
    ("models:\n  m:\n    taks: binary", 3, "models.m.taks"),
    ("models:\n  m:\n    task: ternary", 3, "models.m.task"),
    ("models:\n  m:\n    tolerance: 0.5", 3, "models.m.tolerance"),
    ("models:\n  m:\n    tolerance: .nan", 3, "models.m.tolerance"),
    ("models:\n  m:\n    false_alarms_per_month: 0", 3, "models.m.false_alarms_per_month"),
    ("models:\n  m:\n    min_label_coverage: 1.2", 3, "models.m.min_label_coverage"),
    ("models:\n  m:\n    label_horizon: soon", 3, "models.m.label_horizon"),
    ("models:\n  m:\n    retention: 10", 3, "models.m.retention"),
    ("models:\n  m:\n    positive_label: [1]", 3, "models.m.positive_label"),
    ("models:\n  m:\n    features:\n      x: {type: date}", 4, "models.m.features.x.type"),
    ("models:\n  m:\n    task: binary\n    task: binary", 4, "models.m.task"),
    (CHECK + "{kind: data_drift}", 5, "models.m.checks.1.name"),
    (CHECK + "{name: a, kind: data_drift}", 5, "models.m.checks.1.name"),
    (CHECK + "{name: b, kind: drift}", 5, "models.m.checks.1.kind"),
    (CHECK + "{name: b, kind: data_drift, method: magic}", 5, "models.m.checks.1.method"),
    (CHECK + "{name: b, kind: data_drift, method: ks}", 5, "models.m.checks.1.method"),
    (CHECK + "{name: b, kind: serving, method: ks, threshold: {p_value: 0.1}}", 5, "models.m.checks.1.method"),
    (CHECK + "{name: b, kind: data_drift, window: 90m}", 5, "models.m.checks.1.window"),
    (CHECK + "{name: b, kind: data_drift, schedule: hourly}", 5, "models.m.checks.1.schedule"),
    (CHECK + "{name: b, kind: data_drift, threshold: {}}", 5, "models.m.checks.1.threshold"),
    (CHECK + "{name: b, kind: data_drift, threshold: {drop: 0.1}}", 5, "models.m.checks.1.threshold"),
    (CHECK + "{name: b, kind: serving, threshold: {p_value: 0.1}}", 5, "models.m.checks.1.threshold"),
    (
        CHECK + "{name: b, kind: data_drift, method: psi, threshold: {p_value: 0.1}}",
        5,
        "models.m.checks.1.threshold",
    ),
    (
        CHECK + "{name: b, kind: data_drift, method: t_test, threshold: {warning: 3}}",
        5,
        "models.m.checks.1.threshold",
    ),
    (CHECK + "{name: b, kind: data_drift, threshold: {critical: 1}}", 5, "models.m.checks.1.threshold"),
    (CHECK + "{name: b, kind: data_drift, threshold: {p_value: 2}}", 5, "models.m.checks.1.threshold.p_value"),
    (CHECK + "{name: b, kind: data_drift, threshold: {warning: 2, critical: 1}}", 5, "models.m.checks.1.threshold"),
    (
        CHECK + "{name: b, kind: prediction_drift, metric: estimated_base_rate, threshold: {p_value: 0.1}}",
        5,
        "models.m.checks.1.threshold",
    ),
    (CHECK + "{name: b, kind: performance, metric: roc}", 5, "models.m.checks.1.metric"),
    (CHECK + "{name: b, kind: performance, metric: r2, threshold: {drop: 0.1}}", 5, "models.m.checks.1.threshold"),
    (
        CHECK + "{name: b, kind: performance, metric: label_coverage, threshold: {p_value: 0.1}}",
        5,
        "models.m.checks.1.threshold",
    ),
    (CHECK + "{name: b, kind: performance, reference: {trailing: 8d}}", 5, "models.m.checks.1.reference"),
    ("models:\n  m:\n    segments: [a, b, a]", 3, "models.m.segments.2"),
    (RULE + "{name: r, check: nothing}", 4, "models.m.rules.0.check"),
    (RULE + "{name: r, check: serving, for: 0}", 4, "models.m.rules.0.for"),
    (RULE + "{name: r, check: serving, for: true}", 4, "models.m.rules.0.for"),
    (RULE + "{name: r, check: serving, remind: 0h}", 4, "models.m.rules.0.remind"),
    (RULE + "{name: r, check: serving, at: worst}", 4, "models.m.rules.0.at"),
    (RULE + "{name: r, check: serving, cooldown: never}", 4, "models.m.rules.0.cooldown"),
    (RULE + "{name: r, check: serving}\n      - {name: r, check: performance}", 5, "models.m.rules.1.name"),
    (RULE + "{name: performance, check: serving}", 4, "models.m.rules.0.name"),
    ("channels:\n  c:\n    type: pigeon", 3, "channels.c.type"),
    ("channels:\n  c:\n    type: webhook\n    url: nowhere", 4, "channels.c.url"),
    ("channels:\n  c:\n    type: webhook\n    url: https://a.example\n    secret: plain", 5, "channels.c.secret"),
    ("triggers:\n  t:\n    type: webhook", 2, "triggers.t.url"),
]
MISFITS = [
    ("default_notify:\n  - nobody", 2, "default_notify.0"),
    (RULE + "{name: r, check: serving, notify: [nobody]}", 4, "models.m.rules.0.notify.0"),
    (RULE + "{name: r, check: serving, trigger: nothing}", 4, "models.m.rules.0.trigger"),
    ("models:\n  m:\n    features:\n      kind: {type: numeric}", 4, "models.m.features.kind.type"),
    (
        CHECK + "{name: b, kind: data_drift, features: [kind], method: ks, threshold: {p_value: 0.1}}",
        5,
        "models.m.checks.1.method",
    ),
    (
        "models:\n  m:\n    features: {y: {type: numeric}}\n    checks:\n      - name: b\n        kind: data_drift\n"
        "        features: [y]\n        method: l_infinity\n        threshold: {p_value: 0.1}",
        8,
        "models.m.checks.0.method",
    ),
]


@pytest.mark.parametrize(("text", "line", "key"), MISTAKES, ids=[f"{n}-{m[2]}" for n, m in enumerate(MISTAKES)])
def test_a_mistake_names_file_line_and_key(text: str, line: int, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_yaml(text, "plimsoll.yaml")
    assert re.match(rf"plimsoll\.yaml:{line}: {re.escape(key)}", caught.value.message), caught.value.message
    assert caught.value.message.endswith("Nothing was changed.")
    assert str(caught.value.field).startswith(key)


@pytest.mark.parametrize(("text", "line", "key"), MISFITS, ids=[m[2] for m in MISFITS])
def test_what_does_not_fit_the_store_changes_nothing(
    world: World, tmp_path: Path, text: str, line: int, key: str
) -> None:
    world.reference(traffic(T0, 48))
    file = tmp_path / "plimsoll.yaml"
    file.write_text(text)
    with pytest.raises(Invalid) as caught:
        apply_config.apply_file(world.service.database, file, NOW)
    assert caught.value.message.startswith(f"{file}:{line}: {key}: ")
    assert caught.value.field == key
    with world.service.database.read() as connection:
        assert config.version(connection) == 0
        assert world.found(connection).settings == {}


def test_a_metric_without_a_test_of_a_loss_names_those_that_have_one() -> None:
    text = "models:\n  m:\n    task: regression\n    checks:\n      - "
    with pytest.raises(Invalid, match="bias has no test of a loss, so no drop; give warning, or take one of mae, rmse"):
        from_yaml(text + "{name: b, kind: performance, metric: bias, threshold: {drop: 0.1}}", "f")
    for metric in ("bias", "r2", "label_coverage"):
        from_yaml(text + f"{{name: b, kind: performance, metric: {metric}, threshold: {{warning: 0.1}}}}", "f")
    from_yaml(text + "{name: b, kind: performance, metric: rmse, threshold: {drop: 0.1}}", "f")
    several = text.replace("regression", "multiclass") + "{name: b, kind: performance, metric: macro_f1, threshold: "
    with pytest.raises(Invalid, match=r"models\.m\.checks\.0\.threshold: macro_f1 has no test .* accuracy, log_loss"):
        from_yaml(several + "{p_value: 0.01}}", "f")


@pytest.mark.parametrize("text", ["a: [", "- a", "just words", "&a [*a]"])
def test_what_is_no_configuration(text: str) -> None:
    with pytest.raises(Invalid, match=r"plimsoll\.yaml"):
        from_yaml(text, "plimsoll.yaml")


def test_a_missing_file(world: World, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No such file"):
        apply_config.apply_file(world.service.database, tmp_path / "gone.yaml", NOW)


def test_the_whole_example_applied_twice_is_unchanged(world: World) -> None:
    document = from_yaml(WHOLE, "plimsoll.yaml")
    planned = apply_config.plan(world.service.database, document)
    version, changes = apply_config.apply(world.service.database, document, NOW)
    assert (version, planned) == (1, changes)
    assert {change.what for change in changes} == {"added"}
    version, changes = apply_config.apply(world.service.database, document, NOW)
    assert (version, {change.what for change in changes}) == (1, {"unchanged"})
    assert apply_config.apply(world.service.database, from_yaml("models: {m: {}}", "f"), NOW)[0] == 2
    assert apply_config.apply(world.service.database, from_yaml("models: {m: {}}", "f"), NOW)[0] == 2


def test_named_things_are_replaced_and_others_left(world: World) -> None:
    apply_config.apply(world.service.database, from_yaml(WHOLE, "f"), NOW)
    assert world.apply({"channels": {"ops": {"type": "webhook", "url": "https://new.example"}}}) == [
        {"kind": "channel", "name": "ops", "change": "changed", "keys": ["secret", "url"]}
    ]
    world.apply({"models": {"flight-delays": {"owner": "me"}}})
    with world.service.database.read() as connection:
        assert set(config.objects(connection, "channel")) == {"ml-chat", "ops"}
        assert config.default_notify(connection) == ["ml-chat"]
        model = models.find(connection, "flight-delays")
        assert model is not None
        assert model.settings == {"owner": "me"}


def checks(*given: dict[str, object]) -> dict[str, tuple[int, ...]]:
    model = Model(checks=[Check.model_validate(one) for one in given])
    return {one.name: one.lengths for one in checks_of(model)}


def test_default_checks() -> None:
    assert checks() == {
        "data_drift": (24, 168),
        "prediction_drift": (24, 168),
        "data_quality": (24, 168),
        "performance": (24, 168),
        "serving": (24,),
        "label_pause": (24,),
    }


@pytest.mark.parametrize(
    ("rows", "lengths"), [(83, (24, 168)), (84, (6, 24, 168)), (499, (6, 24, 168)), (500, (1, 6, 24, 168))]
)
def test_short_windows_are_looked_at_where_they_hold_500_rows(rows: float, lengths: tuple[int, ...]) -> None:
    found = {one.name: one.lengths for one in checks_of(Model(), rows)}
    assert found["data_drift"] == found["prediction_drift"] == lengths
    assert found["data_quality"] == (24, 168)


def test_a_configured_check_replaces_or_removes_a_default_one() -> None:
    found = checks(
        {"name": "serving", "kind": "serving", "enabled": False},
        {"name": "data_drift", "kind": "data_drift", "window": "6h"},
        {"name": "more", "kind": "data_quality", "window": "7d"},
    )
    assert "serving" not in found
    assert (found["data_drift"], found["more"], found["data_quality"]) == ((6,), (168,), (24, 168))


def test_rules() -> None:
    document = from_object(
        {
            "models": {
                "m": {
                    "checks": [{"name": "serving", "kind": "serving", "enabled": False}],
                    "rules": [
                        {"name": "slow", "check": "data_drift", "for": 3, "notify": []},
                        {"name": "off", "check": "serving"},
                    ],
                }
            }
        }
    )
    rules = {rule.name: rule for rule in rules_of(document.models["m"], ["chat"])}
    assert set(rules) == {"prediction_drift", "data_quality", "performance", "label_pause", "slow"}
    assert (rules["slow"].for_, rules["slow"].notify) == (3, ())
    assert (rules["performance"].for_, rules["performance"].notify, rules["performance"].at) == (
        1,
        ("chat",),
        "warning",
    )


@pytest.mark.parametrize(
    ("hours", "as_of", "end", "runs"),
    [
        (1, "2026-01-01T10:59:00Z", "2026-01-01T10:00:00Z", 720),
        (6, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", 720),
        (24, "2026-01-01T11:59:59Z", "2026-01-01T08:00:00Z", 180),
        (30, "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", 180),
        (168, "2026-01-01T23:59:00Z", "2026-01-01T00:00:00Z", 30),
        (336, "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", 30),
    ],
)
def test_where_windows_end(hours: int, as_of: str, end: str, runs: int) -> None:
    assert newest_end(hours, at(as_of)) == at(end)
    assert runs_per_month(hours) == runs


def test_a_floor_is_judged_downwards(world: World) -> None:
    world.reference(traffic(T0, 48))
    records = traffic(T0 + 3 * D, 24, seed=3, right=0.7)
    world.post(records)
    world.label(records, delay=H)
    threshold = {"warning": 0.9, "critical": 0.8}
    world.configure(checks=[{"name": "acc", "kind": "performance", "metric": "accuracy", "threshold": threshold}])
    found = world.read(T0 + 4 * D + 4 * H, check="acc", metric="accuracy", hours=24)
    assert [(one["verdict"], one["threshold"], one["details"]["critical"]) for one in found] == [("critical", 0.9, 0.8)]
    assert mistakes_in_model(Document().models.get("m", Model())) == []


def test_documents_may_be_written_with_any_indent() -> None:
    assert from_yaml(textwrap.indent(WHOLE, "  "), "f").models.keys() == {"flight-delays"}
    assert from_yaml("", "f") == Document()
