"""A cluster of two shards within one process, which is all that an engine without a port can have.

Both shards are this process, so they share the files of their tables; each reads the rows alone that are its own by the
hash that a model's tables are spread by. Statements are split, sent to both, merged and joined as between machines. An
insert's token is left out: the second shard's rows would be known by it, since they go to the first one's table.
"""

from __future__ import annotations

from pathlib import Path

from monitor.store.observations.clickhouse.schema import SHAPES

_CONFIG = """<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers><both>
    <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
    <shard><replica><host>localhost</host><port>9000</port></replica></shard>
  </both></remote_servers>
  <users_config>{file}</users_config>
  <users><default>
    <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default/></quotas>
  <profiles><default>
    <additional_table_filters>{filters}</additional_table_filters>
    <deduplicate_insert>disable</deduplicate_insert>
  </default></profiles>
</clickhouse>
"""
_OWN = "shardNum() = 0 OR cityHash64(id) % 2 = shardNum() - 1"
MODELS = range(1, 10)


def two_shards(folder: Path) -> str:
    """The address of a new store on both shards, for models of small numbers."""
    file = folder / "shards.xml"
    filters = {f"{kind}_{model}_local": _OWN for kind in SHAPES for model in MODELS}
    file.write_text(_CONFIG.format(file=file, filters=filters), "utf-8")
    return f"chdb://{folder / 'shards'}?config={file}&cluster=both&on_cluster=0"
