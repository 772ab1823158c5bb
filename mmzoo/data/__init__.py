"""Data: rows of raw values -> tf.data pipelines."""

from mmzoo.data.easy_vqa import easy_vqa
from mmzoo.data.records import Records
from mmzoo.data.sources import from_arrays, from_csv, from_dataframe

__all__ = ["Records", "easy_vqa", "from_arrays", "from_csv", "from_dataframe"]
