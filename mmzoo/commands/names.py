"""The names of all parts, read from the source: importing them all takes seconds."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]


def encoder_names():
    """Dict from a kind of input to the names of its encoders.

    Example:

    >>> encoder_names()["image"]
    ['cnn', 'resnet', 'vit']
    """
    registry = _dict_in("encoders", "ENCODERS")
    return {
        kind.value: _keys(names) for kind, names in zip(registry.keys, registry.values, strict=True)
    }


def fusion_names():
    """The names of the fusion blocks.

    Example:

    >>> "cross_attention" in fusion_names()
    True
    """
    return _keys(_dict_in("fusion", "FUSIONS"))


def head_names():
    """The names of the heads.

    Example:

    >>> "softmax" in head_names()
    True
    """
    return _keys(_dict_in("heads", "HEADS"))


def model_summary(name):
    """The first line of what is written of a recipe.

    Example:

    >>> model_summary("gmu").endswith(".")
    True
    """
    tree = _parsed(ROOT / "recipes" / f"{name}.py")
    function = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return ast.get_docstring(function).split("\n")[0]


def _parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _dict_in(package, name):
    """The dict that a package's `__init__.py` calls `name`, or puts into what is called so."""
    for node in _parsed(ROOT / package / "__init__.py").body:
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
            if target.id == name:
                return node.value
    raise LookupError(f"mmzoo/{package}/__init__.py has no {name}.")


def _keys(node):
    return sorted(key.value for key in node.keys)
