"""How good a model is: figures, tables and pictures."""

from mmzoo.evaluation.evaluate import evaluate
from mmzoo.evaluation.report import Report
from mmzoo.evaluation.training_curves import plot_training_curves

__all__ = ["Report", "evaluate", "plot_training_curves"]
