"""Small matrices beside a network's layers (LoRA), put in and learnt. Knows nothing of photos and files.

Hu et al. 2021, arXiv:2106.09685; for convolutions as LoCon does: one that narrows, then one of 1 x 1 that widens. The
layers stay what they were, with the same names, and frozen; the matrices are in fp32 and are computed with in the
precision of what comes in.
"""

import math
import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.errors import CheckpointError
from colabsd.planning.training import Targets
from colabsd.training.order import generator_of
from colabsd.training.results import LoraPair, Module

# Which layers have matrices, by the ends of their names in diffusers' UNet and in a text encoder.
UNET_ATTENTION = r"attn[12]\.(to_q|to_k|to_v|to_out\.0)$"
TEXT_ATTENTION = r"self_attn\.(q_proj|k_proj|v_proj|out_proj)$"
UNET_LAYERS: Mapping[Targets, str] = {
    "attention": UNET_ATTENTION,
    "attention+feedforward": rf"{UNET_ATTENTION}|ff\.net\.(0\.proj|2)$|\.proj_(in|out)$",
    "all": r"^(down_blocks|mid_block|up_blocks)\.",
}
TEXT_LAYERS: Mapping[Targets, str] = {
    "attention": TEXT_ATTENTION,
    "attention+feedforward": rf"{TEXT_ATTENTION}|mlp\.fc[12]$",
    "all": r"^encoder\.",
}
DOWN, UP = "lora_down", "lora_up"


class LoraLinear(nn.Linear):
    """A linear layer with a LoRA: it takes over the weight of another, which stays as it is."""

    def __init__(self, layer: nn.Linear, rank: int, alpha: float, generator: torch.Generator) -> None:
        with torch.device("meta"):
            super().__init__(layer.in_features, layer.out_features, layer.bias is not None)
        self.weight, self.bias, self.scale = layer.weight, layer.bias, alpha / rank
        down, up = _matrices((rank, layer.in_features), (layer.out_features, rank), layer.weight.device, generator)
        self.lora_down, self.lora_up = down, up

    def forward(self, hidden: Tensor) -> Tensor:
        narrow = functional.linear(hidden, self.lora_down.to(hidden.dtype))
        wide = functional.linear(narrow, self.lora_up.to(hidden.dtype))
        return super().forward(hidden) + wide * self.scale


class LoraConv2d(nn.Conv2d):
    """A convolution with a LoRA: it takes over the weight of another, which stays as it is."""

    def __init__(self, layer: nn.Conv2d, rank: int, alpha: float, generator: torch.Generator) -> None:
        with torch.device("meta"):
            super().__init__(
                layer.in_channels,
                layer.out_channels,
                layer.kernel_size,  # type: ignore[arg-type]
                layer.stride,  # type: ignore[arg-type]
                layer.padding,  # type: ignore[arg-type]
                layer.dilation,  # type: ignore[arg-type]
                layer.groups,
                layer.bias is not None,
            )
        self.weight, self.bias, self.scale = layer.weight, layer.bias, alpha / rank
        down_shape = rank, layer.in_channels, *layer.kernel_size
        down, up = _matrices(down_shape, (layer.out_channels, rank, 1, 1), layer.weight.device, generator)
        self.lora_down, self.lora_up = down, up

    def forward(self, hidden: Tensor) -> Tensor:
        narrow = functional.conv2d(
            hidden, self.lora_down.to(hidden.dtype), None, self.stride, self.padding, self.dilation
        )
        wide = functional.conv2d(narrow, self.lora_up.to(hidden.dtype))
        return super().forward(hidden) + wide * self.scale


LoraLayer = LoraLinear | LoraConv2d


class LoraLayers:
    """The LoRA layers of one network, by their names there."""

    def __init__(self, part: str, network: nn.Module, targets: Targets, rank: int, alpha: float, seed: int) -> None:
        """Put them in. What they begin as depends on the seed, the part and the layer's name alone, and changes
        nothing yet: the wide matrix is zero."""
        self.part, self.alpha = part, alpha
        self.layers: dict[str, LoraLayer] = {}
        wanted = re.compile((UNET_LAYERS if part == "unet" else TEXT_LAYERS)[targets])
        for name, layer in _plain_layers(network, wanted):
            generator = generator_of(seed, "lora", part, name)
            made = (LoraLinear if isinstance(layer, nn.Linear) else LoraConv2d)(layer, rank, alpha, generator)  # type: ignore[arg-type]
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, made)
            self.layers[name] = made

    def parameters(self) -> tuple[nn.Parameter, ...]:
        """All matrices, in the order of the layers."""
        return tuple(matrix for layer in self.layers.values() for matrix in (layer.lora_down, layer.lora_up))

    def requires_grad_(self, wanted: bool) -> None:
        """Whether they learn."""
        for matrix in self.parameters():
            matrix.requires_grad_(wanted)

    def state_dict(self) -> dict[str, Tensor]:
        """The matrices as `part.layer.lora_down` and `part.layer.lora_up`."""
        return {
            f"{self.part}.{name}.{end}": getattr(layer, end).detach()
            for name, layer in self.layers.items()
            for end in (DOWN, UP)
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take their values from `state_dict`'s. Raises: CheckpointError."""
        copy_into(self.state_dict(), {name: tensors[name] for name in self.state_dict() if name in tensors})

    def pairs(self) -> dict[Module, LoraPair]:
        """What was learnt, as copies on the CPU."""
        return {
            (self.part, name): LoraPair(_copy(layer.lora_down), _copy(layer.lora_up), self.alpha)
            for name, layer in self.layers.items()
        }


def copy_into(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into those of the same names, which stay where they are. Raises: CheckpointError."""
    missing = [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]
    if missing or len(own) != len(tensors):
        raise CheckpointError("error.checkpoint.other", name=", ".join(missing[:3]) or "-")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def _plain_layers(network: nn.Module, wanted: re.Pattern[str]) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    """The layers of those names, in order; not such as belong to a layer."""
    found = [(name, layer) for name, layer in network.named_modules() if wanted.search(name)]
    yield from ((name, layer) for name, layer in found if isinstance(layer, nn.Linear | nn.Conv2d))


def _matrices(
    down: tuple[int, ...], up: tuple[int, ...], device: torch.device, generator: torch.Generator
) -> tuple[nn.Parameter, nn.Parameter]:
    """The narrowing matrix as He et al. 2015 begin it (uniform, a = √5), the widening one zero."""
    bound = 1 / math.sqrt(math.prod(down[1:]))
    narrow = torch.empty(down).uniform_(-bound, bound, generator=generator)
    return nn.Parameter(narrow.to(device)), nn.Parameter(torch.zeros(up, device=device))


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)
