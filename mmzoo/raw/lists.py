"""Lists written as text: as JSON, as Python prints them, and as NumPy does."""

import ast
import json
import re

#: A number that NumPy shows with its type, and an array with its own.
_TYPED = re.compile(r"(?:np|numpy)\.(?:float|int|uint)\d+\(([^()]*)\)")
_ARRAY = re.compile(r"(?:np\.|numpy\.)?array\((\[.*\])[^\]]*\)", re.DOTALL)
_TOKENS = re.compile(r"\[|\]|[^\s,\[\]]+")


def parsed_numbers(text):
    """The numbers in a text such as `[0.1, 0.2]`, or as NumPy prints them, `[0.1 0.2]`.

    Args:
        text: a list of numbers, or a list of such lists.

    Returns:
        A list of floats, or of lists of them.

    Raises:
        ValueError: for any other text; says what it is, where that shows.

    Example:

    >>> parsed_numbers("[0.1 2.   1e-3]"), parsed_numbers("[[1, 2], [3, NaN]]")
    ([0.1, 2.0, 0.001], [[1, 2], [3, nan]])
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = _as_numpy_prints(text.strip())
    if not isinstance(value, list):
        raise ValueError(f"{text[:50]!r} is not a list of numbers")
    return value


def parsed_strings(text):
    """The strings in a text such as `["a", "b"]`, or as Python prints them, `['a', 'b']`.

    Args:
        text: a list of strings.

    Returns:
        The list, or `None` where the text is none.

    Example:

    >>> parsed_strings('["a"]'), parsed_strings("['a', 'b']"), parsed_strings("['a' 'b']")
    (['a'], ['a', 'b'], None)
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        if re.search(r"['\"]\s+['\"]", text):  # as NumPy prints them; Python would join them
            return None
        try:
            value = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if is_list else None


def _as_numpy_prints(text):
    """The numbers in a list without commas; `None` where the text is no such list."""
    if text.startswith("tensor("):
        raise ValueError(
            f"{text[:50]!r} is how PyTorch prints a tensor, with four digits. Write "
            "json.dumps(tensor.tolist())"
        )
    if "..." in text and text.startswith(("[", "array(")):
        raise ValueError(
            f"{text[:50]!r} has lost numbers: NumPy prints `...` in their place. Write "
            "json.dumps(vector.tolist())"
        )
    array = _ARRAY.fullmatch(text)
    text = _TYPED.sub(r"\1", array[1] if array else text)
    outer = []
    lists = [outer]
    for token in _TOKENS.findall(text):
        if token == "[":
            lists[-1].append([])
            lists.append(lists[-1][-1])
        elif token == "]":
            lists.pop()
            if not lists:
                return None
        else:
            try:
                lists[-1].append(float(token))
            except ValueError:
                return None
    is_one = len(lists) == 1 and len(outer) == 1
    return outer[0] if is_one and isinstance(outer[0], list) else None
