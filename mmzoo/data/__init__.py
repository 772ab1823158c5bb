"""Data: rows of raw values -> tf.data pipelines."""

from mmzoo.data.easy_vqa import easy_vqa
from mmzoo.data.records import Records
from mmzoo.data.sort_of_clevr import SortOfClevr, sort_of_clevr
from mmzoo.data.sources import from_arrays, from_csv, from_dataframe
from mmzoo.data.tux_paint import tux_paint
from mmzoo.data.validation_report import Finding, ValidationReport

__all__ = [
    "Finding",
    "Records",
    "SortOfClevr",
    "ValidationReport",
    "easy_vqa",
    "from_arrays",
    "from_csv",
    "from_dataframe",
    "sort_of_clevr",
    "tux_paint",
]
