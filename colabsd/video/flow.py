"""Optical flow between two pictures, and what of it can be believed. By OpenCV on the processor, if it is there.

A flow is (H, W, 2) fp32 in pixels, x then y: what is at p in the first picture is at p + flow(p) in the second. A
picture is (1, 3, H, W) fp32 in levels 0 to 255.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from colabsd.errors import MissingPackageError
from colabsd.video.colour import grey
from colabsd.video.warp import Border, Sampling, grid_of_flow, warp

Method = Literal["DIS Medium", "DIS Fine", "Farneback"]
METHODS: tuple[Method, ...] = get_args(Method)
"""Kroeger et al. 2016, arXiv:1603.03590, in two qualities; Farnebäck 2003."""
INSTALL = "pip install opencv-python-headless"
SMALLEST_SIDE = 16  # pixels; OpenCV refuses smaller ones
FARNEBACK = {"pyr_scale": 0.5, "levels": 5, "winsize": 21, "iterations": 5, "poly_n": 7, "poly_sigma": 1.2, "flags": 0}


def optical_flow(first: Tensor, second: Tensor, method: Method = "DIS Medium") -> Tensor:
    """The flow from the first picture to the second, on their device. Raises: MissingPackageError without OpenCV."""
    if find_spec("cv2") is None:
        raise MissingPackageError(name="opencv-python-headless", command=INSTALL)
    cv2: Any = import_module("cv2")
    height, width = first.shape[-2:]
    pictures = [_grey_bytes(one) for one in (first, second)]
    if method == "Farneback":
        flow = cv2.calcOpticalFlowFarneback(*pictures, None, **FARNEBACK)
    else:
        flow = _dis(method).calc(*pictures, None)
    return torch.from_numpy(np.ascontiguousarray(flow[:height, :width])).to(first.device)


def believable(forward: Tensor, backward: Tensor) -> Tensor:
    """(1, 1, H, W) of 0 and 1: where the way there and the way back meet, so that nothing hides a pixel of the first.

    |f(p) + b(p + f(p))|² < 0.01 (|f|² + |b|²) + 0.5, after Sundaram, Brox & Keutzer 2010.
    """
    back = warp(backward.permute(2, 0, 1)[None], grid_of_flow(-forward))[0].permute(1, 2, 0)
    apart = (forward + back).square().sum(dim=-1)
    far = forward.square().sum(dim=-1) + back.square().sum(dim=-1)
    return (apart < 0.01 * far + 0.5).float()[None, None]


def carried(
    picture: Tensor,
    flow: Tensor,
    share: float = 1.0,
    *,
    border: Border = "reflect",
    sampling: Sampling = "bilinear",
    one_pixel: bool = False,
) -> Tensor:
    """The picture carried `share` of the way along a flow: each pixel shows what lies `share` x flow before it.

    That is what Deforum does with the flow of the first picture; exact is the flow as it is seen where it arrives, the
    negative of the flow from the second picture back. `one_pixel` keeps the extension's flow between drawn frames,
    which is shrunk until its longest part is a pixel.
    """
    if one_pixel:
        flow = flow / flow.abs().max().clamp(min=torch.finfo(flow.dtype).tiny)
    return warp(picture, grid_of_flow(flow, share), border=border, sampling=sampling)


def _dis(method: Method) -> Any:
    cv2: Any = import_module("cv2")
    dis: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if method == "DIS Fine":
        dis.setFinestScale(0)
        dis.setGradientDescentIterations(192)
        dis.setPatchSize(8)
        dis.setPatchStride(4)
    return dis


def _grey_bytes(picture: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(H, W) uint8, as large as OpenCV wants it at least."""
    levels = grey(picture)[0, 0].clamp(0, 255).round().byte().cpu().numpy()
    lacking = [(0, max(0, SMALLEST_SIDE - side)) for side in levels.shape]
    padded: np.ndarray[Any, np.dtype[np.uint8]] = np.ascontiguousarray(np.pad(levels, lacking, mode="edge"))
    return padded
