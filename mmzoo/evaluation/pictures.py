"""What the pictures share. Matplotlib's objects are used directly, never the state of pyplot."""

import pathlib

from mmzoo.utils.optional_packages import require

INK = "#222222"
FAINT = "#8a8a8a"
GRID = "#e3e3e3"
BLUE = "#1f5fa8"
ORANGE = "#d9730d"

#: Fonts that have Chinese, Japanese and Korean characters; Matplotlib's own has none.
EAST_ASIAN_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Source Han Sans SC",
    "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB",
    "Yu Gothic", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip


def new_figure(width, height):
    """An empty figure that lays itself out.

    Args:
        width: inches.
        height: inches.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    figure = require("matplotlib.figure", extra="report").Figure
    return figure(figsize=(width, height), layout="constrained", facecolor="white")


def name_style():
    """Text properties for names that users chose: any script, and a dollar sign is a dollar sign.

    Returns:
        Keyword arguments for `matplotlib.text.Text`.
    """
    installed = require("matplotlib.font_manager", extra="report").fontManager.get_font_names()
    families = [font for font in EAST_ASIAN_FONTS if font in installed]
    return {"fontfamily": ["DejaVu Sans", *families], "parse_math": False}


def save_figure(figure, path):
    """Writes a figure; the ending of the path says in which format.

    Args:
        figure: a `matplotlib.figure.Figure`.
        path: a file; its folder is made if needed.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, bbox_inches="tight", pad_inches=0.15)


def written_count(count):
    """A number of rows, or their weight, as text.

    Args:
        count: a number.

    Returns:
        A string.

    Example:

    >>> written_count(1200), written_count(2.5)
    ('1,200', '2.5')
    """
    return f"{count:.4g}" if count % 1 else f"{int(count):,}"
