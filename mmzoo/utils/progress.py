"""A bar that shows how far something has come."""

from mmzoo.utils.optional_packages import require


def track(items, total, description):
    """The items, with a bar in the terminal that vanishes at the end.

    Args:
        items: iterable.
        total: how many there are, or `None` where that is not known.
        description: what is being done.

    Returns:
        An iterable of the same items; they themselves where there is no terminal, or no `rich`.

    Example:

    >>> sum(track([1, 2, 3], total=3, description="Adding"))
    6
    """
    try:
        console = require("rich.console", extra="report").Console(stderr=True)
    except ImportError:
        return items
    if not console.is_terminal:
        return items
    return require("rich.progress", extra="report").track(
        items, total=total, description=description, console=console, transient=True
    )
