"""How the page was started: checked once, before anything is loaded."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.errors import UserError
from cache.location import cache_dir

DEFAULT_MODEL = "squeezenet1_1"
DEFAULT_PORT = 8050
FITS = ("crop", "squeeze")
DEVICES = ("auto", "cpu", "cuda", "mps")
SEEDS = 2**32


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options of ``neuronscope serve``. Raises UserError for what cannot work."""

    model: str = DEFAULT_MODEL
    weights: str | None = None
    fit: str = "crop"
    device: str = "auto"
    seed: int = 0
    cache: str | None = None
    images: Path | None = None
    labels: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    browser: bool = True

    def __post_init__(self) -> None:
        _check_host(self.host)
        if not 1 <= self.port <= 65535:
            raise UserError(f"port {self.port} is out of range: choose one from 1 to 65535")
        if self.fit not in FITS:
            raise UserError(f"fit is crop or squeeze, not {self.fit!r}")
        if self.device not in DEVICES:
            raise UserError(f"device is one of {', '.join(DEVICES)}, not {self.device!r}")
        if not 0 <= self.seed < SEEDS:
            raise UserError(f"seed {self.seed} is out of range: choose one from 0 to {SEEDS - 1}")
        if self.images is not None and not self.images.is_dir():
            raise UserError(f"there is no folder {str(self.images)!r}; --images names a folder")
        if self.labels is not None and self.images is None:
            raise UserError("--labels says what --images shows: name that folder as well")
        if self.labels is not None and not self.labels.is_file():
            raise UserError(f"there is no labels file {str(self.labels)!r}")


def worker_config(config: Config) -> dict[str, Any]:
    """What the worker must know, as plain data."""
    return {
        "model": config.model, "weights": config.weights, "fit": config.fit,
        "device": config.device, "seed": config.seed, "cache": str(cache_dir(config.cache)),
        "images": str(config.images) if config.images else None,
        "labels": str(config.labels) if config.labels else None,
    }  # fmt: skip


def _check_host(host: str) -> None:
    """Only this machine may reach the page: it opens files and holds no password yet."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host) in _LOOPBACK[":" in host]
    except ValueError:
        loopback = False
    if not loopback:
        raise UserError(
            f"host {host!r} is refused: the page has no password yet and must not be reachable "
            "from other machines; use 127.0.0.1"
        )


_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
