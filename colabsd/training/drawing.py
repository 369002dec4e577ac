"""Drawing with a model while it learns: the UNet that learns itself, and text encoders with what they have learnt."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from colabsd.engine.components import TEXT, TEXT_ENCODERS, UNET, VAE, Components, autoencoder_dtype
from colabsd.engine.encoders import TextEncoder
from colabsd.engine.model_parts import ModelParts
from colabsd.engine.networks import DiffusersUNet, build_autoencoder
from colabsd.engine.residence import Residence
from colabsd.engine.weights import fill
from colabsd.training.base import Base
from colabsd.training.results import Trained


class LearningUNet(DiffusersUNet):
    """The UNet that learns, as the engine knows one: nothing is learnt while it draws."""

    def __init__(self, base: Base) -> None:
        nn.Module.__init__(self)
        self.model = base.unet
        self.base = base
        self.in_channels = base.unet.config.in_channels
        self.out_channels = base.unet.config.out_channels
        self.guidance_width = base.unet.config.time_cond_proj_dim

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Mapping[str, Any]) -> Tensor:
        with torch.no_grad(), torch.autocast(self.base.device, self.base.dtype, enabled=self.base.autocast):
            return super().forward(latents, timestep, conditions)


def drawing_parts(base: Base) -> Components:
    """The parts to draw with, for `Engine`: the UNet that learns, and the base model's text encoders and decoder, which
    are loaded for it. (`Trainable.adapted` gives the encoders what they have learnt.)"""
    device, parts = base.device, base.parts
    vae_place = {"dtype": autoencoder_dtype(base.family, parts.config("vae"), base.dtype), "device": device}
    vae = _filled(parts, "vae", build_autoencoder, vae_place)
    place = {"dtype": base.dtype, "device": device}
    encoders = tuple(
        use(parts.tokenizer(part), _filled(parts, part, network, place))
        for part, network, use in TEXT_ENCODERS[base.family]
    )
    return _together(base, LearningUNet(base), vae, encoders)


def with_learnt(components: Components, base: Base, trained: Trained) -> Components:
    """The parts with what their text encoders have learnt: LoRA added, or whole networks in their places."""
    encoders = []
    for (part, _, use), encoder in zip(TEXT_ENCODERS[base.family], components.encoders, strict=True):
        learnt = _learnt(part, encoder.model, trained)
        if not learnt:
            encoders.append(encoder)
            continue
        model = copy.deepcopy(encoder.model)
        model.load_state_dict(learnt, strict=False)
        encoders.append(use(encoder.tokenizer, model))
    return _together(base, components.unet, components.vae, tuple(encoders))


def _learnt(part: str, model: nn.Module, trained: Trained) -> dict[str, Tensor]:
    """The weights of a text encoder that are others now."""
    learnt = dict(trained.networks.get(part, {}))
    own = dict(model.named_parameters())
    for (where, name), pair in trained.lora.items():
        if where == part:
            weight = own[f"{name}.weight"]
            learnt[f"{name}.weight"] = weight.float() + pair.delta().to(weight.device)
    return learnt


def _filled(parts: ModelParts, part: str, build: Callable[..., Any], place: Mapping[str, Any]) -> Any:
    config = parts.config(part)
    return fill(lambda: build(config), parts.tensors(part), **place)


def _together(base: Base, unet: Any, vae: Any, encoders: tuple[TextEncoder, ...]) -> Components:
    modules = {TEXT: [one.model for one in encoders], UNET: [unet], VAE: [vae]}
    return Components(
        unet=unet,
        vae=vae,
        encoders=encoders,
        scheduler_config=dict(base.noise.config),
        dtype=base.dtype,
        device=base.device,
        residence=Residence(modules, base.device, takes_turns=False),
        parts=base.parts,
        zeros_for_empty=base.parts.zeros_for_empty,
    )
