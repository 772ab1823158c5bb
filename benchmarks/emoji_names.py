"""Emoji named in words: a picture, or a picture and its English name, to a name in any language.

    npm pack emojibase-data@17 emoji-datasource-google@16     # and unpack both into FOLDER
    python benchmarks/emoji_names.py --data FOLDER            # all that is not there yet
    python benchmarks/emoji_names.py --data FOLDER --only fr --inputs image text
    python benchmarks/emoji_names.py --table                  # the table of what is there

1,900 emoji of Unicode as 64x64 pictures of Noto (Apache-2.0) with their names in many languages
(emojibase, MIT). Names of one base, what stands in front of the colon (`man: red hair`), are in one
part; of flags each is its own. A tenth is tested on. `en` is written from the picture alone, the
recipe `captioning`; `fr`, `de` and `zh` by the recipe `multimodal_translation`, from picture and
English name, and from each alone. All are at a reduced size, write pieces of words that are learned
from the training names, and have the same epochs and schedule; none was tuned for another. The
floor has no network: the name, in the wanted language, of the training emoji whose English name
shares most runs of two to four characters. chrF and exact matches are over the whole test part.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
from results_file import keep, read

import mmzoo
from mmzoo.targets.text_figures import text_figures
from mmzoo.training import warmup_cosine
from mmzoo.utils.optional_packages import require

NAME = "emoji_names"
#: What tells records apart.
KEYS = ("language", "inputs", "peer", "seed")
LANGUAGES = ("fr", "de", "zh")
NEAREST = "nearest English name"
EPOCHS, BATCH_SIZE, LEARNING_RATE, DIM = 40, 32, 2e-3, 96
LENGTH = 24  # pieces of a name; longer ones are cut, and a warning counts them
FLAGS = "flag: "


def emoji(folder):
    """Dict from a column to its values: paths of pictures, names by language, bases."""
    pictures = next(pathlib.Path(folder).rglob("img/google/64"))
    found = {"image": [], "base": [], **{name: [] for name in ("en", *LANGUAGES)}}
    names = {}
    for language in ("en", *LANGUAGES):
        path = next(pathlib.Path(folder).rglob(f"{language}/data.json"))
        rows = json.loads(path.read_text(encoding="utf-8"))
        names[language] = {row["hexcode"]: row["label"] for row in rows}
    files = {path.stem.upper().replace("-FE0F", ""): path for path in pictures.glob("*.png")}
    for code, name in names["en"].items():
        path = files.get(code.replace("-FE0F", ""))
        if path is None or any(code not in names[language] for language in LANGUAGES):
            continue
        found["image"].append(str(path))
        found["base"].append(name if name.startswith(FLAGS) else name.split(":")[0])
        for language in names:
            found[language].append(names[language][code])
    return found


def parts(rows, seed):
    """`(rows to train on, rows to test on)`, whose bases differ."""
    selection = require("sklearn.model_selection", extra="report")
    splitter = selection.GroupShuffleSplit(1, test_size=0.1, random_state=seed)
    return next(splitter.split(rows["base"], groups=rows["base"]))


def recipe_of(inputs):
    """The recipe, at a size for so few rows: its inputs, fusion, and the head to learn from."""
    head = mmzoo.heads.Words(
        length=LENGTH, unit="wordpiece", vocabulary_size=1500,
        decoder={"class_name": "transformer", "config": {"depth": 2, "dropout": 0.2}},
        label_smoothing=0.1,
    )  # fmt: skip
    makers = {
        "image": mmzoo.Image(
            size=(64, 64), augmentation="crop",
            encoder={"class_name": "resnet", "config": {"filters": [24, 48, 96], "blocks": 1}},
        ),
        "text": mmzoo.Text(
            length=16, vocabulary_size=4000,
            encoder={
                "class_name": "transformer",
                "config": {"embedding_dim": DIM, "depth": 2, "dropout": 0.2},
            },
        ),
    }  # fmt: skip
    fusion = (
        {"class_name": "gated_cross_attention", "config": {"query": "text"}}
        if len(inputs) > 1
        else "sum"
    )
    return {name: makers[name] for name in inputs}, fusion, head


def run(rows, language, names, seed, epochs):
    """Trains and tests one model; a record of the results file."""
    keras.utils.set_random_seed(seed)
    train, test = (
        mmzoo.data.from_arrays(
            {name: [rows["en" if name == "text" else name][row] for row in part] for name in names},
            [rows[language][row] for row in part],
        )
        for part in parts(rows, seed)
    )
    inputs, fusion, head = recipe_of(names)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(train)
    model = mmzoo.build_model(
        inputs=inputs, fusion=fusion, head=preprocessor.head, dim=DIM, compile=False
    )
    rate = warmup_cosine(LEARNING_RATE, epochs * (len(train) // BATCH_SIZE), warmup=0.1)
    model.compile_for_heads(keras.optimizers.AdamW(rate, weight_decay=0.01, clipnorm=1.0))
    started = time.perf_counter()
    data = train.to_dataset(preprocessor, BATCH_SIZE, training=True, seed=seed, cache=True)
    model.fit(data, epochs=epochs, verbose=2)
    report = mmzoo.evaluate(model, test.to_dataset(preprocessor, BATCH_SIZE), verbose=False)
    print(report, flush=True)
    return {
        "language": language,
        "recipe": "captioning" if names == ("image",) else "multimodal_translation",
        "inputs": "+".join(names),
        "seed": seed,
        "chrf": report.chrf,
        "exact_match": report.exact_match,
        "test_rows": report.rows,
        "epochs": epochs,
        "parameters": model.count_params(),
        "seconds": round(time.perf_counter() - started),
    }


def nearest(rows, language, seed):
    """The floor: the record of names that are taken from the nearest training emoji."""
    text = require("sklearn.feature_extraction.text", extra="report")
    train, test = parts(rows, seed)
    vectors = text.TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    known = vectors.fit_transform([rows["en"][row] for row in train])
    asked = vectors.transform([rows["en"][row] for row in test])
    best = np.asarray((asked @ known.T).argmax(axis=1)).reshape(-1)
    answers = [rows[language][train[row]] for row in best]
    figures = text_figures([[rows[language][row]] for row in test], answers, str.split)
    return {
        "language": language,
        "peer": NEAREST,
        "inputs": "text",
        "seed": seed,
        "chrf": figures["chrf"],
        "exact_match": figures["exact_match"],
        "test_rows": len(test),
    }


#: What is measured: the language that is written, and what is read.
RUNS = [("en", ("image",))] + [
    (language, names)
    for language in LANGUAGES
    for names in (("image", "text"), ("text",), ("image",))
]


def table(results):
    """The results as a Markdown table, a row a set of inputs, means over the seeds."""
    lines = [
        "| model | " + " | ".join(f"{name}, chrF (exact, %)" for name in ("en", *LANGUAGES)) + " |",
        "|---" * (2 + len(LANGUAGES)) + "|",
    ]
    for title, wanted in (
        (NEAREST, lambda r: "peer" in r),
        *((inputs, lambda r, inputs=inputs: "peer" not in r and r["inputs"] == inputs)
          for inputs in ("text", "image", "image+text")),
    ):  # fmt: skip
        cells = []
        for language in ("en", *LANGUAGES):
            of_cell = [r for r in results if wanted(r) and r["language"] == language]
            chrf, exact = (
                np.mean([r[figure] for r in of_cell]) if of_cell else 0
                for figure in ("chrf", "exact_match")
            )
            cells.append(f"{chrf:.1f} ({exact:.1%})".replace("%", "") if of_cell else "")
        lines.append(f"| {title.replace('+', ' + ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, help="folder of the unpacked data")
    parser.add_argument("--only", choices=("en", *LANGUAGES), help="the language to write")
    parser.add_argument("--inputs", nargs="+", choices=("image", "text"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    arguments = parser.parse_args()
    if not arguments.table:
        if arguments.data is None:
            parser.error("give --data")
        rows = emoji(arguments.data)
        for seed in arguments.seeds:
            for language in LANGUAGES:
                keep(NAME, nearest(rows, language, seed), KEYS)
            for language, names in RUNS:
                if arguments.only not in (None, language):
                    continue
                if arguments.inputs and set(arguments.inputs) != {*names}:
                    continue
                key = (language, "+".join(names), None, seed)
                if key not in [tuple(r.get(name) for name in KEYS) for r in read(NAME)]:
                    keep(NAME, run(rows, language, names, seed, arguments.epochs), KEYS)
    print(table(read(NAME)))


if __name__ == "__main__":
    main()
