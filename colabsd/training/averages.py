"""Full training whose result is an average of its weights on the way (EMA), which is steadier than the last ones.

Polyak & Juditsky 1992; the weight of what was grows with the steps, as in diffusers' EMAModel: at step s (from 0) it is
(1 + s) / (10 + s), at most 0.9999.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from colabsd.engine.components import Components
from colabsd.planning.training import TrainingPlan
from colabsd.training.adapters import UNET, FullTraining
from colabsd.training.base import Base
from colabsd.training.drawing import LearningUNet, with_learnt
from colabsd.training.results import Trained

MOST = 0.9999
PREFIX = "average."


def kept_share(step: int) -> float:
    """How much of the average stays at a step, counted from 0."""
    return min(MOST, (1 + step) / (10 + step))


def full_training(base: Base, plan: TrainingPlan) -> FullTraining:
    """A whole network that learns, with an average of it where the plan wants one."""
    return AveragedTraining(base, plan) if plan.ema else FullTraining(base, plan)


class AveragedTraining(FullTraining):
    """`FullTraining` with an average beside it, in fp32 where the weights are. Samples are drawn with the average."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.averages = {name: tensor.clone() for name, tensor in super().state_dict().items()}
        self._step = 0

    def begin_step(self, step: int) -> None:
        super().begin_step(step)
        self._step = step

    def end_step(self) -> None:
        super().end_step()
        share = 1 - kept_share(self._step)
        with torch.no_grad():
            for name, tensor in super().state_dict().items():
                self.averages[name].lerp_(tensor, share)

    def state_dict(self) -> dict[str, Tensor]:
        return {**super().state_dict(), **{PREFIX + name: tensor for name, tensor in self.averages.items()}}

    def trained(self) -> Trained:
        return Trained(
            networks={
                part: {name: tensor.to("cpu", copy=True) for name, tensor in self._averaged(part)}
                for part in self.parts
            }
        )

    def adapted(self, components: Components) -> Components:
        text = {part: dict(self._averaged(part)) for part in self.parts if part != UNET}
        drawing = replace(components, unet=AveragedUNet(self.base, dict(self._averaged(UNET))))
        return with_learnt(drawing, self.base, Trained(networks=text))

    def _averaged(self, part: str) -> Iterator[tuple[str, Tensor]]:
        """A part's average by its own names."""
        for name in dict(self.parts[part].named_parameters()):
            yield name, self.averages[f"{part}.{name}"]


class AveragedUNet(LearningUNet):
    """The UNet that learns, computing with other weights."""

    def __init__(self, base: Base, weights: Mapping[str, Tensor]) -> None:
        super().__init__(base)
        self.weights = dict(weights)

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Mapping[str, Any]) -> Tensor:
        told = {**conditions, "return_dict": False}
        with torch.no_grad(), torch.autocast(self.base.device, self.base.dtype, enabled=self.base.autocast):
            result: Tensor = torch.func.functional_call(self.model, self.weights, (latents, timestep), told)[0]
        return result
