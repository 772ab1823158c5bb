"""Rows a second from JPEG files: mmzoo against PyTorch, a naive tf.data and bare decoding.

    python benchmarks/input_pipeline.py           # PyTorch is compared where it is installed
    python benchmarks/input_pipeline.py --one-thread-an-op   # then this adds to the same file
    python benchmarks/input_pipeline.py --table   # the table of what was measured last

The photos are made here: random fields whose spectrum falls as that of photos does, with edges and
grain, of 0.3, 1 and 12 megapixels, saved as JPEG at quality 90. All contenders read the same files,
shuffled, and yield batches of 32 pictures, 224 x 224 uint8. They run by turns in one process; what
counts is the ratio of mmzoo to each in the same round, and its median over the rounds.

*Bare decoding* is the work that can't be avoided, and nothing else: the same JPEG decoder at the
same scale and the same resizing, on bytes in memory, in as many threads as there are cores.

A pass over a dataset has a price before its first batch, whatever its length: TensorFlow prepares
the graph that decodes. It is in the rows a second of the passes, which are long for that reason,
and measured by itself, too.

TensorFlow splits the work of each op among its threads, which hinders those that decode.
`--one-thread-an-op` measures the photos with
`tf.config.threading.set_intra_op_parallelism_threads(1)`, which is of use to whoever trains on an
accelerator; it holds for all TensorFlow contenders.

Memory is the peak of a process of its own that streams 10,000 rows, and one that streams 100,000.
"""

import argparse
import itertools
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from results_file import FOLDER, cores, read, write

NAME = "input_pipeline"
SIZE, BATCH, QUALITY = 224, 32, 90
#: Megapixels -> height and width.
PHOTOS = {0.3: (480, 640), 1: (864, 1152), 12: (3000, 4000)}
#: Megapixels -> different files, and rows of a pass.
COUNTS = {0.3: (48, 8192), 1: (32, 4096), 12: (8, 512)}
TEXT_ROWS, TEXT_BATCH = 1_000_000, 256
WORDS = ("a", "the", "big", "small", "red", "green", "blue", "shoe", "hat", "with", "of", "lamp")


def photo(height, width, generator):
    """Random pixels that compress as a photo does: `(height, width, 3)` uint8."""
    import PIL.Image

    pixels = np.zeros((height, width, 3), "float32")
    side = 4
    while side < max(height, width):
        # Amplitudes fall with the frequency, as in photos; channels have most in common.
        gray = generator.normal(size=(side, side, 1))
        field = (gray + 0.3 * generator.normal(size=(side, side, 3))).astype("float32")
        for channel in range(3):
            layer = PIL.Image.fromarray(field[..., channel])
            layer = layer.resize((width, height), PIL.Image.Resampling.BICUBIC)
            pixels[..., channel] += 160.0 / side**0.8 * np.asarray(layer)
        side *= 2
    rows, columns = np.ogrid[:height, :width]
    for _ in range(12):  # things with edges
        y, x = generator.uniform(0, (height, width))
        b, a = generator.uniform(0.02, 0.2, 2) * (height, width)
        inside = ((rows - y) / b) ** 2 + ((columns - x) / a) ** 2 < 1
        pixels[inside] += generator.normal(0, 40, 3)
    pixels += generator.normal(0, 1.5, (height, width, 1))  # grain
    return np.clip(pixels + 128, 0, 255).astype("uint8")


def make_photos(folder, megapixels, count, seed=0):
    """Paths of `count` JPEG files; made unless they are there."""
    import PIL.Image

    generator = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        path = pathlib.Path(folder) / f"{megapixels}-{number}.jpg"
        if not path.exists():
            image = PIL.Image.fromarray(photo(*PHOTOS[megapixels], generator))
            image.save(path, "JPEG", quality=QUALITY)
        paths.append(str(path))
    return paths


# The contenders: functions that make, once, a function that reads all rows of a pass.


def mmzoo_dataset(paths, batch=BATCH):
    import mmzoo

    inputs = {"image": mmzoo.Image(size=SIZE)}
    preprocessor = mmzoo.Preprocessor(inputs)
    records = mmzoo.data.from_arrays({"image": paths}, np.arange(len(paths), dtype="float32"))
    return records.to_dataset(preprocessor, batch, training=True)


def with_mmzoo(paths, batch=BATCH):
    dataset = mmzoo_dataset(paths, batch)
    return lambda: sum(x["image"].shape[0] for x, _ in dataset)


