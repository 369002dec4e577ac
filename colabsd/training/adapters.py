"""The methods LoRA and full: what they change, and what came out of it. Implements the seam of `trainables.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from colabsd.engine.components import Components
from colabsd.planning.training import TrainingPlan
from colabsd.training.base import Base
from colabsd.training.drawing import with_learnt
from colabsd.training.lora_layers import LoraLayers, copy_into
from colabsd.training.results import Trained
from colabsd.training.trainables import ParameterGroup

UNET = "unet"


def encoder_learns(plan: TrainingPlan, step: int) -> bool:
    """Whether the text encoder learns at a step (counted from 0)."""
    return plan.text_encoder and not (0 < plan.text_encoder_stop <= step)


class LoraTraining:
    """LoRA (Hu et al. 2021, arXiv:2106.09685) beside the UNet's layers, and the text encoders' where asked for."""

    def __init__(self, base: Base, plan: TrainingPlan) -> None:
        self.base, self.plan = base, plan
        parts = base.modules() if plan.text_encoder else {UNET: base.unet}
        for network in base.modules().values():
            network.requires_grad_(False)
        self.parts = {
            part: LoraLayers(part, network, plan.targets, plan.rank, plan.alpha, plan.seed)
            for part, network in parts.items()
        }
        self.groups = tuple(
            ParameterGroup(part, layers.parameters(), rate_of(plan, part), plan.weight_decay)
            for part, layers in self.parts.items()
        )

    @property
    def reads_sentences(self) -> bool:
        return self.plan.text_encoder

    def begin_step(self, step: int) -> None:
        for part, layers in self.parts.items():
            layers.requires_grad_(part == UNET or encoder_learns(self.plan, step))

    def end_step(self) -> None:
        return

    def state_dict(self) -> dict[str, Tensor]:
        return {name: tensor for layers in self.parts.values() for name, tensor in layers.state_dict().items()}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        copy_into(self.state_dict(), tensors)

    def trained(self) -> Trained:
        return Trained(lora={module: pair for part in self.parts.values() for module, pair in part.pairs().items()})

    def adapted(self, components: Components) -> Components:
        text = [pair for part, layers in self.parts.items() if part != UNET for pair in layers.pairs().items()]
        return with_learnt(components, self.base, Trained(lora=dict(text)))


@dataclass
class FullTraining:
    """The whole UNet, and the whole text encoder where asked for (Ruiz et al. 2022, arXiv:2208.12242)."""

    base: Base
    plan: TrainingPlan
    parts: Mapping[str, nn.Module] = field(init=False)
    groups: Sequence[ParameterGroup] = field(init=False)

    def __post_init__(self) -> None:
        modules = self.base.modules()
        self.parts = modules if self.plan.text_encoder else {UNET: modules[UNET]}
        for part, network in modules.items():
            network.requires_grad_(part in self.parts)
        self.groups = tuple(
            ParameterGroup(part, tuple(network.parameters()), rate_of(self.plan, part), self.plan.weight_decay)
            for part, network in self.parts.items()
        )

    @property
    def reads_sentences(self) -> bool:
        return self.plan.text_encoder

    def begin_step(self, step: int) -> None:
        for part, network in self.parts.items():
            network.requires_grad_(part == UNET or encoder_learns(self.plan, step))

    def end_step(self) -> None:
        return

    def state_dict(self) -> dict[str, Tensor]:
        return {
            f"{part}.{name}": parameter.detach()
            for part, network in self.parts.items()
            for name, parameter in network.named_parameters()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        copy_into(self.state_dict(), tensors)

    def trained(self) -> Trained:
        return Trained(
            networks={
                part: {name: parameter.detach().to("cpu", copy=True) for name, parameter in network.named_parameters()}
                for part, network in self.parts.items()
            }
        )

    def adapted(self, components: Components) -> Components:
        from colabsd.training.drawing import with_learnt

        return with_learnt(components, self.base, Trained())


def rate_of(plan: TrainingPlan, part: str) -> float:
    """The learning rate of a part."""
    return plan.learning_rate if part == UNET else plan.text_encoder_rate


def _copies(network: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().to("cpu", copy=True) for name, parameter in network.named_parameters()}


def in_training_mode(base: Base, groups: Sequence[ParameterGroup]) -> None:
    """Networks as they are trained: dropout has no place in them, so only what learns is told."""
    base.unet.train()
    names = {group.name for group in groups}
    for encoder in base.encoders:
        encoder.model.train(encoder.part in names)


def use_gradient_checkpointing(base: Base, groups: Sequence[ParameterGroup]) -> None:
    """Compute activations anew in the backward pass instead of keeping them (Chen et al. 2016, arXiv:1604.06174)."""
    base.unet.enable_gradient_checkpointing()
    for encoder in base.encoders:
        if any(group.name == encoder.part for group in groups):
            encoder.model.gradient_checkpointing_enable({"use_reentrant": False})
