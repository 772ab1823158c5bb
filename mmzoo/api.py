"""Every public name of mmzoo, which `import mmzoo` brings."""

import importlib

from mmzoo import (
    data,
    decoders,
    encoders,
    evaluation,
    fusion,
    heads,
    layers,
    modalities,
    recipes,
    targets,
    tokenizers,
    training,
)
from mmzoo.demo_page import demo
from mmzoo.evaluation import (
    Report,
    Reports,
    attention,
    attributions,
    calibrate,
    choose_thresholds,
    compare,
    contributions,
    evaluate,
    robustness,
    slices,
)
from mmzoo.export import export_savedmodel
from mmzoo.layers import ModalityDropout
from mmzoo.modalities import Audio, Features, Image, Modality, Tabular, Text, Video
from mmzoo.model import build_model
from mmzoo.multimodal_model import MultimodalModel, embedding_model
from mmzoo.prediction.embed import embed
from mmzoo.prediction.generate import generate
from mmzoo.prediction.predict import predict
from mmzoo.preprocessor import Preprocessor
from mmzoo.recipes import Recipe, list_models
from mmzoo.saving import load, save
from mmzoo.training import branch_table, enable_lora, freeze, unfreeze, xla_report
from mmzoo.version import __version__

__all__ = [
    "Audio",
    "Features",
    "Image",
    "Modality",
    "ModalityDropout",
    "MultimodalModel",
    "Preprocessor",
    "Recipe",
    "Report",
    "Reports",
    "Tabular",
    "Text",
    "Video",
    "__version__",
    "attention",
    "attributions",
    "branch_table",
    "build_model",
    "calibrate",
    "choose_thresholds",
    "compare",
    "contributions",
    "data",
    "decoders",
    "demo",
    "embed",
    "embedding_model",
    "enable_lora",
    "encoders",
    "evaluate",
    "evaluation",
    "export_savedmodel",
    "freeze",
    "fusion",
    "generate",
    "heads",
    "layers",
    "list_models",
    "load",
    "modalities",
    "predict",
    "recipes",
    "robustness",
    "save",
    "slices",
    "targets",
    "tokenizers",
    "training",
    "unfreeze",
    "xla_report",
]

#: Rooms that are imported when they are first used: they need TensorFlow, or are for tests.
_WHEN_USED = ("preprocessing", "testing")


def __getattr__(name):
    if name in _WHEN_USED:
        return importlib.import_module(f"mmzoo.{name}")
    raise AttributeError(f"module 'mmzoo' has no attribute {name!r}")
