"""write_page(): one HTML file of all that is known of a model's answers."""

import datetime
import pathlib

from mmzoo.evaluation.html import charts
from mmzoo.evaluation.html.answer_section import answer_section
from mmzoo.evaluation.html.bar_tables import (
    contributions_section,
    robustness_sections,
    slices_sections,
)
from mmzoo.evaluation.html.explained_rows import explained_rows
from mmzoo.evaluation.html.judged_rows import chosen_rows, judged_rows
from mmzoo.evaluation.html.row_cards import RowCards
from mmzoo.evaluation.html.sections import data_section, model_section
from mmzoo.evaluation.training_curves import epochs_and_curves
from mmzoo.utils.atomic_files import atomic_file
from mmzoo.utils.optional_packages import require
from mmzoo.version import __version__

#: The most bytes of a file, and how many of them are for rows, at first.
MOST_BYTES, FOR_ROWS = 9_500_000, 8_000_000
FOLDER = pathlib.Path(__file__).parent


def write_page(
    path,
    reports,
    *,
    evaluated=None,
    model=None,
    preprocessor=None,
    records=None,
    predicted=None,
    history=None,
    data=None,
    validation=None,
    contributions=None,
    robustness=None,
    slices=None,
    overlays=None,
    explain=None,
    arguments=None,
    title=None,
    most_bytes=MOST_BYTES,
):
    """Writes a report as one HTML file that loads nothing.

    Sections are there where their data is. Rows are shown with their pictures, texts and sounds as
    far as they fit into `most_bytes`; the page says how many are left out.

    Args:
        path: a file; its folder is made if needed.
        reports: dict from the name of an answer to its `mmzoo.Report`; that of an only one is
            `"head"`.
        evaluated: `Evaluated`: where model, preprocessor and records come from if they are not
            given; or `None`.
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        records: labelled `mmzoo.data.Records`, the rows to show.
        predicted: what `mmzoo.prediction.good_rows.predict_good_rows` returned for them; `None`:
            they are predicted now.
        history: what `model.fit` returned, or its dict.
        data: dict from the name of a part, such as `"training"`, to its records.
        validation: what `records.validate(inputs)` returned.
        contributions: what `mmzoo.contributions` returned.
        robustness: what `mmzoo.robustness` returned.
        slices: what `mmzoo.slices` returned.
        overlays: dict from the position of a row to a list of `(picture, caption)`, such as where a
            model looked: a picture of Pillow, an array `(height, width, 3)` of 0-255, or the bytes
            of a file.
        explain: a method of `mmzoo.attributions`: the first 24 rows that are shown have a picture
            of what speaks for the answer, besides `overlays`; `None`: they have not.
        arguments: dict of how the model was trained.
        title: of the page; `None`: it names the inputs.
        most_bytes: the most bytes of the file.

    Raises:
        ImportError: when a package of the extra `report` is missing.
        ValueError: for labels that can't be read; with `explain` as `mmzoo.attributions`.
    """
    if evaluated is not None:
        model = evaluated.model if model is None else model
        preprocessor = evaluated.preprocessor if preprocessor is None else preprocessor
        records = evaluated.records if records is None else records
    more = robustness_sections(_by_answer(robustness)) + slices_sections(_by_answer(slices))
    context = {
        **_context(title or _title(preprocessor), more),
        "data": data_section(data or {}, validation),
        "curves": _curves(history),
    }
    if model is not None and preprocessor is not None:
        context["model"] = model_section(model, preprocessor, arguments or {})
    contributions = _by_answer(contributions)
    context["contributions"] = contributions_section(contributions)
    cards, judged = None, {}
    if context["model"] is not None and records is not None:
        judged, errors = judged_rows(model, preprocessor, records, predicted)
        judged = {name: judged[name] for name in reports if name in judged}  # in one order
        chosen = chosen_rows(judged, errors)
        overlays = dict(overlays or {})
        if explain is not None:
            readable = [row for row in chosen[0] if errors[row] is None]
            pictures = explained_rows(model, preprocessor, records, readable, explain)
            for row, of_row in pictures.items():
                overlays[row] = [*overlays.get(row, ()), *of_row]
        cards = RowCards(records, preprocessor.inputs, judged, errors, contributions, overlays)
    template, budget = _template(), FOR_ROWS * most_bytes / MOST_BYTES
    while True:
        rows = None if cards is None else _rows(cards, chosen, records, budget)
        links = {card["row"]: f"#row-{card['row']}" for card in rows["cards"]} if rows else {}
        context["rows"] = rows
        context["answers"] = [
            answer_section(name, report, judged.get(name), links)
            for name, report in reports.items()
        ]
        context["for_script"] = _for_script(context["answers"])
        page = _rendered(template, context)
        if len(page) <= most_bytes or not rows or not rows["cards"]:
            break
        budget *= 0.6
    _write(path, page)


