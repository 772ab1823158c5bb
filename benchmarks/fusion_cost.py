"""What the fusion blocks cost, and how that grows.

    pip install "mmzoo[jax,report]"
    python benchmarks/fusion_cost.py             # a quarter of an hour
    python benchmarks/fusion_cost.py --figure    # the picture of what is there

Each block, alone, makes one training step (forward, and backward to weights and tokens) for a batch
of rows. FLOPs and peak memory are XLA's own analysis of that step, exact and the same everywhere;
only the time is measured. Runs on the JAX backend, whose compiler can be asked.
"""

import argparse
import os
import pathlib
import textwrap
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import numpy as np
from growth import MIDDLE, growth
from results_file import FOLDER, read, write

import mmzoo

NAME = "fusion_cost"
BATCH = 8
SWEEPS = {
    "tokens": (16, 32, 64, 128, 256),
    "dim": (32, 64, 128),
    "modalities": (2, 3, 4),
}
#: Names in the results -> registered block and arguments; one appears twice.
CONTENDERS = {
    **{name: (name, {}) for name in mmzoo.fusion.FUSIONS},
    "bottleneck, self_attention=False": ("bottleneck", {"self_attention": False}),
}


def cases():
    """Every combination to measure, each once."""
    found = []
    for axis, values in SWEEPS.items():
        for value in values:
            case = {**MIDDLE, axis: value}
            if case not in found:
                found.append(case)
    return found


def measure(contender, case):
    """Cost of one block in one case; `None` where it does not take so many modalities."""
    name, options = CONTENDERS[contender]
    names = ["text", "image", "audio", "table"][: case["modalities"]]
    generator = np.random.default_rng(0)
    shape = (BATCH, case["tokens"], case["dim"])
    tokens = {key: generator.normal(size=shape).astype("float32") for key in names}
    mask = {key: np.ones(shape[:2], bool) for key in names}
    grid = (4, case["tokens"] // 4)
    block = mmzoo.fusion.get(
        {"class_name": name, "config": options},
        dim=case["dim"],
        query="text",
        grids=dict.fromkeys(names[1:], grid),
    )
    try:
        block(tokens, mask)
    except ValueError as error:
        print(f"{contender} {case}: {error}")
        return None

    def loss(weights, tokens):
        state = [variable.value for variable in block.non_trainable_variables]
        fused, _ = block.stateless_call(weights, state, tokens, mask)
        return (fused**2).sum()

    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    weights = [variable.value for variable in block.trainable_variables]
    lowered = step.lower(weights, tokens)
    compiled = lowered.compile()
    seconds = []
    jax.block_until_ready(compiled(weights, tokens))
    while len(seconds) < 5 or (sum(seconds) < 0.3 and len(seconds) < 50):
        start = time.perf_counter()
        jax.block_until_ready(compiled(weights, tokens))
        seconds.append(time.perf_counter() - start)
    return {
        "contender": contender,
        "fusion": name,
        **case,
        "batch": BATCH,
        "parameters": block.count_params(),
        "flops": lowered.cost_analysis()["flops"] / BATCH,
        "peak_bytes": compiled.memory_analysis().temp_size_in_bytes,
        "milliseconds": 1000 * float(np.median(seconds)),
    }


def pooling(results):
    """Names of the contenders that work on mean tokens: they cost about as much as `concat`."""
    middle = [r for r in results if all(r[key] == value for key, value in MIDDLE.items())]
    limit = 10 * next(r["flops"] for r in middle if r["contender"] == "concat")
    return [r["contender"] for r in middle if r["flops"] < limit]


def draw(results, path):
    """FLOPs, memory and time of a step against tokens, FLOPs against width and modalities."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), layout="constrained")
    panels = [
        ("tokens", "flops", "FLOPs a row"),
        ("tokens", "peak_bytes", f"peak memory of a step, bytes (batch {BATCH})"),
        ("tokens", "milliseconds", f"ms a step (batch {BATCH})"),
        ("dim", "flops", "FLOPs a row"),
        ("modalities", "flops", "FLOPs a row"),
    ]
    axes = figure.subplots(2, 3).ravel()
    light = pooling(results)
    styles = {name: (f"C{i % 10}", "osD^v"[i % 5]) for i, name in enumerate(CONTENDERS)
              if name not in light}  # fmt: skip
    for panel, (axis, cost, label) in zip(axes, panels, strict=False):
        case = {key: value for key, value in MIDDLE.items() if key != axis}
        for contender in CONTENDERS:
            points = sorted(
                (r[axis], r[cost])
                for r in results
                if r["contender"] == contender and all(r[k] == v for k, v in case.items())
            )
            if contender in light:
                panel.plot(*zip(*points, strict=True), color="0.7", linewidth=1, zorder=0)
                continue
            color, marker = styles[contender]
            power = growth(results, contender)
            panel.plot(
                *zip(*points, strict=True),
                "-" if power > 1.25 else "--",
                color=color,
                marker=marker,
                markersize=5,
                label=f"{contender} (tokens^{power:.1f})",
            )
        panel.set(
            xlabel={"tokens": "tokens a modality", "dim": "width"}.get(axis, axis),
            ylabel=label,
            xscale="log",
            yscale="log",
            xticks=SWEEPS[axis],
            xticklabels=SWEEPS[axis],
        )
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    axes[-1].set_axis_off()
    axes[-1].legend(
        *axes[0].get_legend_handles_labels(),
        loc="upper center",
        fontsize=11,
        frameon=False,
        title="solid: grows faster than the tokens\n(power of FLOPs between 128 and 256 tokens)",
    )
    names = textwrap.fill(", ".join(name for name in CONTENDERS if name in light), 45)
    axes[-1].text(
        0.5, 0.02, f"grey, on the mean tokens:\n{names}", ha="center", fontsize=11, color="0.4"
    )
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--figure", action="store_true", help="draw the picture and stop")
    parser.add_argument("--folder", default=FOLDER, help="where the results file is")
    arguments = parser.parse_args()
    results = read(NAME, arguments.folder)
    done = {(r["contender"], r["tokens"], r["dim"], r["modalities"]) for r in results}
    for contender in [] if arguments.figure else arguments.only:
        for case in cases():
            if (contender, *case.values()) not in done:
                record = measure(contender, case)
                results += [record] if record else []
        write(NAME, results, arguments.folder)
        print(f"{contender}: done", flush=True)
    draw(results, pathlib.Path(arguments.folder) / f"{NAME}.png")


if __name__ == "__main__":
    main()
