"""The recipes as they are, from random weights, on the stamps of Tux Paint.

    python benchmarks/recipes.py                      # all that read pictures, texts or sounds
    python benchmarks/recipes.py --only gmu --seeds 0
    python benchmarks/recipes.py --table              # the table of what is there

690 stamps of 8 topics (Debian's package `tuxpaint-stamps-default`): a picture, an English caption
and its French pronunciation; a recipe gets those that it has inputs for. A fifth is tested on, no
caption of which is in the rest; the largest topic has 35.8 % of the stamps. That is little data:
the numbers say that a recipe learns, not what it is worth. Finished runs are kept in
`results/recipes.json` and not repeated.
"""

import argparse
import time

import keras
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.training.run import warmup_cosine

NAME = "recipes"
BATCH_SIZE = 16
LEARNING_RATE = 3e-4
INPUTS = {"image", "text", "audio"}


def fitting():
    """The recipes of classes whose inputs the stamps have, and that need no extra."""
    names = [name for name in mmzoo.list_models() if name != "bert_resnet50_concat"]
    recipes = {name: mmzoo.recipes.get(name) for name in names}
    return [
        name
        for name, recipe in recipes.items()
        if set(recipe.inputs) <= INPUTS and not isinstance(recipe.head, mmzoo.heads.Regression)
    ]


def run(records, name, seed, epochs):
    """Trains and tests one recipe; a record of the results file."""
    recipe = mmzoo.recipes.get(name)
    columns = {key: records.columns[key] for key in recipe.inputs}
    rows = mmzoo.data.from_arrays(columns, records.labels)
    train, test = rows.split(0.8, 0.2, seed=seed, groups=records.columns["text"])
    preprocessor = mmzoo.Preprocessor(recipe.inputs)
    preprocessor.adapt(train)
    keras.utils.set_random_seed(seed)
    head = mmzoo.heads.Softmax(class_names=rows.class_names)
    model = mmzoo.build_model(recipe, head=head, compile=False)
    schedule = warmup_cosine(LEARNING_RATE, epochs * (len(train) // BATCH_SIZE))
    model.compile(
        keras.optimizers.AdamW(schedule), loss=head.make_loss(), metrics=head.make_metrics()
    )
    start = time.perf_counter()
    batches = train.to_dataset(preprocessor, BATCH_SIZE, training=True, seed=seed, cache=True)
    model.fit(batches, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    measured = model.evaluate(test.to_dataset(preprocessor), verbose=0, return_dict=True)
    return {
        "recipe": name,
        "data": "Tux Paint stamps",
        "seed": seed,
        "epochs": epochs,
        "accuracy": measured["accuracy"],
        "parameters": model.count_params(),
        "seconds": seconds,
    }


def table(results):
    """The results as a Markdown table, a row a recipe."""
    lines = ["| recipe | test accuracy, % (each seed) | parameters |", "|---|---|---|"]
    for name in sorted({r["recipe"] for r in results}):
        records = sorted((r for r in results if r["recipe"] == name), key=lambda r: r["seed"])
        each = [100 * r["accuracy"] for r in records]
        seeds = ", ".join(f"{accuracy:.1f}" for accuracy in each)
        mean = sum(each) / len(each)
        lines.append(f"| {name} | {mean:.1f} ({seeds}) | {records[0]['parameters']:,} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="/usr/share/tuxpaint/stamps", help="where the stamps are")
    parser.add_argument("--only", nargs="+", choices=fitting(), default=fitting())
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    done = {(r["recipe"], r["seed"], r["epochs"]) for r in results}
    records = None if arguments.table else mmzoo.data.tux_paint(arguments.data)
    for seed in [] if arguments.table else arguments.seeds:
        for name in arguments.only:
            if (name, seed, arguments.epochs) in done:
                continue
            record = run(records, name, seed, arguments.epochs)
            results.append(record)
            write(NAME, results, arguments.folder)
            print(f"{name}, seed {seed}: {100 * record['accuracy']:.1f} %, "
                  f"{record['seconds']:.0f} s", flush=True)  # fmt: skip
    print(table(results))


if __name__ == "__main__":
    main()
