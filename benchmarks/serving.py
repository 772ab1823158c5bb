"""The exported raw signature against the same model behind a client's own decoding.

    python benchmarks/serving.py            # writes results/serving.json
    python benchmarks/serving.py --table    # the table of what was measured last

One SavedModel is asked in process, by two ways in turn, with the same rows: JPEG files as a camera
app sends them, and a line of text.

* raw: the signature `serving_default`, from bytes and strings;
* by hand: what one writes around a model of tensors: `tf.io.decode_jpeg` and `tf.image.resize` for
  each picture, splitting and a table lookup for the texts, in one `tf.function` with the model.

The second knows no broken file, no EXIF turn, no transparency and no format but JPEG. What counts
is the ratio of the two in the same round; its median over the rounds is written.
"""

import argparse
import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from results_file import FOLDER, read, write

import mmzoo

NAME = "serving"
BATCHES = (1, 8, 64)
#: Height and width of the photos, and of the pictures the model takes.
PHOTO, SIZE = (480, 640), (128, 128)
WORDS = ["red", "blue", "green", "small", "large", "old", "new", "soft", "dress", "shoe", "hat"]
LENGTH = 16
#: How JPEG is decoded by hand: as TensorFlow does by default, a little faster and less exactly than
#: mmzoo does. That makes all of the difference between the answers but for rounding.
DCT_METHOD = ""


def photo(seed):
    """A JPEG as large as a photo of its size: smooth areas, edges and some noise."""
    generator = np.random.default_rng(seed)
    coarse = tf.image.resize(generator.uniform(0, 255, (12, 16, 3)), PHOTO, "bicubic").numpy()
    top, left = generator.integers(0, 240), generator.integers(0, 320)
    coarse[top : top + 200, left : left + 250] = generator.uniform(0, 255, 3)
    noisy = coarse + generator.normal(0, 6, coarse.shape)
    return tf.io.encode_jpeg(np.clip(noisy, 0, 255).astype("uint8"), quality=90).numpy()


def rows(count):
    """Pictures and texts, `(B,)` strings each."""
    generator = np.random.default_rng(0)
    pictures = [photo(seed) for seed in range(count)]
    texts = [" ".join(generator.choice(WORDS, generator.integers(4, LENGTH))) for _ in pictures]
    return {"image": tf.constant(pictures), "text": tf.constant(texts)}


def pair():
    """A model of pictures and texts and its preprocessor."""
    keras.utils.set_random_seed(0)
    inputs = {
        "image": mmzoo.Image(SIZE, encoder="cnn"),
        "text": mmzoo.Text(LENGTH, vocabulary_size=1000, vocabulary=WORDS, encoder="transformer"),
    }
    head = mmzoo.heads.Softmax(class_names=[f"class {number}" for number in range(13)])
    model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head=head)
    return model, mmzoo.Preprocessor(inputs)


def by_hand(model):
    """The same answer as one would write it around the model."""
    ids = tf.range(2, len(WORDS) + 2)
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(WORDS), ids), default_value=1
    )

    def decode(encoded):
        pixels = tf.io.decode_jpeg(encoded, channels=3, dct_method=DCT_METHOD)
        return tf.image.resize(pixels, SIZE, antialias=True)

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.string), tf.TensorSpec((None,), tf.string)],
        autograph=False,
    )
    def answer(image, text):
        pixels = tf.map_fn(decode, image, fn_output_signature=tf.TensorSpec((*SIZE, 3)))
        words = tf.strings.split(tf.strings.lower(text))
        tokens = words.with_flat_values(table.lookup(words.flat_values))
        tokens = tokens.to_tensor(shape=(None, LENGTH))
        return model({"image": pixels, "text": tokens}, training=False)

    return answer


def measure(ways, batch, rounds, calls):
    """Seconds of every call: way -> `(rounds, calls)`. The first round warms up."""
    seconds = {name: [] for name in ways}
    for number in range(-1, rounds):
        for name in list(ways) if number % 2 else list(ways)[::-1]:
            taken = []
            for _ in range(calls):
                start = time.perf_counter()
                ways[name](**batch)
                taken.append(time.perf_counter() - start)
            if number >= 0:
                seconds[name].append(taken)
    return {name: np.array(taken) for name, taken in seconds.items()}


def table(results):
    """The results as a Markdown table, a row a batch size."""
    lines = [
        "| rows a request | raw: p50, ms | p99, ms | rows a second | by hand: p50, ms | p99, ms "
        "| rows a second | raw's time in that by hand |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for raw in results:
        if raw["way"] != "raw":
            continue
        hand = next(
            r for r in results if r["way"] == "by hand" and r["batch_size"] == raw["batch_size"]
        )
        figures = [
            f"{1000 * r['p50_seconds']:.1f} | {1000 * r['p99_seconds']:.1f} | "
            f"{r['rows_a_second']:,.0f}"
            for r in (raw, hand)
        ]
        lines.append(f"| {raw['batch_size']} | {' | '.join(figures)} | {raw['ratio']:.2f}x |")
    return "\n".join(lines)


def run(batches, rounds, calls):
    """Records of every way at every batch size."""
    model, preprocessor = pair()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        served = tf.saved_model.load(
            mmzoo.export_savedmodel(model, preprocessor, os.path.join(folder, "serving"))
        )
        answer, hand = served.signatures["serving_default"], by_hand(model)
        ways = {
            "raw": lambda **batch: answer(**batch)["probabilities"].numpy(),
            "by hand": lambda **batch: hand(**batch).numpy(),
        }
        for size in batches:
            batch = rows(size)
            difference = np.abs(ways["raw"](**batch) - ways["by hand"](**batch)).max()
            seconds = measure(ways, batch, rounds, max(2, calls // size))
            ratio = np.median(seconds["raw"], axis=1) / np.median(seconds["by hand"], axis=1)
            for way, taken in seconds.items():
                results.append(
                    {
                        "way": way,
                        "batch_size": size,
                        "p50_seconds": float(np.percentile(taken, 50)),
                        "p99_seconds": float(np.percentile(taken, 99)),
                        "rows_a_second": float(size / np.median(taken)),
                        "ratio": statistics.median(ratio.tolist()) if way == "raw" else 1.0,
                        "largest_difference": float(difference),
                        "calls": taken.size,
                    }
                )
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=64, help="rows a turn")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(read(NAME, arguments.folder)))
        return
    results = run(arguments.batches, arguments.rounds, arguments.calls)
    print(table(results))
    write(NAME, results, arguments.folder)


if __name__ == "__main__":
    main()
