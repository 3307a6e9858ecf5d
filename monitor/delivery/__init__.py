"""Bytes out: how requests leave this machine, and where they may go."""
