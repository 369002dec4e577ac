"""Extra networks named in a prompt: which LoRA, how strong. Knows nothing of files or tensors.

<lora:name>                 with weight 1
<lora:name:0.8>             weight 0.8 for the text encoder and the UNet
<lora:name:0.5:1>           0.5 for the text encoder, 1 for the UNet
<lora:name:0.8:0.8:64>      and only the first 64 ranks
<lora:name:unet=1:te=0.5>   the same by name: te, unet, dyn
<hypernet:name:1>           a hypernetwork
"""

import math
from dataclasses import dataclass

from colabsd.errors import InvalidNetworkError
from colabsd.prompts.tree import Network, Prompt
from colabsd.prompts.write import write_network


@dataclass(frozen=True, slots=True)
class LoraTag:
    """A LoRA that a prompt asks for. `ranks` None: all of them."""

    name: str
    text_encoder: float = 1.0
    unet: float = 1.0
    ranks: int | None = None


def loras(prompt: Prompt) -> tuple[LoraTag, ...]:
    """The LoRAs of a prompt, in order, those named twice too. Raises: InvalidNetworkError."""
    return tuple(read_lora(network) for network in prompt.networks if network.kind == "lora")


def read_lora(network: Network) -> LoraTag:
    """Raises: InvalidNetworkError for a weight that is no number."""
    name, *rest = network.arguments
    named = dict(argument.split("=", 1) for argument in rest if "=" in argument)
    placed = [argument for argument in rest if "=" not in argument]
    placed += [""] * (3 - len(placed))
    encoder = _number(network, named.get("te", placed[0] or "1"))
    unet = _number(network, named.get("unet", placed[1])) if "unet" in named or placed[1] else encoder
    ranks = named.get("dyn", placed[2])
    return LoraTag(name, encoder, unet, _whole(network, ranks) if ranks else None)


def _number(network: Network, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidNetworkError(tag=write_network(network), value=text)
    return number


def _whole(network: Network, text: str) -> int:
    number = _number(network, text)
    if number != int(number) or number < 1:
        raise InvalidNetworkError(tag=write_network(network), value=text)
    return int(number)
