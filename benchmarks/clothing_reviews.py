"""Does a customer recommend the dress? A table and a text, beside pytorch-widedeep.

    python -m venv peer && peer/bin/pip install pytorch-widedeep      # it wants another NumPy
    python benchmarks/clothing_reviews.py --python peer/bin/python    # all: half an hour
    python benchmarks/clothing_reviews.py --table                     # the table of what is there

The 22,641 Women's Clothing E-Commerce Reviews with a text, as pytorch-widedeep ships them: from
age, votes, division, department and class of the article, and title and text of the review, whether
its writer recommends it (82 % do). The rating, which all but says so, is left out. A fifth of the
rows is tested on, a twentieth chooses the epoch; every seed has its own split. Both sides get the
same rows (mmzoo reads the first 60 tokens of a text, pytorch-widedeep the last 110 of its own),
AdamW with the same schedule and the weights of the epoch with the lowest validation loss. Finished
runs are kept in `results/clothing_reviews.json` and not repeated.

References: https://github.com/jrzaurin/pytorch-widedeep; the reviews:
https://www.kaggle.com/datasets/nicapotato/womens-ecommerce-clothing-reviews.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.commands.train_run import train_run
from mmzoo.utils.optional_packages import require

NAME = "clothing_reviews"
PEER = pathlib.Path(__file__).with_name("clothing_reviews_widedeep.py")
NUMERIC = ["Age", "Positive Feedback Count"]
CATEGORICAL = ["Division Name", "Department Name", "Class Name"]
LENGTH, BATCH_SIZE, LEARNING_RATE = 60, 128, 2e-3
#: pytorch-widedeep keeps the last tokens of a text, and its markers of capitals count: the title
#: would be lost of most.
PEER_LENGTH = 110
WORDS = {"class_name": "cnn", "config": {"pooling": "max"}}
WIDEDEEP = "pytorch-widedeep"
#: name -> (modalities, fusion); pytorch-widedeep has its own script.
CONFIGURATIONS = {
    WIDEDEEP: None,
    "table alone": (["item"], "concat"),
    "text alone": (["text"], "concat"),
    "concat": (["item", "text"], "concat"),
    "gated": (["item", "text"], "gated"),
}


def prepared(path, label="Recommended IND"):
    """The reviews with a text, as a `pandas.DataFrame` with the columns `text` and `label`."""
    pandas = require("pandas", extra="report")
    reviews = pandas.read_csv(path)
    reviews["label"] = reviews[label]
    reviews["text"] = reviews[["Title", "Review Text"]].fillna("").agg(". ".join, axis=1)
    return reviews[reviews["Review Text"].notna()][[*NUMERIC, *CATEGORICAL, "text", "label"]]


def split(reviews, seed):
    """Dict of three tables, from one stratified split."""
    records = mmzoo.data.from_arrays({"row": list(range(len(reviews)))}, reviews["label"].tolist())
    parts = records.split(0.75, 0.05, 0.2, seed=seed)
    names = ("train", "validation", "test")
    return {name: reviews.iloc[part.column("row")] for name, part in zip(names, parts, strict=True)}


def run_mmzoo(tables, name, seed, epochs):
    """`(probabilities, facts)` of one of mmzoo's configurations."""
    modalities, fusion = CONFIGURATIONS[name]
    inputs = {
        "item": mmzoo.Tabular(numeric=NUMERIC, categorical=CATEGORICAL),
        "text": mmzoo.Text(length=LENGTH, vocabulary_size=10_000, encoder=WORDS),
    }
    inputs = {key: inputs[key] for key in modalities}
    columns = {"item": [*NUMERIC, *CATEGORICAL], "text": "text"}
    parts = {
        part: mmzoo.data.from_dataframe(rows, columns, label="label")
        for part, rows in tables.items()
    }
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model, preprocessor, _ = train_run(
            *parts.values(), pathlib.Path(folder) / "run", inputs=inputs, fusion=fusion, dim=128,
            epochs=epochs, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, seed=seed, verbose=0,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    probabilities = model.predict(parts["test"].to_dataset(preprocessor, 256), verbose=0)[:, 1]
    facts = {"fusion": fusion, "inputs": "+".join(modalities)}
    return probabilities, {**facts, "parameters": model.count_params(), "seconds": seconds}


def run_peer(tables, python, seed, epochs):
    """`(probabilities, facts)` of pytorch-widedeep, in the Python that has it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        columns = {"numeric": NUMERIC, "categorical": CATEGORICAL}
        (folder / "columns.json").write_text(json.dumps(columns))
        for part, rows in tables.items():
            rows.to_csv(folder / f"{part}.csv", index=False)
        options = {
            "seed": seed, "epochs": epochs, "batch-size": BATCH_SIZE, "length": PEER_LENGTH,
            "learning-rate": LEARNING_RATE,
        }  # fmt: skip
        options = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
        subprocess.run([python, str(PEER), "run", str(folder), *options], check=True)
        answer = json.loads((folder / "answer.json").read_text())
    facts = {"inputs": "item+text", **{key: answer[key] for key in ("parameters", "seconds")}}
    return np.array(answer["probabilities"]), facts


def run(reviews, name, seed, epochs, python):
    """Trains and tests one configuration; a record of the results file."""
    metrics = require("sklearn.metrics", extra="report")
    tables = split(reviews, seed)
    if name == WIDEDEEP:
        probabilities, facts = run_peer(tables, python, seed, epochs)
    else:
        probabilities, facts = run_mmzoo(tables, name, seed, epochs)
    labels = tables["test"]["label"].to_numpy()
    return {
        "configuration": name,
        "seed": seed,
        "epochs": epochs,
        "accuracy": float(metrics.accuracy_score(labels, probabilities > 0.5)),
        "f1_macro": float(metrics.f1_score(labels, probabilities > 0.5, average="macro")),
        "roc_auc": float(metrics.roc_auc_score(labels, probabilities)),
        **facts,
    }


def table(results):
    """The results as a Markdown table, a row a configuration, means over the seeds."""
    lines = ["| model | accuracy, % (each seed) | macro F1, % | ROC AUC, % | parameters |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name in CONFIGURATIONS:
        records = sorted((r for r in results if r["configuration"] == name),
                         key=lambda r: r["seed"])  # fmt: skip
        if records:
            each = ", ".join(f"{100 * r['accuracy']:.2f}" for r in records)
            means = [100 * np.mean([r[figure] for r in records])
                     for figure in ("accuracy", "f1_macro", "roc_auc")]  # fmt: skip
            lines.append(f"| {name} | {means[0]:.2f} ({each}) | {means[1]:.2f} | {means[2]:.2f} "
                         f"| {records[0]['parameters']:,} |")  # fmt: skip
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="one that has pytorch-widedeep")
    parser.add_argument("--data", help="CSV file of the reviews; default: pytorch-widedeep's")
    parser.add_argument("--only", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if not arguments.table:
        done = {(r["configuration"], r["seed"], r["epochs"]) for r in results}
        reviews = reviews_of(arguments.data, arguments.python)
        for seed in arguments.seeds:
            for name in arguments.only:
                if (name, seed, arguments.epochs) in done:
                    continue
                record = run(reviews, name, seed, arguments.epochs, arguments.python)
                results.append(record)
                write(NAME, results, arguments.folder)
                print(f"{name}, seed {seed}: {100 * record['accuracy']:.2f} %, "
                      f"{record['seconds']:.0f} s", flush=True)  # fmt: skip
    print(table(results))


def reviews_of(data, python, label="Recommended IND"):
    """The prepared table of a CSV file, or of the reviews that pytorch-widedeep ships."""
    if data is not None:
        return prepared(data, label)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "reviews.csv"
        subprocess.run([python, str(PEER), "table", str(path)], check=True)
        return prepared(path, label)


if __name__ == "__main__":
    main()
