"""One train step: mmzoo against hand-written Keras, PyTorch eager and torch.compile.

    python benchmarks/train_step.py                   # PyTorch is compared where it is installed
    python benchmarks/train_step.py --pairs cnn_lstm_concat --rounds 30
    python benchmarks/train_step.py --variants        # what costs how much, into a file of its own
    python benchmarks/train_step.py --table           # the table of what was measured last

All run the networks of `pairs.py` in float32, from the same weights, on one same batch, by turns.
That they do the same work is checked: as many parameters, and equal losses in the first steps. What
counts is the ratio of mmzoo to each in the same round; its median over the rounds is written to
`results/train_step.json`. Of the large networks only two are in memory at a time: mmzoo meets one
contender after the other.
"""

import argparse
import gc
import os
import statistics
import sys
import time
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from pairs import (
    PAIRS,
    batch,
    copy_weights,
    keras_model,
    mmzoo_model,
    optimizer,
    pair,
    weights_by_name,
)
from results_file import FOLDER, cores, read, write

NAME = "train_step"
VARIED = "cnn_transformer_cross_attention"
#: Steps whose losses are compared before anything is measured.
CHECKED = 3
TORCH = {
    "torch eager": {},
    "torch eager, channels_last": {"channels_last": True},
    "torch.compile, channels_last": {"channels_last": True, "compiled": True},
}


def variants(p):
    """mmzoo's network with something left out or exchanged, to see what costs how much."""

    def made(name, **options):
        model = mmzoo_model(p, **options)
        model.name = name
        return model

    compiled, descent = made("with XLA"), made("with plain SGD")
    head = compiled.get_layer("head")
    compiled.compile(optimizer(p), head.make_loss(), metrics=head.make_metrics(), jit_compile=True)
    descent.compile(
        keras.optimizers.SGD(p.learning_rate), head.make_loss(), metrics=head.make_metrics()
    )
    without_metrics = made("without metrics")
    without_metrics.compile(optimizer(p), head.make_loss())
    with mock.patch.object(layers, "LayerNormalization", _Identity):
        without_norm = made("without LayerNorm")
    return compiled, descent, without_metrics, without_norm


class _Identity(layers.Layer):
    """What a normalisation is replaced by."""

    def __init__(self, epsilon=None, **kwargs):
        super().__init__(**kwargs)

    def call(self, x):
        return x


def keras_steps(p, model):
    """A function that trains some steps, perhaps returns the losses; number of parameters."""
    image, text, y = batch(p)
    data = tf.data.Dataset.from_tensors(({"image": image.astype("float32"), "text": text}, y))
    # With tf.data's tuner a pass may end up to its own length too late (dataset_tuner.py).
    options = tf.data.Options()
    options.autotune.enabled = False
    data, repeated = data.with_options(options), {}

    def run(steps, losses=False):
        if losses:
            return model.fit(data, epochs=steps, shuffle=False, verbose=0).history["loss"]
        if steps not in repeated:
            repeated[steps] = data.repeat(steps)
        return model.fit(repeated[steps], shuffle=False, verbose=0)

    return run, sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def groups(p, with_variants):
    """Names of the contenders that meet mmzoo at a time, in lists."""
    if with_variants:
        return [["variants"]]
    names = ["keras"]
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: compared with Keras alone.")
    else:
        torch.set_num_threads(cores())
        if not torch.cuda.is_available():
            # A CPU needs no Triton; loaded after TensorFlow its LLVM would end the process.
            sys.modules.setdefault("triton", None)
        names += TORCH
    return [[name] for name in names] if p.dim > 256 else [names]


def contenders(p, names):
    """name -> (function that trains some steps, number of parameters)."""
    keras.utils.set_random_seed(0)
    ours = mmzoo_model(p)
    weights = weights_by_name(ours)
    made = {"mmzoo": keras_steps(p, ours)}
    for name in names:
        if name == "variants":
            made |= {model.name: keras_steps(p, model) for model in variants(p)}
        elif name == "keras":
            theirs = keras_model(p)
            copy_weights(ours, theirs)
            made["keras"] = keras_steps(p, theirs)
        else:
            from torch_pairs import torch_steps

            made[name] = torch_steps(p, weights, **TORCH[name])
    return made


