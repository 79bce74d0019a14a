"""Dreams on a disk that is really full, in a process of its own; see ``test_dream_disk``.

    python -m tests.dashboard.full_disk FOLDER [limited]

FOLDER is a small disk, or files are limited in size. Prints "name: value" lines.
"""

import base64
import io
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from cache.dreams import Dreams
from cache.errors import UserError
from dashboard import tasks
from dashboard.bench import Bench
from dashboard.dream_wish import Wish
from tests.dashboard.desk import settings
from tests.dashboard.steps import result

LAYER = "features.4"


class Disk:
    """The folder's disk: filled, and given room again."""

    def __init__(self, folder: Path, *, limited: bool) -> None:
        self.filler, self.limited = folder / "filler", limited
        if limited:  # so that too large a file is an error and not a signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(self) -> None:
        if self.limited:
            return resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        with suppress(OSError), self.filler.open("ab") as file:
            for size in (1 << 16, 512, 1):
                with suppress(OSError):
                    while True:
                        os.write(file.fileno(), bytes(size))
        return None

    def free(self) -> None:
        endless = resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_FSIZE, (endless, endless))
        self.filler.unlink(missing_ok=True)


def dreamed(bench: Bench, **given: Any) -> dict[str, Any]:
    return dict(result(tasks.TASKS["dream"](bench, wish=wish(bench, **given).plain())))


def wish(bench: Bench, **given: Any) -> Wish:
    usual = {
        "mode": "dream", "model": "squeezenet1_1", "layer": LAYER, "preview": False,
        "how": "octaves:2,iterations:2,size:128", "picture": bench.library.first().key,
    }  # fmt: skip
    return Wish(**{**usual, **given})


def held(bench: Bench, id: str) -> Image.Image:
    found = tasks.TASKS["dream_file"](bench, id=id)
    return Image.open(io.BytesIO(base64.b64decode(found["data"])))


def single(bench: Bench, disk: Disk) -> None:
    """A finished one is held, saved, dreamt on, and kept once there is room."""
    disk.fill()
    found = dreamed(bench)
    print("why:", found["held"])
    print("saved:", found["saved"], "shown:", found["before"].startswith("/dreams/"))
    print("size:", max(held(bench, found["id"]).size))
    try:
        tasks.TASKS["dream_keep"](bench, id=found["id"])
    except UserError as error:
        print("again:", error)
    lent = tasks.TASKS["dream_lend"](bench, id=found["id"], name="dream")
    on = dreamed(bench, picture=lent, preview=True)
    print("on:", max(held(bench, on["id"]).size))
    stopped(bench)
    disk.free()
    print("keeps:", tasks.TASKS["dream_keep"](bench, id=found["id"]))
    kept = Dreams(bench.store.root)
    print("kept:", len(kept.all()), max(Image.open(kept.file(kept.all()[0])).size))


def stopped(bench: Bench) -> None:
    """What there is of one that is stopped is held, too."""
    one = wish(bench, how="iterations:50,size:128").plain()
    steps = tasks.TASKS["dream"](bench, wish=one)
    next(steps)
    next(steps)
    id = next(iter(steps.gi_frame.f_locals.get(name) for name in ("key",)))
    steps.close()
    told = tasks.TASKS["dream_told"](bench, id=id)
    print("stopped:", told["stopped"], max(held(bench, id).size))


def stream(bench: Bench, disk: Disk) -> None:
    """The frames that the disk took are a film, and it goes on from there."""
    one = {"mode": "stream", "how": "frames:5,octaves:1,iterations:1,size:64"}
    steps = tasks.TASKS["dream"](bench, wish=wish(bench, **one).plain())
    for progress in steps:
        if progress.done == 2:
            break
    disk.fill()
    found = result(steps)
    print("stream:", found["stopped"], found["words"], "|", found["held"])
    print("frames:", getattr(held(bench, found["id"]), "n_frames", 1))
    disk.free()
    print("whole:", dreamed(bench, **one)["stopped"], len(Dreams(bench.store.root).all()))


def main() -> None:
    folder = Path(sys.argv[1])
    disk = Disk(folder, limited="limited" in sys.argv)
    bench = tasks.make_state(settings(folder))
    single(bench, disk)
    stream(bench, disk)


if __name__ == "__main__":
    main()
