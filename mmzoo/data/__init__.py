"""Data: rows of raw values -> tf.data pipelines."""

from mmzoo.data.datasets.easy_vqa import easy_vqa
from mmzoo.data.datasets.sort_of_clevr import SortOfClevr, sort_of_clevr
from mmzoo.data.datasets.tux_paint import tux_paint
from mmzoo.data.records import Records
from mmzoo.data.sources.from_arrays import from_arrays
from mmzoo.data.sources.from_conll import from_conll
from mmzoo.data.sources.from_csv import from_csv
from mmzoo.data.sources.from_dataframe import from_dataframe
from mmzoo.data.sources.from_directory import from_directory
from mmzoo.data.sources.from_file import from_file
from mmzoo.data.sources.from_generator import from_generator
from mmzoo.data.sources.from_jsonl import from_jsonl
from mmzoo.data.sources.from_parquet import from_parquet
from mmzoo.data.sources.from_tfds import from_tfds
from mmzoo.data.sources.from_tfrecords import from_tfrecords
from mmzoo.data.validation.validation_report import Finding, ValidationReport

__all__ = [
    "Finding",
    "Records",
    "SortOfClevr",
    "ValidationReport",
    "easy_vqa",
    "from_arrays",
    "from_conll",
    "from_csv",
    "from_dataframe",
    "from_directory",
    "from_file",
    "from_generator",
    "from_jsonl",
    "from_parquet",
    "from_tfds",
    "from_tfrecords",
    "sort_of_clevr",
    "tux_paint",
]