def write_sections(path, title, sections):
    """Writes tables with bars alone as one HTML file that loads nothing.

    Args:
        path: a file; its folder is made if needed.
        title: of the page.
        sections: what a function of `mmzoo.evaluation.html.bar_tables` returned.

    Raises:
        ImportError: when a package of the extra `report` is missing.
    """
    _write(path, _rendered(_template(), _context(title, sections)))


def _context(title, more):
    """What the template needs of a page with a title and some sections of bars."""
    return {
        "title": title,
        "version": __version__,
        "written": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "answers": [],
        "contributions": [],
        "more": more,
        "rows": None,
        "curves": [],
        "data": None,
        "model": None,
        "for_script": _for_script([]),
    }


def _rendered(template, context):
    return template.render(context).encode(errors="backslashreplace")


def _write(path, page):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(page)


def _title(preprocessor):
    """What a page is called that nobody gave a title."""
    if preprocessor is None:
        return "Report"
    return f"Report: answers from {' and '.join(preprocessor.inputs)}"


def _template():
    """The template, with style and script at hand, which escapes whatever it is given."""
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for name in ("page.css", "page.js"):
        environment.globals[name.removeprefix("page.")] = (FOLDER / name).read_text("utf-8")
    return environment.get_template("page.html")


def _curves(history):
    """The charts of a training."""
    if not history:
        return []
    epochs, values = epochs_and_curves(history)
    return charts.curves(epochs, values)


def _by_answer(found):
    """What there is an answer, as a dict by its name; of an only one it is `"head"`."""
    if not found:
        return {}
    return found if isinstance(found, dict) else {"head": found}


def _rows(cards, chosen, records, budget):
    """The rows to show, and how they may be chosen from."""
    rows, worst, random = chosen
    keys = any(row.keys for answer in cards.judged.values() for row in answer.rows)
    shown = cards.within(rows, budget)
    at = {card["row"]: card for card in shown}
    for card in shown:
        card["views"] = {}
    views = []
    for answer, of_answer in worst.items():
        of_answer = [row for row in of_answer if row in at]
        if of_answer:
            view = "worst" if answer == "head" else f"worst-{answer}"
            says = "Worst rows" if answer == "head" else f"Worst of {answer}"
            views.append({"name": view, "says": f"{says} ({len(of_answer)})"})
            for rank, row in enumerate(of_answer):
                at[row]["views"][view] = rank
    drawn = [row for row in random if row in at]
    views.append({"name": "random", "says": f"Random rows ({len(drawn)})"})
    for rank, row in enumerate(drawn):
        at[row]["views"]["random"] = rank
    views.append({"name": "all", "says": f"All shown ({len(shown)})"})
    for rank, card in enumerate(shown):
        card["views"]["all"] = rank
    return {
        "cards": shown,
        "views": views,
        "count": f"{len(records):,}",
        "shown": f"{len(shown):,}",
        "kinds": f"the worst, {len(drawn)} at random{', examples of confusions' if keys else ''}",
        "did_not_fit": len(rows) - len(shown),
    }


def _for_script(answers):
    """What the script of the page needs."""
    thresholds = {
        answer["name"]: answer["thresholds"] for answer in answers if answer["thresholds"]
    }
    return {"thresholds": thresholds}
