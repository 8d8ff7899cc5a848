"""What the project claims to reach, in the order of docs/benchmarks.md. Results are read from JSON; none is typed."""

from __future__ import annotations

from claims.claim import Claim
from claims.costs import ROBUSTNESS, SCALING, SPEED, STUDIO
from claims.games import BALANCE, MODES, PEOPLE
from claims.judging import JUDGE
from claims.samples import PICTURES, TABLES
from claims.steering import STEERING

SECTIONS: dict[str, list[Claim]] = {
    "People": PEOPLE,
    "Modes": MODES,
    "Balance and stopping": BALANCE,
    "Pictures": PICTURES,
    "Tables": TABLES,
    "Judge": JUDGE,
    "Steering": STEERING,
    "Speed": SPEED,
    "Scaling": SCALING,
    "Studio": STUDIO,
    "Robustness": ROBUSTNESS,
}
