"""Dream where something is not to be had: a picture that is no longer open, a layer of another
network, a class without photographs. What is wrong is said once, and there is a way on."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from cache.codecs import encode
from cache.dreams import Dream, Dreams
from dashboard.views.dream_gallery import SHOWN
from tests.dashboard.browser import WIDE, Screen, Server
from tests.dashboard.test_page_dream import QUICK, done, fetched, opened, state, wish

pytestmark = pytest.mark.browser
GONE = "a" * 64


def test_of_a_picture_that_is_gone_another_can_be_chosen(screen: Screen) -> None:
    screen.page.goto(f"{screen.server.address}/dream?picture={GONE}&how={QUICK}")
    wrong = screen.at("#dream-page [role=alert]")
    expect(wrong).to_have_count(1)
    expect(wrong).to_contain_text("this picture is not open here any more")
    expect(screen.at("#dream-from .strip [aria-current]")).to_have_count(0)
    expect(screen.at("#dream-what .dream-ladder [aria-current]")).to_have_count(1)
    screen.at("#dream-from .strip [data-do]").first.click()
    done(screen)
    expect(wrong).to_have_count(0)


@pytest.mark.slow
def test_what_was_kept_of_it_is_still_shown(chromium: Browser, tmp_path: Path) -> None:
    """After a restart without the picture: a small one and one in full size."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (2, 96, 96, 3), dtype=np.uint8)
    for name, pixels in zip("ab", noise, strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    page = chromium.new_page(viewport=WIDE)
    with closing(Server(tmp_path, "--images", str(folder))) as server:
        screen = opened(Screen(page, server))
        done(screen)
        key = str(wish(screen)["picture"])
        screen.at("#dream-keep").click()
        expect(screen.at("#dream-gallery figure")).to_have_count(1)
        screen.at("#dream-full").click()
        expect(screen.at("#dream-gallery figure")).to_have_count(2)
        done(screen)
        page.goto("about:blank")  # nobody asks a program that has ended
    (folder / "a.png").unlink()
    with closing(Server(tmp_path, "--images", str(folder))) as server:
        screen = Screen(page, server)
        screen.page.goto(f"{server.address}/dream?picture={key}&how={QUICK}")
        expect(screen.at("#dream-page [role=alert]")).to_contain_text("not open here any more")
        for number in range(2):
            screen.at("#dream-gallery figure > button:first-child").nth(number).click()
            done(screen)
            expect(screen.at("#dream-heading")).to_contain_text("a picture that is not open here")
            assert fetched(screen, "#dream-after").shape[:2] == (128, 128)
        assert screen.errors == []
    page.close()


def test_a_layer_of_another_network_has_a_way_back(screen: Screen) -> None:
    opened(screen, f"layer=inception4c&how={QUICK}")
    state(screen, "failed")
    expect(screen.at("#dream-said")).to_contain_text("no layer 'inception4c'")
    for id in ("#dream-stage", "#dream-full"):  # an empty frame, and what would fail likewise
        expect(screen.at(id)).to_be_hidden()
    screen.at("#dream-what .dream-ladder button").nth(3).click()
    done(screen)
    expect(screen.at("#dream-stage")).to_be_visible()
    expect(screen.at("#dream-full")).to_be_visible()


def test_only_photographs_that_are_there_are_offered(screen: Screen) -> None:
    for guide in ("", "&guide=class:5000"):
        screen.page.goto(f"{screen.server.address}/dream?mode=guided&how={QUICK}{guide}")
        expect(screen.at("#dream-guide")).to_be_visible()
        expect(screen.at("#dream-what .strip [data-do]").first).to_be_visible()
        expect(screen.at("#dream-what .dream-pills button")).to_have_count(0)
    expect(screen.at("#dream-page [role=alert]")).to_have_count(1)


def test_a_long_word_of_failure_stays_beside_its_button(phone: Screen) -> None:
    opened(phone, f"layer=inception4c&how={QUICK}")
    state(phone, "failed")
    said, on = (phone.at(id).bounding_box() for id in ("#dream-said", "#dream-on"))
    assert said
    assert on
    assert said["x"] + said["width"] <= on["x"]
    assert on["x"] + on["width"] <= 390


def test_of_many_that_are_kept_the_older_ones_are_folded_away(screen: Screen) -> None:
    kept = Dreams(screen.server.folder / "c")
    before = len(kept.all())
    shot = (np.arange(64 * 64 * 3) % 251).astype(np.uint8).reshape(64, 64, 3)
    data = encode("webp", shot)[0]
    ids = [f"{n:064x}" for n in range(SHOWN + 2 - before)]
    for id in ids:
        one = Dream(id=id, asked={"mode": "layers"}, words=f"number {id[-2:]}", kind="png")
        kept.keep(one, data, {"after": data})
    opened(screen)
    shown = screen.at("#dream-gallery > section > .dream-list > figure")
    expect(shown).to_have_count(SHOWN)
    expect(screen.at("#dream-older summary")).to_have_text("2 older ones")
    expect(screen.at("#dream-older figure").first).to_be_hidden()
    screen.at("#dream-older summary").click()
    expect(screen.at("#dream-older figure").last).to_be_visible()
    screen.page.goto("about:blank")  # before the pictures that it fetches are gone
    for id in ids:
        kept.remove(id)
