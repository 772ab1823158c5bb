"""easy-VQA: the README's model, its parts left out, and its fusion block exchanged.

    python benchmarks/easy_vqa.py                       # all, three seeds: an hour or two
    python benchmarks/easy_vqa.py --only cross_attention --seeds 0
    python benchmarks/easy_vqa.py --table               # the table of what is there

Finished runs are kept in `results/easy_vqa.json` and not repeated. Every configuration has the same
encoders, schedule and epochs; the test set is read once a run.
"""

import argparse
import pathlib
import tempfile
import time

from results_file import FOLDER, read, write

from mmzoo import fusion as fusions
from mmzoo.commands.quickstart_run import DIM, FUSION, INPUTS, LEARNING_RATE
from mmzoo.commands.train_run import train_run
from mmzoo.data import easy_vqa

NAME = "easy_vqa"
HIDDEN = FUSION["config"]["hidden_units"]
ATTENTION = {key: value for key, value in FUSION["config"].items() if key != "hidden_units"}

#: name -> (inputs, fusion).
CONFIGURATIONS = {
    "question only": (["question"], "concat"),
    "image only": (["image"], "concat"),
    "sum": (list(INPUTS), "sum"),
    "concat": (list(INPUTS), "concat"),
    "product": (list(INPUTS), "product"),
    "merged_attention": (list(INPUTS), "merged_attention"),
    "cross_attention": (list(INPUTS), "cross_attention"),
}


def run(name, seed, epochs):
    """Trains and tests one configuration; a record of the results file."""
    keys, fusion = CONFIGURATIONS[name]
    config = {"hidden_units": HIDDEN}
    if fusion in ("cross_attention", "merged_attention"):
        config |= ATTENTION
    inputs = {key: INPUTS[key] for key in keys}
    train, test = easy_vqa("train"), easy_vqa("test")
    train, validation = train.split(0.95, 0.05, seed=seed)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model, _, report = train_run(
            train, validation, test, pathlib.Path(folder) / "run", inputs=inputs,
            fusion=fusions.get({"class_name": fusion, "config": config}, dim=DIM), dim=DIM,
            epochs=epochs, learning_rate=LEARNING_RATE, seed=seed, cache=True, verbose=0,
        )  # fmt: skip
    return {
        "configuration": name,
        **({"fusion": fusion} if len(keys) > 1 else {}),
        "inputs": "+".join(keys),
        "seed": seed,
        "epochs": epochs,
        "accuracy": report.accuracy,
        "wrong": round((1 - report.accuracy) * report.rows),
        "parameters": model.count_params(),
        "seconds": time.perf_counter() - start,
    }


def table(results):
    """The results as a Markdown table, a row a configuration."""
    lines = [
        "| configuration | test accuracy, % (mean; each seed) | parameters |",
        "|---|---|---|",
    ]
    for name in CONFIGURATIONS:
        records = [r for r in results if r["configuration"] == name]
        if records:
            each = [100 * r["accuracy"] for r in sorted(records, key=lambda r: r["seed"])]
            seeds = ", ".join(f"{accuracy:.2f}" for accuracy in each)
            mean = sum(each) / len(each)
            lines.append(f"| {name} | {mean:.2f} ({seeds}) | {records[0]['parameters']:,} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    done = {(r["configuration"], r["seed"], r["epochs"]) for r in results}
    wanted = [(name, seed) for seed in arguments.seeds for name in arguments.only]
    missing = [(name, seed) for name, seed in wanted if (name, seed, arguments.epochs) not in done]
    for name, seed in [] if arguments.table else missing:
        record = run(name, seed, arguments.epochs)
        results.append(record)
        write(NAME, results, arguments.folder)
        print(f"{name}, seed {seed}: {100 * record['accuracy']:.2f} %, "
              f"{record['seconds']:.0f} s", flush=True)  # fmt: skip
    print(table(results))


if __name__ == "__main__":
    main()
