"""The layers that Stable Diffusion's UNet and autoencoder are made of, for inference, named as diffusers names them.

Residual blocks: He et al. 2016 with group norm (Wu & He 2018). Attention: Vaswani et al. 2017.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

KeysValues = tuple[Tensor, Tensor]
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut; the time embedding is added between them, or scales and shifts there."""

    def __init__(
        self, channels_in: int, channels: int, groups: int, epsilon: float, time: int | None, scale_shift: bool = False
    ) -> None:
        super().__init__()
        self.scale_shift = scale_shift
        self.norm1 = nn.GroupNorm(groups, channels_in, epsilon)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, channels * (1 + scale_shift)) if time else None
        self.norm2 = nn.GroupNorm(groups, channels, epsilon)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else None

    def forward(self, hidden: Tensor, time: Tensor | None = None) -> Tensor:
        """(n, channels_in, h, w), and (n, time) already activated -> (n, channels, h, w)."""
        inner = self.conv1(functional.silu(self.norm1(hidden)))
        timed = self.time_emb_proj(time)[:, :, None, None] if self.time_emb_proj is not None else None
        if timed is not None and not self.scale_shift:
            inner = inner + timed
        inner = self.norm2(inner)
        if timed is not None and self.scale_shift:
            scale, shift = timed.chunk(2, dim=1)
            inner = inner * (1 + scale) + shift
        inner = self.conv2(functional.silu(inner))
        shortcut = hidden if self.conv_shortcut is None else self.conv_shortcut(hidden)
        result: Tensor = shortcut + inner
        return result


class Downsample(nn.Module):
    """Half the size by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.conv(hidden)
        return result


class Upsample(nn.Module):
    """Twice the size: nearest neighbours, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.conv(functional.interpolate(hidden, scale_factor=2.0, mode="nearest"))
        return result


class Attention(nn.Module):
    """Attention with several heads; `attend` mixes values by queries and keys (n, heads, tokens, width each)."""

    def __init__(self, width: int, heads: int, context: int | None = None, bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.attend: Attend = functional.scaled_dot_product_attention
        self.to_q = nn.Linear(width, width, bias=bias)
        self.to_k = nn.Linear(context or width, width, bias=bias)
        self.to_v = nn.Linear(context or width, width, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def keys_values(self, context: Tensor) -> KeysValues:
        """What is attended to, (n, tokens, context), projected: it stays the same while the context does."""
        return self._split(self.to_k(context)), self._split(self.to_v(context))

    def forward(self, hidden: Tensor, attended: KeysValues | None = None) -> Tensor:
        """(n, places, width) -> the same; attends to itself when `attended` is None."""
        query = self._split(self.to_q(hidden))
        keys, values = self.keys_values(hidden) if attended is None else attended
        mixed = self.attend(query, keys, values)
        result: Tensor = self.to_out[0](mixed.transpose(1, 2).reshape(hidden.shape))
        return result

    def _split(self, projected: Tensor) -> Tensor:
        """(n, tokens, width) -> (n, heads, tokens, width / heads)."""
        n, tokens, width = projected.shape
        return projected.view(n, tokens, self.heads, width // self.heads).transpose(1, 2)
