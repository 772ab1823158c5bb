"""A report as one HTML file, which holds all that it shows."""

from mmzoo.evaluation.html.page import write_page

__all__ = ["write_page"]
