"""A dream towards another picture, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import Screen
from tests.dashboard.test_page_dream import QUICK, done, opened, state, wish

pytestmark = pytest.mark.browser


def test_it_says_whether_it_came_nearer_to_the_guide(screen: Screen) -> None:
    opened(screen, f"mode=guided&how={QUICK}")
    done(screen)
    said = screen.text("#dream-numbers")
    assert "Agreement with the guide in " in said
    assert "times" not in said, "a cosine is no multiple of another"
    assert "Probability of " in said, "of what the network takes the guide for"


def test_a_class_is_found_by_its_name(screen: Screen) -> None:
    opened(screen, f"mode=guided&how={QUICK}")
    field = screen.at("#dream-guide")
    field.fill("banana")
    field.press("Enter")
    expect(screen.at("#dream-heading")).to_contain_text("towards photographs of banana")
    assert wish(screen)["guide"] == "class:954"
    state(screen, "failed")
    expect(screen.at("#dream-said")).to_contain_text("no open picture is labelled banana")
    expect(screen.at("#dream-what [aria-pressed=true]")).to_have_text("photographs of banana")
