"""Trains a run from a source to a verdict: prepare, resolve, play, report. The command line and Python both use it."""

from __future__ import annotations


