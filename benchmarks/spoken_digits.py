"""Spoken digits: the audio encoders, as they are, on the Free Spoken Digit Dataset.

    python benchmarks/spoken_digits.py --data fsdd          # the folder of its WAV files
    python benchmarks/spoken_digits.py --data fsdd --only cnn --seeds 0
    python benchmarks/spoken_digits.py --table              # the table of what is there

3,000 recordings of 6 speakers, 8 kHz (https://github.com/Jakobovits/free-spoken-digit-dataset). The
test set is the official one: of each speaker and digit the recordings 0 to 4. Finished runs are
kept in `results/spoken_digits.json` and not repeated.
"""

import argparse
import pathlib
import time

import keras
from results_file import FOLDER, read, write

import mmzoo
from mmzoo.training import warmup_cosine

NAME = "spoken_digits"
BATCH_SIZE = 32
LEARNING_RATE = 1e-3


def rows(data):
    """`(train, test)`: `mmzoo.data.Records` of the files `DIGIT_SPEAKER_NUMBER.wav`."""
    files = sorted(path.name for path in pathlib.Path(data).glob("*_*_*.wav"))
    parts = [name.removesuffix(".wav").split("_") for name in files]
    records = mmzoo.data.from_arrays({"audio": files}, [part[0] for part in parts], root=str(data))
    tested = [int(number) < 5 for _, _, number in parts]
    return (
        records.take([row for row, test in enumerate(tested) if not test]),
        records.take([row for row, test in enumerate(tested) if test]),
    )


def run(data, encoder, seed, epochs):
    """Trains and tests one encoder; a record of the results file."""
    train, test = rows(data)
    inputs = {"audio": mmzoo.Audio(sample_rate=8000, seconds=1.0, encoder=encoder)}
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(train)
    keras.utils.set_random_seed(seed)
    head = mmzoo.heads.Softmax(class_names=train.class_names)
    model = mmzoo.build_model(inputs=inputs, head=head)
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
        "encoder": encoder,
        "seed": seed,
        "epochs": epochs,
        "accuracy": measured["accuracy"],
        "parameters": model.count_params(),
        "seconds": seconds,
    }


def table(results):
    """The results as a Markdown table, a row an encoder."""
    lines = ["| encoder | test accuracy, % (each seed) | parameters |", "|---|---|---|"]
    for encoder in mmzoo.encoders.names("audio"):
        records = sorted((r for r in results if r["encoder"] == encoder), key=lambda r: r["seed"])
        if records:
            each = [100 * r["accuracy"] for r in records]
            seeds = ", ".join(f"{accuracy:.2f}" for accuracy in each)
            mean = sum(each) / len(each)
            lines.append(f"| {encoder} | {mean:.2f} ({seeds}) | {records[0]['parameters']:,} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = mmzoo.encoders.names("audio")
    parser.add_argument("--data", help="folder of the WAV files")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    if not (arguments.data or arguments.table):
        parser.error("--data is needed to train.")
    results = read(NAME, arguments.folder)
    done = {(r["encoder"], r["seed"], r["epochs"]) for r in results}
    for seed in [] if arguments.table else arguments.seeds:
        for encoder in arguments.only:
            if (encoder, seed, arguments.epochs) in done:
                continue
            record = run(arguments.data, encoder, seed, arguments.epochs)
            results.append(record)
            write(NAME, results, arguments.folder)
            print(f"{encoder}, seed {seed}: {100 * record['accuracy']:.2f} %, "
                  f"{record['seconds']:.0f} s", flush=True)  # fmt: skip
    print(table(results))


if __name__ == "__main__":
    main()
