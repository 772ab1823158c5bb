"""The pointing game: does the map of "the red circle" lie on the red circle?

    python benchmarks/pointing_game.py                    # both tasks, about 15 minutes each
    python benchmarks/pointing_game.py --only grounding
    python benchmarks/pointing_game.py --table            # the table of what is there

A `gated_cross_attention` whose text reads the picture is trained on two tasks about drawn scenes:

* `grounding`: the scenes of benchmarks/grounding.py with the twin, a seventh object of the named
  colour and the other shape. Asked is where the centre of "the red circle" lies.
* `sort_of_clevr`: the questions of Sort-of-CLEVR that are about one object alone.

Then a map of each kind is made for the answers to scenes that were not trained on. A map hits
where its maximum lies on the object that the text is about. Each picture is encoded once in
training for all texts about it (`sharing` of benchmarks/sort_of_clevr.py); the model that is
explained reads raw rows.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from grounding import SHAPES, cpu_seconds, scenes
from results_file import keep, read
from sort_of_clevr import INPUTS as SORT_OF_CLEVR_INPUTS
from sort_of_clevr import sharing

import mmzoo
from mmzoo.data.datasets.sort_of_clevr import (
    ANSWERS,
    COLORS,
    RADIUS,
    RELATIONAL_FROM,
    SENTENCES,
    SIDE,
    SortOfClevr,
)  # fmt: skip
from mmzoo.training import warmup_cosine

NAME = "pointing_game"
SCENES, TEST_SCENES = 9_800, 150
BATCH, LEARNING_RATE, WARMUP = 16, 5e-4, 0.4
EPOCHS = {"grounding": 10, "sort_of_clevr": 12}
DIM = 96
#: Side of the squares that cover a part of the picture, in pixels.
PATCH = 9
#: 10 x 10 tokens of 8 x 8 pixels; an object has 11 x 11.
IMAGE = mmzoo.Image(
    size=(SIDE, SIDE),
    encoder={
        "class_name": "vit",
        "config": {
            "patch_size": 1,
            "dim": DIM,
            "depth": 0,
            "stem_filters": [32, 64, DIM],
            "stem_normalization": "group",
            "coordinates": True,
        },
    },
)
FUSION = {
    "class_name": "gated_cross_attention",
    "config": {
        "query": "question", "depth": 2, "num_heads": 4, "hidden_dim": 192, "hidden_units": [128],
    },
}  # fmt: skip


class Grounding:
    """Where is "the red circle"? All objects of a scene are asked for."""

    texts = tuple(f"the {color} {shape}" for color in COLORS for shape in SHAPES)
    questions = len(COLORS) + 1

    def __init__(self, count, seed):
        drawn = scenes(count, twin=True, seed=seed)
        self.pictures, self.centres = drawn["pictures"], drawn["centres"]
        self.asked = drawn["colors"] * len(SHAPES) + drawn["circles"]
        self.circles = drawn["circles"] == 1
        self.answers = self.centres.reshape(-1, 2).astype("float32")

    @staticmethod
    def head():
        return mmzoo.heads.Regression(units=2)


class AboutOneObject:
    """What shape is the red object, is it left of the middle, is it above?"""

    texts = tuple(
        sentence.format(color) for color in COLORS for sentence in SENTENCES[:RELATIONAL_FROM]
    )
    questions = len(texts)

    def __init__(self, count, seed):
        drawn = SortOfClevr.generate(count, seed=seed)
        self.pictures = drawn.pictures
        self.asked = np.tile(np.arange(self.questions), (count, 1))
        self.centres = drawn.centres.repeat(RELATIONAL_FROM, axis=1)
        self.circles = drawn.circles.repeat(RELATIONAL_FROM, axis=1)
        middle = SIDE / 2
        yes = (drawn.centres < middle).astype(int)  # "yes" and "no" are 0 and 1
        shape = np.where(drawn.circles, ANSWERS.index("circle"), ANSWERS.index("rectangle"))
        self.answers = np.stack([shape, 1 - yes[..., 0], 1 - yes[..., 1]], axis=-1).ravel()

    @staticmethod
    def head():
        return mmzoo.heads.Softmax(class_names=ANSWERS[:4])


TASKS = {"grounding": Grounding, "sort_of_clevr": AboutOneObject}


def inputs_of(task):
    """The modalities of a task: the picture and the text, whose words are known."""
    words = sorted({word for text in TASKS[task].texts for word in text.strip("?").split()})
    text = SORT_OF_CLEVR_INPUTS["question"]
    text = mmzoo.Text(
        length=text.length, vocabulary_size=len(words) + 2, vocabulary=words, encoder=text.encoder
    )
    return {"image": IMAGE, "question": text}


class Batches(keras.utils.PyDataset):
    """Batches of scenes, shuffled, with all texts about them.

    Args:
        task: a task of `TASKS` with its scenes.
        ids: `(texts, length)` int32, the token ids of all texts.
        seed: of the order.
    """

    def __init__(self, task, ids, seed):
        super().__init__()
        self.task, self.ids, self.seed, self.epoch = task, ids, seed, 0

    def __len__(self):
        return len(self.task.pictures) // BATCH

    def __getitem__(self, index):
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.task.pictures))
        rows = order[index * BATCH : (index + 1) * BATCH]
        answers = self.task.answers.reshape(len(order), self.task.questions, -1)[rows]
        answers = answers.reshape(-1, *self.task.answers.shape[1:])
        pictures = self.task.pictures[rows]
        return {"image": pictures, "question": self.ids, "asked": self.task.asked[rows]}, answers

    def on_epoch_end(self):
        self.epoch += 1


def trained(name, seed, epochs, checkpoints):
    """A model of a task.

    Args:
        name: name of the task.
        seed: of the weights and the scenes.
        epochs: how often each scene is seen.
        checkpoints: folder that an interrupted run goes on from, or `None`.

    Returns:
        `(model, preprocessor)`, for raw rows.
    """
    keras.utils.set_random_seed(seed)
    inputs, task = inputs_of(name), TASKS[name](SCENES, seed=2 * seed)
    head, preprocessor = task.head(), mmzoo.Preprocessor(inputs)
    model = mmzoo.build_model(inputs=inputs, fusion=FUSION, head=head, dim=DIM, compile=False)
    head = model.get_layer("head")
    head.learn(task.answers)
    ids = preprocessor.preprocessings["question"].batch(tf.constant(task.texts))[0]["question"]
    batches = Batches(task, ids.numpy(), seed)
    shared = sharing(model, task.questions)
    optimizer = keras.optimizers.AdamW(warmup_cosine(LEARNING_RATE, epochs * len(batches), WARMUP))
    shared.compile(optimizer, loss=head.make_loss(), metrics=head.make_metrics())
    callbacks = []
    if checkpoints is not None:
        folder = pathlib.Path(checkpoints) / f"{name}-{seed}"
        callbacks = [keras.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False)]
    shared.fit(batches, epochs=epochs, verbose=2, callbacks=callbacks)
    return model, preprocessor


def tests(name, count, seed):
    """Rows of a task that were not trained on, one text a scene.

    Returns:
        Dict: `image`, `N` arrays, and `question`, `N` strings: the raw rows; `masks` `(N, 75, 75)`
        bool, `True` on the object that the text is about; `answers`, what is right.
    """
    task, rows = TASKS[name](count, seed), np.arange(count)
    which = np.random.default_rng(seed).integers(task.questions, size=count)
    centres, circles = task.centres[rows, which], task.circles[rows, which]
    y, x = np.mgrid[:SIDE, :SIDE]
    dx, dy = (at - centre[:, None, None] for at, centre in zip((x, y), centres.T, strict=True))
    square = (abs(dx) <= RADIUS) & (abs(dy) <= RADIUS)
    answers = task.answers.reshape(count, task.questions, -1)[rows, which]
    return {
        "image": list(task.pictures),
        "question": [task.texts[each] for each in task.asked[rows, which]],
        "masks": square & (~circles[:, None, None] | (dx**2 + dy**2 <= RADIUS**2)),
        "answers": answers,
    }


def maps_of(name, model, preprocessor, rows):
    """`(method, (N, 75, 75) array)` for each kind of map; how much counts, whatever its sign."""
    attended = mmzoo.attention(model, preprocessor, rows)
    count = len(rows["image"])
    of_words = [attended.map(row, "question", "image").mean(axis=0) for row in range(count)]
    yield "attention", upsampled(of_words)
    yield "rollout", upsampled([attended.rollout(row, "image") for row in range(count)])
    outputs = (0, 1) if name == "grounding" else (None,)  # x and y, or what was answered
    for method in ("integrated_gradients", "gradients", "occlusion"):
        found = [
            mmzoo.attributions(model, preprocessor, rows, method=method, of=of, patch=PATCH)
            for of in outputs
        ]
        yield method, sum(np.abs(np.stack(each.values["image"])) for each in found)


def upsampled(maps):
    """Maps over the tokens as maps over the pixels, in between linear.

    The encoder's convolutions of 3 pixels with stride 2 centre token `k` on pixel `8 k + 2`.
    """
    pixels = np.arange(SIDE)
    near = np.stack([np.interp(pixels, 8 * np.arange(10) + 2, one) for one in np.eye(10)])
    return np.einsum("nij,iy,jx->nyx", np.stack(maps), near, near)


def hits(maps, masks):
    """`(N,)` bool: whether the maximum of a map lies on the object."""
    places = maps.reshape(len(maps), -1).argmax(axis=1)
    return masks.reshape(len(masks), -1)[np.arange(len(maps)), places]


def run(name, seed, epochs, checkpoints):
    """Trains and measures one model; yields the records for the results file."""
    cpu = cpu_seconds()
    model, preprocessor = trained(name, seed, epochs, checkpoints)
    yield from measured(name, seed, epochs, model, preprocessor, round(cpu_seconds() - cpu))


def measured(name, seed, epochs, model, preprocessor, training_cpu_seconds):
    """A record for each kind of map of a trained model."""
    test = tests(name, TEST_SCENES, seed=2 * seed + 1)
    rows = {key: test[key] for key in ("image", "question")}
    answers = mmzoo.predict(model, preprocessor, rows)
    if name == "grounding":
        right = np.linalg.norm(answers - test["answers"], axis=1) <= RADIUS
    else:
        right = answers.argmax(axis=1) == test["answers"][:, 0]
    started = time.process_time()
    for method, maps in maps_of(name, model, preprocessor, rows):
        hit = hits(maps, test["masks"])
        yield {
            "task": name,
            "fusion": FUSION["class_name"],
            "method": method,
            "seed": seed,
            "hits": round(float(hit.mean()), 4),
            "hits_of_right_answers": round(float(hit[right].mean()), 4),
            "right_answers": round(float(right.mean()), 4),
            "chance": round(float(test["masks"].mean()), 4),
            "test_rows": TEST_SCENES,
            "epochs": epochs,
            "parameters": model.count_params(),
            "cpu_seconds": round(time.process_time() - started),
            "training_cpu_seconds": training_cpu_seconds,
        }
        started = time.process_time()


def table(results):
    """The results as a Markdown table."""
    lines = [
        "| task | right answers | map | hits | of right answers | chance | ms a row |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in sorted(results, key=lambda r: ([*TASKS].index(r["task"]), r["seed"], -r["hits"])):
        lines.append(
            f"| {r['task']} | {r['right_answers']:.1%} | {r['method'].replace('_', ' ')} | "
            f"{r['hits']:.1%} | {r['hits_of_right_answers']:.1%} | {r['chance']:.1%} | "
            f"{1000 * r['cpu_seconds'] / r['test_rows']:.0f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--checkpoints", type=pathlib.Path)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table:
        for name in [arguments.only] if arguments.only else TASKS:
            for seed in arguments.seeds:
                for found in run(name, seed, EPOCHS[name], arguments.checkpoints):
                    keep(NAME, found, ("task", "method", "seed"))
    print(table(read(NAME)))


if __name__ == "__main__":
    main()
