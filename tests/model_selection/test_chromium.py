"""The page of a report in a browser: sorting, dark mode, narrow screens, no network."""

import json
import re
import shutil
import subprocess

import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skpoison.attacks import MarginLabelFlip, RandomLabelFlip
from skpoison.defences import KNNSanitizedClassifier
from skpoison.model_selection import RobustnessReport

NAMES = "chromium", "chromium-browser", "google-chrome", "chrome"
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
# What is seen, written to the title, which is read from the page as it has become.
SEEN = """
<script>
window.addEventListener("load", () => {
  const seen = {errors: window.errors, columns: []};
  for (const button of document.querySelectorAll("th button")) {
    const head = button.closest("th"), table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const shown = () => [...table.tBodies[0].rows].map((row) => {
      const cell = row.children[column];
      return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
    });
    const before = shown();
    button.click();
    const up = shown(), sorted = head.getAttribute("aria-sort");
    button.click();
    seen.columns.push([before, up, shown(), sorted, head.getAttribute("aria-sort")]);
  }
  const style = getComputedStyle(document.body);
  seen.ink = style.color;
  seen.page = style.backgroundColor;
  seen.wide = document.documentElement.scrollWidth - window.innerWidth;
  seen.requests = performance.getEntriesByType("resource").map((each) => each.name);
  seen.pictures = [...document.querySelectorAll(".pictures svg")].map(
    (each) => each.getBoundingClientRect().width);
  parent.document.title = "seen " + JSON.stringify(seen);
});
</script>
"""
ERRORS = """<script>window.errors = [];
window.addEventListener("error", (event) => window.errors.push(event.message));
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def page():
    X, y = make_classification(80, 4, random_state=0)
    model = LogisticRegression()
    report = RobustnessReport(
        {"a long name of <no> defence": model, "kNN": KNNSanitizedClassifier(model)},
        {"random": RandomLabelFlip(random_state=0), "margin": MarginLabelFlip()},
        learners={"neighbours": KNeighborsClassifier()},
        adaptive=["margin"],
        budgets=[0.1, 0.3],
        cv=3,
    )
    return report.fit(X, y).to_html("A & B")


def look(page, folder, *options, width=None):
    """Open a page in the browser, and return what is seen there."""
    page = page.replace("<head>", "<head>" + ERRORS).replace(
        "</body>", SEEN + "</body>"
    )
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    if width is not None:
        # A window has a least width; a frame has none.
        frame = (
            f'<iframe src="page.html" style="width:{width}px;height:800px;border:0">'
        )
        file = folder / "frame.html"
        file.write_text(f"<!DOCTYPE html><title>.</title>{frame}</iframe>", "utf-8")
    done = subprocess.run(
        [
            *(BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu"),
            *("--disable-dev-shm-usage", "--allow-file-access-from-files"),
            *(f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000"),
            *(*options, "--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    text = done.stdout.decode()
    found = re.search(r"<title>seen (.*?)</title>", text, re.DOTALL)
    assert found, text[:2000]
    for name, character in {"lt": "<", "gt": ">", "amp": "&"}.items():
        text = found[1] if name == "lt" else text
        text = text.replace(f"&{name};", character)
    return json.loads(text)


def is_bright(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) > 3 * 128


def test_every_table_can_be_sorted(page, tmp_path):
    seen = look(page, tmp_path)
    assert seen["errors"] == []
    assert seen["requests"] == []
    assert len(seen["columns"]) > 20
    for before, up, down, first, second in seen["columns"]:
        assert (first, second) == ("ascending", "descending")
        assert sorted(up, key=str) == sorted(before, key=str)
        # A cell that is not a number, -Infinity, becomes null in JSON.
        numbers = [each for each in up if each is not None]
        if all(isinstance(each, float | int) for each in numbers):
            assert numbers == sorted(numbers)
            assert [each for each in down if each is not None] == numbers[::-1] or (
                len(set(numbers)) < len(numbers)
            )
    assert seen["pictures"]
    assert all(width > 250 for width in seen["pictures"])
    assert is_bright(seen["page"])
    assert not is_bright(seen["ink"])


def test_dark_mode(page, tmp_path):
    seen = look(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert not is_bright(seen["page"])
    assert is_bright(seen["ink"])


def test_narrow_screen(page, tmp_path):
    """Wide tables scroll by themselves; the page does not."""
    seen = look(page, tmp_path, width=360)
    assert seen["wide"] <= 0
    assert all(width <= 360 for width in seen["pictures"])
