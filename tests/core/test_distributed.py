"""Several ranks play the same game as one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from evenodds.cli.main import main
from evenodds.config.settings import NetworkSettings, ObjectiveSettings
from evenodds.core import distributed
from evenodds.core.bundle import read
from evenodds.core.distributed import Team
from evenodds.core.errors import UserError
from evenodds.core.spec import PictureSpec
from evenodds.data.builtin import people
from evenodds.game.step import Players, d_step, g_step
from evenodds.networks.build import build
from evenodds.networks.ema import Average
from evenodds.objectives.objective import Objective, make_objective
from evenodds.objectives.penalties import Critic, Penalty
from evenodds.runs.run import Run
from evenodds.training.ranks import Ranks
from tests import ranks

pytestmark = [pytest.mark.medium, pytest.mark.skipif(not hasattr(os, "fork"), reason="ranks are forked")]

CPU = torch.device("cpu")
SPEC = PictureSpec(1, 4, 4)
BATCH, LATENT, STEPS = 16, 3, 4

OBJECTIVES: dict[str, dict[str, Any]] = {
    **{
        loss: {"loss": loss, "penalty": "r1r2"}
        for loss in ("nonsaturating", "hinge", "leastsquares", "relativistic")
    },
    "wasserstein": {"loss": "wasserstein", "penalty": "interpolated", "penalty_weight": 10.0},
    "r1": {"loss": "relativistic", "penalty": "r1"},
    "lazy": {"loss": "relativistic", "penalty": "r1r2", "penalty_every": 2},
    "difference": {"loss": "relativistic", "penalty": "r1r2", "penalty_estimator": "difference"},
    "without": {"loss": "relativistic", "penalty": "none"},
}


def players(team: Team) -> Players:
    """Dense players in float64, so that only rounding remains between two ways to add up."""
    torch.manual_seed(0)
    settings = NetworkSettings(network="gan", width=8, latent=LATENT)
    generator, discriminator = (network.double() for network in build(SPEC, settings))
    optimizers = [torch.optim.Adam(player.parameters(), lr=1e-3) for player in (generator, discriminator)]
    return Players(generator, discriminator, Average(generator, 1e3), *optimizers, team)


def batch(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """The whole batch of a step: reals, and latents for D's and for G's turn."""
    torch.manual_seed(100 + step)
    real = torch.rand(BATCH, 1, 4, 4, dtype=torch.float64) * 2 - 1
    z, again = torch.randn(2, BATCH, LATENT, dtype=torch.float64)
    return real, z, again


def play(
    team: Team, objective: Objective, before: Callable[[int], None] = lambda step: None
) -> dict[str, Tensor]:
    """Some rounds on this rank's share of the batches; the weights of both players."""
    made = players(team)
    for step in range(STEPS):
        real, z, again = (whole.chunk(team.size)[team.rank] for whole in batch(step))
        before(step)
        d_step(made, objective, lambda x: x, real, z, with_penalty=step % objective.every == 0)
        g_step(made, objective, lambda x: x, real, again)
    weights = {"g": made.generator, "d": made.discriminator}
    return {
        f"{name}.{key}": value.detach().clone()
        for name, player in weights.items()
        for key, value in player.state_dict().items()
    }


def seeded(rank: int, step: int) -> None:
    """Where a rank's random state is before a turn: what a penalty draws is a rank's own."""
    torch.manual_seed(1_000 * step + rank)


