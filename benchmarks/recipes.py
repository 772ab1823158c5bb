"""The recipes as they are, from random weights, on the stamps of Tux Paint.

    python benchmarks/recipes.py                      # all that read pictures, texts or sounds
    python benchmarks/recipes.py --only gmu --seeds 0
    python benchmarks/recipes.py --only linear_sum --features tuxpaint.npz
    python benchmarks/recipes.py --only bert_resnet50_concat --minilm all-MiniLM-L6-v2
    python benchmarks/recipes.py --table              # the table of what is there

690 stamps of 8 topics (Debian's package `tuxpaint-stamps-default`): a picture, an English caption
and its French pronunciation; a recipe gets those that it has inputs for. A fifth is tested on, no
caption of which is in the rest; the largest topic has 35.8 % of the stamps. That is little data:
the numbers say that a recipe learns, not what it is worth. Finished runs are kept in
`results/recipes.json` and not repeated.

Three recipes get something else: `linear_sum` the vectors that `tuxpaint.py` keeps (MiniLM of the
caption, EfficientNet-Lite0 of the picture); `bert_resnet50_concat` the weights of all-MiniLM-L6-v2
(a Hugging Face folder), which stay as they are, beside a ResNet-50 that starts from random ones;
and `cnn_rnn_regression` says how many seconds the pronunciation takes, of which R^2 is measured: 0
for whoever says the mean. `mult` is not measured: it needs videos.
"""

import argparse
import dataclasses
import time

import keras
import numpy as np
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.training import warmup_cosine
from mmzoo.utils.optional_packages import require

NAME = "recipes"
BATCH_SIZE = 16
LEARNING_RATE = 3e-4
INPUTS = {"image", "text", "audio"}
#: What a record calls the data; where the recipe gets something else than the stamps' topics.
STAMPS = "Tux Paint stamps"
VARIANTS = {
    "bert_resnet50_concat": f"{STAMPS}, frozen all-MiniLM-L6-v2",
    "cnn_rnn_regression": f"{STAMPS}, seconds of speech",
    "linear_sum": f"{STAMPS}, MiniLM and EfficientNet-Lite0",
}


def fitting():
    """The recipes whose inputs the stamps have, and that need nothing but them."""
    needing = {"bert_resnet50_concat", "linear_sum"}
    recipes = {name: mmzoo.recipes.get(name) for name in mmzoo.list_models() if name not in needing}
    return [
        name
        for name, recipe in recipes.items()
        if set(recipe.inputs) <= INPUTS and not mmzoo.heads.get(recipe.head).reads_tokens
    ]


def seconds_of(path):
    """How long a sound takes."""
    return require("soundfile", extra="audio").info(path).duration


def prepared(name, stamps, features=None, minilm=None):
    """`(recipe, rows)` of one run."""
    columns, labels = stamps.columns, stamps.labels
    if name == "bert_resnet50_concat":
        recipe = mmzoo.recipes.bert_resnet50_concat({"text": minilm})
    else:
        recipe = mmzoo.recipes.get(name)
    if name == "cnn_rnn_regression":
        labels = [seconds_of(path) for path in columns["audio"]]
    if name == "linear_sum":
        with np.load(features) as vectors:
            columns = {key: vectors[key.removesuffix("_features")] for key in recipe.inputs}
        inputs = {
            key: dataclasses.replace(modality, dim=columns[key].shape[1])
            for key, modality in recipe.inputs.items()
        }
        recipe = dataclasses.replace(recipe, inputs=inputs)
    columns = {key: columns[key] for key in recipe.inputs}
    return recipe, mmzoo.data.from_arrays(columns, labels)


def run(stamps, name, seed, epochs, **sources):
    """Trains and tests one recipe; a record of the results file."""
    recipe, rows = prepared(name, stamps, **sources)
    train, test = rows.split(0.8, 0.2, seed=seed, groups=stamps.columns["text"])
    preprocessor = mmzoo.Preprocessor(recipe.inputs)
    preprocessor.adapt(train)
    keras.utils.set_random_seed(seed)
    if rows.class_names:
        head = mmzoo.heads.Softmax(class_names=rows.class_names)
        metrics, figure = head.make_metrics(), "accuracy"
    else:
        head = mmzoo.heads.Regression()
        metrics, figure = [keras.metrics.R2Score(name="r2")], "r2"
    model = mmzoo.build_model(recipe, head=head, compile=False)
    schedule = warmup_cosine(LEARNING_RATE, epochs * (len(train) // BATCH_SIZE))
    model.compile(keras.optimizers.AdamW(schedule), loss=head.make_loss(), metrics=metrics)
    start = time.perf_counter()
    batches = train.to_dataset(preprocessor, BATCH_SIZE, training=True, seed=seed, cache=True)
    model.fit(batches, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    measured = model.evaluate(test.to_dataset(preprocessor), verbose=0, return_dict=True)
    return {
        "recipe": name,
        "data": VARIANTS.get(name, STAMPS),
        "seed": seed,
        "epochs": epochs,
        figure: measured[figure],
        "parameters": model.count_params(),
        "seconds": seconds,
    }


def said(record):
    """`"63.8 %"`, or `"R^2 0.63"`."""
    return (
        f"{100 * record['accuracy']:.1f} %" if "accuracy" in record else f"R^2 {record['r2']:.2f}"
    )


def table(results):
    """The results as a Markdown table, a row a recipe."""
    lines = [
        "| recipe | data | test accuracy, or R^2, of each seed | parameters |",
        "|---" * 4 + "|",
    ]
    for name in sorted({r["recipe"] for r in results}):
        records = sorted((r for r in results if r["recipe"] == name), key=lambda r: r["seed"])
        first, each = records[0], ", ".join(map(said, records))
        lines.append(f"| {name} | {first['data']} | {each} | {first['parameters']:,} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="/usr/share/tuxpaint/stamps", help="where the stamps are")
    parser.add_argument("--features", help="the vectors that tuxpaint.py keeps, for linear_sum")
    parser.add_argument("--minilm", help="a Hugging Face folder, for bert_resnet50_concat")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*fitting(), "bert_resnet50_concat", "linear_sum"],
        help="default: all that need no further argument",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    names = arguments.only or fitting()
    for name, needed in (("linear_sum", "features"), ("bert_resnet50_concat", "minilm")):
        if name in names and not getattr(arguments, needed) and not arguments.table:
            parser.error(f"{name} needs --{needed}")
    results = read(NAME, arguments.folder)
    done = {(r["recipe"], r["seed"], r["epochs"]) for r in results}
    stamps = None if arguments.table else mmzoo.data.tux_paint(arguments.data)
    for seed in [] if arguments.table else arguments.seeds:
        for name in names:
            if (name, seed, arguments.epochs) in done:
                continue
            record = run(stamps, name, seed, arguments.epochs,
                         features=arguments.features, minilm=arguments.minilm)  # fmt: skip
            results.append(record)
            write(NAME, results, arguments.folder)
            print(f"{name}, seed {seed}: {said(record)}, {record['seconds']:.0f} s", flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
