"""How good a model is: figures, tables and pictures."""

from mmzoo.evaluation.attribution import (
    AttentionMaps,
    Attributions,
    attention,
    attributions,
)
from mmzoo.evaluation.calibrate import calibrate
from mmzoo.evaluation.compare import compare
from mmzoo.evaluation.comparison_report import ComparisonReport
from mmzoo.evaluation.contributions import contributions
from mmzoo.evaluation.contributions_report import Contributions
from mmzoo.evaluation.evaluate import evaluate
from mmzoo.evaluation.report import Report
from mmzoo.evaluation.reports import Reports
from mmzoo.evaluation.robustness import robustness
from mmzoo.evaluation.robustness_report import RobustnessReport
from mmzoo.evaluation.slices import slices
from mmzoo.evaluation.slices_report import SlicesReport
from mmzoo.evaluation.thresholds import choose_thresholds
from mmzoo.evaluation.training_curves import plot_training_curves

__all__ = [
    "AttentionMaps",
    "Attributions",
    "ComparisonReport",
    "Contributions",
    "Report",
    "Reports",
    "RobustnessReport",
    "SlicesReport",
    "attention",
    "attributions",
    "calibrate",
    "choose_thresholds",
    "compare",
    "contributions",
    "evaluate",
    "plot_training_curves",
    "robustness",
    "slices",
]
