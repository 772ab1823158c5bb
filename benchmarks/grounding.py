"""Grounding: where in a scene is "the red circle"? A box and a mask, by one model.

    python benchmarks/grounding.py                    # both conditions, 20 minutes each
    python benchmarks/grounding.py --only twin
    python benchmarks/grounding.py --table            # the table of what is there

The scenes are those of Sort-of-CLEVR: six objects of six colours on white. In the condition `twin`
a seventh has the colour of the one that is named, and the other shape, so that the colour alone
does not tell. Measured is the intersection over union in the pixels of the picture as it was sent,
of what `mmzoo.predict` answers for raw rows. A run that was interrupted goes on from its last
checkpoint (`--checkpoints`).
"""

import argparse
import pathlib
import resource
import time

import keras
import numpy as np
import tensorflow as tf
from results_file import keep, read

import mmzoo
from mmzoo.data.datasets.sort_of_clevr import COLORS, RADIUS, SIDE
from mmzoo.training import warmup_cosine

NAME = "grounding"
CONDITIONS = ("plain", "twin")
SHAPES = ("square", "circle")
ROWS, TEST_ROWS = 10_240, 1_000
BATCH, EPOCHS, LEARNING_RATE = 64, 15, 2e-3
DIM = 48
#: 80 x 80 pixels, so that a token answers for 4 x 4 of them.
INPUTS = {
    "image": mmzoo.Image(
        size=(80, 80),
        encoder={
            "class_name": "cnn",
            "config": {
                "filters": [16, 32, DIM],
                "kernel_size": [5, 3, 3],
                "strides": [2, 2, 1],
                "normalization": "group",
            },
        },
    ),
    "text": mmzoo.Text(
        length=3,
        vocabulary_size=12,
        encoder={
            "class_name": "bag",
            "config": {
                "embedding_dim": DIM,
                "pooling": None,
                "embeddings_initializer": {"class_name": "RandomNormal", "config": {"stddev": 1.0}},
            },
        },
    ),
}
#: The picture's tokens read the words.
FUSION = {
    "class_name": "gated_cross_attention",
    "config": {"query": "image", "depth": 2, "hidden_dim": 2 * DIM},
}


def heads():
    return {"box": mmzoo.heads.Box(hidden_units=96), "mask": mmzoo.heads.Mask(hidden_units=96)}


def scenes(count, twin, seed):
    """Draws scenes, and names one object of each.

    Returns:
        Dict: `pictures` `(N, 75, 75, 3)` uint8; `texts`, `N` strings; `boxes` `(N, 4)`, around the
        whole object; `masks` `(N, 75, 75)` uint8, 1 where it can be seen; and of all objects
        `centres` `(N, objects, 2)`, x and y, `colors` `(N, objects)`, positions in `COLORS`, and
        `circles` `(N, objects)`, positions in `SHAPES`.
    """
    generator = np.random.default_rng(seed)
    rows, objects = np.arange(count), len(COLORS) + twin
    named = generator.integers(len(COLORS), size=count)
    colors = np.tile(np.arange(len(COLORS)), (count, 1))
    circles = generator.random((count, len(COLORS))) < 0.5
    if twin:
        colors = np.concatenate([colors, named[:, None]], axis=1)
        circles = np.concatenate([circles, ~circles[rows, named][:, None]], axis=1)
    # Who lies above whom is as random as where they lie.
    order = np.argsort(generator.random((count, objects)), axis=1)
    colors, circles = (np.take_along_axis(x, order, axis=1) for x in (colors, circles))
    named = (order == named[:, None]).argmax(axis=1)
    centres = _centres(generator, count, objects)

    dy, dx = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1].reshape(2, -1)
    disc = dx**2 + dy**2 <= RADIUS**2
    palette = np.array([*COLORS.values()], "uint8")
    pictures = np.full((count, SIDE, SIDE, 3), 255, "uint8")
    owners = np.full((count, SIDE, SIDE), -1)
    for number in range(objects):
        drawn = np.where(circles[:, number, None], disc, True)
        scene, pixel = np.nonzero(drawn)
        y = centres[scene, number, 1] + dy[pixel]
        x = centres[scene, number, 0] + dx[pixel]
        pictures[scene, y, x] = palette[colors[scene, number]]
        owners[scene, y, x] = number
    names = [*COLORS]
    texts = [
        f"the {names[colors[row, n]]} {SHAPES[int(circles[row, n])]}" for row, n in enumerate(named)
    ]
    centre = centres[rows, named]
    boxes = np.concatenate([centre - RADIUS, centre + RADIUS + 1], axis=1)
    masks = (owners == named[:, None, None]).astype("uint8")
    return {
        "pictures": pictures, "texts": texts, "boxes": boxes, "masks": masks,
        "centres": centres, "colors": colors, "circles": circles.astype(int),
    }  # fmt: skip


