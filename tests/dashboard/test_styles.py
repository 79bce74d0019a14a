"""Style sheets of several views share one page: a class means one thing."""

import re
from collections import defaultdict
from pathlib import Path

import dashboard

ASSETS = Path(dashboard.__file__).parent / "assets"
COMMON = {"tokens.css", "frame.css"}


def selectors(sheet: Path) -> list[str]:
    """Every single selector of a style sheet."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    return [s.strip() for group in re.findall(r"([^{}]+)\{", text) for s in group.split(",")]


def test_a_class_has_its_own_rule_in_one_view_only() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    sheets = sorted(ASSETS.glob("*.css"))
    assert len(sheets) > 4
    for sheet in sheets:
        for selector in selectors(sheet):
            if re.fullmatch(r"\.[\w-]+", selector):
                owners[selector].add(sheet.name)
    double = {name: files for name, files in owners.items() if len(files - COMMON) > 1}
    assert not double, f"two views style the same class: {double}"


def test_no_view_takes_another_views_class_for_a_state_of_its_own() -> None:
    owner = {
        selector[1:]: sheet.name for sheet in ASSETS.glob("*.css") if sheet.name not in COMMON
        for selector in selectors(sheet) if re.fullmatch(r"\.[\w-]+", selector)
    }  # fmt: skip
    for sheet in ASSETS.glob("*.css"):
        for selector in selectors(sheet):
            for first, second in re.findall(r"\.([\w-]+)\.([\w-]+)", selector):
                theirs = owner.get(second, sheet.name)
                assert theirs == sheet.name, f"{sheet.name}: .{first}.{second} is {theirs}'s, too"
