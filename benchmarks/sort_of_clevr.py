"""Sort-of-CLEVR: how fusion blocks relate the parts of a scene, as in the relation network paper.

    python benchmarks/sort_of_clevr.py                        # all: many hours on two cores
    python benchmarks/sort_of_clevr.py --only cross_attention --seeds 0
    python benchmarks/sort_of_clevr.py --table                # the table of what is there
    python benchmarks/sort_of_clevr.py --figures              # the pictures of what is there

Every block gets the same encoders, schedule and batches; only what `CONFIGURATIONS` says differs.
Each run is measured after its last epoch, on 200 test scenes, as in the paper, and on 2,000 more.
A finished run is kept in `results/sort_of_clevr.json` and not repeated; one that was interrupted
goes on from its last epoch (`--checkpoints`). Runs on any Keras backend.
"""

import argparse
import collections
import pathlib
import re
import shutil
import textwrap
import time

import keras
import numpy as np
from keras import ops
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.data.datasets.sort_of_clevr import ANSWERS, COLORS, SENTENCES, SortOfClevr
from mmzoo.training import warmup_cosine

NAME = "sort_of_clevr"
CURVES = "sort_of_clevr_curves"
DIM = 96
QUESTIONS = 20
PALETTE = np.array([*COLORS.values(), (255, 255, 255)], "uint8")
WHITE = len(COLORS)
BATCH = 16  # scenes, of 20 questions each
EPOCHS = 80
# A higher rate, or a shorter warm-up, and blocks learn to count shapes, then nothing for long.
LEARNING_RATE = 5e-4
WARMUP = 0.1
#: The picture's encoder is a CNN whose 25 tokens have learned positions: as in the paper, relating
#: them is left to the block. The question's is the mean of its words.
INPUTS = {
    "image": mmzoo.Image(
        size=(75, 75),
        encoder={
            "class_name": "vit",
            "config": {
                "patch_size": 1,
                "dim": DIM,
                "depth": 0,
                "stem_filters": [32, 64, DIM, DIM],
                "coordinates": True,
            },
        },
    ),
    "question": mmzoo.Text(
        length=12,
        vocabulary_size=40,
        encoder={
            "class_name": "bag",
            "config": {
                "embedding_dim": DIM,
                "embeddings_initializer": {"class_name": "RandomNormal", "config": {"stddev": 1.0}},
            },
        },
    ),
}
ATTENTION = {"num_heads": 4, "hidden_dim": 192, "hidden_units": [128]}
#: The blocks of the table: name -> their arguments. Those that work on the picture's tokens once a
#: question cost ten times as much as the others, and are narrower.
CONFIGURATIONS = {
    "concat": {"hidden_units": [256, 256]},
    "film": {"dim": 64, "depth": 2, "hidden_units": [128]},
    "relation": {"pair_units": [48, 48, 48], "hidden_units": [128]},
    "cross_attention": {**ATTENTION, "dim": 64, "depth": 1},
    "bottleneck": {**ATTENTION, "dim": 64, "depth": 2},
    "merged_attention": {**ATTENTION, "dim": 64, "depth": 2},
    "gated_cross_attention": {**ATTENTION, "depth": 3},
}


def build(fusion):
    """The model of a block: one picture and one question a row, from the raw pixels and words."""
    return mmzoo.build_model(
        inputs=INPUTS,
        fusion={"class_name": fusion, "config": CONFIGURATIONS[fusion]},
        head=mmzoo.heads.Softmax(class_names=ANSWERS),
        dim=DIM,
        compile=False,
    )


def sharing(model, questions=QUESTIONS):
    """The same layers as a model that encodes each picture, and each distinct question, once.

    Inputs: `image` `(B, 75, 75, 3)`; `question` `(36, length)`, all there are; `asked` `(B, Q)`,
    which of them; `Q` is `questions`. Outputs: `(Q B, 10)`.
    """
    inputs = {
        "image": keras.Input((75, 75, 3), name="image"),
        "question": keras.Input((INPUTS["question"].length,), dtype="int32", name="question"),
    }
    asked = keras.Input((questions,), dtype="int32", name="asked")
    layers = {layer.name: layer for layer in model.layers}
    fusion, head = layers["fusion"], layers["head"]
    tokens, mask = {}, {}
    for key, x in inputs.items():
        tokens[key], mask[key] = layers[f"{key}_encoder"](x)
        if f"{key}_projection" in layers:
            tokens[key] = layers[f"{key}_projection"](tokens[key])
    if isinstance(fusion, mmzoo.fusion.GatedCrossAttention):
        # Its query tokens do not see each other, so the questions of a scene can be its tokens.
        tokens["question"] = ops.take(tokens["question"][:, 0], asked, axis=0)
        mask["question"] = ops.ones_like(asked, dtype="bool")
        fused = ops.reshape(fusion.read(tokens, mask), (-1, fusion.dim))
        for layer in fusion.hidden_layers:
            fused = layer(fused)
    else:
        flat = ops.reshape(asked, (-1,))
        for part in (tokens, mask):
            part["image"] = ops.repeat(part["image"], questions, axis=0)
            part["question"] = ops.take(part["question"], flat, axis=0)
        fused = fusion(tokens, mask)
    return keras.Model({**inputs, "asked": asked}, head(fused))


