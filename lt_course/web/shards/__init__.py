"""Shards in the webdataset format: written, indexed, read at random."""
