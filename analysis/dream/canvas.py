"""A picture of any shape to be worked on, as Fourier coefficients in decorrelated colours.

The parameterisation of feature visualization, started from a photograph as well as from noise.
Source: Mordvintsev et al., Differentiable Image Parameterizations (Distill 2018), by which style
transfer works with GoogLeNet too, where ascent on pixels leaves noise.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from analysis.featurevis.parameters import (
    START_SD,
    Pictures,
    amplitudes,
    colours,
    frequencies,
    to_uint8,
)
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

STEEPER, ALIKE = 0.4, 4  # by how much more than 1/f the weights fall, and from how many waves on
LEAST = 32  # pixels of a short side: deep layers shrink a smaller picture to nothing
_DEEPEST = 1 / 64  # how near to black and white a photograph may start


class Canvas(Pictures):
    """One picture of h x w pixels; ``coefficients`` (1, C, h, w // 2 + 1, 2)."""

    def __init__(self, coefficients: Tensor, shape: tuple[int, int]) -> None:
        super().__init__(max(shape), coefficients, coefficients.shape[1])
        self.shape = shape
        self._weights = weights(*shape).to(coefficients.device)

    @classmethod
    def of(cls, pixels: Tensor) -> "Canvas":
        """A start from a picture (1, C, h, w) in 0..1; black and white come out a little
        greyer."""
        return cls._of_logits(torch.logit(pixels.clamp(_DEEPEST, 1 - _DEEPEST)))

    @classmethod
    def _of_logits(cls, logits: Tensor) -> "Canvas":
        unmixing = torch.linalg.inv(colours(logits.shape[1])).to(logits)
        plain = torch.einsum("oc,bchw->bohw", unmixing, logits)
        shape = logits.shape[2], logits.shape[3]
        waves = torch.fft.rfft2(plain, norm="ortho") / weights(*shape).to(logits)
        return cls(torch.view_as_real(waves).contiguous(), shape)

    @classmethod
    def noise(
        cls, shape: tuple[int, int], random: torch.Generator, classifier: "Classifier"
    ) -> "Canvas":
        """A start from faint noise, grey to the eye."""
        size = (1, classifier.input_size[0], shape[0], shape[1] // 2 + 1, 2)
        start = torch.randn(size, generator=random) * START_SD
        return cls(start.to(classifier.device), shape)

    def plain(self, coefficients: Tensor) -> Tensor:
        spectrum = torch.view_as_complex(coefficients) * self._weights
        waves: Tensor = torch.fft.irfft2(spectrum, s=self.shape, norm="ortho")
        return waves

    @torch.no_grad()
    def grown(self, shape: tuple[int, int]) -> "Canvas":
        """The same picture at another size."""
        logits = functional.interpolate(self.logits(), size=shape, mode="bicubic")
        return Canvas._of_logits(logits)

    def image(self) -> NDArray[np.uint8]:
        """uint8 (h, w, 3), as it is now."""
        with torch.no_grad():
            shown: NDArray[np.uint8] = to_uint8(self.pixels())[0]
        return shown


def weights(height: int, width: int) -> Tensor:
    """(h, w // 2 + 1): what each coefficient counts; it falls with frequency to the power of 1.4.

    Adam moves every coefficient about as far in each step. With feature visualization's power of 1
    the fine ones add up to a mesh of dots, whatever the pools and the precision are: in styled
    pictures 11 % of the power then lies in the upper half of the frequencies, with 1.4 5 %.
    """
    waves = frequencies(height, width).mul_(max(height, width)).clamp_min(1)
    return amplitudes(height, width) * (waves / ALIKE) ** -STEEPER


def tensor_of(classifier: "Classifier", image: Image.Image, shape: tuple[int, int]) -> Tensor:
    """(1, C, h, w) in 0..1 on the network's device, the whole picture resized to ``shape``."""
    channels = classifier.input_size[0]
    if channels not in (1, 3):
        raise UserError(f"this network takes {channels} channels, and pictures have 3 or 1 (grey)")
    size = shape[1], shape[0]
    fitted = image.convert("RGB" if channels == 3 else "L").resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted, dtype=np.float32).reshape(1, *shape, channels) / 255
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(classifier.device)


def shape_within(image: Image.Image, longest: int) -> tuple[int, int]:
    """(h, w) of a picture in its own proportions, its longer side ``longest``; UserError where it
    is too narrow for a network."""
    width, height = image.size
    scale = longest / max(width, height)
    shape = round(height * scale), round(width * scale)
    if min(shape) < LEAST:
        raise UserError(
            f"at {longest} pixels the picture's short side has {min(shape)}, and {LEAST} are the "
            "least: make it larger, or cut it"
        )
    return shape
