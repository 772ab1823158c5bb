"""What limits a training of a billion rows on 256 devices: measured costs, and arithmetic on them.

    python benchmarks/scaling.py            # measures here, and writes results/scaling.json
    python benchmarks/scaling.py --plan     # the arithmetic alone, on what was measured last
    python benchmarks/scaling.py --table    # the tables of docs/scaling.md

Measured on the machine at hand, by processor time where other work may disturb: reading and
decoding a row (a photo of 0.3 megapixels at 224 x 224, and a text of 64 tokens), the order of an
epoch, the memory of a row that is listed, writing and reading a checkpoint. Taken from
results/train_step.json: a step of the small network.

Everything about the machines of the plan is an argument, and an assumption: so are the peak of a
device and the share of it that a training reaches. The costs of a row on the processors are those
of the machine that measured.
"""

import argparse
import itertools
import os
import pathlib
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from results_file import read, write

NAME = "scaling"
SIZE, LENGTH = 224, 64
#: The sizes of ViT-B/16 and of BERT-base.
DIM, DEPTH, HEADS, VOCABULARY = 768, 12, 12, 30_522
#: AdamW: the weights and two estimates for each, in float32.
STATE_BYTES_A_PARAMETER = 3 * 4
#: The gradient as well.
DEVICE_BYTES_A_PARAMETER = 4 * 4
#: The position of a row in the order of an epoch, and the two numbers of its seed, as int64.
ORDER_BYTES_A_ROW = 3 * 8

#: Rows a step on a device.
BATCHES = (64, 256, 1024)
#: The plan: argument -> default and what it is.
ASSUMPTIONS = {
    "rows": (1e9, "rows of an epoch"),
    "devices": (256, "accelerators"),
    "devices_a_host": (8, "accelerators of a host"),
    "peak_flops": (989e12, "dense bfloat16 FLOP/s of a device (data sheet of an H100)"),
    "utilisation": (0.5, "share of the peak that a training reaches"),
    "memory_a_device": (80e9, "bytes of memory of a device"),
    "network": (25e9, "bytes a second of a device in an all-reduce"),
    "cores_a_host": (96, "cores of a host"),
    "memory_a_host": (1e12, "bytes of memory of a host"),
    "read_a_host": (2e9, "bytes a second that a host reads from storage"),
    "write": (1e9, "bytes a second that one host writes to storage"),
}


def inputs():
    """A picture and a text, for networks of the sizes of ViT-B/16 and BERT-base."""
    import mmzoo

    blocks = {"depth": DEPTH, "num_heads": HEADS}
    vit = {"class_name": "vit", "config": {"patch_size": 16, "dim": DIM, **blocks}}
    transformer = {"class_name": "transformer", "config": {"embedding_dim": DIM, **blocks}}
    return {
        "image": mmzoo.Image(size=SIZE, encoder=vit),
        "text": mmzoo.Text(length=LENGTH, vocabulary_size=VOCABULARY, encoder=transformer),
    }


