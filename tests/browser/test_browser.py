"""The room itself: a test that looks for errors of a page would see them."""

import pytest

pytestmark = pytest.mark.browser


def test_page_runs_scripts(page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<button onclick=\"this.textContent = 'clicked'\">click</button>")
    page.goto(path.as_uri())
    page.get_by_role("button").click()
    assert page.get_by_role("button").text_content() == "clicked"
    assert page.errors == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("<script>throw new Error('broken')</script>", "broken"),
        ("<script>console.error('complaint')</script>", "complaint"),
        ('<img src="absent.png" alt="">', "failed: file:"),
    ],
)
def test_errors_of_a_page_are_seen(page, tmp_path, content, error):
    path = tmp_path / "page.html"
    path.write_text(content)
    page.goto(path.as_uri())
    assert any(error in seen for seen in page.errors)
