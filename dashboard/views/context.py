"""A selection with its gaps filled: which network, picture, layer and classes the panels speak
of."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cache.errors import UserError
from dashboard.config import DEFAULT_MODEL, FITS
from dashboard.selection import Selection
from dashboard.service import Service

ROWS = 8  # neurons in the list


@dataclass(frozen=True)
class Context:
    """What every panel of a view asks for. Raises UserError where the selection fits nothing."""

    chosen: Selection
    service: Service

    @classmethod
    def of(cls, service: Service, data: dict[str, Any]) -> "Context":
        """From a part of the selection (``parts.py``); the rest is as by default."""
        return cls(Selection(**{**data, "off": tuple(data.get("off", ()))}), service)

    @cached_property
    def model(self) -> str:
        """The network's name."""
        return self.chosen.model or self.service.config.model

    @cached_property
    def network(self) -> dict[str, Any]:
        """What is known of the network: classes, ladder, layers."""
        answer: dict[str, Any] = self.service.ask("network", model=self.model)
        return answer

    @cached_property
    def picture(self) -> str:
        """The picture's key."""
        return self.service.picture_key(self.chosen.picture)

    @cached_property
    def layer(self) -> str:
        """The layer's name."""
        return self.chosen.layer or str(self.network["default_layer"])

    @cached_property
    def answers(self) -> dict[str, Any]:
        """Predictions and logits of the picture."""
        answer: dict[str, Any] = self.service.ask("predict", model=self.model, picture=self.picture)
        return answer

    @cached_property
    def a(self) -> int:
        """The class that the margin speaks for."""
        chosen = self.chosen.a
        fits = chosen is not None and chosen < len(self.answers["logits"])
        return int(chosen if fits and chosen is not None else self.answers["a"])

    @cached_property
    def b(self) -> int:
        """The class instead of which; by default the truth where it is another, else the second."""
        chosen = self.chosen.b
        if chosen is not None and chosen != self.a and chosen < len(self.answers["logits"]):
            return chosen
        if self.a == self.answers["a"]:
            return int(self.answers["b"])
        return next(int(t["index"]) for t in self.answers["top"] if t["index"] != self.a)

    @cached_property
    def question(self) -> dict[str, Any]:
        """The keyword arguments of every task about this picture and these classes."""
        return {"model": self.model, "picture": self.picture, "a": self.a, "b": self.b}

    @cached_property
    def at_layer(self) -> dict[str, Any]:
        """The same, at the chosen layer."""
        return {**self.question, "layer": self.layer}

    def listed(self, sort: str) -> dict[str, Any]:
        """The neurons that fire at the chosen place, or on the whole picture."""
        at = list(self.chosen.place) if self.chosen.place else None
        answer: dict[str, Any] = self.service.ask(
            "neurons", **self.at_layer, at=at, sort=sort, top=ROWS
        )
        return answer

    def name(self, index: int) -> str:
        """A class's name."""
        return str(self.network["classes"][index])

    @cached_property
    def unit(self) -> int:
        """The chosen neuron, else the one with the largest effect on the open picture."""
        if self.chosen.unit is not None:
            return self.chosen.unit
        asked = {**self.at_layer, "at": None, "sort": "effect", "top": 1}
        found = self.service.ask("neurons", **asked)
        return int(found["neurons"][0]["channel"])

    @cached_property
    def known_layer(self) -> dict[str, Any]:
        """What is known of the layer; UserError where the network has no such layer."""
        for known in self.network["layers"]:
            if known["layer"] == self.layer:
                return dict(known)
        raise UserError(f"this network has no layer {self.layer!r} with a grid; choose another")

    @property
    def channels(self) -> int:
        """How many neurons the layer has."""
        return int(self.known_layer["channels"])

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the layer's places."""
        rows, cols = self.known_layer["grid"]
        return int(rows), int(cols)

    @property
    def known_unit(self) -> int:
        """The chosen neuron; UserError where the layer does not have it."""
        if self.unit >= self.channels:
            raise UserError(f"neuron {self.unit} is out of range: {self.layer} has {self.channels}")
        return self.unit

    @property
    def margin(self) -> float:
        """Logit of ``a`` minus logit of ``b``."""
        logits = self.answers["logits"]
        return float(logits[self.a] - logits[self.b])

    def command(self, verb: str, *more: str) -> list[str]:
        """Words of the same analysis on the command line."""
        return [verb, self.path(self.picture), *self.options, *more]

    def path(self, picture: str) -> str:
        """A picture's file, as far as it is known."""
        found = self.service.library.find(picture)
        source = getattr(found, "source", None)
        return str(source) if isinstance(source, Path) else found.name if found else "IMAGE"

    def command_on_all(self, verb: str) -> list[str]:
        """Words of an analysis of the user's folder."""
        return [verb, *self.options, *self.folder]

    @property
    def folder(self) -> list[str]:
        """The options that name the user's folder, where one is open."""
        config = self.service.config
        given = [(name, getattr(config, name)) for name in ("images", "labels")]
        return [word for name, value in given if value for word in (f"--{name}", str(value))]

    @property
    def options(self) -> list[str]:
        """What the program was started with, as far as it changes the numbers."""
        seed = self.service.config.seed
        return self.network_options + (["--seed", str(seed)] if seed else [])

    @property
    def network_options(self) -> list[str]:
        """Of these, what says which network it is and what it sees."""
        config = self.service.config
        given = [] if self.model == DEFAULT_MODEL else ["--model", self.model]
        if config.weights and self.model == config.model:
            given += ["--weights", config.weights]
        return given + (["--fit", config.fit] if config.fit != FITS[0] else [])

    @property
    def versus(self) -> list[str]:
        """The options that name the two classes."""
        return ["--class", str(self.a), "--rather-than", str(self.b)]
