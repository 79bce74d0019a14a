"""Components written as HTML."""

from html.parser import HTMLParser

import dash_mantine_components as dmc
import pytest
from dash import html

from dashboard.components import action, copy_command, note, term, unit_icon
from dashboard.markup import markup


def test_elements_attributes_and_texts() -> None:
    made = html.Div(
        [html.B("5 < 6", className="num"), " & ", 7, None, [html.Br(), html.I()]],
        id="x", style={"gridTemplateColumns": "1fr", "--a": 2}, **{"data-n": "1"},
    )  # fmt: skip
    assert markup(made) == (
        '<div id="x" style="grid-template-columns:1fr;--a:2" data-n="1">'
        '<b class="num">5 &lt; 6</b> &amp; 7<br><i></i></div>'
    )


def test_yes_no_and_nothing() -> None:
    assert markup(html.Button("go", disabled=True, hidden=False, title=None)) == (
        "<button disabled>go</button>"
    )
    assert markup(None) == ""
    assert markup([]) == ""


@pytest.mark.parametrize("evil", ['"><script>', "' onclick='x", "<img src=x onerror=alert(1)>"])
def test_a_name_from_outside_stays_a_text(evil: str) -> None:
    """Class and file names come from users' files: nothing in them becomes a tag or attribute."""

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[tuple[str, list[str]]] = []
            self.texts: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append((tag, [name for name, _ in attrs]))
            self.texts += [value or "" for name, value in attrs if name == "title"]

        def handle_data(self, data: str) -> None:
            self.texts.append(data)

    reader = Reader()
    reader.feed(markup(html.Span(evil, title=evil)))
    assert reader.tags == [("span", ["title"])]
    assert "".join(reader.texts) == evil * 2


def test_what_views_are_made_of_can_be_written() -> None:
    parts = [
        note("Loading", kind="busy"), term("margin"), unit_icon("m", "l", 3),
        action("x", {"a": 1}, label="do", disabled=False), copy_command(["fires", "a b.jpg"]),
    ]  # fmt: skip
    text = markup(parts)
    assert 'data-do="{&quot;a&quot;: 1}"' in text
    assert "disabled" not in text
    assert 'data-copy="neuronscope fires &#x27;a b.jpg&#x27;"' in text
    assert "key=" not in text


def test_what_needs_the_renderer_is_refused() -> None:
    with pytest.raises(TypeError, match="Select"):
        markup(html.Div(dmc.Select(data=[])))
    with pytest.raises(TypeError, match="object"):
        markup(object())
