"""A dream's own file opened again: the wish that it was made by."""

from analysis.dream.stamp import Stamp
from cache.errors import UserError
from dashboard import dream_settings, dream_wish
from dashboard.dream_wish import Wish


def reopened(stamp: Stamp, models: list[str], present: str) -> Wish:
    """The wish that a file was made by; a network that is not among ``models`` is the ``present``
    one instead. UserError: it is none of a dream."""
    given = dict(stamp.settings)
    names = dream_settings.OF_MODE.get(stamp.kind)
    if names is None:
        raise UserError("this file was made by the program, but is no dream")
    plain = {k: v for k, v in given.items() if k in dream_wish.PLAIN}
    values = {k: v for k, v in given.items() if k in names}
    texts = ",".join(f"{name}:{value}" for name, value in values.items())
    way = dream_settings.way(stamp.kind, given.get("goal"))
    how = dream_settings.written(way, dream_settings.read(way, texts))
    source = stamp.sources.get("picture")
    model = stamp.network if stamp.network in models else present
    return dream_wish.read({
        **plain, "mode": stamp.kind, "model": model, "how": how,
        "picture": source.digest if source else None, "preview": bool(given.get("preview", True)),
    })  # fmt: skip
