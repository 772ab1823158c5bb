"""Names that moved: they work for one more minor release, and warn."""

import importlib
import warnings


def deprecated_names(module, moved):
    """A module's `__getattr__` for public names that have another home now.

    The new home is imported when the old name is used, so no import runs upwards.

    Args:
        module: the module's `__name__`.
        moved: dict from an old name to the new one, whole: `"mmzoo.Preprocessor"`.

    Returns:
        A function to be called `__getattr__` in that module.

    Example:

    >>> old = deprecated_names("mmzoo.preprocessing", {"Preprocessor": "mmzoo.Preprocessor"})
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     old("Preprocessor").__name__, str(caught[0].message)
    ('Preprocessor', 'mmzoo.preprocessing.Preprocessor is deprecated: use mmzoo.Preprocessor.')
    """

    def getattr_(name):
        if name not in moved:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new_name = moved[name].rpartition(".")
        warnings.warn(
            f"{module}.{name} is deprecated: use {moved[name]}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(importlib.import_module(home), new_name)

    return getattr_
