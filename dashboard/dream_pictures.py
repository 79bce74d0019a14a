"""Networks, pictures, guides and frames as the worker has them."""

from dataclasses import replace

from PIL import Image

from analysis import images
from analysis.dream import schedule
from analysis.dream.settings import Dream
from analysis.models import Classifier
from cache.errors import UserError
from dashboard import dream_settings
from dashboard.bench import Bench
from dashboard.dream_frames import Frames
from dashboard.dream_wish import GUIDES, Wish


class OfBench:
    """``endless``: of a stream without end, the first and the last frames are kept; else all."""

    endless = True

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def network(self, name: str) -> Classifier:
        return self.bench.classifier(name)

    def picture(self, key: str) -> Image.Image:
        found = self.bench.library.find(key)
        if found is None:
            raise UserError("this picture is not open here any more; drop it onto the page again")
        return images.decode(found.read(), name=found.name)

    def name(self, key: str) -> str:
        found = self.bench.library.find(key)
        return found.name if found else "picture"

    def guides(self, wish: Wish) -> list[tuple[str, Image.Image]]:
        if wish.guide is None:
            raise UserError("choose a picture that guides the dream")
        if not wish.guide.startswith("class:"):
            return [(wish.guide, self.picture(wish.guide))]
        index = int(wish.guide.removeprefix("class:"))
        categories = self.network(wish.model).categories
        keys = [
            picture.key for picture in self.bench.library.pictures()
            if picture.key != wish.picture
            and categories.index_of_label(picture.label) == index
        ][:GUIDES]  # fmt: skip
        if not keys:
            name = categories.names[categories.find(index)]
            raise UserError(
                f"no open picture is labelled {name}: open a labelled folder, or choose a picture"
            )
        return [(key, self.picture(key)) for key in keys]

    def direction(self, wish: Wish) -> tuple[float, ...]:
        if wish.group is None or wish.picture is None:
            raise UserError("a neuron group is one of a picture: start from a picture")
        # groups are found by scikit-learn, which other dreams of the command need not wait for
        from dashboard.tasks_check import find_picture_groups

        found, _ = find_picture_groups(self.bench, wish.model, wish.picture, wish.layer, None, None)
        return tuple(map(float, found.channels[found.checked(wish.group)]))

    def names(self, wish: Wish) -> tuple[str, str, str]:
        """What it starts from, the class and the guide, as they are called. UserError: the network
        has no such class."""
        categories = self.network(wish.model).categories
        start = self.name(wish.picture) if wish.picture else "noise"
        goal = categories.names[categories.find(wish.goal)] if wish.goal is not None else ""
        guide = wish.guide or ""
        if guide.startswith("class:"):
            index = categories.find(int(guide.removeprefix("class:")))
            guide = f"photographs of {categories.names[index]}"
        return start, goal, self.name(guide) if len(guide) == 64 else guide

    def fingerprint(self, wish: Wish) -> str:
        """Of the network, or of both."""
        names = [wish.model, *([wish.second] if wish.second else [])]
        return "+".join(self.network(name).fingerprint for name in names)

    def frames(self, wish: Wish) -> Frames:
        """The frames of a stream: the same however many are asked for, and under whatever changes
        come later."""
        if wish.mode != "stream":
            raise UserError("only a stream has frames")
        values = wish.settings
        usual = {name: dream_settings.usual("stream", name) for name in ("frames", "skip")}
        how = dream_settings.written("stream", {**values, **usual})
        base = replace(wish, how=how, then=None).key(self.fingerprint(wish))
        stream, first = schedule.read(wish.then), Dream(layer=wish.layer, channels=wish.units)

        def moment(number: int) -> schedule.Change:
            return replace(schedule.at(stream, first, number), frame=0)

        endless = self.endless and not values["frames"]
        return Frames(self.bench.store, base, moment, endless=endless)
