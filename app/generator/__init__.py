"""Procedural castings: believable grey impeller discs with exact masks, for demos and tests without real data."""