def with_naive_tf_data(paths, batch=BATCH):
    import tensorflow as tf

    def read_photo(path):
        pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.cast(tf.image.resize(pixels, (SIZE, SIZE), antialias=True), tf.uint8)

    dataset = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths))
    dataset = dataset.map(read_photo, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return lambda: sum(x.shape[0] for x in dataset)


class TorchPhotos:
    """A map-style dataset for PyTorch's `DataLoader`: Pillow, as most code does it."""

    def __init__(self, paths, draft):
        self.paths, self.draft = paths, draft

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        import PIL.Image
        import torch

        with PIL.Image.open(self.paths[index]) as image:
            if self.draft:
                image.draft("RGB", (SIZE, SIZE))
            image = image.convert("RGB").resize((SIZE, SIZE), PIL.Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(image))


def with_torch(paths, draft, batch=BATCH, workers=2):
    import torch

    loader = torch.utils.data.DataLoader(
        TorchPhotos(paths, draft),
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,  # a pass does not start processes
        multiprocessing_context="forkserver",  # TensorFlow's threads do not survive a fork
    )
    return lambda: sum(len(x) for x in loader)


def bare_decoding(paths, resizes=True):
    """Decoder and resizing alone, in as many threads as there are cores."""
    import tensorflow as tf

    from mmzoo.preprocessing.codecs.resizing import resize

    contents = {path: pathlib.Path(path).read_bytes() for path in set(paths)}
    encoded = [tf.constant(contents[path]) for path in paths]
    shape = tf.image.extract_jpeg_shape(encoded[0])[:2].numpy()
    ratio = max(r for r in (1, 2, 4, 8) if r == 1 or (shape / r >= SIZE).all())
    size = tf.constant([SIZE, SIZE])

    @tf.function
    def work(value):
        pixels = tf.io.decode_jpeg(value, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")
        if not resizes:
            return tf.shape(pixels)
        return tf.cast(tf.round(resize(pixels, size, "stretch")), tf.uint8)

    def one_thread(share):
        for value in share:
            work(value)

    def run():
        threads = [
            threading.Thread(target=one_thread, args=(encoded[start :: cores()],))
            for start in range(cores())
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(encoded)

    return run


def short_texts(count):
    """So many texts of three to eight words."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, 9, count)
    words = iter(generator.choice(WORDS, lengths.sum()))
    return [" ".join(itertools.islice(words, int(length))) for length in lengths]


def text_contenders(count):
    """mmzoo's batches of texts, and the tokenizer alone."""
    import tensorflow as tf

    import mmzoo

    inputs = {"text": mmzoo.Text(length=16, vocabulary_size=100)}
    records = mmzoo.data.from_arrays({"text": short_texts(count)})
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    dataset = records.to_dataset(preprocessor, TEXT_BATCH, training=True)
    rows = [
        tf.constant(records.column("text")[start : start + TEXT_BATCH])
        for start in range(0, count // TEXT_BATCH * TEXT_BATCH, TEXT_BATCH)
    ]
    tokenize = tf.function(lambda texts: preprocessor.batch({"text": texts})["text"])

    def share(start):
        for texts in rows[start :: cores()]:
            tokenize(texts)

    def bare():
        threads = [threading.Thread(target=share, args=(start,)) for start in range(cores())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(rows) * TEXT_BATCH

    return {"mmzoo": lambda: sum(x["text"].shape[0] for x in dataset), "bare tokenizer": bare}


def photo_contenders(paths):
    """name -> function that reads all rows of a pass and returns how many they are."""
    made = {
        "mmzoo": with_mmzoo(paths),
        "bare decoding": bare_decoding(paths),
        "bare decoding, not resized": bare_decoding(paths, resizes=False),
        "naive tf.data": with_naive_tf_data(paths),
    }
    try:
        import torch  # noqa: F401
    except ImportError:
        print("PyTorch is not installed: compared without it.")
        return made
    made["PyTorch, Pillow"] = with_torch(paths, draft=False)
    made["PyTorch, Pillow with draft"] = with_torch(paths, draft=True)
    return made


def measure(kind, contenders, rounds):
    """Records of rows a second, by turns; the first round warms up."""
    speeds, processor = ({name: [] for name in contenders} for _ in range(2))
    counts = {}
    for number in range(-1, rounds):
        names = list(contenders)
        for name in names if number % 2 else names[::-1]:
            start, busy = time.perf_counter(), time.process_time()
            counts[name] = contenders[name]()
            if number >= 0:
                speeds[name].append(counts[name] / (time.perf_counter() - start))
                processor[name].append((time.process_time() - busy) / counts[name])
    return [
        {
            "rows": kind,
            "contender": name,
            "rows_per_second": statistics.median(values),
            "mmzoo_ratio": statistics.median(
                ours / other for ours, other in zip(speeds["mmzoo"], values, strict=True)
            ),
            # Of this process: that of PyTorch's workers is not in it.
            "processor_milliseconds_a_row": 1000 * statistics.median(processor[name]),
            "rows_of_a_pass": counts[name],
            "rounds": rounds,
        }
        for name, values in speeds.items()
    ]


def start_up(paths):
    """A record of what mmzoo takes from the beginning of a pass to its first batch."""
    dataset = mmzoo_dataset(paths[:BATCH])
    seconds, busy = [], []
    for _ in range(4):
        start, processor = time.perf_counter(), time.process_time()
        next(iter(dataset))
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - processor)
    return {
        "rows": "to the first batch",
        "contender": "mmzoo",
        "seconds": statistics.median(seconds[1:]),
        "processor_seconds": statistics.median(busy[1:]),
    }


def stream(paths, count):
    """Streams `count` rows through mmzoo and prints the peak of the memory, in MB."""
    import mmzoo

    inputs = {
        "image": mmzoo.Image(size=32),
        "text": mmzoo.Text(length=8, vocabulary_size=len(WORDS) + 2, vocabulary=WORDS),
    }
    texts = short_texts(1000)
    columns = {
        "image": list(itertools.islice(itertools.cycle(paths), count)),
        "text": list(itertools.islice(itertools.cycle(texts), count)),
    }
    records = mmzoo.data.from_arrays(columns, [row % 2 for row in range(count)])
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    seen = sum(len(y) for _, y in records.to_dataset(preprocessor, BATCH, training=True))
    assert seen == count // BATCH * BATCH, f"{seen} of {count} rows"
    print(peak_megabytes())


def peak_megabytes():
    """The most memory that this process has had."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # what `getrusage` says contains the process that started this one
        (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def memory(folder, counts):
    """Records of the peak memory of processes that stream so many rows."""
    import PIL.Image

    generator = np.random.default_rng(0)
    for number in range(100):
        image = PIL.Image.fromarray(photo(48, 64, generator))
        image.save(pathlib.Path(folder) / f"small-{number}.jpg", "JPEG", quality=QUALITY)
    peaks = {}
    for count in counts:
        command = [sys.executable, __file__, "--stream", str(count), "--photos", str(folder)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        peaks[count] = float(output.split()[-1])
    least = peaks[min(counts)]
    return [
        {"rows": f"{count:,} rows streamed", "contender": "mmzoo", "peak_megabytes": peak,
         "ratio_to_fewest": peak / least}
        for count, peak in peaks.items()
    ]  # fmt: skip


def table(results):
    """The results as a Markdown table: how many times as fast mmzoo is, a row a kind of rows."""
    ratios = {}
    for record in results:
        if "rows_per_second" in record:
            ratios.setdefault(record["rows"], {})[record["contender"]] = record
    contenders = dict.fromkeys(name for each in ratios.values() for name in each)
    others = [name for name in contenders if name != "mmzoo"]
    lines = [
        f"| rows | rows a second | {' | '.join(f'to {name}' for name in others)} |",
        "|---" * (len(others) + 2) + "|",
    ]
    for kind, each in ratios.items():
        cells = [f"{each[n]['mmzoo_ratio']:.2f}x" if n in each else "" for n in others]
        speed = each["mmzoo"]["rows_per_second"]
        lines.append(f"| {kind} | {speed:,.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megapixels", type=float, nargs="*", default=list(PHOTOS))
    parser.add_argument("--share", type=float, default=1.0, help="of a pass, for a quick look")
    parser.add_argument("--stream-rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--photos", help="folder to keep the photos in; a temporary one")
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--one-thread-an-op", action="store_true", help="photos only")
    parser.add_argument("--stream", type=int, help="what `memory` runs in a process of its own")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(read(NAME, arguments.folder)))
        return
    if arguments.stream:
        stream(sorted(map(str, pathlib.Path(arguments.photos).glob("small-*"))), arguments.stream)
        return
    kept, results, kind = [], [], "{:g} megapixels"
    if arguments.one_thread_an_op:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        kind += ", one thread an op"
        kept = read(NAME, arguments.folder)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.photos or temporary
        for megapixels in arguments.megapixels:
            files, rows = COUNTS[megapixels]
            rows = max(BATCH, round(rows * arguments.share))
            paths = make_photos(folder, megapixels, min(files, rows))
            paths = list(itertools.islice(itertools.cycle(paths), rows))
            contenders = photo_contenders(paths)
            results += measure(kind.format(megapixels), contenders, arguments.rounds)
            print(table(results), flush=True)
        if not arguments.one_thread_an_op:
            smallest = min(arguments.megapixels)
            results.append(start_up(make_photos(folder, smallest, COUNTS[smallest][0])))
            texts = text_contenders(round(TEXT_ROWS * arguments.share))
            results += measure("short texts", texts, arguments.rounds)
            if arguments.stream_rows:
                results += memory(folder, arguments.stream_rows)
    again = {record["rows"] for record in results}
    results = [record for record in kept if record["rows"] not in again] + results
    print(table(results))
    for record in results:
        if "peak_megabytes" in record:
            print(f"{record['rows']}: {record['peak_megabytes']:.0f} MB at the peak")
    write(NAME, results, arguments.folder)


if __name__ == "__main__":
    main()