def model_cost():
    """Parameters, and floating-point operations of a row in a training step."""
    import mmzoo

    model = mmzoo.build_model(
        inputs=inputs(), fusion="concat", head="sigmoid", dim=DIM, compile=False
    )
    operations = 0
    for name, tokens in (("image", (SIZE // 16) ** 2), ("text", LENGTH)):
        encoder = model.get_layer(f"{name}_encoder")
        weights = sum(
            int(np.prod(weight.shape))
            for weight in encoder.trainable_weights
            if "embeddings" not in weight.path and "positions" not in weight.path
        )
        # Forward a product and a sum for each weight and token, backward twice that; and attention.
        operations += 6 * weights * tokens + 12 * DEPTH * tokens**2 * DIM
    return {
        "cost": "model",
        "parameters": model.count_params(),
        "operations_a_row": operations,
    }


def input_cost(folder, rows=2048):
    """Processor seconds and bytes of a row, from the file to the batch."""
    import input_pipeline

    import mmzoo

    files = input_pipeline.make_photos(folder, 0.3, 48)
    paths = list(itertools.islice(itertools.cycle(files), rows))
    texts = [" ".join(input_pipeline.short_texts(10)) for _ in range(rows)]
    records = mmzoo.data.from_arrays({"image": paths, "text": texts}, [r % 2 for r in range(rows)])
    preprocessor = mmzoo.Preprocessor(inputs())
    preprocessor.adapt(records)
    dataset = records.to_dataset(preprocessor, 64, training=True)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        read_rows = sum(len(y) for _, y in dataset)
        seconds.append((time.process_time() - start) / read_rows)
    stored = [os.path.getsize(path) + len(text) for path, text in zip(paths, texts, strict=True)]
    return {
        "cost": "input",
        "processor_seconds_a_row": min(seconds[1:]),  # the first pass traces the graph
        "bytes_a_row": float(np.mean(stored)),
        "rows": rows,
    }


def listing_cost(rows=1_000_000):
    """Bytes of memory of a row in `Records`, and seconds and bytes of its place in the order."""
    import mmzoo
    from mmzoo.data.pipeline.row_order import epoch_order

    before = resident()
    paths = [f"photos/{row:012d}.jpg" for row in range(rows)]
    texts = [f"a text of some words, number {row}" for row in range(rows)]
    records = mmzoo.data.from_arrays({"image": paths, "text": texts}, [r % 2 for r in range(rows)])
    del paths, texts
    held = resident() - before
    epoch_order(10, 0, 0)
    start = time.process_time()
    epoch_order(len(records), seed=0, epoch=0)
    return {
        "cost": "listing",
        "bytes_a_row": held / rows,
        "order_seconds_a_row": (time.process_time() - start) / rows,
        "rows": rows,
    }


def resident():
    """Bytes of memory that this process has."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def checkpoint_cost(folder, megabytes=1024):
    """How fast a checkpoint is written to this machine's disk, flushed, and read back.

    What the processor takes for it, mostly checksums, is the least it can take anywhere.
    """
    from mmzoo.training.checkpoints.checkpoint_folder import CheckpointFolder

    generator = np.random.default_rng(0)
    part = generator.normal(size=4 * 2**20).astype("float32")  # 16 MB
    arrays = {f"weights_{number}": part + number for number in range(megabytes // 16)}
    checkpoints = CheckpointFolder(folder)
    size = sum(array.nbytes for array in arrays.values())
    speeds = {}
    for name, act in (
        ("written", lambda: checkpoints.save(1, arrays, {})),
        ("read", checkpoints.latest),
    ):
        start, busy = time.perf_counter(), time.process_time()
        act()
        speeds[f"bytes_{name}_a_second"] = size / (time.perf_counter() - start)
        speeds[f"bytes_{name}_a_processor_second"] = size / (time.process_time() - busy)
    return {"cost": "checkpoint", "bytes": size, **speeds}


def small_network_cost():
    """The step of the smallest network that results/train_step.json has of mmzoo, by row."""
    ours = [record for record in read("train_step") if record["contender"] == "mmzoo"]
    record = min(ours, key=lambda record: record["parameters"])
    return {
        "cost": "small network",
        "seconds_a_row": record["seconds"] / record["batch_size"],
        "parameters": record["parameters"],
    }


def plan(costs, batch_a_device, **assumptions):
    """The arithmetic: what a run needs, from measured costs and assumed machines.

    Args:
        costs: the records of the measurements.
        batch_a_device: rows a step on a device.
        **assumptions: one for each of `ASSUMPTIONS`.

    Returns:
        A flat dict.
    """
    cost = {record["cost"]: record for record in costs}
    a = argparse.Namespace(**assumptions)
    parameters = cost["model"]["parameters"]
    step = cost["model"]["operations_a_row"] * batch_a_device / (a.peak_flops * a.utilisation)
    # A ring: every device sends each gradient, in float32, twice but for its own share.
    reduced = 2 * (a.devices - 1) / a.devices * parameters * 4
    all_reduce = reduced / a.network
    batch = a.devices * batch_a_device
    rows_a_second = batch / step
    rows_a_host = rows_a_second * a.devices_a_host / a.devices
    bytes_a_host = rows_a_host * cost["input"]["bytes_a_row"]
    cores = rows_a_host * cost["input"]["processor_seconds_a_row"]
    listed = a.rows * cost["listing"]["bytes_a_row"]
    state = parameters * STATE_BYTES_A_PARAMETER
    return {
        "cost": "plan",
        **assumptions,
        "batch_a_device": batch_a_device,
        "global_batch": batch,
        "steps": a.rows / batch,
        "step_seconds": step,
        "hours": a.rows / rows_a_second / 3600,
        "hours_small_network_here": a.rows * cost["small network"]["seconds_a_row"] / 3600,
        "all_reduce_bytes": reduced,
        "all_reduce_seconds": all_reduce,
        "all_reduce_share": all_reduce / step,
        "hours_with_all_reduce": a.rows / batch * (step + all_reduce) / 3600,
        "rows_a_second": rows_a_second,
        "rows_a_second_a_host": rows_a_host,
        "input_bytes_a_second_a_host": bytes_a_host,
        "input_share_of_storage": bytes_a_host / a.read_a_host,
        "input_cores_a_host": cores,
        "input_share_of_cores": cores / a.cores_a_host,
        "stored_bytes": a.rows * cost["input"]["bytes_a_row"],
        "listing_bytes_a_host": listed,
        "listing_share_of_memory": listed / a.memory_a_host,
        "order_bytes": a.rows * ORDER_BYTES_A_ROW,
        "order_seconds": a.rows * cost["listing"]["order_seconds_a_row"],
        "state_share_of_device": parameters * DEVICE_BYTES_A_PARAMETER / a.memory_a_device,
        "largest_parameters": a.memory_a_device / DEVICE_BYTES_A_PARAMETER,
        "checkpoint_bytes": state,
        "checkpoint_seconds": state / a.write,
        "checkpoint_seconds_here": state / cost["checkpoint"]["bytes_written_a_second"],
        "checkpoint_processor_seconds": state
        / cost["checkpoint"]["bytes_written_a_processor_second"],
    }


def table(results):
    """Markdown tables of what was measured, and of the plan."""
    cost = {record["cost"]: record for record in results}
    model, source, listing = cost["model"], cost["input"], cost["listing"]
    disk, small, run = cost["checkpoint"], cost["small network"], cost["plan"]
    measured = {
        "parameters": f"{model['parameters'] / 1e6:,.0f} million",
        "operations of a row in training": f"{model['operations_a_row'] / 1e9:,.0f} GFLOP",
        "processor time to read a row": f"{1000 * source['processor_seconds_a_row']:.2f} ms",
        "stored bytes of a row": f"{source['bytes_a_row'] / 1e3:,.0f} kB",
        "memory of a listed row": f"{listing['bytes_a_row']:,.0f} bytes",
        "order of an epoch": f"{1e9 * listing['order_seconds_a_row']:,.0f} ns a row",
        "writing a checkpoint": f"{disk['bytes_written_a_second'] / 1e6:,.0f} MB/s; processor "
        f"alone {disk['bytes_written_a_processor_second'] / 1e6:,.0f} MB/s",
        "reading a checkpoint": f"{disk['bytes_read_a_second'] / 1e6:,.0f} MB/s; processor "
        f"alone {disk['bytes_read_a_processor_second'] / 1e6:,.0f} MB/s",
        "a step of the small network": f"{1e6 * small['seconds_a_row']:,.0f} µs a row",
    }
    planned = {
        "an epoch's arithmetic": f"{run['hours']:,.1f} hours; of the small network, on the "
        f"processor measured, {run['hours_small_network_here']:,.0f} hours",
        "input, rows": f"{run['rows_a_second']:,.0f} rows/s, "
        f"{run['rows_a_second_a_host']:,.0f} a host",
        "input, bytes": f"{run['input_bytes_a_second_a_host'] / 1e9:,.2f} GB/s a host, "
        f"{run['input_share_of_storage']:.0%} of its storage",
        "input, cores": f"{run['input_cores_a_host']:,.0f} a host, "
        f"{run['input_share_of_cores']:.0%} of its cores",
        "stored rows": f"{run['stored_bytes'] / 1e12:,.0f} TB",
        "`Records` in memory": f"{run['listing_bytes_a_host'] / 1e9:,.0f} GB a host, "
        f"{run['listing_share_of_memory']:.0%} of its memory",
        "order of an epoch": f"{run['order_bytes'] / 1e9:,.0f} GB a host, "
        f"{run['order_seconds']:,.0f} s of one core",
        "all-reduce": f"{run['all_reduce_bytes'] / 1e9:,.2f} GB sent by each device a step, "
        f"{1000 * run['all_reduce_seconds']:,.0f} ms",
        "weights, gradients and AdamW": f"{run['state_share_of_device']:.0%} of a device; "
        f"{run['largest_parameters'] / 1e9:,.0f} thousand million parameters fill it",
        "checkpoint": f"{run['checkpoint_bytes'] / 1e9:,.1f} GB; "
        f"{run['checkpoint_seconds']:,.1f} s as assumed, {run['checkpoint_seconds_here']:,.1f} s "
        f"as measured, of which the processor {run['checkpoint_processor_seconds']:,.1f} s",
    }
    assumed = {text: f"{run[name]:g}" for name, (_, text) in ASSUMPTIONS.items()}
    tables = [
        "\n".join([f"| {title} | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows.items())])
        for title, rows in (("measured", measured), ("assumed", assumed), ("follows", planned))
    ]
    lines = [
        "| a device's batch | of all | arithmetic | all-reduce | epoch, one after the other |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in results:
        if run["cost"] == "plan":
            lines.append(
                f"| {run['batch_a_device']} | {run['global_batch']:,} | "
                f"{1000 * run['step_seconds']:,.0f} ms | {run['all_reduce_share']:.0%} of that | "
                f"{run['hours_with_all_reduce']:,.1f} hours |"
            )
    return "\n\n".join([*tables, "\n".join(lines)])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", action="store_true", help="only the arithmetic, anew")
    parser.add_argument("--table", action="store_true", help="only show what was written last")
    for name, (default, text) in ASSUMPTIONS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help=text)
    arguments = vars(parser.parse_args())
    only_table, only_plan = arguments.pop("table"), arguments.pop("plan")
    if only_table:
        print(table(read(NAME)))
        return
    if only_plan:
        costs = [record for record in read(NAME) if record["cost"] != "plan"]
    else:
        with tempfile.TemporaryDirectory() as folder:
            costs = [
                listing_cost(),
                input_cost(folder),
                checkpoint_cost(os.path.join(folder, "checkpoints")),
                model_cost(),
                small_network_cost(),
            ]
    results = [*costs, *(plan(costs, batch, **arguments) for batch in BATCHES)]
    write(NAME, results)
    print(table(results))


if __name__ == "__main__":
    main()