def question_ids():
    """`(36, length)` int32: the token ids of every question, six a colour.

    Those of a `mmzoo.Preprocessor`, in plain Python: this also runs without TensorFlow.
    """
    questions = [
        re.findall(r"\w+", sentence.format(color).lower())
        for color in COLORS
        for sentence in SENTENCES
    ]
    counts = collections.Counter(word for words in questions for word in words)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    ids = np.zeros((len(questions), INPUTS["question"].length), "int32")
    for row, words in zip(ids, questions, strict=True):
        row[: len(words)] = [2 + frequent.index(word) for word in words]
    return ids


class Batches(keras.utils.PyDataset):
    """Batches of scenes with their questions; training ones painted, mirrored, turned at random.

    The colours are permuted, in the picture and in the questions. No distance changes by mirroring
    and turning, so only two questions are concerned. Turned, left of the middle becomes above the
    middle. Mirrored at the middle, 37.5, yes becomes no. Pixels are mirrored at 37, so the picture
    also moves by one; an object that touched the edge loses its last row.
    """

    def __init__(self, scenes, ids, batch_size=BATCH, seed=None):
        super().__init__()
        self.scenes, self.ids, self.batch_size, self.seed = scenes, ids, batch_size, seed
        self.epoch = 0
        self.painted = np.full(scenes.pictures.shape[:3], WHITE, "uint8")
        for number, color in enumerate(PALETTE[:WHITE]):
            self.painted[(scenes.pictures == color).all(axis=-1)] = number

    def __len__(self):
        return len(self.scenes.pictures) // self.batch_size

    def __getitem__(self, index):
        order = np.arange(len(self.scenes.pictures))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        rows = order[index * self.batch_size : (index + 1) * self.batch_size]
        painted, subjects = self.painted[rows], self.scenes.subjects[rows]
        answers = self.scenes.answers[rows]
        colors = np.tile(np.arange(len(PALETTE)), (len(rows), 1))
        if self.seed is not None:
            generator = np.random.default_rng([self.seed, self.epoch, index])
            colors[:, :WHITE] = generator.permuted(colors[:, :WHITE], axis=1)
            turned, flipped, upended = generator.random((3, len(rows))) < 0.5
            painted[turned] = painted[turned].swapaxes(1, 2)
            subjects[turned] = np.array([0, 2, 1, 3, 4, 5])[subjects[turned]]
            painted[flipped, :, 1:] = painted[flipped, :, :0:-1]
            painted[flipped, :, 0] = WHITE
            painted[upended, 1:] = painted[upended, :0:-1]
            painted[upended, 0] = WHITE
            for mirrored, subject in ((flipped, 1), (upended, 2)):
                changed = mirrored[:, None] & (subjects == subject)
                answers[changed] = 1 - answers[changed]  # "yes" and "no" are 0 and 1
        row = np.arange(len(rows))[:, None]
        pictures = PALETTE[colors[row[:, None], painted]]
        asked = colors[row, self.scenes.colors[rows]] * len(SENTENCES) + subjects
        return {"image": pictures, "question": self.ids, "asked": asked}, answers.ravel()

    def on_epoch_end(self):
        self.epoch += 1


def accuracies(model, scenes, ids):
    """`{"relational": ..., "nonrelational": ...}` of a sharing model."""
    batches = Batches(scenes, ids, batch_size=50)
    answers = [ops.convert_to_numpy(model(batches[i][0])).argmax(axis=-1)
               for i in range(len(batches))]  # fmt: skip
    right = np.concatenate(answers).reshape(scenes.answers.shape) == scenes.answers
    return {
        "relational": float(right[scenes.relational].mean()),
        "nonrelational": float(right[~scenes.relational].mean()),
    }


class Curve(keras.callbacks.Callback):
    """Measures after every epoch, prints, and keeps what it measured beside the checkpoint."""

    def __init__(self, key, batches, test, ids, folder):
        super().__init__()
        self.key, self.batches, self.test, self.ids, self.folder = key, batches, test, ids, folder

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch  # also where a run goes on
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        record = {
            **self.key,
            "epoch": epoch + 1,
            "loss": float(logs["loss"]),
            "seconds": time.perf_counter() - self.start,
            **accuracies(self.model, self.test, self.ids),
        }
        kept = [r for r in read(CURVES, self.folder) if r["epoch"] <= epoch]
        write(CURVES, [*kept, record], self.folder)
        print(" ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}"
                       for k, v in record.items()), flush=True)  # fmt: skip


