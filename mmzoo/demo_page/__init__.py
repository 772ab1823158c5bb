"""A page to try a model in a browser: an input a modality, what it answers, and why."""

from mmzoo.demo_page.page import demo

__all__ = ["demo"]
