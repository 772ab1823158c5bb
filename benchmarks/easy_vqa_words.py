"""easy-VQA answered in words: the README's model, with a decoder in place of the softmax.

    python benchmarks/easy_vqa_words.py                 # seed 0: ten minutes on two idle cores
    python benchmarks/easy_vqa_words.py --seeds 0 1 2
    python benchmarks/easy_vqa_words.py --table         # the table of what is there

The same encoders, fusion block, schedule, epochs and split as `benchmarks/easy_vqa.py`, whose
`cross_attention` is the peer: a softmax over the 13 answers. Its floor, the question alone, is
there, too. A row is right when the text that is written is the answer, letter for letter; the test
set is read once a run. Finished runs are kept in `results/easy_vqa_words.json` and not repeated.
"""

import argparse
import pathlib
import time

from results_file import FOLDER, read, write

from mmzoo import fusion as fusions
from mmzoo.commands.quickstart_run import DIM, FUSION, INPUTS, LEARNING_RATE
from mmzoo.commands.train_run import train_run
from mmzoo.data import easy_vqa
from mmzoo.heads import Words

NAME = "easy_vqa_words"
HEAD = {
    "length": 2,
    "vocabulary_size": 20,  # 13 words, and the 4 ids that stand for none
    "decoder": {
        "class_name": "transformer",
        "config": {"depth": 1, "hidden_dim": 128, "dropout": 0.0},
    },
}


def run(seed, epochs, folder):
    """Trains and tests one model; a record of the results file."""
    train, test = easy_vqa("train"), easy_vqa("test")
    train, validation = train.split(0.95, 0.05, seed=seed)
    start = time.perf_counter()
    model, _, report = train_run(
        train, validation, test, folder / f"seed-{seed}", inputs=INPUTS,
        fusion=fusions.get(FUSION, dim=DIM), head=Words(**HEAD), dim=DIM, epochs=epochs,
        learning_rate=LEARNING_RATE, seed=seed, cache=True, verbose=2, resume=True,
    )  # fmt: skip
    return {
        "configuration": "words",
        "fusion": FUSION["class_name"],
        "head": "words",
        "seed": seed,
        "epochs": epochs,
        "exact_match": report.exact_match,
        "wrong": round((1 - report.exact_match) * report.rows),
        "perplexity": report.perplexity,
        "parameters": model.count_params(),
        "seconds": round(time.perf_counter() - start),
    }


def table(results):
    """The results as a Markdown table, beside the softmax and the floor."""
    others = read("easy_vqa")
    rows = [("words", "exact_match", results), ("softmax", "accuracy", others)]
    lines = ["| head | test rows right, % (mean; each seed) |", "|---|---|"]
    for name, figure, records in rows:
        if name == "softmax":
            records = [r for r in records if r["configuration"] == "cross_attention"]
        each = [100 * r[figure] for r in sorted(records, key=lambda r: r["seed"])]
        seeds = ", ".join(f"{right:.2f}" for right in each)
        lines.append(f"| {name} | {sum(each) / len(each):.2f} ({seeds}) |")
    floor = [100 * r["accuracy"] for r in others if r["configuration"] == "question only"]
    lines.append(f"| softmax, question alone | {sum(floor) / len(floor):.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/easy_vqa_words"))
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    for seed in [] if arguments.table else arguments.seeds:
        if all((r["seed"], r["epochs"]) != (seed, arguments.epochs) for r in results):
            results.append(run(seed, arguments.epochs, arguments.runs))
            write(NAME, results, arguments.folder)
    print(table(results))


if __name__ == "__main__":
    main()
