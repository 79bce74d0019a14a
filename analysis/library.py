"""The pictures that can be opened: samples, the user's folder, and what was dropped onto the page.

Imports no torch, so that the web process and the worker share it.
"""

import threading
from dataclasses import dataclass, replace

from analysis import images
from analysis.classes import Label
from analysis.photos import Collection, Picture
from cache.codecs import Raw
from cache.errors import UserError
from cache.store import Store

UPLOADS = "uploads"


@dataclass(frozen=True)
class Uploaded:
    """A picture of the user's, kept in the cache under its content; evicted never, cleared by
    hand."""

    key: str
    name: str
    store: Store
    label: Label | None = None

    def read(self) -> bytes:
        found = self.store.read(self.key)
        if found is None:
            raise UserError(f"{self.name} is no longer in the cache; drop it onto the page again")
        return found[0]


class Library:
    """Collections by name, and every picture of them by key. Pictures whose files cannot be read
    at all are left out; UserError where a collection has no others."""

    def __init__(self, collections: list[Collection], store: Store) -> None:
        self.unread: list[str] = []  # the names of those left out
        self.collections, self.store = [self._readable(c) for c in collections], store
        self._by_key = {p.key: p for c in reversed(self.collections) for p in c.pictures}
        self._uploads: dict[str, Uploaded] = {}
        self._lock = threading.Lock()

    def _readable(self, collection: Collection) -> Collection:
        kept, fault = [], None
        for picture in collection.pictures:
            try:
                _ = picture.key
            except UserError as error:
                self.unread.append(picture.name)
                fault = error
            else:
                kept.append(picture)
        if fault is not None and not kept:
            raise UserError(f"no picture of {collection.name} can be read: {fault}") from fault
        return replace(collection, pictures=tuple(kept))

    def pictures(self) -> list[Picture | Uploaded]:
        """Every picture of the collections once, and what was dropped is left out: it comes and
        goes."""
        return list({p.key: p for c in self.collections for p in c.pictures}.values())

    @property
    def main(self) -> Collection:
        """The user's folder; where none is open, the samples that stand in for it."""
        return next((c for c in self.collections if c.pictures), Collection("no pictures", ()))

    def first(self) -> Picture | Uploaded:
        """The picture that the page opens on."""
        for collection in self.collections:
            if collection.pictures:
                return collection.pictures[0]
        if self._uploads:
            return next(iter(self._uploads.values()))
        raise UserError("there is no picture yet; drop one onto the page")

    def find(self, key: str) -> Picture | Uploaded | None:
        """The picture with that key, also one that was uploaded in an earlier run."""
        known = self._by_key.get(key) or self._uploads.get(key)
        if known is None and len(key) == 64 and (entry := self.store.get(key)):
            name = str(entry.meta.get("name", "picture"))
            if entry.kind == "raw" and entry.meta.get("upload"):
                return self._remember(key, name)
        return known

    def add(self, data: bytes, *, name: str) -> Picture | Uploaded:
        """Keeps a picture that was dropped; raises UserError if it cannot be opened."""
        images.decode(data, name=name, min_side=256)
        key = images.digest(data)
        if key in self._by_key:
            return self._by_key[key]
        self.store.put(key, "raw", Raw(data), meta={"name": name, "upload": True}, pinned=True)
        return self._remember(key, name)

    def lend(self, data: bytes, *, name: str) -> Picture | Uploaded:
        """Opens a picture as if it was dropped, but for this run alone: it is kept nowhere."""
        images.decode(data, name=name, min_side=256)
        picture = Picture(name, data)
        return self._by_key.setdefault(picture.key, picture)

    def _remember(self, key: str, name: str) -> Uploaded:
        with self._lock:
            return self._uploads.setdefault(key, Uploaded(key, name, self.store))

    def uploads(self) -> list[Uploaded]:
        """What was dropped in this run, newest first."""
        with self._lock:
            return list(reversed(self._uploads.values()))
