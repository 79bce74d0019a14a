"""A bare page that shows an atlas with the program's own scripts and style sheets: what the
benchmark of the map's frames and the browser tests of the map stand on.

No Dash: a small HTTP server on this computer answers as the program does, and a choice
(``neuronscope.choose``) is only written down.
"""

import html
import json
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from benchmarks.atlas_made import CLASSES

ASSETS = Path(__file__).resolve().parents[1] / "dashboard" / "assets"
KINDS = {".js": "text/javascript", ".css": "text/css", ".json": "application/json",
         ".webp": "image/webp", ".html": "text/html"}  # fmt: skip
PAGE = """<!doctype html><html data-mantine-color-scheme="{scheme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Made-up atlas</title>
<link rel="icon" href="data:,">{styles}</head><body><main class="view" style="padding-top:20px">
{maps}</main><script>
window.neuronscope = {{ choices: [], choose(change) {{
  this.latest = change; this.choices.push(change);
  document.dispatchEvent(new CustomEvent("chosen", {{ detail: change }}));
}} }};
</script>{scripts}</body></html>"""
MAP = """<div class="atlas" data-names="{names}" data-asked="{asked}">
<canvas class="atlas-canvas"></canvas><canvas class="atlas-mini"></canvas>
<button type="button" class="atlas-in">+</button>
<button type="button" class="atlas-out">&minus;</button>
<button type="button" class="atlas-fit">fit</button>
<button type="button" class="atlas-names">names</button>
<button type="button" class="atlas-apart">apart</button><p class="atlas-hover"></p></div>"""


# True when every map of the page stands still with all that its view needs.
STANDS = """() => { const A = neuronscope.atlas;
  const idle = (shelf) => !shelf.underWay;
  const still = (map) => (map.sheet || !map.asked.map) && !map.ticket && !map.glide && !map.past;
  return A && A.maps.length && A.maps.every(still)
    && [A.sheets, A.names, A.mosaics, A.tiles, A.values].every(idle); }"""


def asked(url: str | None, **more: Any) -> dict[str, Any]:
    """What an atlas is asked, as in its element's ``data-asked``."""
    return {"map": url, "model": "made", "layer": "layer.1", "a": None, "b": None, "strength": 1,
            "spot": None, "cell": None, "places": [], "grid": [13, 13], **more}  # fmt: skip


def link(address: str, *maps: dict[str, Any], **more: str) -> str:
    """The bare page's address with these maps side by side."""
    return f"{address}/?" + urlencode({"asked": json.dumps(maps), **more})


def page(query: dict[str, str]) -> str:
    """The bare page: ``asked`` holds a JSON list, one entry a map; ``scheme`` is light or dark,
    ``names`` of classes on the map are on or off."""
    asked = json.loads(query["asked"])
    if "spot" in query:
        asked[0]["spot"] = [float(v) for v in query["spot"].split(",")]
    names = query.get("names", "on")
    maps = "".join(MAP.format(asked=html.escape(json.dumps(one)), names=names) for one in asked)
    names = sorted(p.name for p in ASSETS.glob("*"))  # in the order in which Dash takes them
    sheets = [n for n in names if n in ("tokens.css", "frame.css", "atlas.css")]
    scripts = [n for n in names if n.startswith("atlas") and n.endswith(".js")]
    return PAGE.format(
        scheme=query.get("scheme", "light"), maps=maps,
        styles="".join(f'<link rel="stylesheet" href="/assets/{n}">' for n in sheets),
        scripts="".join(f'<script src="/assets/{n}"></script>' for n in scripts),
    )  # fmt: skip


class Quiet(ThreadingHTTPServer):
    """A page that is left does not wait for its answers."""

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            traceback.print_exc()


class Bare:
    """The server: ``address`` is where it listens; what was asked for stands in ``log``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, list[str]()
        bare = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                bare.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        """The page, a file of the program, a file of the atlas, or the classes' names."""
        url = urlsplit(asked.path)
        path = unquote(url.path)
        self.log.append(path)
        kind, status = KINDS.get(Path(path).suffix, "application/octet-stream"), 200
        if path == "/":
            kind, body = KINDS[".html"], page({k: v[0] for k, v in parse_qs(url.query).items()})
        elif path == "/api/names-of-classes":
            kind, body = KINDS[".json"], json.dumps({"classes": CLASSES})
        else:
            root = ASSETS.parent if path.startswith("/assets/") else self.folder
            file = root / path[1:]
            status, body = (200, file.read_bytes()) if file.is_file() else (404, b"")
        data = body.encode() if isinstance(body, str) else body
        asked.send_response(status)
        asked.send_header("Content-Type", kind)
        asked.send_header("Content-Length", str(len(data)))
        if path.startswith("/atlas/"):
            asked.send_header("Cache-Control", "public, max-age=31536000, immutable")
        asked.end_headers()
        asked.wfile.write(data)


@contextmanager
def serving(folder: Path) -> Iterator[Bare]:
    """The server, as long as the block runs."""
    bare = Bare(folder)
    thread = threading.Thread(target=bare.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield bare
    finally:
        bare.server.shutdown()
        bare.server.server_close()
        thread.join()
