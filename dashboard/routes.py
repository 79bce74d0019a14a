"""What the page fetches beside Dash's callbacks: pictures by immutable address, uploads, icons as
they form.

Everything here refuses a request that another site's page could have made: the host must be a
loopback name, and whatever changes something must carry our own header.
"""

import io
from typing import Any

from flask import Flask, Response, abort, request
from PIL import Image

from analysis import images
from analysis.patches import patch_box
from cache.errors import UserError
from dashboard import atlas_routes, live, naming, starter_routes, studio_desk
from dashboard.answers import answered, as_json, immutable
from dashboard.atlas_desk import AtlasDesk
from dashboard.icon_desk import IconDesk
from dashboard.service import Service

LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
UPLOAD_LIMIT = 200 * 2**20


def register(server: Flask, service: Service, atlases: AtlasDesk) -> None:
    """Adds the routes to Dash's Flask server."""
    server.config["MAX_CONTENT_LENGTH"] = UPLOAD_LIMIT
    desk = IconDesk(service)
    server.before_request(_refuse_strangers)
    _pictures(server, service)
    _live(server, service, desk)
    naming.register(server, service, desk)
    starter_routes.register(server, service)
    live.register(server, service)
    studio_desk.register(server, service)
    atlas_routes.register(server, service, atlases)


def _refuse_strangers() -> Response | None:
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if host not in LOOPBACK:
        return Response("Neuronscope answers only on this machine.\n", 403)
    origin = request.headers.get("Origin")
    if origin and origin.split("://")[-1] != request.host:
        return Response("Neuronscope answers only its own page.\n", 403)
    changes = request.method == "POST" and not request.path.startswith("/_dash")
    if changes and not request.headers.get("X-Neuronscope"):
        return Response("This address is for the page itself.\n", 403)
    return None


def webp(image: Image.Image) -> Response:
    """A picture for the browser, kept by it for ever: its address names its content."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=82, method=4)
    return immutable(buffer.getvalue(), "image/webp")


def _pictures(server: Flask, service: Service) -> None:
    @server.get("/blob/<key>")
    def blob(key: str) -> Response:
        found = service.store.read(key)
        if found is None or not found[1].startswith("image/"):
            abort(404)
        return immutable(*found)

    @server.get("/thumb/<key>")
    def thumb(key: str) -> Response:
        picture = service.library.find(key)
        if picture is None:
            abort(404)
        try:
            image = images.decode(picture.read(), name=picture.name, min_side=128)
        except UserError:
            abort(404)
        return webp(Image.fromarray(images.thumbnail(image, 128)))

    @server.get("/patch")
    def patch() -> Response:
        given = request.args
        try:
            at = int(given["place"])
            cut = _patch(service, given["model"], given["picture"], given["layer"], at)
        except (UserError, KeyError, ValueError):
            abort(404)
        return webp(cut)

    @server.post("/upload")
    def upload() -> Response:
        name = request.args.get("name", "picture")[:200]
        try:
            return as_json({"key": service.library.add(request.get_data(), name=name).key})
        except UserError as error:
            return as_json({"error": str(error)}, 422)

    @server.errorhandler(413)
    def too_large(_error: Any) -> Response:
        limit = UPLOAD_LIMIT // 2**20
        return as_json({"error": f"the file is larger than {limit} MB; make it smaller first"}, 413)


def _patch(service: Service, model: str, picture: str, layer: str, place: int) -> Image.Image:
    """The part of a picture that one place of a layer sees."""
    known = service.ask("network", model=model)
    found = service.library.find(picture)
    shape = next((s for s in known["layers"] if s["layer"] == layer), None)
    if found is None or shape is None or not 0 <= place < shape["grid"][0] * shape["grid"][1]:
        raise UserError("no such patch")
    reach = service.ask("reach", model=model, layer=layer)
    channels, height, width = known["input_size"]
    image = images.decode(found.read(), name=found.name, min_side=known["resize"])
    pixels = images.fit(
        image, resize=known["resize"], size=(height, width), mode=known["fit"], channels=channels
    )
    top, left, bottom, right = patch_box(place, tuple(shape["grid"]), tuple(reach))
    cut = pixels[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]
    return Image.fromarray(cut.squeeze())


def _live(server: Flask, service: Service, desk: IconDesk) -> None:
    @server.get("/api/icons")
    def icons() -> Response:
        args = request.args
        tokens = [t for t in args.get("icons", "").split(",") if t][:200]
        behind = args.get("behind") == "1"
        return answered(
            lambda: desk.icons(args.get("model", ""), args.get("layer", ""), tokens, behind=behind)
        )

    @server.get("/api/grid")
    def grid() -> Response:
        args = request.args
        try:
            return as_json(desk.grid(args["model"], args["picture"], args["layer"]))
        except (UserError, KeyError) as error:
            return as_json({"error": str(error), "done": True}, 422)

    @server.get("/api/status")
    def status() -> Response:
        seen = request.args.get("seen", "")
        return as_json(desk.status(int(seen) if seen.isdecimal() else None))

    @server.post("/api/cancel")
    def cancel() -> Response:
        service.jobs.cancel(request.args.get("job", ""))
        return as_json({})


def blob_url(key: str) -> str:
    """The immutable address of a picture in the cache."""
    return f"/blob/{key}"
