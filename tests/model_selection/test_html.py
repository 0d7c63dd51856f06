from html.parser import HTMLParser

import pytest

from skpoison.model_selection._html import (
    STYLE,
    Number,
    make_code,
    make_list,
    make_page,
    make_paragraph,
    make_pictures,
    make_section,
    make_table,
)

EVIL = "<script>alert('&\"')</script>"
VOID = {"meta"}


class Reader(HTMLParser):
    """Check that tags are closed in order, and collect what is in them."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1], data))

    def having(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def texts_in(self, tag):
        return [text for name, text in self.texts if name == tag]


def test_page():
    page = make_page(EVIL, make_section("One", make_paragraph("two")))
    assert page.startswith("<!DOCTYPE html>\n<html lang=")
    read = Reader(page)
    assert read.texts_in("title") == read.texts_in("h1") == [EVIL]
    assert read.having("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in read.having("meta")
    assert any(each.get("name") == "viewport" for each in read.having("meta"))
    assert len(read.having("main")) == len(read.having("script")) == 1
    assert "prefers-color-scheme:dark" in STYLE


@pytest.mark.parametrize(
    ("make", "tag"),
    [
        (make_paragraph, "p"),
        (make_code, "code"),
        (make_section, "h2"),
        (lambda text: make_list([text]), "li"),
        (lambda text: make_table(text, ["a"], [["b"]]), "span"),
        (lambda text: make_table("a", [text], [["b"]]), "button"),
        (lambda text: make_table("a", ["b"], [[text]]), "th"),
        (lambda text: make_table("a", ["b", "c"], [["d", text]]), "td"),
        (lambda text: make_table("a", ["b", "c"], [["d", Number(text, 1)]]), "td"),
        (lambda text: make_pictures({text: "<svg></svg>"}, []), "figcaption"),
        (lambda text: make_pictures({}, [("", text)]), "li"),
    ],
)
def test_everything_is_escaped(make, tag):
    html = make(EVIL)
    assert "<script" not in html
    assert "alert('" not in html
    assert EVIL in "".join(Reader(html).texts_in(tag))


def test_table():
    read = Reader(
        make_table("What", ["name", "size"], [["x", Number("1.50 m", 1.5)], ["y", "?"]])
    )
    heads = read.having("th")
    assert [each["scope"] for each in heads] == ["col", "col", "row", "row"]
    assert read.texts_in("button") == ["name", "size"]
    assert read.having("td") == [{"class": "number", "data-value": "1.5"}, {}]
    # What scrolls can be reached by the keyboard and has a name.
    (region,) = (each for each in read.having("div") if each["class"] == "scroll")
    assert region["tabindex"] == "0"
    assert region["role"] == "region"
    assert region["aria-label"] == "What"
