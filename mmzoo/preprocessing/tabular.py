"""Tables: cells -> normalised numbers and ids of categories."""

import collections
import warnings

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.preprocessing import Preprocessing
from mmzoo.raw.cells import category, number


class TabularPreprocessing(Preprocessing):
    """Normalises numbers and looks up categories; a row with an infinite number is absent.

    Means, deviations and the normalisation itself are float64.

    Args:
        modality: a `mmzoo.Tabular`.
        name: its key.
    """

    def __init__(self, modality, name):
        super().__init__(modality, name)
        self.set_state({"statistics": modality.numeric, "vocabularies": modality.categorical})

    def adapt(self, values):
        """Learns the mean and deviation of numbers and the most frequent categories.

        Args:
            values: sequence of dicts from column to cell; `None` where a row is absent.
        """
        rows = [value for value in values if value is not None]
        statistics, vocabularies = dict(self.modality.numeric), dict(self.modality.categorical)
        for column in (c for c, known in statistics.items() if known is None):
            numbers = np.array([number(row[column]) for row in rows])
            numbers = numbers[~np.isnan(numbers)]
            if not numbers.size:
                raise ValueError(f"No numbers to learn from in column {column!r} of {self.name!r}.")
            statistics[column] = [float(numbers.mean()), float(numbers.std()) or 1.0]
        for column in (c for c, known in vocabularies.items() if known is None):
            counts = collections.Counter(category(row[column]) for row in rows)
            del counts[""]
            if not counts:
                raise ValueError(
                    f"No categories to learn from in column {column!r} of {self.name!r}."
                )
            # Ties in alphabetical order, so that the same rows give the same ids.
            frequent = sorted(counts, key=lambda known: (-counts[known], known))
            vocabularies[column] = frequent[: self.modality.vocabulary_size - 2]
        self.set_state({"statistics": statistics, "vocabularies": vocabularies})

    def get_state(self):
        return {"statistics": self.statistics, "vocabularies": self.vocabularies}

    def set_state(self, state):
        self.statistics = state["statistics"]
        self.vocabularies = state["vocabularies"]
        self.tables = []
        if None in self.vocabularies.values():
            return
        with tf.init_scope():
            self.tables = [
                tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(
                        tf.constant(categories, tf.string),
                        tf.range(2, len(categories) + 2, dtype=tf.int32),
                    ),
                    default_value=1,
                )
                for categories in self.vocabularies.values()
            ]

    def resources(self):
        return self.tables

    def column(self, values, root):
        rows = [value or {} for value in values]
        parts = {
            "numbers": np.array(
                [[number(row.get(c)) for c in self.modality.numeric] for row in rows]
            ),
            "categories": np.array(
                [[category(row.get(c)) for c in self.modality.categorical] for row in rows], object
            ),
        }
        if self.tables:
            self._warn_of_unknown(parts["categories"])
        return {part: tf.constant(parts[part]) for part in self.modality.tensors()}, tf.identity

    def _warn_of_unknown(self, cells):
        """Says which categories have no id of their own, where none was left out on purpose."""
        for (column, known), given in zip(self.vocabularies.items(), cells.T, strict=True):
            unknown = collections.Counter(cell for cell in given if cell)
            unknown = {cell: unknown[cell] for cell in unknown.keys() - known}
            if unknown and len(known) < self.modality.vocabulary_size - 2:
                warnings.warn(
                    f"Column {column!r} of {self.name!r} has unknown categories in "
                    f"{sum(unknown.values())} of {len(given)} rows: "
                    f"{', '.join(map(repr, sorted(unknown)[:5]))}.",
                    stacklevel=2,
                )

    def raw_spec(self):
        names = iter(self.modality.raw_names(self.name))
        dtypes = [self._raw_dtype(*self.statistics[column]) for column in self.modality.numeric]
        dtypes += [tf.string] * len(self.modality.categorical)
        return {
            column: tf.TensorSpec((None,), dtype, name=next(names))
            for column, dtype in zip(self.modality.columns, dtypes, strict=True)
        }

    def raw_batch(self, values, root=None):
        rows = [value or {} for value in values]

        def cells(column, spec):
            convert = number if spec.dtype.is_floating else category
            return tf.constant([convert(row.get(column)) for row in rows], spec.dtype)

        return {column: cells(column, spec) for column, spec in self.raw_spec().items()}

    def _raw_dtype(self, mean, deviation):
        """float32, unless that is too coarse for the column, such as for a time in seconds."""
        return tf.float64 if abs(mean) * 2.0**-24 > 1e-4 * deviation else tf.float32

    def to_tensors(self, values):
        parts = {}
        if self.modality.numeric:
            cells = [values[column] for column in self.modality.numeric]
            # TensorFlow would make float32 of Python's numbers.
            cells = [cell if tf.is_tensor(cell) else np.asarray(cell, "float64") for cell in cells]
            parts["numbers"] = tf.stack([tf.cast(cell, tf.float64) for cell in cells], axis=-1)
        if self.modality.categorical:
            cells = [values[column] for column in self.modality.categorical]
            parts["categories"] = tf.stack(cells, axis=-1)
        return parts

    def batch(self, cells):
        self.modality.check_learned(self.name, self.get_state())
        filled, parts = [], {}
        if "numbers" in cells:
            known = [self.statistics[column] for column in self.modality.numeric]
            mean, deviation = np.transpose(known)
            numbers = tf.cast((cells["numbers"] - mean) / deviation, tf.float32)
            filled.append(~tf.math.is_nan(numbers))
            parts["numbers"] = numbers
        if "categories" in cells:
            filled.append(cells["categories"] != "")
            columns = tf.unstack(cells["categories"], axis=1)
            ids = [table.lookup(x) for table, x in zip(self.tables, columns, strict=True)]
            parts["categories"] = tf.where(filled[-1], tf.stack(ids, axis=1), 0)
        present = tf.reduce_any(tf.concat(filled, axis=1), axis=1)
        finite = tf.ones_like(present)
        if "numbers" in cells:
            finite = tf.reduce_all(~tf.math.is_inf(parts["numbers"]), axis=1)
        present &= finite
        names = self.modality.input_names(self.name)
        tensors = {
            names[part]: tf.where(present[:, None], x, np.nan if part == "numbers" else 0)
            for part, x in parts.items()
        }
        if self.modality.optional:
            return {**tensors, f"{self.name}_present": present}, finite
        return tensors, present
