"""What an exported model says of itself, for people and for programs."""

import importlib
import json
import os

from keras import tree

from mmzoo.export.answers import output_name
from mmzoo.heads import answering_model, inputs_of, targets_of


def write_model_card(folder, model, preprocessor, *, format, weights, batch_size, packages):
    """Writes `model_card.md`, and `assets.extra/` with the same for programs.

    Args:
        folder: that of the exported model.
        model: the model.
        preprocessor: its preprocessor; goes to `assets.extra/preprocessor.json`.
        format: of the exported model.
        weights: what its large weights are stored as.
        batch_size: the only one it takes, or `None`.
        packages: packages to import before a SavedModel can be loaded.
    """
    # Not the versions of distributions: TensorFlow's are called `tensorflow-cpu` and the like, too.
    versions = {
        name: importlib.import_module(name).__version__
        for name in ("mmzoo", "keras", "tensorflow", *packages)
    }
    targets = targets_of(model, preprocessor)
    about = {"name": model.name, "format": format, "weights": weights, "batch_size": batch_size,
             "versions": versions, "packages": list(packages),
             "parameters": model.count_params(), **_facts(targets)}  # fmt: skip
    extra = os.path.join(folder, "assets.extra")
    os.makedirs(extra, exist_ok=True)
    with open(os.path.join(extra, "model.json"), "w", encoding="utf-8") as file:
        json.dump(about, file, ensure_ascii=False, indent=1)
    preprocessor.save(os.path.join(extra, "preprocessor.json"))
    describe = _signature if format == "savedmodel" else _tensors
    lines = [
        f"# {model.name}",
        "",
        f"A model of {' and '.join(preprocessor.inputs)}, exported with "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}.",
        *describe(model, preprocessor, about, targets),
        "",
    ]
    for answer, target in targets.items():
        said = target.card_lines()
        lines += said if answer == "head" or not said else [f"`{answer}`: {said[0]}", *said[1:]]
    parts = [
        layer
        for layer in model.layers
        if layer.name in ("fusion", "head") or layer.name.removesuffix("_head") in targets
    ]
    lines += [
        f"{', '.join(f'{layer.name} `{type(layer).__name__}`' for layer in parts)}; "
        f"{model.count_params():,} parameters, large weights in {weights}.",
        "",
    ]
    with open(os.path.join(folder, "model_card.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _signature(model, preprocessor, about, targets):
    """The lines on a SavedModel: how to call it, and the inputs and outputs of raw rows."""
    packages = about["packages"]
    needs = "It needs TensorFlow alone."
    if packages:
        imports = "; ".join(f"import {package}" for package in packages)
        needs = f"It needs TensorFlow and {', '.join(packages)}: `{imports}` before loading it."
    specs = {name: tree.flatten(spec) for name, spec in preprocessor.raw_specs().items()}
    arguments = ", ".join(f"{spec.name}=..." for of_one in specs.values() for spec in of_one)
    lines = [
        needs,
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
            shape = _shape(spec.shape)
            lines.append(
                f"| `{spec.name}` | {shape} {spec.dtype.name} | {modality.served} | {absent} |"
            )
    lines += ["", *_outputs(targets)]
    for name in preprocessor.inputs:
        lines.append(f"| `{name}_ok` | (B,) | whether `{name}` could be read, and is there |")
        for count, meaning in preprocessor.inputs[name].served_counts().items():
            lines.append(f"| `{name}_{count}` | (B,) | number of {meaning} |")
    return [*lines, "| `ok` | (B,) | whether all are |"]


#: How the model alone is called in a format: arguments -> lines of Python.
CALLS = {
    "litert": (
        "from ai_edge_litert.interpreter import Interpreter",
        "",
        'answer = Interpreter("model.tflite").get_signature_runner("serving_default")',
        "outputs = answer(**inputs)",
    ),
    "onnx": (
        "import onnxruntime",
        "",
        'session = onnxruntime.InferenceSession("model.onnx")',
        "(outputs,) = session.run(None, inputs)",
    ),
}


#: How `read` and `step` of a model that writes are called in a format.
FUNCTIONS = {
    "litert": (
        "from ai_edge_litert.interpreter import Interpreter",
        "",
        'model = Interpreter("model.tflite")',
        'read, step = (model.get_signature_runner(name) for name in ("read", "step"))',
        "",
        "def call(function, x):",
        "    return function(**{name: x[name] for name in function.get_input_details()})",
    ),
    "onnx": (
        "import onnxruntime",
        "",
        'read, step = (onnxruntime.InferenceSession(f"{name}.onnx") for name in ("read", "step"))',
        "",
        "def call(session, x):",
        "    taken = {each.name: x[each.name] for each in session.get_inputs()}",
        "    names = [each.name for each in session.get_outputs()]",
        "    return dict(zip(names, session.run(None, taken)))",
    ),
}
#: The loop around them.
LOOP = (
    "",
    'about = json.load(open("assets.extra/model.json", encoding="utf-8"))["answers"]["{answer}"]',
    "values = call(read, inputs)",
    'last = np.full(len(values["state_0"]), 2, "int32")  # 2 stands where a text begins',
    "ids = []",
    'for position in range(about["length"]):',
    '    values |= {{"ids": last, "position": np.array([position], "int32")}}',
    '    values |= {{name.removeprefix("next_"): x for name, x in call(step, values).items()}}',
    '    values["logits"][:, :3] = -np.inf  # 3 stands where it ends, words begin at 4',
    '    last = values["logits"].argmax(axis=1).astype("int32")',
    "    ids.append(last)",
    "texts = [",
    '    [about["vocabulary"][token - 4] for token in itertools.takewhile(lambda x: x > 3, row)]',
    "    for row in zip(*ids)",
    "]",
)


def _calls(about):
    """How the files are called, lines of Python."""
    written = [name for name, facts in about["answers"].items() if facts.get("writes")]
    if not written:
        return CALLS[about["format"]]
    loop = [line.format(answer=written[0]) for line in LOOP]
    imports = ["import itertools", "import json", "", "import numpy as np"]
    return [*imports, *FUNCTIONS[about["format"]], *loop]


def _tensors(model, preprocessor, about, targets):
    """The lines on a model alone: how to call it, and its tensors."""
    inputs = inputs_of(answering_model(model))
    rows = "B is any number of rows"
    if about["batch_size"]:
        rows = f"B is {about['batch_size']}: a layer loops over time steps"
    lines = [
        "It takes tensors, not raw rows; `mmzoo.Preprocessor.load"
        '("assets.extra/preprocessor.json")(batch)` makes them.',
        "",
        "```python",
        *_calls(about),
        "```",
        "",
        f"`inputs` is a dict of arrays; {rows}.",
        "",
        "| input | shape and dtype |",
        "|---|---|",
        *(f"| `{name}` | {_shape(x.shape)} {x.dtype} |" for name, x in inputs.items()),
        "",
    ]
    left_out = [
        f"`{output_name(answer, output)}`"
        for answer, target in targets.items()
        for output in target.describe_outputs()
        if output != target.main_output
    ]
    note = f"A SavedModel also has {', '.join(left_out)}: here the client makes them."
    return [*lines, *_outputs(targets, only_main=True), *(["", note] if left_out else [])]


def _outputs(targets, only_main=False):
    """The head and the first rows of the table of outputs."""
    lines = ["| output | shape | what it is |", "|---|---|---|"]
    for answer, target in targets.items():
        for output, (shape, what) in target.describe_outputs().items():
            if not only_main or output == target.main_output:
                lines.append(f"| `{output_name(answer, output)}` | {shape} | {what} |")
    return lines


def _facts(targets):
    """What programs read of the answers; with several answers a dict of dicts."""
    facts = {
        answer: {"main_output": output_name(answer, target.main_output), **target.card_facts()}
        for answer, target in targets.items()
    }
    only = facts.get("head", {})
    return {"class_names": only.get("class_names"), "answers": facts}


def _shape(shape):
    """A shape as a reader writes it: `(B, 8, 8, 3)`; `...` where any length will do."""
    sizes = ["..." if size is None else str(size) for size in tuple(shape)[1:]]
    return f"({', '.join(['B', *sizes])})" if sizes else "(B,)"
