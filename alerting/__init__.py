"""Readings, rules and state in; messages out. Pure: no clock, no store, no network."""