def whole_game(objective: Objective, size: int) -> dict[str, Tensor]:
    """The same in one process, on whole batches; the penalty draws for each share as its rank would."""
    now = [0]

    def shared(penalty: Penalty) -> Penalty:
        def mean(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
            found = []
            for rank, (x, y) in enumerate(zip(real.chunk(size), fake.chunk(size), strict=True)):
                seeded(rank, now[0])
                found.append(penalty(critic, x, y))
            return torch.stack(found).mean()

        return mean

    penalty = None if objective.penalty is None else shared(objective.penalty)
    return play(Team(), replace(objective, penalty=penalty), lambda step: now.__setitem__(0, step))


class Deaf(Team):
    """The planted fault: gradients are not averaged."""

    def average(self, network: nn.Module) -> None:
        pass


@pytest.mark.parametrize("size", [2, 4])
def test_ranks_learn_what_one_process_learns(size: int, tmp_path: Path) -> None:
    def work(rank: int) -> None:
        with distributed.team(CPU) as team:
            for name, settings in OBJECTIVES.items():
                objective = make_objective(ObjectiveSettings(**settings))
                found = play(team, objective, lambda step: seeded(rank, step))
                save_file(found, tmp_path / f"{name}.{rank}.safetensors")
            deaf = Deaf(team.rank, team.size, team.talk, team.device)
            found = play(
                deaf, make_objective(ObjectiveSettings(**OBJECTIVES["r1"])), lambda step: seeded(rank, step)
            )
            save_file(found, tmp_path / f"deaf.{rank}.safetensors")

    assert ranks.wait(ranks.fork(size, work, tmp_path)) == [0] * size, (tmp_path / "0.txt").read_text()
    for name, settings in OBJECTIVES.items():
        expected = whole_game(make_objective(ObjectiveSettings(**settings)), size)
        found = [load_file(tmp_path / f"{name}.{rank}.safetensors") for rank in range(size)]
        for key, value in expected.items():
            for one in found:
                torch.testing.assert_close(one[key], value, rtol=1e-9, atol=1e-9, msg=f"{name} {key}")
            assert all(torch.equal(one[key], other[key]) for one, other in pairwise(found)), f"{name} {key}"
    expected = whole_game(make_objective(ObjectiveSettings(**OBJECTIVES["r1"])), size)
    deaf = load_file(tmp_path / "deaf.0.safetensors")
    off = max(float((deaf[key] - value).abs().max()) for key, value in expected.items())
    assert off > 1e-4, "gradients that are not averaged are seen"


def test_the_environment_says_who_is_who(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (distributed.rank(), distributed.size(), distributed.local_rank()) == (0, 1, 0)
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert (distributed.rank(), distributed.size(), distributed.local_rank()) == (5, 8, 1)
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(UserError, match="RANK is 'first' and no number"):
        distributed.rank()


def test_buffers_become_their_mean_and_words_are_heard(tmp_path: Path) -> None:
    def work(rank: int) -> None:
        with distributed.team(CPU) as team:
            norm = nn.BatchNorm1d(2)
            norm.running_mean.fill_(float(rank))  # type: ignore[union-attr, operator]
            team.average_buffers(norm)
            assert norm.running_mean.tolist() == [0.5, 0.5]  # type: ignore[union-attr, operator]
            assert team.share({"said": rank}) == {"said": 0}
            assert team.word(rank + 3, stop=rank == 1) == (3, True)
            kept = torch.full((2, 2), float(rank))
            team.share_tensors([kept])
            assert kept.tolist() == [[0, 0], [0, 0]]
            assert team.first(lambda: rank + 7) == (None if rank else 7)

            def refuse() -> None:
                raise UserError("no room")

            with pytest.raises(UserError, match="no room"):
                team.first(refuse)

    assert ranks.wait(ranks.fork(2, work, tmp_path)) == [0, 0], (tmp_path / "0.txt").read_text()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    people.draw(400, 1).to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


def command(table: Path, out: Path, rounds: int) -> list[str]:
    flags = ("--width", "8", "--batch", "32", "--check-every", "4", "--budget", f"{rounds}rounds")
    return ["train", str(table), "--out", str(out), *flags]


def train(size: int, table: Path, out: Path, rounds: int, said: Path) -> list[int]:
    """The command on so many ranks; each leaves the state that it ended with. Exit codes."""

    def work(rank: int) -> None:
        def and_save(ranks: Ranks) -> Any:
            outcome = worker_loop(ranks)
            tensors, _ = ranks.trainer.state()
            save_file({f"g.{k}": v for k, v in tensors["generator"].items()}, said / f"{rank}.safetensors")
            return outcome

        worker_loop = Ranks.worker_loop
        Ranks.worker_loop = and_save  # type: ignore[method-assign]
        main(command(table, out, rounds))

    said.mkdir(exist_ok=True)
    return ranks.wait(ranks.fork(size, work, said))


def test_a_run_of_two_ranks_is_whole_and_goes_on_with_one_and_with_four(table: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "run", tmp_path / "said"
    assert train(2, table, out, 9, said) == [0, 0], (said / "0.txt").read_text() + (
        said / "1.txt"
    ).read_text()
    run = Run.open(out)
    tensors, facts = read(out / "checkpoints" / "last")
    assert (facts["rounds"], facts["ranks"]) == (9, 2)
    followed = load_file(said / "1.safetensors")
    assert all(torch.equal(followed[f"g.{key}"], value) for key, value in tensors["generator"].items())
    assert (out / "report.html").exists()
    assert train(1, table, out, 12, said) == [0]
    assert train(4, table, out, 15, said) == [0] * 4, (said / "0.txt").read_text()
    told = [(line["was"], line["now"]) for line in run.journal() if line.get("event") == "ranks"]
    assert told == [(2, 1), (1, 4)]
    assert run.verdict() is not None


def test_the_same_ranks_give_the_same_run(table: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert train(2, table, tmp_path / name, 6, tmp_path / "said") == [0, 0]
    first, second = (read(tmp_path / name / "checkpoints" / "last")[0] for name in ("one", "two"))
    assert all(
        torch.equal(value, second[group][key]) for group in first for key, value in first[group].items()
    )


def test_a_batch_without_equal_shares_is_refused(table: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.mkdir()

    def work(rank: int) -> None:
        main(["31" if word == "32" else word for word in command(table, tmp_path / "run", 3)])

    assert ranks.wait(ranks.fork(2, work, said)) == [2, 2]
    assert "--batch 31 has no equal shares for 2 ranks" in (said / "0.txt").read_text()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_rank_ends_the_others_with_a_message(lost: int, table: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "run", tmp_path / "said"
    said.mkdir()
    children = ranks.fork(2, lambda rank: main(command(table, out, 1_000_000)), said)
    until(lambda: len(list(out.glob("samples/*.csv"))) > 2)
    os.kill(children[lost], signal.SIGKILL)
    codes = ranks.wait(children, 60)
    assert codes[lost] == -signal.SIGKILL
    assert codes[1 - lost] == 2, (said / f"{1 - lost}.txt").read_text()
    assert "another rank of this training was lost" in (said / f"{1 - lost}.txt").read_text()
    assert "Traceback" not in (said / f"{1 - lost}.txt").read_text()


def test_a_rank_that_is_asked_to_stop_has_all_of_them_save_and_stop(table: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "run", tmp_path / "said"
    said.mkdir()
    children = ranks.fork(2, lambda rank: main(command(table, out, 1_000_000)), said)
    until(lambda: len(list(out.glob("samples/*.csv"))) > 2)
    os.kill(children[1], signal.SIGTERM)  # a follower
    assert ranks.wait(children, 120) == [130, 130], (said / "0.txt").read_text()
    verdict = Run.open(out).verdict()
    assert verdict is not None
    assert verdict.verdict == "interrupted"
    assert read(out / "checkpoints" / "last")[1]["rounds"] == verdict.rounds


def test_rows_of_all_ranks_are_gathered_in_order(tmp_path: Path) -> None:
    counts = [2, 0, 3]

    def work(rank: int) -> None:
        with distributed.team(CPU) as team:
            for dtype in (np.uint8, np.float32):
                shape = (counts[rank], 2, 3) if counts[rank] else (0, 0)
                found = team.gather(np.full(shape, rank + 1, dtype))
                assert (found is None) == (rank > 0)
                if found is not None:
                    assert (found.dtype, found.shape) == (dtype, (5, 2, 3))
                    assert found[:, 1, 2].tolist() == [1, 1, 3, 3, 3]

    codes = ranks.wait(ranks.fork(3, work, tmp_path))
    assert codes == [0] * 3, (tmp_path / "0.txt").read_text()


def with_condition_channels(size: int, words: list[str], said: Path) -> None:
    """The command on so many ranks, which must end well."""
    said.mkdir(exist_ok=True)
    codes = ranks.wait(ranks.fork(size, lambda rank: main(words), said))
    assert codes == [0] * size, [(said / f"{rank}.txt").read_text() for rank in range(size)]


def test_ranks_sample_in_shares_what_one_process_would(table: Path, tmp_path: Path) -> None:
    said, run = tmp_path / "said", tmp_path / "run"
    assert train(1, table, run, 2, said) == [0]
    n = 3 * 2048 + 5
    with_condition_channels(1, ["sample", str(run), "-n", str(n), "--out", str(tmp_path / "whole.csv")], said)
    with_condition_channels(3, ["sample", str(run), "-n", str(n), "--out", str(tmp_path / "fakes.csv")], said)
    shards = sorted(tmp_path.glob("fakes-*.csv"))
    assert [shard.name for shard in shards] == [f"fakes-0000{rank}-of-00003.csv" for rank in range(3)]
    assert "2,048 fakes in" in (said / "0.txt").read_text()
    parts = [pd.read_csv(shard) for shard in shards]
    assert [len(part) for part in parts] == [2048, 2048, 2053]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), pd.read_csv(tmp_path / "whole.csv"))


@pytest.fixture
def small_pictures(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of 16 px, of which sixteen are made at once."""
    monkeypatch.setattr("evenodds.runs.sample.BATCH", 16)
    folder = tmp_path / "photographs"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(60):
        pixels = chance.integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    flags = ("--network", "gan", "--width", "4", "--budget", "1rounds", "--batch", "4", "--head-turns", "1")
    run = tmp_path / "pictures"
    with_condition_channels(1, ["train", str(folder), "--out", str(run), *flags], tmp_path / "said")
    return run


def test_ranks_sample_and_score_pictures_in_shares(small_pictures: Path, tmp_path: Path) -> None:
    said, run = tmp_path / "said", small_pictures
    with_condition_channels(1, ["sample", str(run), "-n", "40", "--out", str(tmp_path / "whole")], said)
    with_condition_channels(2, ["sample", str(run), "-n", "40", "--out", str(tmp_path / "parts")], said)
    whole = {file.name: file.read_bytes() for file in (tmp_path / "whole").iterdir()}
    assert len(whole) == 40
    shards = [sorted((tmp_path / "parts" / f"0000{rank}-of-00002").iterdir()) for rank in range(2)]
    assert [len(shard) for shard in shards] == [16, 24]
    assert {file.name: file.read_bytes() for shard in shards for file in shard} == whole
    scores = []
    for size in (1, 2, 4):
        with_condition_channels(size, ["score", str(run), "--extractor", "layout", "-n", "40"], said)
        scores.append(json.loads((run / "scores.json").read_text())["score"])
    assert scores[0]["figures"] == scores[1]["figures"] == scores[2]["figures"]
    assert (said / "3.txt").read_text().count("frechet") == 0


def test_a_sheet_is_refused_to_several(small_pictures: Path, tmp_path: Path) -> None:
    words = ["sample", str(small_pictures), "--out", str(tmp_path / "sheet.png")]
    assert ranks.wait(ranks.fork(2, lambda rank: main(words), tmp_path / "said")) == [2, 2]
    assert "a sheet is made by one process and not by 2" in (tmp_path / "said" / "1.txt").read_text()


def until(true: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def torchrun(*flags: str) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", *flags, "-m", "evenodds"]


@pytest.mark.slow
def test_torchrun_survives_a_killed_rank(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    started = torchrun("--standalone", "--nproc-per-node", "2", "--max-restarts", "2")
    process = subprocess.Popen(
        [*started, *command(table, out, 1)[:-1], "45s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: any(int(path.name) > 0 for path in out.glob("checkpoints/[0-9]*")))
        os.kill(workers(process.pid)[-1], signal.SIGKILL)
        said, _ = process.communicate(timeout=500)
    finally:
        process.kill()
    assert process.returncode == 0, said
    run = Run.open(out)
    assert [line["event"] for line in run.journal() if line.get("event") in ("start", "resume")] == [
        "start",
        "resume",
    ]
    verdict = run.verdict()
    assert verdict is not None
    assert read(out / "checkpoints" / "last")[1]["rounds"] == verdict.rounds
    assert "exitcode" in said.lower(), "torchrun saw it"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("accelerate") is None, reason="accelerate is not installed")
def test_accelerate_launch_starts_the_same_ranks(table: Path, tmp_path: Path) -> None:
    flags = (
        "--multi_gpu",
        "--num_processes=2",
        "--num_machines=1",
        "--mixed_precision=no",
        "--dynamo_backend=no",
    )
    launch = [sys.executable, "-m", "accelerate.commands.launch", *flags, "--module", "evenodds"]
    out = tmp_path / "run"
    subprocess.run([*launch, *command(table, out, 6)], check=True, capture_output=True, timeout=500)
    assert read(out / "checkpoints" / "last")[1]["ranks"] == 2
    words = ["sample", str(out), "-n", "5000", "--out", str(tmp_path / "fakes.parquet")]
    subprocess.run([*launch, *words], check=True, capture_output=True, timeout=500)
    shards = sorted(tmp_path.glob("fakes-0000?-of-00002.parquet"))
    assert [len(pd.read_parquet(shard)) for shard in shards] == [2048, 2952]


def workers(agent: int) -> list[int]:
    """The ranks that a torchrun has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.read_text().split(" ", 1)
        except OSError:
            continue
        if int(rest.rsplit(") ", 1)[1].split()[1]) == agent:
            found.append(int(pid))
    return sorted(found)


@contextmanager
def hosts() -> Iterator[list[str]]:
    """Two network namespaces with a cable between them, 10.77.0.1 and 10.77.0.2; skips where none can be made."""
    ip = shutil.which("ip")
    if ip is None or os.geteuid():
        pytest.skip("network namespaces need root and ip")
    names = [f"evenodds{os.getpid()}{side}" for side in "ab"]
    made: list[str] = []
    try:
        for name in names:
            done = subprocess.run([ip, "netns", "add", name], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no network namespace can be made here: {done.stderr.strip()}")
            made.append(name)
        cable = [
            "link",
            "add",
            "cable",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            "cable",
            "netns",
            names[1],
        ]
        done = subprocess.run([ip, *cable], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no virtual cable can be laid here: {done.stderr.strip()}")
        for place, name in enumerate(names, 1):
            for words in (
                ["addr", "add", f"10.77.0.{place}/24", "dev", "cable"],
                ["link", "set", "cable", "up"],
                ["link", "set", "lo", "up"],
            ):
                subprocess.run([ip, "-n", name, *words], check=True)
        yield names
    finally:
        for name in made:
            subprocess.run([ip, "netns", "delete", name], check=False)


@pytest.mark.slow
def test_two_hosts_train_together(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    said = []
    with hosts() as names:
        processes = []
        for node, name in enumerate(names):
            where = ["--nnodes", "2", "--node-rank", str(node), "--nproc-per-node", "1"]
            started = torchrun(*where, "--master-addr", "10.77.0.1", "--master-port", "29577")
            # The second host has no folder of the first one's: its own place is never written to.
            folder = out if node == 0 else tmp_path / "elsewhere"
            environment = {**os.environ, "GLOO_SOCKET_IFNAME": "cable", "TP_SOCKET_IFNAME": "cable"}
            processes.append(
                subprocess.Popen(
                    ["/usr/bin/env", "ip", "netns", "exec", name, *started, *command(table, folder, 12)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=environment,
                )
            )
        try:
            said = [process.communicate(timeout=500)[0] for process in processes]
        finally:
            for process in processes:
                process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert read(out / "checkpoints" / "last")[1]["ranks"] == 2
    assert not (tmp_path / "elsewhere").exists()


def test_samples_were_shared_out_without_overlap(table: Path) -> None:
    from evenodds.config.settings import DataSettings
    from evenodds.data.batches import Batches
    from evenodds.data.prepare import prepare
    from evenodds.data.source import find

    store = prepare(find(str(table)), DataSettings())
    whole = Batches(store, 3).indices(64, 32)
    shares = [Batches(store, 3, rank, 4).indices(64, 8) for rank in range(4)]
    assert pd.Series([place for share in shares for place in share]).tolist() == whole.tolist()
