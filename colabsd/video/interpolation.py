"""Frames between two frames, made by following what moves. Knows no files and no models.

After Baker et al. 2011 (A Database and Evaluation Methodology for Optical Flow, section 3.3.2): the flows there and
back are carried to the time between, and each pixel is looked up along its way in both; what one picture hides is
taken from the other. A picture is (1, 3, H, W) fp32 in levels 0 to 255, a flow (H, W, 2) in pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from colabsd.video.flow import Method, believable, optical_flow
from colabsd.video.sharpening import gaussian_blur
from colabsd.video.warp import grid_of_flow, warp

LIKENESS_LEVELS = 8.0
"""Levels of difference at which what two pictures show at the ends of a way counts a third (1/e)."""
FAINT = 1e-3
"""What counts that is not to be believed: enough where there is nothing else."""
EMPTY = FAINT / 4
"""A pixel that less than a quarter of such a pixel fell on has no way of its own."""


@dataclass(frozen=True)
class Flows:
    """Both flows between two pictures, and where each is to be believed: (1, 1, H, W) of 0 and 1."""

    forward: Tensor
    backward: Tensor
    seen_later: Tensor
    seen_before: Tensor


def flows_between(first: Tensor, second: Tensor, method: Method = "DIS Fine") -> Flows:
    """What `between` needs, once for all frames between the two. Raises: MissingPackageError without OpenCV."""
    forward, backward = optical_flow(first, second, method), optical_flow(second, first, method)
    return Flows(forward, backward, believable(forward, backward), believable(backward, forward))


def between(first: Tensor, second: Tensor, share: float, flows: Flows) -> Tensor:
    """The picture `share` (0 to 1) of the way from the first to the second; at the ends it is one of them."""
    if share <= 0 or share >= 1:
        return first if share <= 0 else second
    way = flow_at(first, second, share, flows)
    before, later = grid_of_flow(way, share), grid_of_flow(way, share - 1)
    from_first, from_second = warp(first, before), warp(second, later)
    # Each picture counts by nearness in time, as far as what it shows there goes this way; else it hides the other.
    weight = (1 - share) * (_agreement(flows.forward, before, way) + FAINT)
    other = share * (_agreement(flows.backward, later, -way) + FAINT)
    return (from_first * weight + from_second * other) / (weight + other)


def flow_at(first: Tensor, second: Tensor, share: float, flows: Flows) -> Tensor:
    """(H, W, 2): how far what is seen at a pixel at that time goes from the first picture to the second."""
    height, width, _ = flows.forward.shape
    total = torch.zeros(3, height, width, device=first.device)  # x and y times weights, and the weights
    for flow, ahead, here, there, seen in (
        (flows.forward, share, first, second, flows.seen_later),
        (flows.backward, 1 - share, second, first, flows.seen_before),
    ):
        unlike = (warp(there, grid_of_flow(-flow)) - here).abs().mean(dim=1)[0]
        weight = torch.exp(-unlike / LIKENESS_LEVELS) * seen[0, 0] + FAINT
        forwards = flow if flow is flows.forward else -flow
        carried = torch.cat([forwards.permute(2, 0, 1) * weight, weight[None]])
        total += _scattered(carried, flow * ahead)
    filled = _filled(total)
    return (filled[:2] / filled[2:].clamp(min=torch.finfo(filled.dtype).tiny)).permute(1, 2, 0)


def _agreement(flow: Tensor, grid: Tensor, way: Tensor) -> Tensor:
    """(1, 1, H, W), 0 to 1: whether what a picture shows at the grid's places goes the way that led there."""
    found = warp(flow.permute(2, 0, 1)[None], grid)[0].permute(1, 2, 0)
    apart = (found - way).square().sum(dim=-1)
    return torch.exp(-apart / (1 + 0.01 * way.square().sum(dim=-1)))[None, None]


def _scattered(values: Tensor, flow: Tensor) -> Tensor:
    """(C, H, W) put where its pixels go, each on the four pixels around its place, added up."""
    channels, height, width = values.shape
    rows = torch.arange(height, device=flow.device)[:, None] + flow[..., 1]
    columns = torch.arange(width, device=flow.device)[None, :] + flow[..., 0]
    result = torch.zeros(channels, height * width, device=values.device)
    for down in (0, 1):
        for right in (0, 1):
            row, column = rows.floor() + down, columns.floor() + right
            share = (1 - (rows - row).abs()) * (1 - (columns - column).abs())
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long().flatten()
            result.index_add_(1, index, (values * (share * inside)).flatten(1))
    return result.view(channels, height, width)


def _filled(total: Tensor) -> Tensor:
    """What nothing was put on takes after its surroundings, near ones first."""
    height, width = total.shape[1:]
    reach, filled = 3, total
    while bool((filled[2] < EMPTY).any()) and reach < 2 * max(height, width):
        around = gaussian_blur(filled[None], 2 * reach + 1, reach / 2)[0]
        filled = torch.where(filled[2:] < EMPTY, around, filled)
        reach *= 2
    return filled
