"""Kills, full disks and hostile content. The long forms, soak and fuzz, record their tables by benchmarks/record.py."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
