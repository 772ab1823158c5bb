"""Telephone prompts read by the head `Transcript`, letter by letter, beside nearest neighbours.

    apt-get download asterisk-core-sounds-en-wav        # Debian's package; unpack it: dpkg -x
    python benchmarks/prompts.py --sounds FOLDER --sentences core-sounds-en.txt
    python benchmarks/prompts.py --sounds FOLDER --sentences core-sounds-en.txt --folds 0 1
    python benchmarks/prompts.py --table                # the table of what is there

The English prompts of the telephone exchange Asterisk, 8 kHz, one speaker in a studio (Digium,
CC-BY-SA-3.0), and what is said in them: `core-sounds-en.txt` of
https://github.com/JessicaMulein/asterisk-custom-poly-sounds. What stands in brackets is not said,
so tones and silences are left out; so are recordings that another prompt has, too, and those of
more than `SECONDS`. Of the sentences letters, in lower case, digits, apostrophes and spaces are
kept, so "press 1" and "press one" are two ways to write what sounds the same.

Ten folds by file. Some sentences were recorded more than once, so a text may be in both parts; the
recording is not. For training the prompts are put one behind another, up to `SECONDS` a row, in
`COPIES` random orders and at random speed; bands and stretches of the spectrum are hidden
(SpecAugment). These settings are the first that were tried, on a part of the training rows of the
first fold; nothing was tuned, and more epochs help.

The floor has no network: the text of the training prompt that is nearest, in log-mel frames
stretched to one length. Finished folds are kept in `results/prompts.json` and not repeated.
"""

import argparse
import pathlib
import re
import time
import wave

import keras
import numpy as np
from results_file import FOLDER, read, write
from spoken_strings import nearest, vectors

import mmzoo
from mmzoo.targets.error_rates import error_rates
from mmzoo.training import warmup_cosine

NAME = "prompts"
RATE, SECONDS = 8000, 8.0
FOLDS = 10
ALPHABET = " '0123456789abcdefghijklmnopqrstuvwxyz"
#: How often the prompts are put together anew, and how much faster or slower they are then.
COPIES, SPEEDS = 6, (0.9, 1.1)
BATCH_SIZE, LEARNING_RATE, EPOCHS = 16, 3e-3, 6
#: A frame each 30 ms.
ENCODER = {
    "class_name": "crnn",
    "config": {"mel_bins": 40, "stride_seconds": 0.015, "units": 128, "dropout": 0.2},
}
INPUTS = {"audio": mmzoo.Audio(RATE, SECONDS, encoder=ENCODER, augmentation="specaugment")}
NEAREST, MODEL = "nearest prompt", "CTC, by characters"
FIGURES = ("cer", "wer", "exact_match")


def text_of(sentence):
    """A sentence as it is learned; empty where nothing is said."""
    said = re.sub(r"\[.*?\]|\(.*?\)|<.*?>", " ", sentence.lower())
    return " ".join(re.sub(f"[^{ALPHABET}]", " ", said).split())


def prompts(sounds, sentences):
    """List of `(text, samples)`, and how many were left out because they are too long."""
    files = {path.stem: path for path in pathlib.Path(sounds).rglob("*.wav")}
    if "activated" not in files:
        raise FileNotFoundError(f"There are no prompts of Asterisk in {sounds}.")
    root = files["activated"].parent
    found, heard, too_long = [], set(), 0
    for line in pathlib.Path(sentences).read_text(encoding="utf-8").splitlines():
        name, _, sentence = line.partition(":")
        path, text = root / f"{name.removesuffix('.wav')}.wav", text_of(sentence)
        if line.startswith(";") or not text or not path.exists():
            continue
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise ValueError(f"{path} is not of 8 kHz, one channel and 16 bits.")
            encoded = file.readframes(file.getnframes())
        samples = np.frombuffer(encoded, "<i2")
        too_long += len(samples) > SECONDS * RATE
        if len(samples) <= SECONDS * RATE and encoded not in heard:
            heard.add(encoded)
            found.append((text, samples))
    return found, too_long


def together(prompts, seed):
    """Rows to train on: prompts in random order and at random speed, one behind another."""
    generator = np.random.default_rng(seed)
    most = int(SECONDS * RATE)
    texts, sounds, used = [], [], most
    for _ in range(COPIES):
        for i in generator.permutation(len(prompts)):
            text, samples = prompts[i]
            speed = max(generator.uniform(*SPEEDS), len(samples) / most)
            places = np.arange(0, len(samples) - 1, speed)
            samples = np.interp(places, np.arange(len(samples)), samples / 32768).astype("float32")
            if used + len(samples) > most:
                texts.append([])
                sounds.append([])
                used = 0
            texts[-1].append(text)
            sounds[-1].append(samples)
            used += len(samples)
    return mmzoo.data.from_arrays(
        {"audio": [np.concatenate(row) for row in sounds]}, [" ".join(row) for row in texts]
    )


