"""Scenes of Sort-of-CLEVR told in sentences, and every statement checked against the scene.

    python benchmarks/scene_sentences.py                # seed 0
    python benchmarks/scene_sentences.py --seeds 0 1 2
    python benchmarks/scene_sentences.py --table        # the table of what is there

"The red circle is at the top left. The green square is at the bottom right. ...": the recipe
`captioning` writes a sentence for each of the six objects, with its shape and which quarter of the
picture its centre is in. Trained on as many scenes as the paper has, 9,800; told are 1,000 others,
by `mmzoo.predict` from PNG bytes, greedily. A statement is true when it names an object that is in
the scene, with its shape and both halves; what does not read as a statement is false. The floor
tells each scene the sentences of another one. A run that was interrupted goes on from its last
checkpoint (`--checkpoints`).
"""

import argparse
import pathlib
import re
import time

import keras
import numpy as np
import tensorflow as tf
from results_file import keep, read

import mmzoo
from mmzoo.data.datasets.sort_of_clevr import COLORS, SIDE, SortOfClevr
from mmzoo.training import warmup_cosine

NAME = "scene_sentences"
#: What tells records apart.
KEYS = ("model", "seed")
FLOOR = "sentences of another scene"
ROWS, TEST_ROWS, TEST_SEED = 9_800, 1_000, 10_000
BATCH_SIZE, EPOCHS, LEARNING_RATE, DIM = 64, 20, 2e-3, 96
#: A token for 8 x 8 pixels.
INPUTS = {
    "image": mmzoo.Image(
        size=(80, 80),
        encoder={
            "class_name": "cnn",
            "config": {
                "filters": [32, 64, DIM],
                "kernel_size": [5, 3, 3],
                "strides": [2, 2, 2],
                "normalization": "group",
                "coordinates": True,
            },
        },
    ),
}
HEAD = {
    "length": 56,
    "vocabulary_size": 24,
    "decoder": {
        "class_name": "transformer",
        "config": {"depth": 2, "hidden_dim": 2 * DIM, "dropout": 0.0},
    },
}
STATEMENT = re.compile(r"The (\w+) (circle|square) is at the (top|bottom) (left|right)\.")


def statements(centres, circles):
    """What is true of a scene: a set of tuples, and so for every scene.

    Args:
        centres: `(N, 6, 2)`, x and y in pixels.
        circles: `(N, 6)` bool.

    Returns:
        `N` lists of `(colour, shape, vertical, horizontal)`.
    """
    return [
        [
            (
                color,
                "circle" if circle else "square",
                "top" if y < SIDE / 2 else "bottom",
                "left" if x < SIDE / 2 else "right",
            )
            for color, circle, (x, y) in zip(COLORS, shapes, places, strict=True)
        ]
        for shapes, places in zip(circles, centres, strict=True)
    ]


def text_of(scene):
    """The sentences of what is true of a scene."""
    return " ".join(
        f"The {color} {shape} is at the {vertical} {horizontal}."
        for color, shape, vertical, horizontal in scene
    )


def figures(texts, scenes):
    """Shares: of statements that are true, of scenes whose objects are all named, of true scenes.

    A sentence is what ends in a full stop, and what is left behind the last one.
    """
    true = said = named = whole = 0
    for text, scene in zip(texts, scenes, strict=True):
        sentences = [part.strip() for part in re.findall(r"[^.]+\.?", text) if part.strip()]
        found = [STATEMENT.fullmatch(sentence) for sentence in sentences]
        right = [match is not None and match.groups() in scene for match in found]
        said += len(right)
        true += sum(right)
        colors = [match[1] for match in found if match is not None]
        every = sorted(colors) == sorted(COLORS)
        named += every
        whole += every and all(right)
    return {
        "statements_true": round(true / max(said, 1), 5),
        "all_objects_named": round(named / len(scenes), 5),
        "scenes_true": round(whole / len(scenes), 5),
        "statements": said,
    }


def rows_of(count, seed):
    """`(records, what is true of each scene)`."""
    scenes = SortOfClevr.generate(count, seed=seed)
    true = statements(scenes.centres, scenes.circles)
    pictures = [tf.io.encode_png(picture).numpy() for picture in scenes.pictures]
    return mmzoo.data.from_arrays({"image": pictures}, [text_of(scene) for scene in true]), true


def run(seed, epochs, checkpoints=None, rows=ROWS, test_rows=TEST_ROWS):
    """Trains and tests one model; a record of the results file."""
    keras.utils.set_random_seed(seed)
    train, _ = rows_of(rows, seed)
    test, true = rows_of(test_rows, TEST_SEED)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=mmzoo.heads.Words(**HEAD))
    preprocessor.adapt(train)
    model = mmzoo.build_model(
        "captioning", inputs=INPUTS, head=preprocessor.head, dim=DIM, compile=False
    )
    rate = warmup_cosine(LEARNING_RATE, epochs * (len(train) // BATCH_SIZE))
    model.compile_for_heads(keras.optimizers.AdamW(rate, clipnorm=1.0))
    started = time.perf_counter()
    mmzoo.training.fit(
        model, train, preprocessor, epochs=epochs, batch_size=BATCH_SIZE, seed=seed, cache=True,
        checkpoints=None if checkpoints is None else f"{checkpoints}/{seed}", verbose=2,
    )  # fmt: skip
    seconds = round(time.perf_counter() - started)
    texts = mmzoo.predict(model, preprocessor, {"image": test.column("image")})
    print(texts[0], flush=True)
    return {
        "model": "captioning",
        "recipe": "captioning",
        "seed": seed,
        **figures(texts, true),
        "test_rows": test_rows,
        "epochs": epochs,
        "parameters": model.count_params(),
        "seconds": seconds,
    }


def floor(seed):
    """The floor's record."""
    true = rows_of(TEST_ROWS, TEST_SEED)[1]
    others = np.roll([text_of(scene) for scene in true], 1)
    return {"model": FLOOR, "seed": seed, **figures(others, true), "test_rows": TEST_ROWS}


def table(results):
    """The results as a Markdown table, a row a model, means over the seeds."""
    lines = [
        "| model | statements that are true, % (each seed) | all six objects named, % | "
        "scenes without an error, % |",
        "|---|---|---|---|",
    ]
    for name in dict.fromkeys(record["model"] for record in results):
        records = sorted((r for r in results if r["model"] == name), key=lambda r: r["seed"])
        mean = {
            figure: 100 * np.mean([record[figure] for record in records])
            for figure in ("statements_true", "all_objects_named", "scenes_true")
        }
        seeds = ", ".join(f"{100 * record['statements_true']:.2f}" for record in records)
        lines.append(
            f"| {name} | {mean['statements_true']:.2f} ({seeds}) | "
            f"{mean['all_objects_named']:.1f} | {mean['scenes_true']:.1f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--checkpoints", type=pathlib.Path)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    arguments = parser.parse_args()
    if not arguments.table:
        keep(NAME, floor(0), KEYS)
        done = {(record["model"], record["seed"]) for record in read(NAME)}
        for seed in arguments.seeds:
            if ("captioning", seed) not in done:
                keep(NAME, run(seed, arguments.epochs, arguments.checkpoints), KEYS)
    print(table(read(NAME)))


if __name__ == "__main__":
    main()
