"""What the columns of a file seem to hold, where nobody says."""

from mmzoo.data.inference.infer_columns import InferredColumns, infer_columns

__all__ = ["InferredColumns", "infer_columns"]
