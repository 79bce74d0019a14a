"""All findings as one page: by hand, hostile, and with pictures that are gone."""

import base64
from dataclasses import replace

from analysis.findings_report import GONE, render_findings
from cache.finding import Finding, Number, picture_key
from tests.analysis.test_explain import read

SEEN, ICON = b"\x89PNG the picture", b"RIFF----WEBP the icon"
PICTURES = {picture_key(SEEN): SEEN, picture_key(ICON): ICON}
ONE = Finding(
    sentence="Says jeep rather than pickup by 2.5.", href="/errors?a=609&stage=picture",
    network="f" * 64, model="net.py:make", verdict="confirmed",
    numbers=(
        Number("as it is", 2.5, unit="logits"), Number("without these 2", -0.5, unit="logits"),
        Number("without 2 equally active others", 2.0, 0.25, "logits"),
        Number("rather than", "pickup (717), 3 %"), Number("flips", 0.25), Number("depth", -3, 0.5),
    ),
    repeat="neuronscope explain 'a picture.jpg'", layer="relu", neurons=(17, 3), shows="jeep.jpg",
    seen=picture_key(SEEN), icons={17: picture_key(ICON)}, id="0" * 8, when="2026-11-21T18:02:11Z",
)  # fmt: skip


def rendered(*found: Finding) -> str:
    names = {("f" * 64, "relu", 17): ("floppy <ear>", True), ("f" * 64, "relu", 3): ("leg", False)}
    return render_findings(found, PICTURES, names, when="today")


def test_it_says_everything_that_was_kept() -> None:
    page = rendered(ONE)
    for words in (
        "1 finding", ONE.sentence, '<span class="tag yes">confirmed</span>', "2026-11-21 18:02 UTC",
        "+2.5", "\u22120.5", "+2.0 \u00b1 0.2", "pickup (717), 3 %", "0.25", "\u22123 \u00b1 0.5",
        "What the network saw: jeep.jpg", "Neurons of relu", "<b>floppy &lt;ear&gt;</b>",
        "<em>leg</em>", "neuronscope explain &#x27;a picture.jpg&#x27;", "net.py:make", "f" * 64,
        "/errors?a=609&amp;stage=picture", "prefers-color-scheme: dark", "@media print",
    ):  # fmt: skip
        assert words in page, words
    links = read(page)
    assert links.links == [
        f"data:image/png;base64,{base64.b64encode(SEEN).decode()}",
        f"data:image/webp;base64,{base64.b64encode(ICON).decode()}",
    ]
    # from -0.5 to 2.5: the bar of the margin begins at a sixth and ends at the right edge
    assert '<i class="for" style="left:16.67%;width:83.33%"></i>' in page
    assert '<i class="against" style="left:0.00%;width:16.67%"></i>' in page


def test_a_claim_that_failed_is_grey() -> None:
    assert 'class="margins"' in rendered(ONE)
    for verdict in ("not confirmed", "no fair control"):
        page = rendered(replace(ONE, verdict=verdict))
        assert 'class="margins off"' in page
        assert f'<span class="tag">{verdict}</span>' in page


def test_pictures_that_are_gone_are_said_and_the_rest_goes_on() -> None:
    page = rendered(replace(ONE, seen="0" * 64), replace(ONE, seen="", numbers=()), ONE)
    assert page.count(GONE) == 1
    assert page.count("No picture belongs to this finding") == 1
    assert page.count("What the network saw: jeep.jpg") == 1
    assert "3 findings" in page
    assert "Nothing was kept yet" in rendered()


def test_an_untrained_network_is_marked() -> None:
    assert "Untrained" not in rendered(ONE)
    assert "Untrained" in rendered(replace(ONE, trained=False))


def test_hostile_words_stay_words() -> None:
    nasty = "</title><script>a()</script>\"'><img src=x onerror=a()>\udcff\n"
    page = rendered(replace(
        ONE, sentence=nasty, shows=nasty, repeat=nasty, model=nasty, layer=nasty, verdict=nasty,
        numbers=(Number(nasty, nasty), Number(nasty, 1.0, unit="logits"), Number(nasty, 2.0, 1.0)),
    ))  # fmt: skip
    links = read(page)
    assert "script" not in links.tags
    assert all(link.startswith("data:image/") for link in links.links)
    page.encode("utf-8", "replace")
