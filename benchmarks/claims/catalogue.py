"""What each JSON file of docs/benchmarks measures, and the command that fills it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """One JSON file: its title, the command that fills it, and what it measures. ``{}`` in a command are keys of the
    summary."""

    title: str
    command: str
    about: str


_LABELS = (
    "A conditional game learns the labels of pictures, then makes as many samples for each label. A "
    "convolutional classifier, trained on the real training pictures, names the samples; its own accuracy on "
    "held-out pictures stands beside. Columns that are not asked for follow the training distribution."
)
_MIXTURE = (
    "A CSV file of 100,000 rows, default settings, 2,500 samples. High quality: within three standard "
    "deviations of a centre, where 98.9 % of the real rows lie."
)
_TEMPO = (
    "The same seconds on one core for each schedule, five seeds; the cells are the distance of the best state "
    "(lower is better). `turns` takes fewer D steps while the odds are above 90 % and more below 50 %; "
    "`penalty` changes the weight of the penalty instead. The best fixed ratio is chosen in hindsight, which a "
    "user cannot do."
)
_QUALITY = (
    "The default game against the usual loop with its published settings (`benchmarks/usual.py`) for as many "
    "minutes, one thread each. Fréchet distance on the features of EfficientNet-Lite0, 10,000 samples; it is no "
    "FID."
)
_PHOTOGRAPHS = (
    "Fréchet distance to training reals on features that no player used: `labels`, a classifier of the data's own "
    "labels trained here; `lite 0` and `lite 2`, EfficientNet-Lite. Coverage of held-out reals, by the last of them."
)
_STOPS = (
    "A game plays to its own verdict, then goes on to three times its rounds. `--steady` adds a game whose "
    "learning rates are never lowered. Distance: the Fréchet distance of the checks. Games with the presets did "
    "not end within hours: see [stopping](../experiments/stopping.md)."
)
_JUDGE = (
    "What the judge says of held-out samples, of made-up ones, and of real ones with parts shuffled. Flagged: a "
    "p-value below 0.05. AUC: held-out samples against the row's."
)
_SVM = (
    "DCGAN's own test: a linear SVM on the features of a discriminator that was trained without labels, against "
    "raw pixels, a discriminator before its first step, and the published networks and loss."
)
_FUZZ = (
    "A finding is a traceback, a file elsewhere, more than 20 s, or more than 2 GiB beyond what the libraries "
    "take. Surfaces: every kind of file that a user may be handed."
)

BENCHMARKS: dict[str, Benchmark] = {
    "people": Benchmark(
        "Twenty games on people",
        "make bench BENCH=people",
        "Twenty seeds of `evenodds train people` with default settings, then the same twenty with a quarter of "
        "the median playing time as their budget. AUC: a gradient-boosted classifier outside the game, trained "
        "on half of the held-out rows and as many samples, tested on the other halves; 0.5 means that it cannot "
        "tell.",
    ),
    "modes-ring": Benchmark(
        "A ring of eight Gaussians",
        "make bench BENCH=modes-ring",
        f"Radius 1, standard deviation 0.01. {_MIXTURE}",
    ),
    "modes-grid": Benchmark(
        "A grid of 25 Gaussians",
        "make bench BENCH=modes-grid",
        f"Two apart, standard deviation 0.05. {_MIXTURE}",
    ),
    "stacked": Benchmark(
        "Stacked MNIST",
        "OMP_NUM_THREADS={threads} python benchmarks/stacked.py --budget {budget}",
        "Three digits as the three channels of a picture, so 1,000 modes. A classifier names each channel of "
        "26,000 samples; KL is the divergence from equal shares. Also `make bench BENCH=stacked`.",
    ),
    "tempo-people": Benchmark("Balance schedules on people", "make bench BENCH=tempo-people", _TEMPO),
    "tempo-grid": Benchmark("Balance schedules on the grid", "make bench BENCH=tempo-grid", _TEMPO),
    "tempo-digits": Benchmark("Balance schedules on digits", "make bench BENCH=tempo-digits", _TEMPO),
    "tempo-faces": Benchmark("Balance schedules on faces", "make bench BENCH=tempo-faces", _TEMPO),
    "stops-digits": Benchmark(
        "Does a game of digits stop too soon?",
        "OMP_NUM_THREADS=1 python benchmarks/stops.py digits --size 8 --width 32 --batch 256 --lr-d 2e-3 --lr-g 2e-3 "
        "--anneal off",
        f"{_STOPS} Also `make bench BENCH=stops-digits`.",
    ),
    "stops-faces": Benchmark(
        "Does a game of faces stop too soon?",
        "OMP_NUM_THREADS=1 python benchmarks/stops.py faces --size 8 --network gan --width 32 --batch 256 --lr-d 2e-3 "
        "--lr-g 2e-3 --penalty-weight 0.4 --anneal off",
        f"{_STOPS} Also `make bench BENCH=stops-faces`.",
    ),
    "networks": Benchmark(
        "Which network at equal time",
        "OMP_NUM_THREADS=1 make bench BENCH=networks",
        "Each network with its preset for the same time on one core, another game on the other. AUC of the "
        "referee: 0.5 is best. Fréchet distance on the features of a small classifier: lower is better.",
    ),
    "digits": Benchmark(
        "Digits: are all ten there?",
        "make bench BENCH=digits",
        "Five minutes of `evenodds train digits`; a convolutional classifier, trained on the real digits, names "
        "5,000 samples. The distance of the held-out digits is large because there are only 179 of them.",
    ),
    "faces": Benchmark(
        "Faces: are the attributes there?",
        "make bench BENCH=faces",
        "Twenty minutes of `evenodds train faces --size 64`; a classifier, trained on the true attributes, "
        "names 5,000 samples.",
    ),
    "labels-mnist": Benchmark("MNIST by label", "make bench BENCH=labels-mnist", _LABELS),
    "labels-fashion": Benchmark("Fashion-MNIST by label", "make bench BENCH=labels-fashion", _LABELS),
    "labels-faces": Benchmark("Faces by attribute", "make bench BENCH=labels-faces", _LABELS),
    "labels-adult": Benchmark(
        "Adult by income",
        "make bench BENCH=labels-adult",
        "A conditional game learns 80 % of the rows. Trees are trained on samples and tested on the other 20 %, "
        "which neither has seen.",
    ),
    "pairs-outlines": Benchmark(
        "Portraits from outlines",
        "make bench BENCH=pairs-outlines",
        "Portraits of 64 px from their outlines, measured on held-out ones. The baseline answers with the "
        "training portrait whose outline, blurred by a pixel, is nearest.",
    ),
    "pairs-facades": Benchmark(
        "Facades from label maps",
        "make bench BENCH=pairs-facades",
        "Photographs of facades from label maps, 400 pairs to learn from, 106 to test on; batches of 4, a "
        "weight of 100 on L1 and none on SSIM, as in the paper. Feature distance: of a sample's features from "
        "its own photograph's, over that of another photograph's. `of the means` compares the mean features of "
        "the two sets.",
    ),
    "quality-fashion": Benchmark(
        "Quality at equal time: Fashion-MNIST", "make bench BENCH=quality-fashion", _QUALITY
    ),
    "quality-faces": Benchmark("Quality at equal time: faces", "make bench BENCH=quality-faces", _QUALITY),
    "photographs": Benchmark(
        "Photographs: scales, and coarse to fine",
        "python benchmarks/photographs.py --minutes {minutes} --seeds {seeds} --beside",
        "Photographs of 64 px at equal time: `evenodds train` at other scales (at once: small), with "
        "`--stages 32,64`, and the usual DCGAN loop. " + _PHOTOGRAPHS + " Not measured on a GPU yet: "
        '`python benchmarks/photographs.py cats --size 64 256 --games "at once" "twice as wide" "the usual loop" '
        "--minutes 2 --seeds 1` is ready for one.",
    ),
    "choice": Benchmark(
        "Sampling with a choice",
        "make bench BENCH=choice",
        "The game on faces that comes with the package; fakes as they come, with latents scaled towards their mean, "
        "and the best of more by the judge. Precision, recall and the Fréchet distance to as many training reals, by "
        "EfficientNet-Lite0.",
    ),
    "transfer": Benchmark(
        "Beginning with another game's networks",
        "make bench BENCH=transfer",
        "Cats of 64 px at half the usual width, from nothing and with `--init` and a game on 480 dogs, after equal "
        "rounds. " + _PHOTOGRAPHS,
    ),
    "scales": Benchmark(
        "What pictures come to by what D has seen",
        "make bench BENCH=scales",
        "Games of cats and faces at 16, 32 and 64 px for 2, 4 and 15 minutes of one thread. A curve for each side "
        "goes through their checks. For the games that no curve was fitted to, `doctor` says beforehand how many "
        "pictures the budget shows D, and the curve what distance that comes to. Distance: that of the checks, the "
        "median of a game's last three.",
    ),
    "svm-fashion": Benchmark(
        "Features of D: Fashion-MNIST", "python benchmarks/svm.py fashion --budget {budget}", _SVM
    ),
    "svm-mnist": Benchmark("Features of D: MNIST", "python benchmarks/svm.py mnist --budget {budget}", _SVM),
    "adult": Benchmark(
        "Adult against CTGAN and TVAE",
        "make bench BENCH=adult CTGAN=PYTHON",
        "Classifiers trained on samples and tested on real rows. PYTHON is the interpreter of an environment "
        "with the package `ctgan`, whose licence keeps it out of the dependencies.",
    ),
    "groups": Benchmark(
        "Lost groups of tables",
        "make bench BENCH=groups",
        "Halves of real tables, with 2,000 rows of the other half in place of fakes: false alarms in as many draws; "
        "each level of 5 % to 95 % taken out of them, or thinned to a twentieth, is named where the alarm's group "
        "holds the same rows, nine of ten at least. Checks are counted in games on halves of churn, from the first of "
        "three in a row at which customers without internet are lost; their share of the 500 samples of each check "
        "stands below.",
    ),
    "proof": Benchmark(
        "Proof on halved tables",
        "make bench BENCH=proof",
        "A half of each table is learnt from. Beside the referee's last word: boosted trees on values, 3-fold, on the "
        "half that nobody saw, and the referee of before version 0.2. Distance: the sampled state's to the unseen "
        "half over the least of all states that were checked. Planted fakes are reals with a column shuffled, a "
        "level removed or two columns torn off; those count that trees with many rows tell at the stated power.",
    ),
    "judge-people": Benchmark(
        "The judge on people",
        "make bench BENCH=judge",
        f"{_JUDGE} The density of `people` is known, and so is the best AUC that anybody can have against rows "
        "whose columns were shuffled.",
    ),
    "judge-digits": Benchmark("The judge on digits", "make bench BENCH=judge", _JUDGE),
    "judge-faces": Benchmark("The judge on faces of 64 px", "make bench BENCH=judge", _JUDGE),
    "outside": Benchmark(
        "The judge outside of the data",
        "make bench BENCH=outside",
        "Half of each table is trained on for seconds. The other half's rows are judged as they are; 200 with one "
        "number beyond the range of the whole table, by a tenth of it up to all of it; 200 with a level set to one "
        "that never stands beside another of theirs, though independence would show both ten times in a half. Over "
        "all halvings. Flagged: a p-value below 0.05.",
    ),
    "steering-faces": Benchmark(
        "Steering faces",
        "make bench BENCH=steering-faces",
        "An unconditional dcgan of 32 px after 20 minutes. A classifier that learnt the true attributes of real "
        "faces, and shares nothing with the reader that steering uses, names its samples. Flipped: the share of "
        "500 seeds. Kept: of the other attribute that changed most. Settled: each step is refined so that other "
        "attributes keep their values.",
    ),
    "style": Benchmark(
        "Styles",
        "make bench BENCH=style",
        "`--network style` and dcgan on faces at the same time, one thread each. Flipped and kept as in steering "
        "faces, by directions from labels, alone and settled. Distance: the Fréchet distance of 2,000 fakes on the "
        "features of that classifier.",
    ),
    "watched": Benchmark(
        "What watching costs a game",
        "make bench BENCH=watched",
        "400 rounds with the same seed, watched as the studio's page does and unwatched, alternating; the seconds of "
        "the journal's last check. Frames: those that a watcher who looks three times a second sees. No browser runs "
        "beside.",
    ),
    "speed": Benchmark(
        "Speed of a round on a CPU",
        "make bench BENCH=speed",
        "The loop of `benchmarks/usual.py` (the published networks and settings, 64 channels, batch 128, 64 px, "
        "separate forward passes, plain Adam, contiguous tensors) against rounds of evenodds, alternating, "
        "medians of five. Operations are counted by PyTorch's formulas, without its counter, which stops at a "
        "gradient that is differentiated again.",
    ),
    "speed-gpu": Benchmark(
        "Speed of a round on a GPU",
        "make bench BENCH=speed",
        "As on a CPU, where the machine has a GPU. The matrix product is in TF32.",
    ),
    "levers": Benchmark(
        "Speed: settings moved alone",
        "make bench BENCH=levers",
        "The default `dcgan` with one thing changed: CPU time of a round on one thread as a multiple of that of "
        "the unchanged game, which plays right before it. No picture is augmented except in the last row.",
    ),
    "layouts": Benchmark(
        "Speed: memory layouts",
        "make bench BENCH=layouts",
        "A step of each player, forward and backward, with every tensor channels-last, and with those left to "
        "chance whose strides `contiguous` does not write: weights with one channel or one place, and inputs of "
        "one channel.",
    ),
    "memory": Benchmark(
        "Memory by number of pictures",
        "make bench BENCH=memory",
        "Peak resident memory of a whole training process on prepared pictures of 64 px.",
    ),
    "growth": Benchmark(
        "Growth",
        "make bench BENCH=growth",
        "Time of a round and peak memory by number of pictures, resolution and batch; speed of preparation.",
    ),
    "sampling": Benchmark(
        "Sampling and start-up", "make bench BENCH=sampling", "Whole commands, as the shell sees them."
    ),
    "runtimes": Benchmark(
        "Sampling by onnxruntime",
        "make bench BENCH=runtimes",
        "The generator alone, as `evenodds sample` runs it, against the file that `evenodds export` writes for "
        "ONNX. Each in the batches that `sample` takes.",
    ),
    "scaling": Benchmark(
        "Many GPUs, calculated",
        "make bench BENCH=scaling",
        "Bytes that a round sends against its arithmetic, at an assumed 20 TFLOP/s a GPU and the same batch for "
        "each; nothing overlaps. Calculated, not measured on GPUs.",
    ),
    "studio": Benchmark(
        "The studio under load",
        "make bench BENCH=studio",
        "Twenty users who each ask for 16 pictures of 64 px again and again for two minutes, over loopback; "
        "then a drawing that grows stroke by stroke and is sent anew after every answer, as the canvas does it. "
        "All requests to networks are served one after another, so that a seed always gives the same: a user "
        "waits for all who came before.",
    ),
    "soak": Benchmark(
        "Killed, and out of disk",
        "make soak",
        "Tiny games on a table (with a referee) and on pictures, killed with SIGKILL at random moments of each "
        "stage, five times a run, and resumed to their end; then the same with a disk that is filled to its "
        "last byte right before a write. Wrong: the command said anything but one sentence, left something "
        "behind, or ended with a run that differs from the uninterrupted one in any bit of its checkpoints, "
        "checks, samples, film or verdict (times aside). Too late: the command had ended before the kill.",
    ),
    "fuzz": Benchmark(
        "Hostile inputs",
        "make fuzz",
        f"Inputs made from good ones by mutation (of JSON: of its values, with a fitting checksum). {_FUZZ}",
    ),
    "fuzz-guided": Benchmark(
        "Hostile inputs, guided by coverage",
        "python -m tests.robustness.fuzz --guided",
        "After `pip install atheris`: inputs that atheris makes from the same good ones, by what code each of "
        f"them reached. {_FUZZ}",
    ),
}
