"""What an exported model says of itself, for people and for programs."""

import importlib
import json
import os

from keras import tree

from mmzoo.heads import Regression

#: What the outputs are: name -> shape, meaning.
OUTPUTS = {
    "probabilities": ("(B, {units})", "of each class, in the order below; of one sigmoid, of yes"),
    "values": ("(B, {units})", "the predicted numbers"),
    "labels": ("(B, {top})", "names of the best classes, best first"),
    "scores": ("(B, {top})", "their probabilities"),
    "replies": ("(B, {top})", "the texts that answer them"),
}


def write_model_card(folder, model, preprocessor, class_names, packages, top):
    """Writes `model_card.md`, and `assets.extra/` with the same for programs.

    Args:
        folder: that of the SavedModel.
        model: the model.
        preprocessor: its preprocessor; goes to `assets.extra/preprocessor.json`.
        class_names: names of the classes, or `None`.
        packages: packages to import before the SavedModel can be loaded.
        top: how many classes `labels` and `scores` list, where there are so many.
    """
    # Not the versions of distributions: TensorFlow's are called `tensorflow-cpu` and the like, too.
    versions = {
        name: importlib.import_module(name).__version__
        for name in ("mmzoo", "keras", "tensorflow", *packages)
    }
    about = {"name": model.name, "versions": versions, "packages": list(packages),
             "class_names": class_names, "parameters": model.count_params()}  # fmt: skip
    extra = os.path.join(folder, "assets.extra")
    os.makedirs(extra, exist_ok=True)
    with open(os.path.join(extra, "model.json"), "w", encoding="utf-8") as file:
        json.dump(about, file, ensure_ascii=False, indent=1)
    preprocessor.save(os.path.join(extra, "preprocessor.json"))
    with open(os.path.join(folder, "model_card.md"), "w", encoding="utf-8") as file:
        file.write(_card(model, preprocessor, class_names, versions, packages, top))


def _card(model, preprocessor, class_names, versions, packages, top):
    head = model.get_layer("head")
    parts = [layer for layer in model.layers if layer.name in ("fusion", "head")]
    made = ", ".join(f"{name} {version}" for name, version in versions.items())
    needs = "It needs TensorFlow alone."
    if packages:
        imports = "; ".join(f"import {package}" for package in packages)
        needs = f"It needs TensorFlow and {', '.join(packages)}: `{imports}` before loading it."
    specs = {name: tree.flatten(spec) for name, spec in preprocessor.raw_specs().items()}
    arguments = ", ".join(f"{spec.name}=..." for of_one in specs.values() for spec in of_one)
    lines = [
        f"# {model.name}",
        "",
        f"A model of {' and '.join(preprocessor.inputs)}, exported with {made}. {needs}",
        "",
        "```python",
        "import tensorflow as tf",
        *(f"import {package}" for package in packages),
        "",
        'answer = tf.saved_model.load("this folder").signatures["serving_default"]',
        f"outputs = answer({arguments})  # tensors of B rows",
        "```",
        "",
        "| input | shape and dtype | what it is | may be absent |",
        "|---|---|---|---|",
    ]
    for name, modality in preprocessor.inputs.items():
        absent = "yes" if modality.optional else "no"
        for spec in specs[name]:
            sizes = ["T" if size is None else str(size) for size in spec.shape[1:]]
            shape = ", ".join(["B", *sizes])
            lines.append(
                f"| `{spec.name}` | ({shape}) {spec.dtype.name} | {modality.served} | {absent} |"
            )
    kinds = ["values"] if isinstance(head, Regression) else ["probabilities", "labels", "scores"]
    kinds += ["replies"] if getattr(head, "replies", None) else []
    lines += ["", "| output | shape | what it is |", "|---|---|---|"]
    for kind in kinds:
        shape, what = OUTPUTS[kind]
        shape = shape.format(units=head.units, top=min(top, max(head.units, 2)))
        lines.append(f"| `{kind}` | {shape} | {what} |")
    for name in preprocessor.inputs:
        lines.append(f"| `{name}_ok` | (B,) | whether `{name}` could be read, and is there |")
    lines += ["| `ok` | (B,) | whether all are |", ""]
    if class_names:
        lines += [f"Classes: {', '.join(f'`{name}`' for name in class_names)}.", ""]
    lines += [
        f"{', '.join(f'{layer.name} `{type(layer).__name__}`' for layer in parts)}; "
        f"{model.count_params():,} parameters.",
        "",
    ]
    return "\n".join(lines)
