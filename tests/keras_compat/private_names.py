"""Where mmzoo touches a private name of Keras, KerasHub or TensorFlow."""

import ast
import inspect
import pathlib
import textwrap

import keras

import mmzoo

ROOT = pathlib.Path(mmzoo.__file__).parent
#: Classes of Keras that mmzoo inherits from or handles instances of.
CLASSES = [
    keras.KerasTensor, keras.Model, keras.Variable, keras.callbacks.Callback,
    keras.layers.Conv2D, keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Embedding,
    keras.layers.MultiHeadAttention, keras.losses.Loss, keras.metrics.Metric,
    keras.optimizers.AdamW, keras.optimizers.LossScaleOptimizer,
]  # fmt: skip
#: What Keras sets on objects of others.
ATTACHED = {"_keras_history", "_keras_logits", "_keras_mask"}
#: Public, though they begin with an underscore.
PUBLIC = {"_asdict", "_exit", "_fields", "_replace"}
STRING_METHODS = {"endswith", "removeprefix", "removesuffix", "replace", "startswith"}
PRIVATE_MODULES = ("keras.src", "keras_hub.src", "tensorflow.python", "tensorflow_hub.module_v2")


def private_touches():
    """Each touch outside `mmzoo/keras_compat`, as `file:line: name`; empty where all is well.

    Taken for one are: imports of private modules; private attributes of anything that mmzoo does
    not define itself; those that it does define, methods included, where a class of Keras that it
    inherits from has one of that name, too; such names as strings, as for `getattr`.
    """
    trees = {
        path: ast.parse(path.read_text())
        for path in sorted(ROOT.rglob("*.py"))
        if "keras_compat" not in path.parts
    }
    foreign = private_names_of_keras()
    own = {name for tree in trees.values() for name in names_defined(tree)}
    found = []
    for path, tree in trees.items():
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        methods = {id(node) for cls in classes if cls.bases for node in cls.body}
        harmless = {  # `self` of a class that inherits nothing
            id(node)
            for cls in classes
            if not cls.bases
            for node in ast.walk(cls)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"
        }
        harmless |= {id(node) for node in parts_of_words(tree)}
        for node in ast.walk(tree):
            name = None if id(node) in harmless else touched(node, own, foreign, methods)
            if name:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    return found


def parts_of_words(tree):
    """Strings that are not names: pieces of f-strings, and endings that are looked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from node.values
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) in STRING_METHODS:
            yield from node.args


def touched(node, own, foreign, methods):
    """The private name of another library that a node of a syntax tree touches, or `None`."""
    if isinstance(node, ast.Attribute) and is_private(node.attr):
        return node.attr if node.attr not in own or node.attr in foreign else None
    if isinstance(node, ast.FunctionDef) and id(node) in methods:
        return node.name if node.name in foreign else None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if node.value in foreign else None
    modules = []
    if isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    elif isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    return next((module for module in modules if module.startswith(PRIVATE_MODULES)), None)


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def names_defined(tree):
    """Private names that a module defines: functions, classes, attributes of `self`."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def private_names_of_keras():
    """Private methods and attributes of `CLASSES` and all that they inherit from."""
    names = set(ATTACHED)
    for cls in {base for each in CLASSES for base in each.__mro__} - {object}:
        names |= {name for name in vars(cls) if is_private(name)}
        try:
            source = textwrap.dedent(inspect.getsource(cls))
        except (OSError, TypeError):  # not written in Python
            continue
        for node in ast.walk(ast.parse(source)):
            of_self = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if of_self and node.value.id == "self" and is_private(node.attr):
                names.add(node.attr)
    return names
