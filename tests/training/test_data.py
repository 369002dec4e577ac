"""Pictures and sentences as the loop gets them: computed once, kept by what they are made from, told as they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_families import make_family
from training_runs import SIDE, as_example, result_of, small_examples, small_pictures, small_plan

from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.models.folders import read_card
from colabsd.training import latents
from colabsd.training.base import Base, load_base
from colabsd.training.data import Examples, prepare_examples
from colabsd.training.latents import Pictured, encode_all, encode_picture, picture_tensor


@pytest.fixture
def base(small_card: ModelCard) -> Base:
    return result_of(load_base(small_card, small_plan(small_card)))


def test_pictures_become_what_torchvision_makes_of_them() -> None:
    picture = small_pictures(1, 4)[0]
    found = picture_tensor(picture)
    assert found.shape == (1, 3, 80, 80) and found.dtype == torch.float32
    red = picture.getpixel((40, 41))[0]
    assert float(found[0, 0, 41, 40]) == (torch.tensor(red / 255, dtype=torch.float32) - 0.5) / 0.5


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pictures that are encoded from here on."""
    seen: list[Any] = []

    def count(base: Base, image: Any) -> torch.Tensor:
        seen.append(image)
        return encode_picture(base, image)

    monkeypatch.setattr(latents, "encode_picture", count)
    return seen


def test_latents_are_kept_by_picture_size_and_autoencoder(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = counted(monkeypatch)
    images = small_pictures(2, 1)
    pictures = [
        Pictured(f"{place}", lambda size, one=one: one.resize((size.width, size.height)))
        for place, one in enumerate(images)
    ]
    size = Size(SIDE, SIDE)
    first = result_of(encode_all(base, pictures, size, tmp_path))
    assert len(seen) == 2
    again = result_of(encode_all(base, pictures, size, tmp_path))
    assert len(seen) == 2 and all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    result_of(encode_all(base, [replace(pictures[0], key="changed"), pictures[1]], size, tmp_path))
    assert len(seen) == 3  # another file or crop
    result_of(encode_all(base, pictures, Size(SIDE, SIDE // 2), tmp_path))
    assert len(seen) == 5  # another size
    base.card = replace(base.card, files={"vae/diffusion_pytorch_model.safetensors": "9" * 64})
    result_of(encode_all(base, pictures, size, tmp_path))
    assert len(seen) == 7  # another autoencoder


def test_a_broken_cache_is_made_anew(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    pictures = [Pictured("0", lambda size: small_pictures(1, 1)[0].resize((size.width, size.height)))]
    result_of(encode_all(base, pictures, Size(SIDE, SIDE), tmp_path))
    path = next(tmp_path.glob("latents-*"))
    path.write_bytes(path.read_bytes()[:40])
    result_of(encode_all(base, pictures, Size(SIDE, SIDE), tmp_path))
    result_of(encode_all(base, pictures, Size(SIDE, SIDE), tmp_path))
    assert len(seen) == 2


def test_networks_that_are_done_with_are_let_go(base: Base, small_card: ModelCard) -> None:
    examples = small_examples(small_plan(small_card))
    prepared = result_of(prepare_examples(base, examples, SIDE, read_once=True))
    assert base.vae is None and base.encoders == []
    assert prepared.sentences is not None and prepared.sentences.embeddings.shape == (2, 77, 32)
    assert prepared.sentence_rows == (0, 0, 0, 1, 1, 1, 1) and prepared.mean.shape == (7, 4, 8, 8)
    assert len(base.token_ids(["una manzana"])[0][0]) == 77  # the tokenizers stay


def test_a_mask_is_averaged_over_the_pixels_of_a_latent(base: Base) -> None:
    from PIL import Image

    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (0, 0, 12, SIDE))
    picture = small_pictures(1, 1)[0]
    examples = Examples((as_example(picture, "a", "x", mask), as_example(picture, "b", "x")))
    masks = result_of(prepare_examples(base, examples, SIDE, read_once=True, masked=True)).masks
    assert masks[0, 0, 3].tolist() == [1, 0.5, 0, 0, 0, 0, 0, 0] and bool((masks[1] == 1).all())


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_what_is_read_and_predicted_equals_the_engines(family: Any, tmp_path: Path) -> None:
    """The networks that learn and those that draw: the same sentences, the same prediction, bit for bit."""
    from colabsd.engine.components import load_components
    from colabsd.engine.unet_embeddings import Added
    from colabsd.planning.plans import Execution

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    make_family(tmp_path, family, "text")
    card = read_card(tmp_path, family)
    base = result_of(load_base(card, small_plan(card)))
    drawing = result_of(load_components(card, Execution()))
    ids = base.token_ids(["una manzana roja"])
    sizes = torch.tensor([[64.0, 64, 0, 0, 64, 64]])
    with torch.no_grad():
        read = base.read(ids)
        found = [encoder(part, 1) for encoder, part in zip(drawing.encoders, ids, strict=True)]
        assert torch.equal(read.embeddings, torch.cat([hidden for hidden, _ in found], dim=-1))
        pooled = next((one for _, one in found if one is not None), None)
        assert (pooled is None) == (read.pooled is None)
        added = {} if pooled is None else {"added_cond_kwargs": {"text_embeds": read.pooled, "time_ids": sizes}}
        noisy, timestep = torch.ones(1, 4, 8, 8), torch.tensor([500])
        ours = base.unet(noisy, timestep, read.embeddings, return_dict=False, **added)[0]
        theirs = drawing.unet(noisy, timestep[0], drawing.unet.prepare(read.embeddings, Added(pooled, sizes)))
    torch.set_num_threads(before)
    assert torch.allclose(ours, theirs, atol=1e-6)  # weights lie at other places in memory
    assert base.prediction_type == ("v_prediction" if family == "sd2" else "epsilon")
