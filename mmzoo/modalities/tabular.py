"""The columns of a table: numbers and categories."""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from mmzoo.modalities.modality import Modality
from mmzoo.raw.cells import category, number
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
@dataclasses.dataclass(frozen=True)
class Tabular(Modality):
    """Columns of a table: numbers and categories, any of which may be missing.

    Enters the model as `numbers`, `(N,)` float32, normalised to mean 0 and variance 1 and NaN where
    one is missing, and `categories`, `(C,)` int32 ids; 0 is missing, 1 a category that is not
    known. Encoders have a learned state for each missing cell.

    Args:
        numeric: names of the columns of numbers, or a dict from name to `(mean, deviation)`;
            `None` for these, as in a list: learned by `Preprocessor.adapt`.
        categorical: names of the columns of categories, or a dict from name to the categories;
            `None` for these, as in a list: learned, the most frequent first.
        vocabulary_size: most ids a column of categories can have, missing and unknown counted.
        encoder: `"mlp"`, `"ft_transformer"`, a config dict, or any Keras layer or model.
        optional: whether all cells of a row may be missing at once.

    Raises:
        ValueError: for no columns, a name given twice, impossible statistics, or categories that
            are repeated or too many.

    Example:

    >>> Tabular(numeric=["price", "weight"], categorical=["brand"]).tensors()
    {'numbers': ((2,), 'float32'), 'categories': ((1,), 'int32')}
    """

    numeric: Any = ()
    categorical: Any = ()
    vocabulary_size: int = 1000
    encoder: Any = "mlp"
    optional: bool = False

    kind: ClassVar[str] = "tabular"
    served: ClassVar[str] = "a cell of the table; missing: NaN or an empty string"

    def __post_init__(self):
        check_positive_integers("vocabulary_size", self.vocabulary_size)
        if self.vocabulary_size < 3:
            raise ValueError(
                "`vocabulary_size` counts missing and unknown, so it must be at least 3; received: "
                f"{self.vocabulary_size}."
            )
        object.__setattr__(self, "vocabulary_size", int(self.vocabulary_size))
        object.__setattr__(self, "numeric", _by_column("numeric", self.numeric, float))
        object.__setattr__(
            self, "categorical", _by_column("categorical", self.categorical, category)
        )
        if not self.columns:
            raise ValueError("A table needs columns: `numeric`, `categorical`, or both.")
        twice = sorted(set(self.numeric) & set(self.categorical))
        if twice:
            raise ValueError(f"Columns that are both numeric and categorical: {twice}.")
        for column, statistics in self.numeric.items():
            _check_statistics(column, statistics)
        for column, categories in self.categorical.items():
            self._check_categories(column, categories)

    def _check_categories(self, column, categories):
        if categories is None:
            return
        if len(set(categories)) != len(categories) or "" in categories:
            raise ValueError(f"The categories of {column!r} must be unique and not empty.")
        if len(categories) > self.vocabulary_size - 2:
            raise ValueError(
                f"{column!r} has {len(categories)} categories, but vocabulary_size="
                f"{self.vocabulary_size} leaves room for {self.vocabulary_size - 2} beside missing "
                "and unknown."
            )

    @property
    def columns(self):
        """The names of all columns, those of numbers first."""
        return (*self.numeric, *self.categorical)

    def tensor(self):
        return next(iter(self.tensors().values()))

    def tensors(self):
        parts = {
            "numbers": ((len(self.numeric),), "float32"),
            "categories": ((len(self.categorical),), "int32"),
        }
        return {part: (shape, dtype) for part, (shape, dtype) in parts.items() if shape != (0,)}

    def raw_names(self, name):
        names = []
        for place, column in enumerate(self.columns, start=1):
            plain = re.sub("[^A-Za-z0-9_]", "_", column)
            raw = f"{name}_{plain}"
            if not plain.strip("_") or raw.lower() in map(str.lower, names):
                raw = f"{name}_column_{place}"
            names.append(raw)
        return names

    def served_counts(self):
        return {"unknown": "cells with a category that is not known"} if self.categorical else {}

    def encoder_defaults(self):
        return {
            "numbers": len(self.numeric),
            "cardinalities": [
                self.vocabulary_size if categories is None else len(categories) + 2
                for categories in self.categorical.values()
            ],
        }

    def check_values(self, name, values, describe):
        for row, value in enumerate(values):
            if value is None:
                continue
            if not isinstance(value, Mapping):
                raise TypeError(
                    f"{describe(row)}: a value of {name!r} must be a dict from column to cell; "
                    f"received: {value!r}."
                )
            for column in self.columns:
                if column not in value:
                    raise ValueError(
                        f"{describe(row)}: {name!r} has no column {column!r}; it has: "
                        f"{', '.join(map(repr, value))}. A missing cell is None."
                    )
            filled = False
            for column in self.columns:
                try:
                    if column in self.categorical:
                        filled |= category(value[column]) != ""
                    else:
                        filled |= not math.isnan(number(value[column]))
                except (TypeError, ValueError) as error:
                    raise ValueError(
                        f"{describe(row)}: column {column!r} of {name!r}: {error}."
                    ) from None
            if not filled and not self.optional:
                raise ValueError(
                    f"{describe(row)}: {name!r} is not optional, but none of its columns has a "
                    "value. Leave the row out, or make it optional: Tabular(..., optional=True)."
                )

    def check_learned(self, name, state):
        learned = {**state.get("statistics", {}), **state.get("vocabularies", {})}
        given = {**self.numeric, **self.categorical}
        missing = [c for c in self.columns if given[c] is None and learned.get(c) is None]
        if missing:
            raise ValueError(
                f"What to expect in the columns {missing} of {name!r} was never learned. Call "
                "`preprocessor.adapt(records)` with the training rows."
            )

    def preprocessing(self, name):
        from mmzoo.preprocessing.tabular import TabularPreprocessing

        return TabularPreprocessing(self, name)


def _by_column(argument, columns, kind):
    """Dict from column to what is known of it, as JSON-able values."""
    if isinstance(columns, str):
        raise ValueError(
            f"`{argument}` takes a list of names or a dict; received one name: {columns!r}."
        )
    names = list(columns)
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"`{argument}` takes names of columns; received: {names!r}.")
    if len(set(names)) != len(names):
        raise ValueError(f"`{argument}` has a name twice: {names!r}.")
    known = columns if isinstance(columns, Mapping) else dict.fromkeys(names)
    return {
        name: None if values is None else [kind(value) for value in values]
        for name, values in known.items()
    }


def _check_statistics(column, statistics):
    if statistics is None:
        return
    if len(statistics) != 2 or not all(map(math.isfinite, statistics)) or statistics[1] <= 0:
        raise ValueError(
            f"{column!r} must have a finite mean and a positive deviation; received: "
            f"{statistics!r}."
        )