def folds(count):
    """Pairs of positions to train with and to test with."""
    order = np.random.default_rng(0).permutation(count)
    for fold in np.array_split(order, FOLDS):
        yield np.setdiff1d(order, fold), fold


def trained(train, seed, epochs):
    """`(model, preprocessor)`, trained on prompts."""
    keras.utils.set_random_seed(seed)
    rows = together(train, seed)
    head = mmzoo.heads.Transcript(ALPHABET)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(rows)
    model = mmzoo.build_model("speech_to_text", inputs=INPUTS, head=head, dim=192, compile=False)
    rate = warmup_cosine(LEARNING_RATE, epochs * max(1, len(rows) // BATCH_SIZE))
    model.compile_for_heads(keras.optimizers.AdamW(rate, clipnorm=5.0))
    data = rows.to_dataset(preprocessor, BATCH_SIZE, training=True, seed=seed, cache=True)
    model.fit(data, epochs=epochs, verbose=2)
    return model, preprocessor


def records_of(fold, train, test, seed, epochs):
    """The records of a fold: of the floor, and of the model."""
    sizes = {
        "seed": seed,
        "fold": fold,
        "train_prompts": len(train),
        "test_prompts": len(test),
        "characters": sum(len(text) for text, _ in test),
        "words": sum(len(text.split()) for text, _ in test),
    }
    places = nearest(*(vectors([samples for _, samples in part]) for part in (train, test)))
    rates = error_rates([text for text, _ in test], [train[place][0] for place in places])
    yield {"model": NEAREST, **sizes, **{name: rates[name] for name in FIGURES}}
    start, processor = time.perf_counter(), time.process_time()
    model, preprocessor = trained(train, seed, epochs)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    rows = mmzoo.data.from_arrays(
        {"audio": [samples for _, samples in test]}, [text for text, _ in test]
    )
    record = {
        "recipe": "speech_to_text",
        "model": MODEL,
        **sizes,
        "epochs": epochs,
        "parameters": model.count_params(),
        "seconds": round(seconds),
        "processor_seconds": round(processor),
    }
    for beams, ending in ((1, ""), (8, "_8_beams")):
        model.get_layer("head").beams = beams
        report = mmzoo.evaluate(model, rows.to_dataset(preprocessor), verbose=False)
        print(report, flush=True)
        record |= {f"{name}{ending}": getattr(report, name) for name in FIGURES}
    yield record


def table(results):
    """The results as a Markdown table, a row a model: rates over all folds together."""
    lines = [
        "| model | CER, % | WER, % | whole prompts, % | CER, % (8 beams) | folds |",
        "|---|---|---|---|---|---|",
    ]
    weights = {"cer": "characters", "wer": "words", "exact_match": "test_prompts"}
    for name in dict.fromkeys(record["model"] for record in results):
        records = [record for record in results if record["model"] == name]
        cells = []
        for figure in ("cer", "wer", "exact_match", "cer_8_beams"):
            if figure not in records[0]:
                cells.append("-")
                continue
            weight = [record[weights[figure.removesuffix("_8_beams")]] for record in records]
            cells.append(f"{np.average([100 * r[figure] for r in records], weights=weight):.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} | {len(records)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sounds", help="folder of the WAV files")
    parser.add_argument("--sentences", help="the file of what is said in them")
    parser.add_argument("--folds", nargs="+", type=int, default=range(FOLDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if not arguments.table:
        if not (arguments.sounds and arguments.sentences):
            parser.error("--sounds and --sentences are needed to train.")
        rows, too_long = prompts(arguments.sounds, arguments.sentences)
        minutes = sum(len(samples) for _, samples in rows) / RATE / 60
        print(f"{len(rows)} prompts, {minutes:.1f} minutes; {too_long} are too long", flush=True)
        done = {(record["fold"], record["seed"]) for record in results if "recipe" in record}
        for fold, parts in enumerate(folds(len(rows))):
            if fold not in arguments.folds or (fold, arguments.seed) in done:
                continue
            train, test = ([rows[row] for row in part] for part in parts)
            results += records_of(fold, train, test, arguments.seed, arguments.epochs)
            write(NAME, results, arguments.folder)
            print(table(results), flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
