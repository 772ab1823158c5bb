"""TFRecord files of rows: their layout, and writing them."""
