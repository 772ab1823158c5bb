"""How good a model is: figures, tables and pictures."""

from mmzoo.evaluation.evaluate import evaluate
from mmzoo.evaluation.report import Report
from mmzoo.evaluation.reports import Reports
from mmzoo.evaluation.thresholds import choose_thresholds
from mmzoo.evaluation.training_curves import plot_training_curves

__all__ = ["Report", "Reports", "choose_thresholds", "evaluate", "plot_training_curves"]
