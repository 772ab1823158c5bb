"""docs/zoo.md, and mmzoo/recipes/facts.json that it and `mmzoo list` are made from."""

import json

import results_file
from docstrings import description, example, linked, section, summary

import mmzoo
from mmzoo.commands.zoo_facts import PATH, facts, shown

#: Figures of a results file that say how good a model is; the first one that a record has is shown.
FIGURES = (
    "accuracy", "macro_f1", "micro_f1", "f1", "auc", "roc_auc", "relational", "r2",
    "mean_absolute_error", "correlation", "statements_true", "chrf", "cer",
)  # fmt: skip

INTRODUCTION = """\
# The zoo

<!-- Made by docs/generate.py from docstrings and benchmarks/results. Do not edit. -->

A recipe is a named triple of inputs, fusion block and head. `build_model` takes its name, and any
part can be replaced:

```python
model = mmzoo.build_model("vilt_small")
model = mmzoo.build_model("vilt_small", fusion="cross_attention", head=mmzoo.heads.Softmax(5))
```

All weights are random unless arguments say otherwise. Parameters are counted at the recipe's own
sizes, and at the `dim=256` of `build_model` where it has none. **Measured** are means over the runs
of a script in [benchmarks/](../benchmarks); `-`: not measured. `mmzoo list` prints the same.
The Tux Paint stamps are 690 rows of 8 topics, the largest of which has 35.8 % of them.
"""


def described(modality):
    """A modality in a few words: size, encoder, whether it may be absent."""
    if modality.kind == "image":
        size = "{}x{}".format(*modality.size)
    elif modality.kind == "text":
        size = "any length" if modality.length is None else f"{modality.length} tokens"
    elif modality.kind == "audio":
        size = f"{modality.seconds:g} s"
    elif modality.kind == "video":
        size = "{} frames {}x{}".format(modality.frames, *modality.size)
    elif modality.kind == "features":
        size = " x ".join(map(str, modality.shape))
    else:
        size = modality.kind
    return ", ".join([size, part_name(modality.encoder)] + ["optional"] * modality.optional)


def part_name(part):
    """The registered name of a part, or the class of an instance."""
    if isinstance(part, dict):
        return part_name(part["config"].get("frame_encoder", part["class_name"]))
    if isinstance(part, mmzoo.encoders.Applications):
        return part.architecture
    return part if isinstance(part, str) else type(part).__name__


def facts_of(name):
    """What `facts.json` holds of a recipe, without measured results. Builds the model."""
    recipe = mmzoo.recipes.get(name)
    return {
        "inputs": {key: described(modality) for key, modality in recipe.inputs.items()},
        "fusion": part_name(recipe.fusion),
        "head": part_name(recipe.head).lower(),
        "parameters": mmzoo.build_model(recipe, compile=False).count_params(),
    }


def measured(folder=results_file.FOLDER):
    """The results of every recipe that was measured.

    Records are taken together that differ in nothing but numbers: seeds, figures, times.

    Args:
        folder: that of the results files.

    Returns:
        Dict from recipe to a list of results, see `mmzoo.commands.zoo_facts.facts`.
    """
    values = {}
    for path in sorted(folder.glob("*.json")):
        records = results_file.read(path.stem, folder) if "results" in path.read_text() else []
        for record in records:
            figure = next((figure for figure in FIGURES if figure in record), None)
            if "recipe" not in record or figure is None:
                continue
            texts = [v for k, v in record.items() if k != "recipe" and isinstance(v, str)]
            key = (record["recipe"], path.stem, ", ".join(texts), figure)
            values.setdefault(key, []).append(record[figure])
    results = {}
    for (recipe, benchmark, setting, figure), figures in values.items():
        result = {"benchmark": benchmark, "setting": setting, "figure": figure}
        result |= {"mean": round(sum(figures) / len(figures), 6), "runs": len(figures)}
        results.setdefault(recipe, []).append(result)
    return results


def write_facts():
    """Builds every recipe and writes facts.json."""
    results = measured()
    known = {
        name: {**facts_of(name), "measured": results.get(name, [])} for name in mmzoo.list_models()
    }
    PATH.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def zoo_page():
    """The text of docs/zoo.md."""
    known = facts()
    recipes = mmzoo.recipes.RECIPES | mmzoo.recipes.WITH_ARGUMENTS
    lines = [
        "| recipe | inputs | fusion | head | parameters | measured |",
        "|---|---|---|---|---|---|",
    ]
    for name, fact in known.items():
        inputs = "; ".join(f"`{key}` {what}" for key, what in fact["inputs"].items())
        lines.append(
            f"| [`{name}`](#{name}) | {inputs} | `{fact['fusion']}` | `{fact['head']}` "
            f"| {fact['parameters']:,} | {shown(fact['measured'])} |"
        )
    names = ", ".join(f"[`{name}`](#{name})" for name in mmzoo.recipes.WITH_ARGUMENTS)
    lines += [
        "",
        f"Functions of `mmzoo.recipes` that return a recipe for `build_model`: {names}.",
        "",
    ]
    for name, function in recipes.items():
        lines += [f"## {name}", "", f"**{summary(function)}**"]
        lines += ["", description(function)] if description(function) else []
        lines += [
            "",
            example(function),
            "",
            f"Source: {linked(section(function, 'Reference'))}",
            "",
        ]
    return "\n".join([INTRODUCTION, *lines, *parts()])


def parts():
    """Lines: the encoders and the heads; the fusion blocks have a page of their own."""
    lines = ["## Parts to make recipes of", "", "Fusion blocks: [fusion.md](fusion.md).", ""]
    lines += ["| encoder | what it is | source |", "|---|---|---|"]
    for kind, encoders in mmzoo.encoders.ENCODERS.items():
        lines += [row(f"{kind} `{name}`", cls) for name, cls in encoders.items()]
    lines += ["", "| head | what it is | source |", "|---|---|---|"]
    return [*lines, *(row(f"`{name}`", cls) for name, cls in mmzoo.heads.HEADS.items()), ""]


def row(name, cls):
    """A row of the tables of parts."""
    return f"| {name} | {summary(cls)} | {linked(section(cls, 'Reference') or '')} |"