def run(fusion, seed, epochs, folder):
    """Trains and tests one block, with checkpoints in a folder: record of the results, curve."""
    keras.utils.set_random_seed(seed)
    ids = question_ids()
    test = SortOfClevr.generate(200, seed=1_000_000)
    batches = Batches(SortOfClevr.generate(9800, seed=2_000_000), ids, seed=seed)
    model = build(fusion)
    head = model.get_layer("head")
    shared = sharing(model)
    schedule = warmup_cosine(LEARNING_RATE, epochs * len(batches), WARMUP)
    optimizer = keras.optimizers.AdamW(schedule)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    shared.compile(optimizer, loss=head.make_loss())
    key = {"fusion": fusion, "seed": seed, "epochs": epochs}
    shared.fit(
        batches,
        epochs=epochs,
        verbose=0,
        callbacks=[
            Curve(key, batches, test, ids, folder),
            keras.callbacks.BackupAndRestore(str(folder / "state"), delete_checkpoint=False),
        ],
    )
    fresh = accuracies(shared, SortOfClevr.generate(2000, seed=3_000_000), ids)
    curve = read(CURVES, folder)
    record = {
        **key,
        **accuracies(shared, test, ids),
        **{f"{kind}_fresh": accuracy for kind, accuracy in fresh.items()},
        "parameters": model.count_params(),
        # A run may have been interrupted, or stopped for a while.
        "seconds": epochs * float(np.median([record["seconds"] for record in curve])),
    }
    return record, curve


def longest(records):
    """The records of each block with the most epochs that there are for it."""
    most = {}
    for r in records:
        most[r["fusion"]] = max(r["epochs"], most.get(r["fusion"], 0))
    return [r for r in records if r["epochs"] == most[r["fusion"]]]


def table(results):
    """The results as a Markdown table, a row a block."""
    lines = [
        "| block | relational, % (each seed) | not relational, % | relational, fresh scenes, % "
        "| parameters | epochs | minutes a run |",
        "|---|---|---|---|---|---|---|",
    ]
    for fusion in CONFIGURATIONS:
        records = sorted(
            (r for r in longest(results) if r["fusion"] == fusion), key=lambda r: r["seed"]
        )
        if records:
            mean = {
                key: np.mean([record[key] for record in records])
                for key in ("relational", "nonrelational", "relational_fresh", "seconds")
            }
            each = ", ".join(f"{100 * record['relational']:.1f}" for record in records)
            lines.append(
                f"| {fusion} | {100 * mean['relational']:.1f} ({each}) "
                f"| {100 * mean['nonrelational']:.1f} | {100 * mean['relational_fresh']:.1f} "
                f"| {records[0]['parameters']:,} | {records[0]['epochs']} "
                f"| {mean['seconds'] / 60:.0f} |"
            )
    return "\n".join(lines)


def draw_curves(curves, path):
    """Accuracy on the test scenes after every epoch, a line a block (mean of its seeds)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ("relational", "nonrelational"),
                          strict=True):  # fmt: skip
        for fusion in CONFIGURATIONS:
            records = [r for r in longest(curves) if r["fusion"] == fusion]
            epochs = sorted({r["epoch"] for r in records})
            means = [np.mean([r[kind] for r in records if r["epoch"] == e]) for e in epochs]
            if epochs:
                axes.plot(epochs, 100 * np.array(means), label=fusion)
        axes.set(title=kind.replace("non", "not "), xlabel="epoch", ylim=(40, 101))
        axes.grid(alpha=0.3)
    axes.figure.axes[0].set_ylabel("accuracy on 200 test scenes, %")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=130)


def draw_scenes(path, count=4):
    """Some scenes with a question of each kind and its answer."""
    from matplotlib.figure import Figure

    scenes = SortOfClevr.generate(count, seed=1_000_000)
    figure = Figure(figsize=(3 * count, 4.2), layout="constrained")
    for row, axes in enumerate(figure.subplots(1, count)):
        axes.imshow(scenes.pictures[row], interpolation="nearest")
        lines = []
        for relational in (False, True):
            column = np.flatnonzero(scenes.relational[row] == relational)[row]
            answer = ANSWERS[scenes.answers[row, column]]
            lines += [textwrap.fill(scenes.questions[row, column], 38), f"    {answer}"]
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel("\n".join(lines), loc="left", fontsize=10)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--figures", action="store_true", help="draw the pictures and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results files are")
    parser.add_argument("--checkpoints", default="sort_of_clevr_checkpoints")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if arguments.figures:
        folder = pathlib.Path(arguments.folder)
        draw_curves(read(CURVES, folder), folder / f"{CURVES}.png")
        draw_scenes(folder / f"{NAME}_scenes.png")
    done = {(r["fusion"], r["seed"], r["epochs"]) for r in results}
    for seed in [] if arguments.table or arguments.figures else arguments.seeds:
        for fusion in arguments.only:
            if (fusion, seed, arguments.epochs) not in done:
                folder = pathlib.Path(arguments.checkpoints) / f"{fusion}-{seed}-{arguments.epochs}"
                record, curve = run(fusion, seed, arguments.epochs, folder)
                for name, records in ((NAME, [record]), (CURVES, curve)):  # others may have written
                    write(name, [*read(name, arguments.folder), *records], arguments.folder)
                shutil.rmtree(folder)
    print(table(read(NAME, arguments.folder)))


if __name__ == "__main__":
    main()
