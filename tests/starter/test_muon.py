"""Muon makes updates orthogonal and as large as it says."""

from __future__ import annotations

import pytest
import torch

from starter.muon import Muon, orthogonalised, suits


@pytest.mark.parametrize("shape", [(48, 96), (48, 200), (200, 48)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(matrix))
    assert values.min() > 0.3 and values.max() < 1.4  # five steps in bfloat16 end at about 0.7 to 1.2


def test_the_direction_is_kept() -> None:
    matrix = torch.randn(48, 96, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert (
        torch.nn.functional.cosine_similarity(orthogonalised(matrix).flatten(), (left @ right).flatten(), dim=0) > 0.95
    )


def test_a_convolution_is_moved_as_one_matrix() -> None:
    weight = torch.nn.Parameter(torch.zeros(64, 32, 3, 3))
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    Muon([weight], lr=0.1, weight_decay=0.0).step()
    size = 0.2 * 288**0.5 * 0.1
    assert torch.linalg.svdvals(weight.detach().reshape(64, -1)).median() == pytest.approx(size, rel=0.3)


def test_embeddings_and_small_weights_are_left_to_adam() -> None:
    assert suits("unet.down.conv1.weight", torch.zeros(64, 32, 3, 3))
    assert not suits("text.embeddings.token_embedding.weight", torch.zeros(300, 64))
    assert not suits("unet.conv_in.weight", torch.zeros(32, 4, 3, 3))
    assert not suits("unet.norm.weight", torch.zeros(64))
