"""Packages that are extras, imported where they are used."""

import importlib


def require(module, extra):
    """Imports an optional package, or says how to install it.

    Args:
        module: name of the module, such as `"pandas"`.
        extra: the extra of mmzoo that brings it.

    Returns:
        The module.

    Raises:
        ImportError: when it is not installed.

    Example:

    >>> require("json", "report").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'This needs {module.split(".")[0]}: pip install "mmzoo[{extra}]" ({error})'
        ) from error
