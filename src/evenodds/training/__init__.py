"""Writes runs: the session from a source to a verdict, its loop, checks and checkpoints."""
