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
        raise ImportError(needs(module.split(".")[0], extra, error)) from error


def needs(package, extra, error):
    """What is said of a package that is not installed.

    Args:
        package: its name.
        extra: the extra of mmzoo that brings it.
        error: what Python says.

    Returns:
        A string.

    Example:

    >>> needs("pandas", "report", "No module named 'pandas'")
    'This needs pandas, of the extra `report`: pip install "mmzoo[report]" (No module named ...)'
    """
    return f'This needs {package}, of the extra `{extra}`: pip install "mmzoo[{extra}]" ({error})'