def _centres(generator, count, objects):
    """`(count, objects, 2)`: x and y, at least two radii apart."""
    centres = np.zeros((count, objects, 2), int)
    for number in range(objects):
        waiting = np.arange(count)
        while waiting.size:
            tried = generator.integers(RADIUS, SIDE - RADIUS, size=(waiting.size, 2))
            squared = ((centres[waiting, :number] - tried[:, None]) ** 2).sum(axis=-1)
            free = (squared >= (2 * RADIUS) ** 2).all(axis=1)
            centres[waiting[free], number] = tried[free]
            waiting = waiting[~free]
    return centres


def records(drawn):
    """The scenes as raw rows: PNG files, sentences, boxes, and PNG files of the masks."""
    return mmzoo.data.from_arrays(
        {"image": [_png(picture) for picture in drawn["pictures"]], "text": drawn["texts"]},
        labels={
            "box": drawn["boxes"].tolist(),
            "mask": [_png(mask[..., None]) for mask in drawn["masks"]],
        },
    )


def _png(pixels):
    return tf.io.encode_png(pixels).numpy()


def box_overlap(one, other):
    """`(N,)`: intersection over union of boxes in pixels."""
    iou, _ = mmzoo.targets.overlap.overlaps(one, other)
    return keras.ops.convert_to_numpy(iou)


def mask_overlap(files, masks):
    """`(N,)`: intersection over union of PNG files and masks, pixel by pixel."""
    found = np.stack([tf.io.decode_png(file).numpy()[..., 0] for file in files]) == 1
    right = masks == 1
    return (found & right).sum(axis=(1, 2)) / (found | right).sum(axis=(1, 2))


def run(condition, seed, rows, test_rows, epochs, checkpoints):
    """Trains and measures one model; the record for the results file."""
    started, cpu = time.perf_counter(), cpu_seconds()
    keras.utils.set_random_seed(seed)
    train = records(scenes(rows, condition == "twin", seed=2 * seed))
    test = scenes(test_rows, condition == "twin", seed=2 * seed + 1)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=heads())
    preprocessor.adapt(train)
    model = mmzoo.build_model(inputs=INPUTS, fusion=FUSION, head=heads(), dim=DIM, compile=False)
    steps = epochs * (rows // BATCH)
    rate = warmup_cosine(LEARNING_RATE, steps, warmup=0.05)
    model.compile_for_heads(keras.optimizers.AdamW(rate, clipnorm=1.0))
    mmzoo.training.fit(
        model,
        train,
        preprocessor,
        epochs=epochs,
        batch_size=BATCH,
        seed=seed,
        checkpoints=None if checkpoints is None else f"{checkpoints}/{condition}-{seed}",
        verbose=2,
        cache=True,
    )
    asked = records(test)
    answers = mmzoo.predict(model, preprocessor, {k: asked.columns[k] for k in INPUTS})
    of_box = box_overlap(answers["box"], test["boxes"])
    of_mask = mask_overlap(answers["mask"], test["masks"])
    return {
        "condition": condition,
        "fusion": FUSION["class_name"],
        "seed": seed,
        "box_iou": round(float(of_box.mean()), 4),
        "box_over_half": round(float((of_box > 0.5).mean()), 4),
        "mask_iou": round(float(of_mask.mean()), 4),
        "mask_over_half": round(float((of_mask > 0.5).mean()), 4),
        "train_rows": rows,
        "test_rows": test_rows,
        "steps": steps,
        "parameters": model.count_params(),
        "seconds": round(time.perf_counter() - started),
        "cpu_seconds": round(cpu_seconds() - cpu),
    }


def cpu_seconds():
    """What this process has computed so far, on all cores together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def table(results):
    """The results as a Markdown table."""
    lines = [
        "| scenes | box IoU | > 0.5 | mask IoU | > 0.5 | CPU seconds |",
        "|---|---|---|---|---|---|",
    ]
    for r in sorted(results, key=lambda r: (r["condition"], r["seed"])):
        lines.append(
            f"| {r['condition']} | {r['box_iou']:.3f} | {r['box_over_half']:.1%} | "
            f"{r['mask_iou']:.3f} | {r['mask_over_half']:.1%} | {r['cpu_seconds']} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=CONDITIONS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--checkpoints", type=pathlib.Path)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table:
        for condition in [arguments.only] if arguments.only else CONDITIONS:
            for seed in arguments.seeds:
                found = run(
                    condition, seed, ROWS, TEST_ROWS, arguments.epochs, arguments.checkpoints
                )
                keep(NAME, found, ("condition", "seed"))
    print(table(read(NAME)))


if __name__ == "__main__":
    main()
