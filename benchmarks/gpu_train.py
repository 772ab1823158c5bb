"""Training in bfloat16 on one GPU: mmzoo on JAX against torch.compile, and how much of the GPU.

    python benchmarks/gpu_train.py                  # needs JAX, Keras, NumPy, PyTorch alone
    python benchmarks/gpu_train.py --pairs vit_bert_cross_attention --batches 64 128 256
    python benchmarks/gpu_train.py --tiny           # small sizes, also on a CPU
    python benchmarks/gpu_train.py --run sort_of_clevr -- --only relation    # a table, on JAX

Runs the pairs of `pairs.py`, each contender and batch size in a process of its own, from the same
weights, whose first losses must agree. `seconds` is a step on a batch that lies on the device;
`seconds_with_input` one of an epoch over uint8 pictures and token ids in memory-mapped files,
through `model.fit` and `keras.utils.PyDataset`, or a `DataLoader`. Utilisation is the operations of
three forward passes, by XLA's count, a second, as a share of the fastest bfloat16 matrix product
that was measured. What `results/gpu_train.json` has is not measured again.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.92")

import numpy as np
from results_file import FOLDER, read, write

NAME = "gpu_train"
CONTENDERS = ("mmzoo", "torch.compile", "torch eager")
#: Rows a step that are tried, until memory is out.
BATCHES = {
    "cnn_lstm_concat": (1024, 4096),
    "cnn_transformer_cross_attention": (1024, 4096),
    "resnet50_bert_concat": (64, 128, 256),
    "vit_bert_cross_attention": (64, 128, 256),
}
#: Other scripts that train on JAX; easy-VQA reads its pictures with TensorFlow, on the CPU.
TABLES = ("sort_of_clevr", "easy_vqa")
#: Steps before anything is measured, of a round, and rounds.
WARM_UP, STEPS, ROUNDS = 3, 10, 5


def peak(size=8192, rounds=5, products=10):
    """Floating-point operations a second of the fastest bfloat16 matrix product."""
    import jax
    import jax.numpy as jnp

    matrix = jnp.full((size, size), 1 / size, jnp.bfloat16)
    product = jax.jit(lambda a, b: a @ b)
    product(matrix, matrix).block_until_ready()
    seconds = []
    for _ in range(rounds):
        start, result = time.perf_counter(), matrix
        for _ in range(products):
            result = product(result, matrix)
        result.block_until_ready()
        seconds.append((time.perf_counter() - start) / products)
    device = jax.devices()[0]
    return {"peak": 2 * size**3 / min(seconds), "device": device.device_kind}


def timed(step, wait, steps):
    """Seconds a step, the median of some rounds, after steps that warm up."""
    for _ in range(WARM_UP):
        step()
    wait()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        wait()
        seconds.append((time.perf_counter() - start) / steps)
    return statistics.median(seconds)


def measure_mmzoo(p, folder, steps):
    """Seconds a step without and with input, first losses, model FLOPs a step, parameters."""
    import jax
    import keras
    from pairs import mmzoo_model, weights_by_name

    keras.utils.set_random_seed(0)
    model = mmzoo_model(p, dtype="mixed_bfloat16")
    weights = folder / "weights.npz"
    if not weights.exists():
        np.savez(weights, **weights_by_name(model))
    image, text, y = next(iter(rows_of(p, folder)))
    data = jax.device_put(({"image": image, "text": text}, y))
    losses = [float(model.train_on_batch(*data, return_dict=True)["loss"])]
    flops = 3 * forward_flops(model, data[0])
    clock = EpochClock()
    model.fit(keras_rows(p, folder), epochs=3, verbose=0, callbacks=[clock.callback()])
    step = jax.jit(model.train_step, donate_argnums=0)
    variables = [
        [variable.value for variable in kind]
        for kind in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    ]
    held = {"state": tuple(variables)}

    def one():
        held["logs"], held["state"] = step(held["state"], data)

    seconds = timed(one, lambda: jax.block_until_ready(held["state"]), steps)
    return {
        "seconds": seconds,
        "seconds_with_input": clock.seconds / batches(p, folder),
        "first_losses": losses,
        "flops": flops,
        "parameters": sum(int(np.prod(v.shape)) for v in model.trainable_variables),
    }


def forward_flops(model, x):
    """Operations of a forward pass, counted in the graph that XLA is given.

    Attention is written out for it: XLA can't see into a fused kernel.
    """
    from unittest import mock

    import jax

    from mmzoo.layers import MultiHeadAttention

    def forward(trainable, others, x):
        return model.stateless_call(trainable, others, x, training=True)[0]

    with mock.patch.object(MultiHeadAttention, "fused", False):
        lowered = jax.jit(forward).lower(
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
            x,
        )
    return lowered.cost_analysis()["flops"]


class EpochClock:
    """Times the last epoch of a `fit`."""

    def callback(self):
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(self, "start", time.perf_counter()),
            on_epoch_end=lambda epoch, logs: setattr(
                self, "seconds", time.perf_counter() - self.start
            ),
        )


def measure_torch(p, folder, steps, compiled):
    """As `measure_mmzoo`, without the count of operations."""
    import torch
    from torch.nn import functional
    from torch_pairs import Model, adamw

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    model = Model(p)
    model.take(np.load(folder / "weights.npz"))
    model = model.to(device, memory_format=torch.channels_last).train()
    optimizer = adamw(model, p, fused=device == "cuda")
    forward = torch.compile(model) if compiled else model

    def on_device(image, text, y):
        image = image.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        text, y = text.to(device, non_blocking=True), y.to(device, non_blocking=True)
        return image.contiguous(memory_format=torch.channels_last), text.long(), y.long()

    def one(image, text, y):
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16):
            logits = forward(image, text)
        loss = functional.cross_entropy(logits.float(), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    data = on_device(*(torch.from_numpy(array) for array in next(iter(rows_of(p, folder)))))
    losses = [one(*data).item()]
    seconds = timed(lambda: one(*data), wait, steps)
    loader = torch_rows(p, folder, device)
    for _ in range(2):  # the first epoch warms up
        start = time.perf_counter()
        for batch in loader:
            one(*on_device(*batch))
        wait()
        last = time.perf_counter() - start
    return {
        "seconds": seconds,
        "seconds_with_input": last / batches(p, folder),
        "first_losses": losses,
        "parameters": sum(x.numel() for x in model.parameters() if x.requires_grad),
    }


def make_rows(p, folder, rows):
    """Random rows in files: uint8 pictures, token ids, labels."""
    from pairs import batch

    names = ("image", "text", "label")
    for name, array in zip(names, batch(p, rows), strict=True):
        np.save(folder / f"{name}.npy", array)


def mapped(folder):
    return [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("image", "text", "label")]


def batches(p, folder):
    return len(mapped(folder)[2]) // p.batch


def rows_of(p, folder):
    """Batches in their order."""
    arrays = mapped(folder)
    for start in range(0, batches(p, folder) * p.batch, p.batch):
        yield [np.array(array[start : start + p.batch]) for array in arrays]


def keras_rows(p, folder):
    """A `keras.utils.PyDataset` of shuffled batches, read by threads."""
    import keras

    class Rows(keras.utils.PyDataset):
        def __init__(self):
            super().__init__(workers=min(8, os.cpu_count()), max_queue_size=16)
            self.arrays = mapped(folder)
            self.generator = np.random.default_rng(0)
            self.on_epoch_begin()

        def __len__(self):
            return batches(p, folder)

        def on_epoch_begin(self):
            self.order = self.generator.permutation(len(self.arrays[2]))

        def __getitem__(self, index):
            rows = np.sort(self.order[index * p.batch : (index + 1) * p.batch])
            image, text, y = (array[rows] for array in self.arrays)
            return {"image": image, "text": text}, y

    return Rows()


def torch_rows(p, folder, device):
    """A `DataLoader` of shuffled batches, read by processes."""
    import torch

    class Rows(torch.utils.data.Dataset):
        def __init__(self):
            self.arrays = mapped(folder)

        def __len__(self):
            return len(self.arrays[2])

        def __getitem__(self, index):
            return tuple(np.array(array[index]) for array in self.arrays)

    workers = min(8, os.cpu_count())
    return torch.utils.data.DataLoader(
        Rows(), p.batch, shuffle=True, drop_last=True, num_workers=workers,
        pin_memory=device == "cuda", persistent_workers=True,
    )  # fmt: skip


def measure(what, tiny):
    """What a process of its own measures: the peak, or a contender."""
    if what == ["peak"]:
        return peak(*((256, 2, 2) if tiny else ()))
    from pairs import pair

    name, contender, rows, folder = what
    p, folder = pair(name, tiny, batch=int(rows)), pathlib.Path(folder)
    steps = 2 if tiny else STEPS
    if contender == "mmzoo":
        return measure_mmzoo(p, folder, steps)
    return measure_torch(p, folder, steps, compiled=contender == "torch.compile")


def in_a_process(*what, tiny):
    """What `measure` returns in a process of its own; `None` where it fails."""
    command = [
        sys.executable,
        __file__,
        *(["--tiny"] if tiny else []),
        "--measure",
        *map(str, what),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None
    return json.loads(done.stdout.splitlines()[-1])


def run_pair(name, batch_sizes, contenders, tiny, machine, found):
    """Measures what is not in `found`, a list of records, and adds it; yields after each."""
    from pairs import pair

    for rows in batch_sizes:
        with tempfile.TemporaryDirectory() as folder:
            p, folder = pair(name, tiny, batch=rows), pathlib.Path(folder)
            make_rows(p, folder, 4 * rows if tiny else max(2048, 16 * rows))
            known = {r["contender"] for r in found if (r["pair"], r["batch_size"]) == (name, rows)}
            if set(contenders) <= known:
                continue
            flops = losses = None
            # mmzoo comes first: it writes the weights, and counts the operations.
            for contender in sorted(contenders, key=lambda c: c != "mmzoo"):
                made = in_a_process(name, contender, rows, folder, tiny=tiny)
                if made is None:  # most often, memory is out
                    print(f"{name}, {contender}: failed with {rows} rows a step.", flush=True)
                    if contender == "mmzoo":
                        break
                    continue
                flops, losses = flops or made.pop("flops"), losses or made["first_losses"]
                np.testing.assert_allclose(made["first_losses"], losses, rtol=0.02)
                record = {
                    "pair": name, "contender": contender, "batch_size": rows, **machine, **made,
                    "rows_per_second": rows / made["seconds"],
                    "rows_per_second_with_input": rows / made["seconds_with_input"],
                    "flops": flops,
                    "utilisation": flops / made["seconds"] / machine["peak"],
                }  # fmt: skip
                same = (name, contender, rows)
                found[:] = [
                    r for r in found if (r["pair"], r["contender"], r["batch_size"]) != same
                ]
                found.append(record)
                print(table([record]).split("\n")[-1], flush=True)
                yield


def table(results):
    """The results as a Markdown table."""
    lines = [
        "| pair | contender | batch | rows/s | rows/s with input | utilisation, % |",
        "|---|---|---|---|---|---|",
    ]
    for r in sorted(results, key=lambda r: (r["pair"], r["batch_size"], r["contender"])):
        lines.append(
            f"| {r['pair']} | {r['contender']} | {r['batch_size']} | {r['rows_per_second']:,.0f} "
            f"| {r['rows_per_second_with_input']:,.0f} | {100 * r['utilisation']:.1f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", nargs="*", default=list(BATCHES), choices=BATCHES)
    parser.add_argument("--batches", nargs="*", type=int, help="rows a step to try")
    parser.add_argument("--contenders", nargs="*", default=CONTENDERS[:2], choices=CONTENDERS)
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--folder", default=FOLDER, help="where the results file goes")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--run", choices=TABLES, help="run another script of this folder on JAX")
    parser.add_argument("--measure", nargs="*", help=argparse.SUPPRESS)
    arguments, others = parser.parse_known_args()
    if arguments.run:
        script = pathlib.Path(__file__).with_name(f"{arguments.run}.py")
        others = [argument for argument in others if argument != "--"]
        sys.exit(subprocess.run([sys.executable, script, *others]).returncode)
    if others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.tiny)))
        return
    results = read(NAME, arguments.folder)
    if not arguments.table:
        machine = in_a_process("peak", tiny=arguments.tiny)
        if machine is None:
            sys.exit("JAX can't multiply matrices here.")
        for name in arguments.pairs:
            sizes = arguments.batches or ((4,) if arguments.tiny else BATCHES[name])
            steps = run_pair(name, sizes, arguments.contenders, arguments.tiny, machine, results)
            for _ in steps:
                write(NAME, results, arguments.folder)
    print(table(results))


if __name__ == "__main__":
    main()
