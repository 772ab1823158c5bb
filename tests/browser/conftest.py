"""A real browser for tests of pages: Debian's Chromium, driven by Playwright."""

import shutil

import pytest

#: No sandbox, as for root in a container; the others keep the browser from calling home.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; where there is none, or no Playwright, the test is skipped."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason='no Playwright: pip install "mmzoo[browser-test]"'
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """An empty Playwright page, 1,400 pixels wide.

    `page.errors` lists what went wrong in it: exceptions of its scripts, errors of its console, and
    requests that failed.
    """
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(10_000)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.errors.append(said.text))
    page.on("requestfailed", lambda request: page.errors.append(f"failed: {request.url}"))
    yield page
    page.close()
