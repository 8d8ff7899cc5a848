"""`--condition labels`: does a classifier that learnt real pictures find in fakes what was asked for?

    python benchmarks/labels.py mnist|fashion|faces [--budget 10m] [--size PX] [--conditioning projection|concat]
    python benchmarks/labels.py adult [--budget 2m]

mnist and fashion need the data folder beside the project. Fakes come from `Gan.sample(n, condition=...)`, as many for
each label. adult: rows with `--condition income` against rows without, 20 % of the table kept apart; trees trained on
fakes are tested on those.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from classifier import predict, train_classifier
from evenodds import Gan
from evenodds.config.data_settings import DataSettings
from evenodds.data.images.arrays import to_tensor, write_grid
from evenodds.data.prepare import prepare
from evenodds.data.source import find
from playing import sample, train
from record import ROOT, record

DATA = ROOT.parent / "shared" / "data"
TABLES = ("churn", "ames", "flights", "adult", "diamonds", "nhefs_complete", "penguins")
"""Its tables."""
SIZES = {"mnist": 28, "fashion": 28, "faces": 32}
BUDGETS = {"mnist": "10m", "fashion": "10m", "faces": "20m", "adult": "2m"}
STEPS = {"mnist": 3000, "fashion": 4000, "faces": 800}
FAKES = {"mnist": 10_000, "fashion": 10_000, "faces": 6_000}
ROWS = 20_000


def pictures(name: str, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 (n, 28, 28) of the part train or test, and their labels (n,)."""
    if name == "mnist":
        with np.load(DATA / "mnist.npz") as file:
            return file[f"x_{part}"], file[f"y_{part}"]
    folder = DATA / "fashion_mnist"
    prefix = "train" if part == "train" else "t10k"
    read = {
        kind: gzip.decompress((folder / f"{prefix}-{kind}-ubyte.gz").read_bytes())
        for kind in ("images-idx3", "labels-idx1")
    }
    x = np.frombuffer(read["images-idx3"], np.uint8, offset=16).reshape(-1, 28, 28)
    return x, np.frombuffer(read["labels-idx1"], np.uint8, offset=8)


def save(x: np.ndarray, folder: Path) -> list[str]:
    """Pictures uint8 (n, H, W) or (n, H, W, 3) as a new folder of PNGs; their names."""
    folder.mkdir()
    names = [f"{place:06d}.png" for place in range(len(x))]
    for name, picture in zip(names, x, strict=True):
        Image.fromarray(picture).save(folder / name)
    return names


def folder_of(name: str, folder: Path) -> Path:
    """The pictures as a user would have them: a folder and a metadata.csv."""
    x, y = pictures(name)
    pd.DataFrame({"file_name": save(x, folder), "label": y}).to_csv(folder / "metadata.csv", index=False)
    return folder


def labelled(name: str, budget: str, size: int, join: str, keep: Path) -> None:
    """Pictures under labels."""
    source = name if name == "faces" else str(folder_of(name, keep / name))
    store = prepare(find(source), DataSettings(size=size))
    model, accuracy = train_classifier(store, STEPS[name])
    run = keep / "run"
    flags = ("--condition", "labels", "--size", str(size), "--budget", budget, "--conditioning", join)
    verdict = train(source, run, *flags)
    gan, rows, sheet = Gan.load(run), [], []
    for column, levels in model.levels.items():
        each = FAKES[name] // (len(model.levels) * len(levels))
        for place, level in enumerate(levels):
            fakes = gan.sample(each, seed=place, condition={column: level})
            found = predict(model, to_tensor(np.ascontiguousarray(fakes.transpose(0, 3, 1, 2))))
            honoured = float((found[column] == place).float().mean())
            row = {"column": column, "asked for": str(level), "fakes": each, "found": round(honoured, 4)}
            rows.append({**row, "classifier on held-out reals": round(accuracy[column], 4)})
            sheet.append(fakes[:10])
    write_grid(np.concatenate(sheet), ROOT / "docs" / "pictures" / f"labels-{name}.png", columns=10)
    summary = {
        **{
            f"found, {c}": float(np.mean([r["found"] for r in rows if r["column"] == c]))
            for c in model.levels
        },
        "size": size,
        "join": join,
        "budget": budget,
        "rounds": verdict["rounds"],
        "verdict": verdict["verdict"],
    }
    record(f"labels-{name}" + ("" if join == "projection" else f"-{join}"), rows, summary)


def adult(budget: str, keep: Path) -> None:
    """A table under a column."""
    path = DATA / "tables" / "adult.csv"
    # evenodds takes the spaces after commas away by itself, and has the file as it is.
    raw, table = pd.read_csv(path), pd.read_csv(path, skipinitialspace=True)
    apart = np.random.default_rng(0).random(len(table)) < 0.2
    source, target = keep / "adult.csv", "income"
    raw[~apart].to_csv(source, index=False)
    values = sorted(table[target].unique())
    rows: list[dict[str, Any]] = [scored("real rows", table[~apart], table[apart], target)]
    for what, flags in (("without a condition", ()), (f"--condition {target}", ("--condition", target))):
        run = keep / f"run{len(flags)}"
        train(source, run, "--budget", budget, *flags)
        sample(run, keep / "fakes.csv", "-n", str(ROWS))
        rows.append(scored(what, pd.read_csv(keep / "fakes.csv"), table[apart], target))
    honoured = []
    for value in values:
        sample(run, keep / "asked.csv", "-n", "5000", "--condition", f"{target}={value}")
        honoured.append(float((pd.read_csv(keep / "asked.csv")[target] == value).mean()))
    record(
        "labels-adult", rows, {"asked value in rows, least": min(honoured), "budget": budget, "rows": ROWS}
    )


def scored(what: str, learn: pd.DataFrame, test: pd.DataFrame, target: str) -> dict[str, Any]:
    """Trees trained on some rows and tested on real ones they do not hold."""
    rare = test[target].value_counts().index[-1]
    texts = [column for column in learn if learn[column].dtype == "str" and column != target]
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts), remainder="passthrough"
    )
    model = make_pipeline(encode, HistGradientBoostingClassifier(random_state=0))
    model.fit(learn.drop(columns=target), learn[target] == rare)
    told = model.predict_proba(test.drop(columns=target))[:, 1]
    truth = test[target] == rare
    return {
        "learnt from": what,
        "rows": len(learn),
        "AUC on real rows": round(float(roc_auc_score(truth, told)), 4),
        "F1 on real rows": round(float(f1_score(truth, told > 0.5)), 4),
        f"share of {rare}": round(float((learn[target] == rare).mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=sorted(BUDGETS))
    parser.add_argument("--budget")
    parser.add_argument("--size", type=int)
    parser.add_argument("--conditioning", default="projection")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    torch.manual_seed(0)
    budget = asked.budget or BUDGETS[asked.source]
    with tempfile.TemporaryDirectory() as folder:
        keep = asked.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        if asked.source == "adult":
            adult(budget, keep)
        else:
            shutil.rmtree(keep / asked.source, ignore_errors=True)
            labelled(asked.source, budget, asked.size or SIZES[asked.source], asked.join, keep)


if __name__ == "__main__":
    main()
