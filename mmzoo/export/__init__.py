"""The way out: one artefact, as a SavedModel, for LiteRT or for ONNX Runtime."""

from mmzoo.export.export_savedmodel import export_savedmodel

__all__ = ["export_savedmodel"]
