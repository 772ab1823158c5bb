"""The HTML report in a browser: what clicks do, on screens and in colours of both kinds."""

import json

import pytest

from tests.pipeline import pages

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    """A page of three classes, with hostile texts and pictures that can't be read."""
    path = tmp_path_factory.mktemp("pages") / "classes.html"
    model, _, records, report = pages.hostile_classes()
    report.to_html(path, **pages.all_else(records))
    assert model is not None  # kept in memory until here
    return path.as_uri()


@pytest.fixture(scope="session")
def several(tmp_path_factory):
    """A page of several labels, of yes or no, and of numbers, with sounds and tables."""
    path = tmp_path_factory.mktemp("pages") / "several.html"
    model, _, _, report = pages.several_answers()
    report.to_html(path)
    assert model is not None
    return path.as_uri()


def shown(page):
    """The ids of the rows that can be seen, in their order."""
    return page.eval_on_selector_all(".card:not([hidden])", "cards => cards.map(card => card.id)")


def keys_of(page, row):
    """Of which kinds a row is."""
    return json.loads(page.locator(f"#{row}").get_attribute("data-keys"))


def test_cell_of_the_confusion_matrix_filters_rows(page, classes):
    page.goto(classes)
    before = shown(page)
    cell = page.locator(".matrix td.wrong button").first
    key, count = cell.get_attribute("data-key"), int(cell.text_content())
    cell.click()
    kept = shown(page)
    assert 0 < len(kept) <= count and len(kept) < len(before)
    for row in kept:
        assert key in keys_of(page, row)
    truth, answer = page.locator("#chip-says").text_content().split(", taken for ")
    for row in kept:
        label, said = page.locator(f"#{row} .compared dd").all_text_contents()
        assert label == truth and said.startswith(answer)
    assert cell.get_attribute("aria-pressed") == "true"
    assert page.locator("#count").text_content() == f"{len(kept)} of {count} rows"
    page.get_by_role("button", name="show all again").click()
    assert shown(page) == before and page.locator("#chip").is_hidden()
    assert page.errors == []


def test_rows_are_found_by_their_words(page, classes):
    page.goto(classes)
    page.get_by_role("button", name="All shown").click()
    every = shown(page)
    search = page.get_by_label("Search")
    search.fill("EMOJI")
    found = shown(page)
    assert 0 < len(found) < len(every)
    assert all("emoji" in page.locator(f"#{row}").text_content() for row in found)
    search.fill("שלום")
    assert 0 < len(shown(page)) < len(every)
    search.fill("nothing like this")
    assert shown(page) == [] and page.get_by_text("No row that is shown here fits.").is_visible()
    search.fill("")
    assert shown(page) == every


def test_views_are_the_worst_and_random_rows(page, classes):
    page.goto(classes)
    losses = [float(text.split()[-1]) for text in
              page.locator(".card:not([hidden]) .said > .note").all_text_contents()]  # fmt: skip
    assert losses == sorted(losses, reverse=True) and len(losses) > 3
    worst = shown(page)
    page.get_by_role("button", name="Random rows").click()
    assert shown(page) != worst
    assert page.locator("[data-view][aria-pressed=true]").count() == 1


def test_least_probability_changes_what_is_answered(page, classes):
    page.goto(classes)
    part = page.locator(".thresholds")
    assert part.locator(".answered").text_content() == "100.0 %"
    part.locator("input").fill("0.6")
    assert part.locator("output").text_content() == "0.600"
    share = float(part.locator(".answered").text_content().split()[0])
    assert share < 100.0
    part.locator("input").fill("1")
    assert part.locator(".accuracy").text_content() == "–"
    recalls = part.locator("td.recall").all_text_contents()
    assert recalls == ["0.0000"] * 3


def test_each_label_has_its_threshold(page, several):
    page.goto(several)
    part = page.locator('.thresholds[data-answer="tags"]')
    lines = part.locator("tr[data-class]")
    before = lines.locator("td.recall").all_text_contents()
    assert lines.count() == 3
    lines.nth(1).locator("input").fill("0")
    after = lines.locator("td.recall").all_text_contents()
    assert after[1] == "1.0000" and (after[0], after[2]) == (before[0], before[2])
    slider = lines.nth(1).locator("input")
    slider.fill("1")
    assert lines.nth(1).locator("td.precision").text_content() == "–"
    slider.press("ArrowLeft")  # by keyboard, too
    assert lines.nth(1).locator("output").text_content() == "0.995"
    page.locator('.thresholds[data-answer="fresh"] input').fill("0")
    assert part.locator(".live .recall").text_content() != "–"
    assert page.errors == []


def test_missed_rows_of_a_label_are_found(page, several):
    page.goto(several)
    button = page.locator('button[data-key^="tags:"]').first
    button.focus()
    page.keyboard.press("Enter")
    key = button.get_attribute("data-key")
    kept = shown(page)
    assert kept and all(key in keys_of(page, row) for row in kept)


def test_dot_leads_to_its_row(page, several):
    page.goto(several)
    dot = page.locator(".chart a").first
    row = dot.get_attribute("href")
    page.evaluate("hash => { location.hash = hash }", row)
    page.wait_for_function("row => !document.querySelector(row).hidden", arg=row)


def test_sounds_can_be_played(page, several):
    page.goto(several)
    seconds = page.evaluate("""async () => {
        const sound = document.querySelector("audio");
        const known = new Promise((done, failed) => {
            sound.onloadedmetadata = () => done(sound.duration);
            sound.onerror = () => failed(sound.error.message);
        });
        sound.load();
        sound.preload = "auto";
        return await known;
    }""")
    assert seconds == pytest.approx(0.1, abs=0.01)


#: The contrast of all texts with what lies behind them, as far as that is one colour.
CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (element) => {
        for (; element; element = element.parentElement) {
            const color = rgba(getComputedStyle(element).backgroundColor);
            if (color[3] === 255) return color;
        }
        return rgba(getComputedStyle(document.body).backgroundColor);
    };
    const low = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!own || !element.checkVisibility() || element.closest("svg, script")) continue;
        const [one, other] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) low.push(`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`);
    }
    return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_page_fits_any_screen_in_both_colour_schemes(
    page, classes, several, width, scheme, tmp_path
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for url in (classes, several):
        page.goto(url)
        sizes = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert sizes == [width, width]
        assert page.title() != "broken" and page.locator(".card:visible").count()
        body = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert body == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 26)")
        assert page.evaluate(CONTRASTS) == []
        page.screenshot(path=tmp_path / "page.png")
    assert page.errors == []


def test_page_prints(page, classes, tmp_path):
    page.goto(classes)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".toolbar").is_hidden() and page.locator("nav").is_hidden()
    color = page.evaluate("getComputedStyle(document.body).color")
    assert color == "rgb(0, 0, 0)"  # dark ink, whatever the screen has
    assert len(page.pdf()) > 10_000


def test_page_without_scripts_shows_its_rows(browser, classes):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(classes)
    assert page.locator(".card").count() == page.locator(".card:visible").count() > 3
    context.close()
