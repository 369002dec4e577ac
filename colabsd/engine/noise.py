"""The noise that pictures begin with and are fed on the way: one source per picture, whatever batch it is in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec, module_from_spec
from math import pi
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colabsd.planning.plans import Drawing

PARALLEL = 0.9995  # mean cosine above which two noises are as good as parallel: slerp's formula divides by zero there
PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)
LOW_WORD = np.uint64(0xFFFFFFFF)


class PhiloxGenerator:
    """Normal noise by Philox-4x32-10 (Salmon et al. 2011) and Box-Muller, as CUDA draws it and other programs imitate.

    The counter words are (number of earlier draws, 0, element's index, 0), the key is the 64-bit seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed % 2**64
        self.draws = 0

    def randn(self, shape: Sequence[int]) -> Tensor:
        """The next draw: fp32 of that shape, on the CPU."""
        count = int(np.prod(shape))
        words = np.zeros((4, count), dtype=np.uint64)
        words[0], words[2] = self.draws, np.arange(count, dtype=np.uint64)
        self.draws += 1
        first, second = _philox(words, self.seed)[:2].astype(np.float64)
        radius = np.sqrt(-2 * np.log(first * 2**-32 + 2**-33))
        angle = (second * 2**-32 + 2**-33) * 2 * pi
        return torch.from_numpy((radius * np.sin(angle)).astype(np.float32)).reshape(tuple(shape))


def _philox(words: Any, seed: int) -> Any:
    """Ten rounds of Philox-4x32 over (4, n) counter words of 32 bits kept in uint64."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(PHILOX_ROUNDS):
        products = [words[row] * np.uint64(factor) for row, factor in zip((0, 2), PHILOX_MULTIPLIERS, strict=True)]
        highs, lows = [product >> np.uint64(32) for product in products], [product & LOW_WORD for product in products]
        words = np.stack(
            (highs[1] ^ words[1] ^ np.uint64(key[0]), lows[1], highs[0] ^ words[3] ^ np.uint64(key[1]), lows[0])
        )
        key = [(part + weyl) & 0xFFFFFFFF for part, weyl in zip(key, PHILOX_WEYL, strict=True)]
    return words


@dataclass(frozen=True)
class NoiseSource:
    """Where a batch's further noise comes from: torch's generators, one per picture, or what draws in their place.

    `randn_tensor` stands in for diffusers' function of that name; `brownian` makes the noise of samplers that follow a
    Brownian path, from (latents, smallest sigma, largest sigma).
    """

    generators: list[torch.Generator] | None
    randn_tensor: Callable[..., Tensor] | None = None
    brownian: Callable[[Tensor, float, float], Callable[[Any, Any], Tensor]] | None = None


def generators_of(drawings: Sequence[Drawing]) -> list[Any]:
    """One generator per picture, seeded with its seed, nothing drawn from it yet."""
    return [_generator(drawing.noise, drawing.seed) for drawing in drawings]


def draw_noise(drawings: Sequence[Drawing], generators: Sequence[Any], shape: Sequence[int]) -> Tensor:
    """The next noise of each picture, (n, *shape) fp32 on the CPU."""
    draw_one = _draw_philox if drawings[0].noise == "nv" else _draw_torch
    return torch.stack([draw_one(generator, shape) for generator in generators])


def initial_noise(
    drawings: Sequence[Drawing], shape: tuple[int, int, int], generators: Sequence[Any] | None = None
) -> tuple[Tensor, NoiseSource]:
    """The first noise of each drawing, (n, *shape) fp32 on the CPU, and the source that goes on from there.

    Each picture has its own generator, seeded with its seed (`generators`, where something was drawn from them before);
    a variation slerps towards the noise of its second seed (the further noise stays that of the first seed). With
    `noise_seed_delta` the further noise begins anew from the seed plus that number, as A1111's "eta noise seed delta"
    does.
    """
    kind = drawings[0].noise
    draw_one = _draw_philox if kind == "nv" else _draw_torch
    generators = list(generators or generators_of(drawings))
    noises = []
    for drawing, generator in zip(drawings, generators, strict=True):
        noise = draw_one(generator, shape)
        if drawing.variation_seed is not None and drawing.variation_strength:
            other = draw_one(_generator(kind, drawing.variation_seed), shape)
            noise = slerp(noise, other, drawing.variation_strength)
        noises.append(noise)
    if drawings[0].noise_seed_delta:
        generators = [_generator(kind, (drawing.seed + drawing.noise_seed_delta) % 2**64) for drawing in drawings]
    if kind == "nv":
        seeds = [drawing.seed for drawing in drawings]
        brownian = partial(PhiloxBrownianPath, seeds) if find_spec("torchsde") is not None else None
        return torch.stack(noises), NoiseSource(None, _philox_randn_tensor(generators), brownian)
    return torch.stack(noises), NoiseSource(generators)


def _generator(kind: str, seed: int) -> Any:
    return PhiloxGenerator(seed) if kind == "nv" else torch.Generator().manual_seed(seed)


def _draw_torch(generator: torch.Generator, shape: Sequence[int]) -> Tensor:
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)


def _draw_philox(generator: PhiloxGenerator, shape: Sequence[int]) -> Tensor:
    return generator.randn(shape)


def _philox_randn_tensor(generators: Sequence[PhiloxGenerator]) -> Callable[..., Tensor]:
    """A stand-in for diffusers' `randn_tensor` that draws each picture's noise from its own Philox generator."""

    def randn_tensor(
        shape: Sequence[int], generator: Any = None, device: Any = None, dtype: Any = None, layout: Any = None
    ) -> Tensor:
        return torch.stack([one.randn(shape[1:]) for one in generators]).to(device=device, dtype=dtype)

    return randn_tensor


class PhiloxBrownianPath:
    """The noise of samplers that follow a Brownian path, one path per picture, its pieces drawn by Philox.

    The paths are torchsde's virtual Brownian trees (Li et al. 2020, arXiv:2001.01328) with diffusers' parameters; each
    piece is the first draw of a Philox generator of the piece's own seed, as A1111 has it.
    """

    def __init__(self, seeds: Sequence[int], latents: Tensor, smallest_sigma: float, largest_sigma: float) -> None:
        interval = _brownian_interval()
        self._paths = [
            interval(
                t0=smallest_sigma,
                t1=largest_sigma,
                size=latents.shape[1:],
                dtype=latents.dtype,
                device=latents.device,
                entropy=seed,
                tol=1e-6,
                pool_size=24,
                halfway_tree=True,
            )
            for seed in seeds
        ]

    def __call__(self, sigma: Any, next_sigma: Any) -> Tensor:
        """Noise of variance 1, (n, C, H, W), for the step from one sigma to a smaller one."""
        start, end = float(sigma), float(next_sigma)
        pieces = torch.stack([path(min(start, end), max(start, end)) for path in self._paths])
        noise: Tensor = pieces * (1.0 if start < end else -1.0) / abs(end - start) ** 0.5
        return noise


def _brownian_interval() -> Any:
    """torchsde's BrownianInterval, from a copy of its module that is ours and draws with Philox."""
    spec = find_spec("torchsde._brownian.brownian_interval")
    assert spec is not None and spec.loader is not None, "asked for only where torchsde is installed"
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)

    def randn(size: Sequence[int], dtype: torch.dtype, device: torch.device, seed: int) -> Tensor:
        return PhiloxGenerator(int(seed)).randn(size).to(device=device, dtype=dtype)

    module._randn = randn
    return module.BrownianInterval


def slerp(start: Tensor, end: Tensor, strength: float) -> Tensor:
    """Spherical interpolation (Shoemake 1985) between two noises (C, H, W): `start` at strength 0, `end` at 1.

    Angles are taken along dim 1, column by column of each channel, as A1111 does, so that its variations can be made
    again; noises that are nearly parallel are interpolated linearly.
    """
    cosine = (_unit(start) * _unit(end)).sum(dim=1, keepdim=True).clamp(-1, 1)
    if cosine.mean() > PARALLEL:
        return torch.lerp(start, end, strength)
    angle = torch.acos(cosine)
    mixed: Tensor = torch.sin((1 - strength) * angle) * start + torch.sin(strength * angle) * end
    return mixed / torch.sin(angle)


def _unit(noise: Tensor) -> Tensor:
    unit: Tensor = noise / torch.linalg.vector_norm(noise, dim=1, keepdim=True)
    return unit
