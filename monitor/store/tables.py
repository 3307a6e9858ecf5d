"""The fixed tables. Times are BIGINT microseconds since 1970 UTC, hours BIGINT hours since 1970.

A model's own tables (predictions and labels) are made by ``monitor.store.observations``.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# SQLite counts a key up only when it is INTEGER; elsewhere it shall be a BIGINT.
Key = BigInteger().with_variant(Integer, "sqlite")


def _model() -> Column[int]:
    return Column("model_id", Key, ForeignKey("models.id", ondelete="CASCADE"), nullable=False)


models = Table(
    "models",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("task", String(20)),  # settled with the first reference: as configured, else inferred from it
    Column("classes", JSON),  # canonical, of the predictions; for binary (negative, positive)
    Column("settings", JSON, nullable=False),  # the model's part of the configuration
    Column("created_at", BigInteger, nullable=False),
    Column("n_predictions", BigInteger, nullable=False, default=0),
    Column("n_labels", BigInteger, nullable=False, default=0),
    Column("n_quarantined", BigInteger, nullable=False, default=0),
    Column("oldest_prediction", BigInteger),
    Column("newest_prediction", BigInteger),
    Column("newest_label", BigInteger),
    Column("binning_id", Key),
    Column("default_reference", String(100)),
    Column("first_reference_at", BigInteger),
    Column("change", BigInteger, nullable=False, default=0),  # counts writes; orders dirty marks and summaries
    Column("rows_since", BigInteger),  # hour before which rows were deleted: summaries of theirs cannot be made again
)

columns = Table(
    "columns",
    metadata,
    _model(),
    Column("role", String(20), nullable=False),  # feature, segment, metric, probability, prediction
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),  # physical name is c<position>
    Column("storage", String(10), nullable=False),  # number, string, boolean, vector
    Column("type", String(12)),  # numeric, categorical, embedding; decided by the first reference or the configuration
    Column("dimension", Integer),  # of a vector
    UniqueConstraint("model_id", "role", "name"),
    UniqueConstraint("model_id", "position"),
)

versions = Table(
    "versions",
    metadata,
    _model(),
    Column("version", Text, nullable=False),  # '' where rows have none
    Column("first_prediction", BigInteger, nullable=False),
    Column("newest_prediction", BigInteger, nullable=False),
    Column("n_predictions", BigInteger, nullable=False),
    UniqueConstraint("model_id", "version"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Key, primary_key=True),
    _model(),
    Column("kind", String(12), nullable=False),  # predictions, labels
    Column("arrived_at", BigInteger, nullable=False),
    Column("row", Integer, nullable=False),  # position in its body, from 0
    Column("record_id", Text),
    Column("field", Text),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),  # the row as sent
    Index("quarantine_by_model", "model_id", "id"),
)

# Rejects and resends with other content, in the hour they count in; never changed, only added to.
ingest_counts = Table(
    "ingest_counts",
    metadata,
    _model(),
    Column("hour", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("conflicting", BigInteger, nullable=False),
    UniqueConstraint("model_id", "hour"),
)

# Hours whose predictions (or labels, or the labels' predictions) changed since they were summarised.
dirty_hours = Table(
    "dirty_hours",
    metadata,
    _model(),
    Column("hour", BigInteger, nullable=False),
    Column("change", BigInteger, nullable=False),  # models.change at the newest write
    Column("labels_only", Boolean, nullable=False),  # true: only the label summaries are out of date
    UniqueConstraint("model_id", "hour"),
)

# What is on its way into a store of predictions and labels that commits by itself: at most one body per model.
arriving = Table(
    "arriving",
    metadata,
    _model(),
    Column("change", BigInteger, nullable=False),  # models.change under which its rows are stored
    Column("hours", JSON, nullable=False),  # of predictions that it may touch
    Column("holder", String(40), nullable=False),  # the process
    Column("started_at", BigInteger, nullable=False),
    UniqueConstraint("model_id"),
)

references = Table(
    "model_references",
    metadata,
    Column("id", Key, primary_key=True),
    _model(),
    Column("name", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("timed", Boolean, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("model_versions", JSON, nullable=False),  # {version or "": rows}
    Column("pinned", Boolean, nullable=False),
    Column("start", BigInteger),  # of its rows' times, when timed
    Column("end", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("model_id", "name", "version"),
)

# A reference's rows, kept so that they can be counted again on new cuts: Arrow IPC with zstd.
reference_rows = Table(
    "reference_rows",
    metadata,
    Column("reference_id", Key, ForeignKey("model_references.id", ondelete="CASCADE"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("reference_id", "part"),
)

binnings = Table(
    "binnings",
    metadata,
    Column("id", Key, primary_key=True),
    _model(),
    Column("created_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("reference_id", Key, ForeignKey("model_references.id", ondelete="CASCADE"), nullable=False),
    Column("binning_id", Key, ForeignKey("binnings.id", ondelete="CASCADE"), nullable=False),
    Column("version", Text, nullable=False),  # the model version whose rows it counts; "*" for all of them
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("reference_id", "binning_id", "version"),
)

# The like of each segment that has rows in the reference.
segment_profiles = Table(
    "segment_profiles",
    metadata,
    Column("reference_id", Key, ForeignKey("model_references.id", ondelete="CASCADE"), nullable=False),
    Column("binning_id", Key, ForeignKey("binnings.id", ondelete="CASCADE"), nullable=False),
    Column("version", Text, nullable=False),
    Column("segment", Text, nullable=False),  # name=value
    Column("rows", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("reference_id", "binning_id", "version", "segment"),
)

summaries = Table(
    "summaries",
    metadata,
    _model(),
    Column("binning_id", Key, nullable=False),
    Column("version", Text, nullable=False),
    Column("segment", Text, nullable=False),  # '' for the whole; name=value
    Column("hour", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),  # time of its newest prediction
    Column("change", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("model_id", "hour", "version", "segment", "binning_id"),
)

label_summaries = Table(
    "label_summaries",
    metadata,
    _model(),
    Column("binning_id", Key, nullable=False),
    Column("version", Text, nullable=False),
    Column("segment", Text, nullable=False),
    Column("hour", BigInteger, nullable=False),  # of the prediction
    Column("known_hour", BigInteger, nullable=False),  # from as_of known_hour:00 on it counts
    Column("rows", BigInteger, nullable=False),  # labelled rows, less those taken back
    Column("change", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("model_id", "hour", "version", "segment", "known_hour", "binning_id"),
)

# Rows without a prediction of any use: no label can make them right or wrong. Only of hours that have some.
unusable_outputs = Table(
    "unusable_outputs",
    metadata,
    _model(),
    Column("version", Text, nullable=False),
    Column("segment", Text, nullable=False),
    Column("hour", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    UniqueConstraint("model_id", "hour", "version", "segment"),
)

config_objects = Table(
    "config_objects",
    metadata,
    Column("kind", String(12), nullable=False),  # channel, trigger, setting
    Column("name", String(100), nullable=False),
    Column("data", JSON, nullable=False),
    UniqueConstraint("kind", "name"),
)

config_versions = Table(
    "config_versions",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("applied_at", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("id", Key, primary_key=True),
    _model(),
    Column("check_name", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("metric", Text, nullable=False),
    Column("feature", Text, nullable=False),  # '' for none, here and below: NULL is never equal to itself
    Column("segment", Text, nullable=False),
    Column("version", Text),  # NULL for pooled; '' for rows that have none
    Column("window_start", BigInteger, nullable=False),
    Column("window_end", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("value", Float),
    Column("lower", Float),
    Column("upper", Float),
    Column("p_value", Float),
    Column("threshold", Float),
    Column("alpha", Float),
    Column("verdict", String(12)),
    Column("reason", String(40)),
    Column("n_reference", BigInteger, nullable=False),
    Column("n_current", BigInteger, nullable=False),
    Column("mde", Float),
    Column("reference_name", String(100)),
    Column("reference_version", Integer),
    Column("config_version", Integer, nullable=False),
    Column("details", JSON, nullable=False),
    Index("readings_by_window", "model_id", "window_end", "check_name"),
)

# The worst of each day for pages: one row per series and day, whatever the number of readings.
daily_worst = Table(
    "daily_worst",
    metadata,
    _model(),
    Column("day", Integer, nullable=False),  # of the window's end (an end at 00:00 is the day before), days since 1970
    Column("kind", String(20), nullable=False),
    Column("check_name", String(100), nullable=False),
    Column("metric", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("segment", Text, nullable=False),
    Column("version", Text, nullable=False),  # '*' for pooled
    Column("length_hours", Integer, nullable=False),
    Column("verdict", String(12)),  # or immature
    Column("value", Float),
    Column("effect", Float),
    Column("lower", Float),
    Column("upper", Float),
    UniqueConstraint(
        "model_id", "day", "check_name", "metric", "feature", "segment", "version", "length_hours", name="one_a_day"
    ),
    Index("daily_by_kind", "model_id", "kind", "day"),
)

# What has been judged: rules step only on windows after these, and only for runs after their as_of.
judged = Table(
    "judged",
    metadata,
    _model(),
    Column("rule", String(100), nullable=False),
    Column("version", Text, nullable=False),  # '*' for pooled
    Column("segment", Text, nullable=False),
    Column("length_hours", Integer, nullable=False),
    Column("window_end", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    UniqueConstraint("model_id", "rule", "version", "segment", "length_hours", "window_end"),
)

# When a window was last measured, so that a later change of its hours is seen.
measured = Table(
    "measured",
    metadata,
    _model(),
    Column("check_name", String(100), nullable=False),
    Column("length_hours", Integer, nullable=False),
    Column("window_end", BigInteger, nullable=False),
    Column("change", BigInteger, nullable=False),  # models.change then
    Column("as_of", BigInteger, nullable=False),
    UniqueConstraint("model_id", "check_name", "length_hours", "window_end"),
)

alert_states = Table(
    "alert_states",
    metadata,
    _model(),
    Column("rule", String(100), nullable=False),
    Column("version", Text, nullable=False),  # '*' for pooled
    Column("segment", Text, nullable=False),
    Column("state", JSON, nullable=False),  # alerting.state.AlertState
    UniqueConstraint("model_id", "rule", "version", "segment"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(40), primary_key=True),
    _model(),
    Column("rule", String(100), nullable=False),
    Column("check_name", String(100), nullable=False),
    Column("version", Text),
    Column("segment", Text),
    Column("severity", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("condition", String(10), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("fired_at", BigInteger),
    Column("resolved_at", BigInteger),
    Column("resolve_reason", String(40)),
    Column("acknowledged_at", BigInteger),
    Column("summary", Text, nullable=False),
    Column("owner", Text),
    Column("reasons", JSON, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("details", JSON),  # what is not of every alert: unstable, hidden by, superseded by, corrected
    Index("alerts_by_model", "model_id", "state"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("alert_id", String(40), ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),  # the run's as_of, else the clock's
    Column("noted_at", BigInteger),  # by the clock: a replay notes years in a minute
    Column("kind", String(30), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("window_end", BigInteger),
    Column("length_hours", Integer),
    Column("readings", JSON, nullable=False),  # the evidence as it was known then, worst first
    Column("details", JSON, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("comment", Text, nullable=False),
    Column("author", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ends_with", String(20)),  # next_version or retraining_ends: ends before its time when that comes
    Column("newest_version", Text),  # of its model when it was made, where it ends with the next one
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Key, primary_key=True),
    Column("webhook_id", String(40), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),  # channel, trigger
    Column("target", String(100), nullable=False),  # name of the channel or trigger
    Column("lane", String(160), nullable=False),  # messages of one lane go out in order
    Column("model_id", Key),
    Column("alert_id", String(40), index=True),
    Column("trigger_run_id", String(40)),
    Column("body", JSON, nullable=False),
    Column("state", String(12), nullable=False),  # waiting, delivered, given_up, dropped
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger),
    Column("settled_at", BigInteger),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("thread_of", Key),  # the message that this one answers
    Column("edits", Key),  # the message that this one rewrites
    Column("receipt", JSON),  # what the receiver calls the message
    Column("again", Integer),  # how often it was sent again after it had been settled
    Column("again_at", BigInteger),
    Column("doubts", Integer),  # how many of the attempts may have arrived though no answer came
    Index("outbox_due", "state", "next_at"),
)

channel_states = Table(  # what was learned of a channel beside the messages that it was sent
    "channel_states",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("disabled_at", BigInteger),
    Column("reason", Text),
    Column("tested_at", BigInteger),  # the newest test by hand
    Column("tested", JSON),  # what came of it, without secrets
)

# Which alerts a message speaks of (a chat message lists several).
outbox_alerts = Table(
    "outbox_alerts",
    metadata,
    Column("outbox_id", Key, ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False),
    Column("alert_id", String(40), nullable=False, index=True),
    UniqueConstraint("outbox_id", "alert_id"),
)

trigger_runs = Table(
    "trigger_runs",
    metadata,
    Column("id", String(40), primary_key=True),
    _model(),
    Column("rule", String(100), nullable=False),
    Column("alert_id", String(40), nullable=False, index=True),
    Column("trigger_name", String(100), nullable=False),
    Column("state", String(12), nullable=False),
    Column("idempotency_key", String(63), nullable=False, unique=True),
    Column("callback_hash", String(64), nullable=False),
    Column("as_of", BigInteger, nullable=False),  # of the run that asked for it; cooldown counts in this time
    Column("requested_at", BigInteger, nullable=False),  # wall time, as are the ones below
    Column("accepted_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("start_by", BigInteger, nullable=False),
    Column("finish_by", BigInteger, nullable=False),
    Column("external_id", Text),
    Column("url", Text),
    Column("message", Text),
    Column("history", JSON, nullable=False),  # [{state, at, message}]
    Column("next_poll_at", BigInteger),
    Column("polls", Integer),
    Column("closing", JSON),  # the check after success: what it compares, and what it found
    Column("approval", JSON),  # who was asked, who said what, when
    Column("version", Text),  # that it made, where it said so
    Column("doubts", Integer),  # attempts that may have arrived though no answer came
    Column("behind", BigInteger),  # what came of it is looked for so long before the clock: a replay's rows are old
    Index("trigger_runs_open", "model_id", "state"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("scope", String(10), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

# Due runs, claimed by compare-and-set: two processes never run the same one.
run_claims = Table(
    "run_claims",
    metadata,
    _model(),
    Column("as_of", BigInteger, nullable=False),
    Column("holder", String(40), nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    UniqueConstraint("model_id", "as_of"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
