"""Panels as plain HTML: built on the server of the same components, put into the page by
``assets/markup.js``.

Dash's renderer tells every component of a page about every change in it: with the thousand small
ones that lists of neurons, pictures and layers are made of, a click took it .3 s. A panel that is
filled this way is one component to it.
"""

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from dash import Output
from dash.development.base_component import Component

ATTRIBUTE = "data-markup"
_VOID = {"img", "br", "hr"}
_RENAMED = {"className": "class", "htmlFor": "for"}
_OWN = {"children", "key"}  # what is not an attribute


class Field:
    """An ``<input>``, which ``dash.html`` lacks; for markup only, read by the page's scripts."""

    def __init__(self, **attributes: Any) -> None:
        self.attributes = attributes


def panel(name: str, **more: Any) -> Output:
    """The output of a callback that fills the element ``name`` with what ``markup`` returns."""
    return Output(name, ATTRIBUTE, **more)


def filled(children: Any) -> dict[str, str]:
    """The attribute that fills an element of the layout at once."""
    return {ATTRIBUTE: markup(children)}


def markup(children: Any) -> str:
    """HTML of components of ``dash.html``, texts, numbers, lists of them, or None; all text is
    escaped. Raises TypeError for any other component."""
    if children is None:
        return ""
    if isinstance(children, Component):
        return _element(children)
    if isinstance(children, Field):
        return f"<input{_attributes(children.attributes)}>"
    if isinstance(children, str | int | float):
        return escape(str(children), quote=False)
    if isinstance(children, Iterable):
        return "".join(markup(child) for child in children)
    raise TypeError(f"{type(children).__name__} cannot be written as HTML")


def _element(component: Component) -> str:
    if component._namespace != "dash_html_components":
        raise TypeError(f"{type(component).__name__} needs Dash's renderer")
    tag = type(component).__name__.lower()
    props = component.to_plotly_json()["props"]
    inside = "" if tag in _VOID else f"{markup(props.get('children'))}</{tag}>"
    return f"<{tag}{_attributes(props)}>{inside}"


def _attributes(given: dict[str, Any]) -> str:
    return "".join(_attribute(k, v) for k, v in given.items() if k not in _OWN)


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = _RENAMED.get(name, name if "-" in name else name.lower())
    if name == "style":
        value = ";".join(f"{_dashed(k)}:{v}" for k, v in value.items())
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _dashed(name: str) -> str:
    """``gridTemplateColumns`` -> ``grid-template-columns``; ``--x`` as it is."""
    return name if name.startswith("--") else re.sub("[A-Z]", lambda m: "-" + m[0].lower(), name)
