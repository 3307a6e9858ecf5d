"""Tests run as a service does: with its heap, its threads, and an Arrow that knows nothing of pandas."""

from monitor import memory

memory.prepare()  # before numpy and Arrow are there
