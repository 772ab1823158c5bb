"""Writing texts: mmzoo's decoder against the same network in PyTorch, and Hugging Face.

    python benchmarks/generation.py             # needs PyTorch; transformers, if there
    python benchmarks/generation.py --networks small --samplers greedy --rows 32
    python benchmarks/generation.py --table     # the table of what was measured last

The head `Words` with a transformer as its decoder, float32, in a graph as `mmzoo.generate` and an
exported model run it, and with the same weights the network of `torch_generation.py`. Both read
50 vectors a row and write texts of exactly so many words (random weights hardly ever end one) and
their ends, each of which costs a step. That they write the same is checked, id for id; the best of
four beams by its score, too. Measured is all of the writing: keys and values of what is read, every
step, the choice of the words, the arrays that come out. Encoders, tracing and the first call are
left out. All run by turns; what counts is the ratio in the same round, of which the median and the
quartiles are written to `results/generation.json`. Above 1x mmzoo is the faster one.

`--threads 1` measures one thread of each by the CPU time of the process, which is fair on a machine
that does other things, too: there PyTorch's threads wait for each other most of the time.
"""

import argparse
import dataclasses
import importlib.util
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from pairs import weights_by_name
from results_file import FOLDER, cores, read, write

import mmzoo
from mmzoo.tokenizers.vocabulary import END, PADDING, SPECIAL, START

NAME = "generation"
KEYS = ("network", "sampler", "batch_size", "length", "contender")
#: Words of a text; `torch.compile` is measured at one of them.
LENGTHS = (16, 32, 64, 128)
SHOWN = 64
BEAMS = {"greedy": None, "beam 4": 4}
ROWS = (1, 32)
#: Least seconds of a turn.
TURN = 0.3


@dataclasses.dataclass(frozen=True)
class Size:
    """Sizes of a network.

    Args:
        dim: width of the tokens; the feed-forward networks are four times as wide.
        depth: blocks of the decoder.
        heads: attention heads.
        vocabulary: number of ids.
        read: vectors that are read, besides the fused one.
    """

    dim: int
    depth: int
    heads: int
    vocabulary: int
    read: int = 50


SIZES = {"small": Size(128, 2, 4, 2000), "large": Size(512, 6, 8, 8000)}


