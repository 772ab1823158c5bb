"""A figure as people read it."""


def figure_text(value):
    """A figure as text: what is undefined is a dash, and a text stays one.

    Example:

    >>> figure_text(0.5), figure_text(12345.678), figure_text(None)
    ('0.5000', '12,346', '–')
    >>> figure_text(12345)
    '12,345'
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return "–"
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}"
