"""Keep it, in Chromium: a view is kept with its numbers, listed, opened, edited, removed, brought
back, and exported as a page that opens without the program."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboard.browser import (
    NARROW,
    WIDE,
    Screen,
    Server,
    decoded,
    screen_on,
    wait_until,
)

pytestmark = pytest.mark.browser
ITEM = ".fnd-item"


@pytest.fixture
def kept(chromium: Browser, server: Server) -> Iterator[Screen]:
    """A screen; what was kept before is taken away first."""
    for one in stored(server):
        ours = {"X-Neuronscope": "1"}
        server.get(f"/api/findings/remove?id={one['id']}", method="POST", headers=ours)
    yield from screen_on(chromium, server, viewport=WIDE)


def stored(server: Server) -> list[dict]:
    status, data = server.get("/findings.json")
    assert status == 200
    return list(json.loads(data)["findings"])


def open_case(screen: Screen) -> None:
    screen.page.goto(f"{screen.server.address}/errors?stage=picture")
    expect(screen.at("#keep-sentence")).to_have_value(re.compile("^Says .* rather than"))


def keep_case(screen: Screen) -> None:
    screen.at("#err-keep").get_by_role("button", name="keep as finding").click()
    expect(screen.at("#err-way #findings-count")).to_have_text("1")


def open_list(screen: Screen) -> None:
    screen.at("#err-way [data-local=findings]").click()
    expect(screen.at("#findings")).to_be_visible()


def test_the_offer_is_what_the_page_measured_and_is_kept_whole(kept: Screen) -> None:
    open_case(kept)
    claim = json.loads(kept.at("[data-claim]").get_attribute("data-claim") or "")
    offered = kept.at("#keep-sentence").input_value()
    for value in (claim["without"], claim["equal"]["mean"]):
        assert f"{value:+.1f}".replace("-", "\u2212") in offered
    assert f": {claim['verdict']}." in offered
    keep_case(kept)
    (one,) = stored(kept.server)
    assert one["sentence"] == offered
    assert one["verdict"] == claim["verdict"]
    assert one["neurons"] == claim["channels"]
    rows = {n["label"]: n for n in one["numbers"]}
    count = len(claim["channels"])
    assert rows["as it is"]["value"] == pytest.approx(claim["before"])
    assert rows[f"without these {count}"]["value"] == pytest.approx(claim["without"])
    equal = rows[f"without {count} equally active others"]
    assert (equal["value"], equal["sd"]) == pytest.approx(
        (claim["equal"]["mean"], claim["equal"]["sd"])
    )
    listed = ",".join(map(str, claim["channels"]))
    assert f"--layer {claim['layer']} --without {listed}" in one["repeat"]


def test_kept_listed_edited_removed_and_brought_back(kept: Screen) -> None:
    open_case(kept)
    kept.at("#keep-sentence").fill("The <b>tie</b> gives it away")
    keep_case(kept)
    expect(kept.at("#err-keep").get_by_role("button", name="kept")).to_be_disabled()
    open_list(kept)
    expect(kept.at(f"{ITEM} .fnd-text")).to_have_text("The <b>tie</b> gives it away")
    image = kept.at(f"{ITEM} .fnd-thumb img")
    wait_until(lambda: image.evaluate("i => i.naturalWidth") > 100, "the thumbnail")
    kept.at(ITEM).get_by_role("button", name="edit").click()
    field = kept.at(f"{ITEM} textarea")
    field.fill("never mind")
    field.press("Escape")
    expect(kept.at(f"{ITEM} .fnd-text")).to_have_text("The <b>tie</b> gives it away")
    expect(kept.at("#findings")).to_be_visible()
    kept.at(ITEM).get_by_role("button", name="edit").click()
    field.fill("The tie does it")
    field.press("Enter")
    expect(kept.at(f"{ITEM} .fnd-text")).to_have_text("The tie does it")
    wait_until(lambda: stored(kept.server)[0]["sentence"] == "The tie does it", "it is kept")
    before = stored(kept.server)
    kept.at(ITEM).get_by_role("button", name="remove").click()
    expect(kept.at(".fnd-gone")).to_contain_text("Removed: The tie does it")
    expect(kept.at("#err-way #findings-count")).to_have_text("0")
    assert stored(kept.server) == []
    kept.at(".fnd-gone").get_by_role("button", name="undo").click()
    expect(kept.at(f"{ITEM} .fnd-text")).to_have_text("The tie does it")
    expect(kept.at(".fnd-gone")).to_have_count(0)
    assert stored(kept.server) == before
    kept.page.keyboard.press("Escape")
    expect(kept.at("#findings")).to_be_hidden()
    assert "stage=picture" in kept.page.url  # Escape let go of the drawer alone


def test_a_finding_reopens_its_view(kept: Screen) -> None:
    kept.page.goto(f"{kept.server.address}/errors?stage=picture&layer=features.9")
    expect(kept.at("#keep-sentence")).to_have_value(re.compile("features.9"))
    tick = kept.at(".evidence-row .tick").first
    tick.click()
    expect(kept.at(".evidence-row.left-out")).to_have_count(1)
    claim = kept.at("[data-claim]").get_attribute("data-claim")
    without = json.loads(claim or "")["without"]
    expect(kept.at("#keep-sentence")).to_have_value(
        re.compile(re.escape(f"{without:+.1f}".replace("-", "\u2212")))
    )
    keep_case(kept)
    kept.page.goto(f"{kept.server.address}/explore")
    kept.filled()
    kept.at("[data-local=pin]").click()
    kept.at("#pin-box [data-local=findings]").click()
    kept.at(ITEM).get_by_role("link", name="open", exact=True).click()
    expect(kept.at("#findings")).to_be_hidden()
    expect(kept.at(".evidence-row.left-out")).to_have_count(1)
    assert kept.at("[data-claim]").get_attribute("data-claim") == claim
    kept.page.go_back()
    kept.filled()


def test_every_view_can_be_pinned(kept: Screen) -> None:
    kept.open()
    margin = kept.number("#margin")
    kept.at("[data-local=pin]").click()
    field = kept.at("#pin-sentence")
    expect(field).to_have_value(re.compile("^Says .* rather than"))
    field.fill("a tie")
    kept.at("#pin-box [data-local=keep]").click()
    expect(kept.at("#pin-box")).to_be_hidden()
    kept.page.goto(f"{kept.server.address}/neuron?layer=features.12&unit=3")
    expect(kept.at("#neuron-head")).not_to_be_empty()
    kept.at("[data-local=pin]").click()
    field.fill("a neuron")
    kept.at("#pin-box [data-local=keep]").click()
    expect(kept.at("#pin-box")).to_be_hidden()
    wait_until(lambda: len(stored(kept.server)) == 2, "both are kept")
    neuron, explore = stored(kept.server)
    assert explore["sentence"] == "a tie"
    assert explore["numbers"][0]["value"] == pytest.approx(margin, abs=0.051)
    assert (neuron["neurons"], neuron["layer"], neuron["verdict"]) == ([3], "features.12", "")
    assert [n["label"] for n in neuron["numbers"]][:3] == ["margin", "says", "rather than"]
    assert neuron["href"].startswith("/neuron?")
    assert "unit=3" in neuron["href"]
    assert neuron["repeat"].endswith("--layer features.12 --channel 3")
    kept.at("[data-local=pin]").click()
    kept.allowed.append("422")
    field.fill("   ")
    kept.at("#pin-box [data-local=keep]").click()
    expect(kept.at("#toast")).to_contain_text("write a sentence")


def test_the_patch_and_the_faders_are_kept_too(kept: Screen) -> None:
    tried = "patch=flat:ff0000:0.5,0.5,0.4,1&fade=402:0"
    kept.page.goto(f"{kept.server.address}/errors?stage=picture&layer=features.12&{tried}")
    field = kept.at("#keep-sentence")
    expect(field).to_have_value(re.compile("With a colour laid on it the margin is .* With neuron"))
    keep_case(kept)
    (one,) = stored(kept.server)
    rows = {n["label"]: n for n in one["numbers"]}
    query = f"picture={picture_of(one)}&a=457&b=652&patch=flat:ff0000:0.5,0.5,0.4,1"
    found = json.loads(kept.server.get(f"/api/bench/trial?{query}")[1])
    assert rows["with the patch"]["value"] == pytest.approx(found["now"]["margin"], abs=1e-4)
    noise = rows["with noise of the same size"]
    assert [noise["value"], noise["sd"]] == pytest.approx(found["noise"]["margin"], abs=1e-4)
    assert rows["the faders"]["value"] == "neuron 402 times 0"
    assert tried in one["href"]
    seen = decoded(kept.server, f"/finding/{one['seen']}")
    middle = seen[seen.shape[0] // 2, seen.shape[1] // 2].astype(int)
    assert middle[0] > 220
    assert max(middle[1:]) < 40  # the picture with the red patch on it


def picture_of(one: dict) -> str:
    return re.findall("picture=([0-9a-f]{64})", one["href"])[0]


def test_a_pair_is_kept_together(kept: Screen) -> None:
    kept.page.goto(f"{kept.server.address}/errors?stage=together&wall=609,511")
    expect(kept.at("#keep-sentence")).to_have_value(re.compile("^Of 1 picture together: convert"))
    keep_case(kept)
    (one,) = stored(kept.server)
    rows = {n["label"]: n["value"] for n in one["numbers"]}
    assert rows["pictures"] == 1
    assert rows["says"] == "convertible (511)"
    assert one["shows"] == "jeep said convertible: 1 picture"
    assert one["seen"]
    assert len(one["neurons"]) == len(one["icons"])


def test_the_exported_page_opens_without_the_program(
    kept: Screen, chromium: Browser, tmp_path: Path
) -> None:
    open_case(kept)
    kept.at("#keep-sentence").fill("<img src=x onerror=alert(1)> it is the tie")
    keep_case(kept)
    open_list(kept)
    files = {}
    for kind in ("HTML", "JSON", "CSV"):
        with kept.page.expect_download() as download:
            kept.at("#findings footer").get_by_role("link", name=kind).click()
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])
    (one,) = json.loads(files["JSON"].read_text())["findings"]
    rows = list(csv.DictReader(files["CSV"].open(newline="")))
    assert len(rows) == len(one["numbers"])
    assert float(rows[0]["value"]) == pytest.approx(one["numbers"][0]["value"])
    for scheme, size in (("light", WIDE), ("dark", NARROW)):
        context = chromium.new_context(color_scheme=scheme, viewport=size, offline=True)
        page, asked, wrong = context.new_page(), [], []
        page.on("request", lambda request, to=asked: to.append(request.url))
        page.on("pageerror", lambda error, to=wrong: to.append(str(error)))
        page.on("console", lambda message, to=wrong: to.append(message.text))
        page.goto(files["HTML"].as_uri())
        expect(page.locator(".finding h2")).to_have_text(one["sentence"])
        shown = page.locator("img").evaluate_all("all => all.map(i => i.naturalWidth)")
        assert len(shown) == 1 + len(one["neurons"])
        assert min(shown) > 50
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"]
        context.close()
        assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
        assert wrong == []


def test_on_a_phone(kept: Screen, chromium: Browser, server: Server) -> None:
    for phone in screen_on(chromium, server, viewport=NARROW, has_touch=True):
        open_case(phone)
        button = phone.at("#err-keep [data-local=keep]")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] < NARROW["height"]  # in sight without scrolling
        button.click()
        expect(phone.at("#err-way #findings-count")).to_have_text("1")
        open_list(phone)
        for control in phone.at(".fnd-item .fnd-row").locator("a, button").all():
            size = control.bounding_box()
            assert size is not None
            assert min(size["height"], size["width"]) >= 44
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_strangers_and_nonsense_are_refused(kept: Screen) -> None:
    server, ours = kept.server, {"X-Neuronscope": "1"}
    view = json.dumps({"href": "/explore", "sentence": "x"}).encode()
    assert server.get("/api/findings/keep", method="POST", body=view)[0] == 403
    foreign = {**ours, "Origin": "http://example.org"}
    assert server.get("/api/findings/keep", method="POST", body=view, headers=foreign)[0] == 403
    for body in (b"", b"[]", b"{}", b'{"href": 1, "sentence": "x"}', b"[" * 9000, b"x" * 30_000,
                 b'{"href": "http://[", "sentence": "x"}', b'{"href": "/explore", "sentence": ""}',
                 b'{"href": "/explore?picture=none", "sentence": "x"}',
                 b'{"href": "/errors?stage=picture&layer=nowhere", "sentence": "x"}'):  # fmt: skip
        status, said = server.get("/api/findings/keep", method="POST", body=body, headers=ours)
        assert status == 422, (body[:60], said)
        assert json.loads(said)["error"]
    for path in ("edit?id=x", "remove?id=x", "import"):
        status, _ = server.get(f"/api/findings/{path}", method="POST", body=b"x", headers=ours)
        assert status == 422
    assert server.get("/finding/" + "0" * 64)[0] == 404
    assert b"SQLite" not in server.get("/finding/..%2Ffindings.sqlite")[1]
    assert server.get("/findings.exe")[0] == 404
    assert stored(server) == []
