"""Tables: cells -> normalised numbers and ids of categories."""

import collections
import warnings

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.corruption import Corruption
from mmzoo.preprocessing.preprocessing import Preprocessing
from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import CANONICAL, category, number
from mmzoo.raw.column_statistics import mean_and_deviation
from mmzoo.raw.spelling import rows as in_rows
from mmzoo.raw.spelling import spelling_notes

#: Between these, deviations and numbers lie well within float32.
FLOAT32 = (1e-30, 1e30)
#: What a missing cell is.
EMPTY = {"numbers": np.nan, "categories": b""}
#: Shares of cells that are missing, and noise in standard deviations of a column, as is tried.
MISSING, NOISE = (0.1, 0.3, 0.5), (0.1, 0.3, 1.0)


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
            mean, deviation, _ = mean_and_deviation(numbers)
            statistics[column] = [mean, deviation]
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

    def notes(self, values):
        """Names columns that are constant, and categories that are written in two ways."""
        rows = [value for value in values if value is not None]
        notes = []
        for column in self.modality.numeric:
            numbers = np.array([number(row.get(column)) for row in rows])
            numbers = numbers[~np.isnan(numbers)]
            if len(numbers) > 1 and mean_and_deviation(numbers)[2]:
                notes.append(self._constant(column, f"{numbers[0]:.15g}", len(numbers)))
        for column in self.modality.categorical:
            counts = collections.Counter(category(row.get(column)) for row in rows)
            del counts[""]
            if len(counts) == 1 and counts.total() > 1:
                notes.append(self._constant(column, repr(next(iter(counts))), counts.total()))
            notes += spelling_notes(counts, f"categories in column {column!r} of {self.name!r},")
        return notes

    def figures(self, values):
        """`cells`: dict from column to how many cells have a value and how many none, and their
        `smallest`, `mean` and `largest`, or how many are `distinct`."""
        rows = [value for value in values if value is not None]
        cells = {}
        for column in self.modality.numeric:
            numbers = np.array([number(row.get(column)) for row in rows])
            filled = numbers[~np.isnan(numbers)]
            cells[column] = {"values": len(filled), "blank": len(values) - len(filled)}
            if len(filled):
                cells[column] |= {
                    "smallest": float(filled.min()),
                    "mean": mean_and_deviation(filled)[0],
                    "largest": float(filled.max()),
                }
        for column in self.modality.categorical:
            filled = [name for row in rows if (name := category(row.get(column)))]
            cells[column] = {
                "values": len(filled),
                "blank": len(values) - len(filled),
                "distinct": len(set(filled)),
            }
        return {"cells": cells}

    def _constant(self, column, value, count):
        return (
            f"Column {column!r} of {self.name!r} is constant: {value} in all {in_rows(count)} that "
            "have a value. A model learns nothing from it."
        )

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
                        tf.constant(list(ids), tf.string), tf.constant(list(ids.values()), tf.int32)
                    ),
                    default_value=1,
                )
                for ids in map(_ids, self.vocabularies.values())
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
        for (column, vocabulary), given in zip(self.vocabularies.items(), cells.T, strict=True):
            known = _ids(vocabulary)
            unknown = collections.Counter(cell for cell in given if cell)
            unknown = {cell: unknown[cell] for cell in unknown.keys() - known}
            if unknown and len(known) < self.modality.vocabulary_size - 2:
                warnings.warn(
                    f"Column {column!r} of {self.name!r} has unknown categories in "
                    f"{sum(unknown.values())} of {len(given)} rows: "
                    f"{', '.join(map(repr, sorted(unknown)[:5]))}.",
                    stacklevel=2,
                )

    def corruptions(self):
        def noisy(cells, strength, generator):
            deviations = np.array([self.statistics[c][1] for c in self.modality.numeric])
            noise = generator.standard_normal(len(deviations))
            return {**cells, "numbers": cells["numbers"] + strength * deviations * noise}

        def without(cells, share, generator):
            chance = {part: generator.random(len(cells[part])) for part in sorted(cells)}
            most = max(chance[part][_filled(cells[part])].max(initial=0) for part in cells)
            return {  # one cell stays
                part: np.where(
                    (chance[part] < share) & (chance[part] < most), EMPTY[part], cells[part]
                )
                for part in cells
            }

        found = {"missing": Corruption(without, MISSING, "{:.0%} of cells")}
        if self.modality.numeric:
            found["noise"] = Corruption(noisy, NOISE, "{:g} deviations")
        return found

    def components(self):
        return dict.fromkeys(self.modality.columns, "missing")

    def keep_components(self, cells, kept):
        numbers = len(self.modality.numeric)
        stays = {"numbers": kept[:numbers], "categories": kept[numbers:]}
        return {
            part: tf.where(stays[part], x, tf.constant(EMPTY[part], x.dtype))
            for part, x in cells.items()
        }

    def traits(self, values):
        traits = {}
        for column in self.modality.columns:
            cell = number if column in self.modality.numeric else category
            cells = [None if value is None else cell(value[column]) for value in values]
            traits[column] = [None if is_absent(x) else x for x in cells]
        return traits

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
        """float32, unless that is too coarse for the column, such as for a time in seconds, or too
        small or large for its numbers."""
        too_coarse = abs(mean) * 2.0**-24 > 1e-4 * deviation
        inside = FLOAT32[0] < deviation and max(abs(mean), deviation) < FLOAT32[1]
        return tf.float32 if inside and not too_coarse else tf.float64

    def to_tensors(self, values):
        parts = {}
        if self.modality.numeric:
            cells = [values[column] for column in self.modality.numeric]
            # TensorFlow would make float32 of Python's numbers.
            cells = [cell if tf.is_tensor(cell) else np.asarray(cell, "float64") for cell in cells]
            parts["numbers"] = tf.stack([tf.cast(cell, tf.float64) for cell in cells], axis=-1)
        if self.modality.categorical:
            cells = [values[column] for column in self.modality.categorical]
            parts["categories"] = canonical(tf.stack(cells, axis=-1))
        return parts

    def _normalised(self, numbers):
        known = [self.statistics[column] for column in self.modality.numeric]
        mean, deviation = np.transpose(known)
        return tf.cast((numbers - mean) / deviation, tf.float32)

    def present(self, cells):
        filled = []
        if "numbers" in cells:
            filled.append(~tf.math.is_nan(cells["numbers"]))
        if "categories" in cells:
            filled.append(cells["categories"] != "")
        return tf.reduce_any(tf.concat(filled, axis=1), axis=1)

    def usable(self, cells):
        self.modality.check_learned(self.name, self.get_state())
        if "numbers" not in cells:
            return super().usable(cells)
        return tf.reduce_all(~tf.math.is_inf(self._normalised(cells["numbers"])), axis=1)

    def tensors(self, cells):
        parts, missing = {}, {"numbers": np.nan, "categories": 0}
        if "numbers" in cells:
            parts["numbers"] = self._normalised(cells["numbers"])
        if "categories" in cells:
            columns = tf.unstack(cells["categories"], axis=1)
            ids = [table.lookup(x) for table, x in zip(self.tables, columns, strict=True)]
            parts["categories"] = tf.where(cells["categories"] != "", tf.stack(ids, axis=1), 0)
        usable = self.usable(cells)[:, None]
        return {part: tf.where(usable, x, missing[part]) for part, x in parts.items()}

    def served_counts(self, tensors):
        names = self.modality.input_names(self.name)
        if "categories" not in names:
            return {}
        is_unknown = tf.equal(tensors[names["categories"]], 1)
        return {"unknown": tf.reduce_sum(tf.cast(is_unknown, tf.int32), axis=1)}


def _filled(cells):
    """Which cells of a row have a value: `(columns,)` bool."""
    return ~np.isnan(cells) if cells.dtype.kind == "f" else cells != b""


def canonical(texts):
    """`mmzoo.raw.cells.canonical_text`, of a tensor of strings.

    Example:

    >>> canonical(tf.constant(["3.0", "true", "007"])).numpy().tolist()
    [b'3', b'True', b'007']
    """
    for pattern, rewritten in CANONICAL:
        texts = tf.strings.regex_replace(texts, f"^(?:{pattern})$", rewritten)
    return texts


def _ids(vocabulary):
    """The id of each category, by its canonical text; vocabularies of old models may have others.

    0 is missing, 1 unknown.
    """
    ids = {}
    for place, known in enumerate(vocabulary, start=2):
        ids.setdefault(category(known), place)
    return ids