def inputs_of(size, rows, seed=0):
    """What a fusion block hands over: `(B, D)`, `(B, S, D)` and its mask, arrays."""
    generator = np.random.default_rng(seed)
    fused = generator.normal(size=(rows, size.dim)).astype("float32")
    tokens = generator.normal(size=(rows, size.read, size.dim)).astype("float32")
    count = generator.integers(size.read // 2, size.read + 1, (rows, 1))
    return fused, tokens, np.arange(size.read) < count


def head_of(size, length, seed=0):
    """The head, the same weights at every length."""
    config = {"depth": size.depth, "num_heads": size.heads, "dropout": 0.0}
    head = mmzoo.heads.Words(
        vocabulary_size=size.vocabulary, length=length, name="head",
        decoder={"class_name": "transformer", "config": config},
    )  # fmt: skip
    fused, tokens, mask = inputs_of(size, rows=2)
    head(fused, {"tokens": tokens}, {"tokens": mask}, np.full((2, length + 1), START))
    generator = np.random.default_rng(seed)
    for weight in head.weights:
        *before, last = weight.shape
        # No zeros and ones, and embedded words not so large that each would call itself.
        scale = (
            0.1 if not before else last**-0.5 if "embedding" in weight.path else before[0] ** -0.5
        )
        middle = 1.0 if weight.path.endswith("gamma") else 0.0
        weight.assign(middle + scale * generator.normal(size=weight.shape))
    return head


def mmzoo_writer(head, inputs, beams=None, compiled=False):
    """A function that writes, and returns ids `(B, K, length + 1)` and scores `(B, K)`."""
    sampling = {"sampler": "beam", "beams": beams} if beams else {"sampler": "greedy"}

    @tf.function(
        input_signature=[tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in inputs],
        jit_compile=compiled,
    )
    def generate(fused, tokens, mask):
        return head.generate(
            fused, {"tokens": tokens}, {"tokens": mask}, min_length=head.length, **sampling
        )

    tensors = [tf.constant(x) for x in inputs]
    return lambda: [x.numpy() for x in generate(*tensors)]


def set_threads(count):
    """How many threads each may have; before anything else is computed."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def contenders_here(threads=None):
    """Names of those that are installed."""
    if importlib.util.find_spec("torch") is None:
        raise SystemExit("There is nothing to compare with: PyTorch is not installed.")
    import torch

    torch.set_num_threads(threads or cores())
    if not torch.cuda.is_available():
        # A CPU needs no Triton; loaded after TensorFlow its LLVM would end the process.
        sys.modules.setdefault("triton", None)
    names = ["mmzoo", "PyTorch", "PyTorch, compiled"]
    return names + ["Hugging Face"] * (importlib.util.find_spec("transformers") is not None)


def writers(names, size, length, inputs, beams):
    """name -> function that writes."""
    from torch_generation import hugging_face_writer, torch_writer

    head = head_of(size, length)
    weights = weights_by_name(head)
    made = {
        "mmzoo": lambda: mmzoo_writer(head, inputs, beams),
        "mmzoo, XLA": lambda: mmzoo_writer(head, inputs, beams, compiled=True),
        "PyTorch": lambda: torch_writer(size, weights, inputs, length, beams),
        "PyTorch, compiled": lambda: torch_writer(
            size, weights, inputs, length, beams, compiled=True
        ),
        "Hugging Face": lambda: hugging_face_writer(size, inputs, length, beams),
    }
    return {name: made[name]() for name in names}


def check_same_texts(found, length):
    """Raises where contenders wrote other texts than mmzoo, or texts of another length.

    Args:
        found: name -> (ids `(B, K, length + 1)`, scores `(B, K)`; `None`: another network).
        length: words of every text.
    """
    ids, scores = found["mmzoo"]
    if (ids[:, 0, :length] < SPECIAL).any():
        raise AssertionError(f"mmzoo did not write {length} words: {ids[:, 0].tolist()}")
    for name, (theirs, their_scores) in found.items():
        best = theirs[:, 0]
        if best.shape != (len(ids), length + 1) or (best[:, :length] == END).any():
            raise AssertionError(f"{name} did not write {length} words: {best.tolist()}")
        if not np.isin(best[:, length], (PADDING, END)).all():
            raise AssertionError(f"{name} does not end its texts: {best[:, length]}")
        if their_scores is not None:
            np.testing.assert_array_equal(best, ids[:, 0], err_msg=name)
            np.testing.assert_allclose(
                their_scores[:, 0], scores[:, 0], atol=1e-4, rtol=0, err_msg=name
            )


def measure(made, rounds, turn=TURN, clock=time.perf_counter):
    """`(seconds, calls)`: name -> seconds a call in each round; how many calls a turn had."""
    start = clock()
    for run in made.values():
        run()
    calls = max(1, round(turn * len(made) / (clock() - start)))
    seconds = {name: [] for name in made}
    for round_number in range(rounds):
        names = list(made)
        for name in names if round_number % 2 else names[::-1]:
            start = clock()
            for _ in range(calls):
                made[name]()
            seconds[name].append((clock() - start) / calls)
    return seconds, calls


def run(network, sampler, rows, length, rounds, names, size=None, turn=TURN, threads=None):
    """The records of one measurement, a contender each."""
    threads = threads or cores()
    size, beams = size or SIZES[network], BEAMS[sampler]
    made = writers(names, size, length, inputs_of(size, rows), beams)
    check_same_texts({name: writer() for name, writer in made.items()}, length)
    seconds, calls = measure(
        made, rounds, turn, time.process_time if threads == 1 else time.perf_counter
    )
    records = []
    for name, times in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(times, seconds["mmzoo"], strict=True)]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        records.append(
            {
                "network": network, "sampler": sampler, "batch_size": rows, "length": length,
                "contender": name, "seconds": statistics.median(times),
                "tokens_a_second": rows * (length + 1) / statistics.median(times),
                "ratio": middle, "ratio_lower_quartile": low, "ratio_upper_quartile": high,
                "rounds": rounds, "calls": calls, "threads": threads,
            }
        )  # fmt: skip
        print(f"{network}, {sampler}, {rows} x {length}: {name} {1000 * times[0]:.0f} ms, ", end="")
        print(f"{middle:.2f}x ({low:.2f}-{high:.2f})", flush=True)
    keras.utils.clear_session()
    return records


def table(results):
    """The results as a Markdown table, a row a network, sampler, batch size and length."""
    found = {tuple(r[key] for key in KEYS): r for r in results}
    peers = list(dict.fromkeys(r["contender"] for r in results if r["contender"] != "mmzoo"))
    lines = [
        f"| network | sampler | rows | words | tokens a second "
        f"| {' | '.join(f'to {peer} (quartiles)' for peer in peers)} |",
        "|---" * (5 + len(peers)) + "|",
    ]
    for which in dict.fromkeys(key[:4] for key in found):
        cells = [*map(str, which), f"{found[*which, 'mmzoo']['tokens_a_second']:,.0f}"]
        for peer in peers:
            r = found.get((*which, peer))
            cells.append("")
            if r:
                quartiles = f"{r['ratio_lower_quartile']:.2f}-{r['ratio_upper_quartile']:.2f}"
                cells[-1] = f"{r['ratio']:.2f}x ({quartiles})"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--samplers", nargs="+", default=list(BEAMS), choices=BEAMS)
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--lengths", nargs="+", type=int, default=LENGTHS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--contenders", nargs="+", help="mmzoo, and whom it meets")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    if arguments.table:
        print(table(results))
        return
    set_threads(arguments.threads)
    here = contenders_here(arguments.threads)
    for network in arguments.networks:
        for sampler in arguments.samplers:
            for rows in arguments.rows:
                for length in arguments.lengths:
                    # Compiling takes a minute for each shape: at the length that is shown.
                    names = arguments.contenders or [
                        name for name in here if length == SHOWN or not name.endswith("compiled")
                    ]
                    new = run(
                        network, sampler, rows, length, arguments.rounds, names,
                        threads=arguments.threads,
                    )  # fmt: skip
                    measured = {tuple(r[key] for key in KEYS) for r in new}
                    results = [
                        r for r in results if tuple(r[key] for key in KEYS) not in measured
                    ] + new
                    results.sort(key=_order)
                    write(NAME, results, arguments.folder)
    print(table(results))


def _order(r):
    return (
        list(SIZES).index(r["network"]), list(BEAMS).index(r["sampler"]), r["batch_size"],
        r["length"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
