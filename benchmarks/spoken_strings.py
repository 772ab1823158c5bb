"""Strings of spoken digits: the head `Transcript`, beside nearest neighbours.

    python benchmarks/spoken_strings.py --data fsdd     # the folder of its WAV files
    python benchmarks/spoken_strings.py --data fsdd --unit character --seeds 0
    python benchmarks/spoken_strings.py --table         # the table of what is there

3,000 recordings of 6 speakers, 8 kHz (https://github.com/Jakobovits/free-spoken-digit-dataset), put
together to strings: 3 to 6 digits that one speaker says in a row, without a pause. Those to test
with are made of the recordings of the official test set, 0 to 4 of each speaker and digit, those to
train with of all others. The answer is the digits' names, character by character or word by word;
nobody says where a digit begins.

Two floors, each with the 4,096 training strings' recordings for neighbours, in log-mel frames
stretched to one length: the text of the nearest string; and, for a hint that the model is not
given, the nearest digit to each digit, cut out where it was put in.

Finished runs are kept in `results/spoken_strings.json` and not repeated; one that was killed goes
on behind its last checkpoint (`--checkpoints`).
"""

import argparse
import io
import pathlib
import time
import wave

import keras
import numpy as np
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.targets.error_rates import error_rates
from mmzoo.training import warmup_cosine

NAME = "spoken_strings"
RATE, SECONDS = 8000, 4.5
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TRAINED, TESTED = 4096, 600
BATCH_SIZE, LEARNING_RATE, EPOCHS = 32, 2e-3, 8
#: A frame each 30 ms: the shortest "three", 190 ms, has the six that it needs.
ENCODER = {
    "class_name": "crnn",
    "config": {"mel_bins": 40, "stride_seconds": 0.015, "units": 96, "dropout": 0.1},
}
INPUTS = {"audio": mmzoo.Audio(RATE, SECONDS, encoder=ENCODER, augmentation="noise")}
#: Frames and bands that a neighbour is compared by.
FRAMES, BANDS = 16, 40


def recordings(data):
    """`(train, test)`: dicts from a speaker to a list of `(digit, samples)`."""
    parts = {}, {}
    for path in sorted(pathlib.Path(data).glob("*_*_*.wav")):
        digit, speaker, number = path.stem.split("_")
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        part = parts[int(number) < 5]
        part.setdefault(speaker, []).append((int(digit), samples))
    return parts


def strings(recordings, count, seed):
    """`count` lists of 3 to 6 `(digit, samples)` of one speaker, of no more than `SECONDS`."""
    generator = np.random.default_rng(seed)
    speakers, found = sorted(recordings), []
    while len(found) < count:
        said = recordings[speakers[generator.integers(len(speakers))]]
        string = [said[i] for i in generator.integers(len(said), size=generator.integers(3, 7))]
        if sum(len(samples) for _, samples in string) <= SECONDS * RATE:
            found.append(string)
    return found


def text_of(string):
    return " ".join(WORDS[digit] for digit, _ in string)


