"""docs_page(): how a model is asked, as a page that loads nothing from elsewhere."""

import html
import json

from mmzoo.serving.signature import has_rows

STYLE = (
    "body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "pre{background:#f4f4f4;padding:1em;overflow:auto}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left}"
)


def request_example(model):
    """A request that the newest version of a model answers, as a dict."""
    signature = _signature(model)
    if all(map(has_rows, signature.inputs.values())):
        return {"instances": [{key: _example(spec) for key, spec in signature.inputs.items()}]}
    return {
        "inputs": {
            key: [_example(spec)] if has_rows(spec) else _example(spec)
            for key, spec in signature.inputs.items()
        }
    }


def docs_page(model, schema, example):
    """The page.

    Args:
        model: a `ServedModel`.
        schema: the OpenAPI schema of the application, a dict.
        example: what `request_example` returned.

    Returns:
        A string of HTML.
    """
    signature = _signature(model)
    address = f"/v1/models/{model.name}:predict"
    curl = f"curl -X POST http://HOST:PORT{address} -d '{json.dumps(example)}'"
    versions = ", ".join(map(str, model.versions))
    absent = "A value that a row lacks is left out, or <code>null</code>."
    return "\n".join(
        [
            "<!doctype html><html lang='en'><meta charset='utf-8'>",
            f"<title>{html.escape(schema['info']['title'])}</title><style>{STYLE}</style>",
            f"<h1>{html.escape(schema['info']['title'])}</h1>",
            f"<p>{html.escape(schema['info']['description'])} Versions: {versions}. The same for "
            "programs: <a href='/openapi.json'>OpenAPI</a>.</p>",
            f"<pre>{html.escape(curl)}</pre>",
            "<p>Bytes, such as those of a file, are "
            '<code>{"b64": "..."}</code>, in base64.'
            f"{' ' + absent if signature.takes_raw_rows else ''}</p>",
            *_table("input", signature.inputs),
            *_table("output", signature.outputs),
            "<h2>Addresses</h2><table><tr><th>method</th><th>path</th><th>what</th></tr>",
            *(
                f"<tr><td>{method.upper()}</td><td><code>{html.escape(path)}</code></td>"
                f"<td>{html.escape(described['summary'])}</td></tr>"
                for path, methods in schema["paths"].items()
                for method, described in methods.items()
            ),
            "</table></html>",
        ]
    )


def _signature(model):
    return model.get().default_signature


def _table(what, specs):
    rows = (
        f"<tr><td><code>{html.escape(key)}</code></td><td>{_shape(spec.shape)}</td>"
        f"<td>{spec.dtype.name}</td></tr>"
        for key, spec in specs.items()
    )
    head = f"<table><tr><th>{what}</th><th>shape</th><th>dtype</th></tr>"
    return [f"<h2>{what.capitalize()}s</h2>", head, *rows, "</table>"]


def _shape(shape):
    if shape.rank is None:
        return "any"
    sizes = ["B" if not axis else "..." for axis in range(shape.rank)]
    known = [str(size) if size is not None else sizes[axis] for axis, size in enumerate(shape)]
    return f"({', '.join(known)})"


def _example(spec):
    """A value of JSON that an input takes."""
    value = "text" if spec.dtype.name == "string" else 0.5 if spec.dtype.is_floating else 1
    if spec.dtype.name == "bool":
        value = True
    shape = [] if spec.shape.rank is None else list(spec.shape)[has_rows(spec) :]
    for size in reversed(shape):
        value = [value] * (1 if size is None else size)
    return value
