"""From uploads to shards: importers, checks, split, canonical labels, TFRecords."""
