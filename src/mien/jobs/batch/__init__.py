"""Very many inputs into a folder of tables, a shard a file, each exactly once: on one machine or a cluster."""