def check_same_work(made):
    """The losses of the first steps; raises where contenders have others, or other sizes."""
    parameters = {name: count for name, (_, count) in made.items()}
    if len(set(parameters.values())) > 1:
        raise AssertionError(f"not the same network: {parameters}")
    losses = {}
    for name, (run, _) in made.items():
        losses[name] = [float(x) for x in run(CHECKED, losses=True)]
        # Rounding grows from step to step, above all behind BatchNorm of few rows.
        np.testing.assert_allclose(losses[name][0], losses["mmzoo"][0], rtol=5e-3, err_msg=name)
        np.testing.assert_allclose(losses[name], losses["mmzoo"], rtol=0.1, err_msg=name)
    return losses


def measure(made, rounds, steps):
    """Dict from contender to the seconds a step in each round."""
    seconds = {name: [] for name in made}
    for round_number in range(-1, rounds):  # the first one warms up
        names = list(made)
        for contender in names if round_number % 2 else names[::-1]:
            start = time.perf_counter()
            made[contender][0](steps)
            if round_number >= 0:
                seconds[contender].append((time.perf_counter() - start) / steps)
    return seconds


def run_pair(name, p, rounds, steps, with_variants=False):
    """The records of a pair, a contender each."""
    ours, others = [], []
    for names in groups(p, with_variants):
        made = contenders(p, names)
        parameters = {contender: count for contender, (_, count) in made.items()}
        losses = {} if with_variants else check_same_work(made)
        seconds = measure(made, rounds, steps)
        ours += seconds["mmzoo"]
        for contender, times in seconds.items():
            ratios = [a / b for a, b in zip(seconds["mmzoo"], times, strict=True)]
            record = {
                "pair": name,
                "contender": contender,
                "seconds": statistics.median(times),
                "mmzoo_ratio": statistics.median(ratios),
                "parameters": parameters[contender],
                "first_losses": losses.get(contender, []),
                "batch_size": p.batch,
                "rounds": rounds,
                "steps": steps,
            }
            if contender != "mmzoo" or not others:
                others.append(record)
            print(table([record]).split("\n")[-1], flush=True)
        del made
        gc.collect()
        keras.utils.clear_session()
    others[0]["seconds"] = statistics.median(ours)
    return others


def table(results):
    """The results as a Markdown table, a row a contender."""
    several = any("pair" in r for r in results)  # older results are of one
    lines = ["| contender | ms a step | mmzoo's time in it |", "|---|---|---|"]
    if several:
        lines = [f"| pair {lines[0]}", f"|---{lines[1]}"]
    for r in results:
        first = f"| {r['pair']} " if several else ""
        ratio = f"{r['mmzoo_ratio']:.2f}x"
        lines.append(f"{first}| {r['contender']} | {1000 * r['seconds']:.1f} | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", nargs="*", default=list(PAIRS), choices=PAIRS)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, help="steps a turn; 20, of large networks 2")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--variants", action="store_true", help="mmzoo with parts left out")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    arguments = parser.parse_args()
    name = f"{NAME}_variants" if arguments.variants else NAME
    if arguments.table:
        print(table(read(name, arguments.folder)))
        return
    results = [r for r in read(name, arguments.folder) if r.get("pair") in PAIRS]
    for pair_name in [VARIED] if arguments.variants else arguments.pairs:
        p = pair(pair_name, arguments.tiny)
        steps = arguments.steps or (2 if p.dim > 256 else 20)
        measured = run_pair(pair_name, p, arguments.rounds, steps, arguments.variants)
        results = [r for r in results if r["pair"] != pair_name] + measured
        results.sort(key=lambda r: list(PAIRS).index(r["pair"]))
        write(name, results, arguments.folder)
    print(table(results))


if __name__ == "__main__":
    main()
