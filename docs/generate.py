"""Writes the pages of the documentation that are made of docstrings and results files.

python docs/generate.py            # writes docs/*.md and mmzoo/recipes/facts.json
python docs/generate.py --check    # fails if a page would change
"""

import pathlib
import sys

import mmzoo

FOLDER = pathlib.Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "benchmarks")]

import growth  # noqa: E402  (lies beside the benchmarks)
import results_file  # noqa: E402
from docstrings import linked, section  # noqa: E402
from zoo_page import write_facts, zoo_page  # noqa: E402

INTRODUCTION = """\
# Fusion blocks

<!-- Made by docs/generate.py from docstrings and benchmarks/results. Do not edit. -->

A block takes the tokens of every modality, `(B, T, D)` each, and their masks, and returns one
vector a row. `x_m` is the mean valid token of modality `m` where a formula has vectors, and all its
tokens where it has `attend`, `block` or `conv`. `attend` and `block` are pre-norm transformer
blocks; tokens are layer-normalised before them (not in `gated_cross_attention`), and the result
after them. `*` is element-wise, `(x)` the outer product; `P_m` are the linear maps that
`build_model` puts before a block whose definition has them.

```python
model = mmzoo.build_model(inputs=..., fusion="film", head=...)
model = mmzoo.build_model(inputs=..., fusion=mmzoo.fusion.FiLM(depth=2, query="text"), head=...)
```

**Cost** is one training step of the block alone, by XLA's count: FLOPs a row as multiples of
`concat`, at two modalities of 64 tokens, width 64, and the power of the number of tokens that it
grows with (between 128 and 256 tokens a modality).
[benchmarks/fusion_cost.py](../benchmarks/fusion_cost.py) makes the numbers and the picture.
"""

ENDING = """
![Cost of each block against tokens, width and modalities](../benchmarks/results/fusion_cost.png)

MBT's `bottleneck` is linear in the number of modalities; within one modality it has that modality's
self-attention, which is quadratic in its tokens, as in the paper. `self_attention=False` leaves
that to the encoders and makes the block linear in the tokens, like `perceiver`.

## When an input is missing

`optional=True` on a modality adds the input `<name>_present`. What an absent modality holds has
exactly no influence. Most blocks then see one learned token in its place; `weighted_sum`, `late`
and `mixture_of_experts`, whose definitions have weights over the modalities, leave it out of these.
A model should meet missing inputs in training:

```python
inputs = {
    "image": mmzoo.Image(size=(64, 64), optional=True),
    "text": mmzoo.Text(length=16, vocabulary_size=10_000, optional=True),
}
model = mmzoo.build_model(inputs=inputs, modality_dropout=0.3, head=mmzoo.heads.Softmax(5))
```

`mmzoo.ModalityDropout` draws for every row and every optional modality, in training only, and never
takes a row's last one.
"""


def cost(results, name):
    """`"2.3x, tokens^1.0"`, to two figures."""
    middle = [r for r in results if all(r[k] == v for k, v in growth.MIDDLE.items())]
    flops = {r["contender"]: r["flops"] for r in middle}
    multiple = float(f"{flops[name] / flops['concat']:.2g}")
    return f"{multiple:,g}x, tokens^{growth.growth(results, name):.1f}"


def fusion_page():
    """The text of docs/fusion.md."""
    results = results_file.read("fusion_cost")
    lines = ["| block | formula | source | cost | choose it for |", "|---|---|---|---|---|"]
    for name, cls in mmzoo.fusion.FUSIONS.items():
        formula = section(cls, "Formula").replace("|", "\\|")
        lines.append(
            f"| `{name}` | `{formula}` | {linked(section(cls, 'Reference'))} "
            f"| {cost(results, name)} | {section(cls, 'Choose when')} |"
        )
    return INTRODUCTION + "\n" + "\n".join(lines) + "\n" + ENDING


PAGES = {"fusion.md": fusion_page, "zoo.md": zoo_page}


def main():
    if "--check" not in sys.argv[1:]:
        write_facts()
    for name, page in PAGES.items():
        path = FOLDER / name
        text = page()
        if "--check" in sys.argv[1:]:
            if path.read_text(encoding="utf-8") != text:
                sys.exit(f"{path} is out of date: run python docs/generate.py")
        else:
            path.write_text(text, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