def rows_of(strings):
    """`mmzoo.data.Records` of WAV files and their texts."""
    files = []
    for string in strings:
        with io.BytesIO() as buffer:
            with wave.open(buffer, "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(np.concatenate([samples for _, samples in string]).tobytes())
            files.append(buffer.getvalue())
    return mmzoo.data.from_arrays({"audio": files}, [text_of(string) for string in strings])


def run(data, unit, seed, epochs, checkpoints):
    """Trains and tests one model; a record of the results file."""
    said, heard = recordings(data)
    train = rows_of(strings(said, TRAINED, seed))
    test = rows_of(strings(heard, TESTED, seed=1000))
    keras.utils.set_random_seed(seed)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=mmzoo.heads.Transcript(unit=unit))
    preprocessor.adapt(train)
    head = mmzoo.heads.Transcript(preprocessor.targets["head"].alphabet, unit)
    model = mmzoo.build_model("speech_to_text", inputs=INPUTS, head=head, dim=192)
    schedule = warmup_cosine(LEARNING_RATE, epochs * (len(train) // BATCH_SIZE))
    model.compile_for_heads(keras.optimizers.AdamW(schedule, clipnorm=5.0))
    start = time.perf_counter()
    processor = time.process_time()
    mmzoo.training.fit(
        model,
        train,
        preprocessor,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        seed=seed,
        checkpoints=None if checkpoints is None else f"{checkpoints}/{unit}-{seed}",
        verbose=2,
    )
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    record = {
        "recipe": "speech_to_text",
        "model": f"CTC, by {unit}s",
        "seed": seed,
        "epochs": epochs,
        "parameters": model.count_params(),
        "seconds": seconds,
        "processor_seconds": processor,
    }
    for beams, name in ((1, ""), (8, "_8_beams")):
        model.get_layer("head").beams = beams
        report = mmzoo.evaluate(model, test.to_dataset(preprocessor), verbose=False)
        figures = {each: getattr(report, each) for each in ("wer", "cer", "exact_match")}
        record |= {f"{each}{name}": value for each, value in figures.items()}
    return record | {"rows_left_out": report.rows_left_out}


def stretched(frames):
    """Log-mel frames of any number as `FRAMES`, in one row."""
    places = np.linspace(0, len(frames) - 1, FRAMES)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, len(frames) - 1)
    share = (places - low)[:, None]
    return ((1 - share) * frames[low] + share * frames[high]).ravel()


def vectors(sounds):
    """`(N, FRAMES * BANDS)` of sounds."""
    log_mel = mmzoo.layers.LogMelSpectrogram(RATE, BANDS)
    found = []
    for start in range(0, len(sounds), 256):
        batch = sounds[start : start + 256]
        samples = np.zeros((len(batch), max(map(len, batch))), "float32")
        mask = np.zeros(samples.shape, bool)
        for row, sound in enumerate(batch):
            samples[row, : len(sound)], mask[row, : len(sound)] = sound / 32768, True
        frames, valid = map(keras.ops.convert_to_numpy, log_mel(samples, mask))
        found += [stretched(row[there]) for row, there in zip(frames, valid, strict=True)]
    return np.stack(found)


def nearest(known, asked):
    """Which of the known vectors is nearest to each that is asked for."""
    squares = (known**2).sum(axis=1)
    return np.concatenate([(squares - 2 * part @ known.T).argmin(axis=1) for part in
                           np.array_split(asked, max(1, len(asked) // 256))])  # fmt: skip


def floors(data):
    """The records of the two floors."""
    said, heard = recordings(data)
    known, asked = strings(said, TRAINED, 0), strings(heard, TESTED, seed=1000)
    truths = [text_of(string) for string in asked]

    def whole(strings):
        return vectors([np.concatenate([samples for _, samples in string]) for string in strings])

    found = nearest(whole(known), whole(asked))
    answers = {"nearest string": [text_of(known[i]) for i in found]}
    digits = [each for speaker in said.values() for each in speaker]
    cut_out = [samples for string in asked for _, samples in string]
    found = iter(nearest(vectors([samples for _, samples in digits]), vectors(cut_out)))
    answers["nearest digits, their borders given"] = [
        text_of([digits[next(found)] for _ in string]) for string in asked
    ]
    records = []
    for name, texts in answers.items():
        rates = error_rates(truths, texts)
        figures = {each: rates[each] for each in ("wer", "cer", "exact_match")}
        records.append({"model": name, "seed": 0, **figures})
    return records


def table(results):
    """The results as a Markdown table, a row a model."""
    lines = [
        "| model | WER, % (each seed) | CER, % | whole strings, % | WER, % (8 beams) |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(record["model"] for record in results):
        records = sorted((r for r in results if r["model"] == name), key=lambda r: r["seed"])

        def mean(figure, records=records):
            values = [100 * record[figure] for record in records if figure in record]
            return f"{sum(values) / len(values):.2f}" if values else "-"

        seeds = ", ".join(f"{100 * record['wer']:.2f}" for record in records)
        lines.append(
            f"| {name} | {mean('wer')} ({seeds}) | {mean('cer')} | {mean('exact_match')} | "
            f"{mean('wer_8_beams')} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder of the WAV files")
    parser.add_argument("--unit", nargs="+", choices=["character", "word"], default=["word"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--checkpoints", type=pathlib.Path)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    if not (arguments.data or arguments.table):
        parser.error("--data is needed to train.")
    results = read(NAME, arguments.folder)
    if arguments.data and not any("nearest" in record["model"] for record in results):
        results += floors(arguments.data)
        write(NAME, results, arguments.folder)
        print(table(results), flush=True)
    done = {(r["model"], r["seed"], r.get("epochs")) for r in results}
    for unit in arguments.unit if arguments.data else ():
        for seed in arguments.seeds:
            if (f"CTC, by {unit}s", seed, arguments.epochs) in done:
                continue
            record = run(arguments.data, unit, seed, arguments.epochs, arguments.checkpoints)
            results.append(record)
            write(NAME, results, arguments.folder)
            print(f"{record['model']}, seed {seed}: WER {100 * record['wer']:.2f} %", flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
