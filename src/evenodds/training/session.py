"""Trains a run from a source to a verdict: prepare, resolve, play, report. The command line and Python both use it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evenodds.config.presets import GENERATION, filled, followed, resolve
from evenodds.config.settings import READ_BEFORE, Recipe, ScaleName
from evenodds.config.sizes import start_of
