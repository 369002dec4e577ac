"""CLIP as a scorer: what transformers' own class and processor make of the same pictures and sentences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colabsd.engine.clip_scorer import ClipScorer, best_scorer, clip_tensor
from colabsd.engine.scorers import likeness
from colabsd.errors import DamagedWeightsError

SIDE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPConfig, CLIPModel

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**shape, "vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 49407}
    vision = {**shape, "image_size": SIDE, "patch_size": 8}
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("clip")
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def scorer(folder: Path) -> ClipScorer:
    return ClipScorer(folder, "tiny-clip")


def picture(seed: int, width: int = 50, height: int = 40) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width * 3, height * 3), Image.Resampling.BICUBIC)


def test_vectors_are_unit_vectors_in_one_space(scorer: ClipScorer) -> None:
    pictures = scorer.pictures([picture(seed) for seed in range(3)])
    sentences = scorer.sentences(["a red apple", "un perro"])
    assert pictures.shape == (3, 16) and sentences.shape == (2, 16)
    for rows in (pictures, sentences):
        assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)


def test_nothing_has_no_vectors(scorer: ClipScorer) -> None:
    assert scorer.pictures([]).shape == (0, 16)


def test_cosines_are_those_of_transformers(scorer: ClipScorer, folder: Path) -> None:
    """Both in fp32 with the same weights; the order of sums differs in the last bits."""
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(folder).eval()
    images = [picture(1), picture(2)]
    pixels = torch.cat([clip_tensor(image, SIDE) for image in images])
    ids = torch.tensor([scorer.tokenizer.padded(scorer.tokenizer.ids(text)) for text in ("a dog", "a cat on grass")])
    with torch.inference_mode():
        found = model(input_ids=ids, pixel_values=pixels)
        wanted = (found.logits_per_image / model.logit_scale.exp()).numpy()
    cosines = scorer.pictures(images) @ scorer.sentences(["a dog", "a cat on grass"]).T
    assert cosines == pytest.approx(wanted, abs=1e-5)


def test_a_picture_is_cut_to_its_middle_as_clip_wants_it() -> None:
    """Against transformers' processor on the same picture; it rounds to whole levels after scaling, as we do."""
    from transformers import CLIPImageProcessor

    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    image = picture(3, 60, 40)
    wanted = torch.as_tensor(np.asarray(processor(images=image)["pixel_values"][0]))
    assert torch.allclose(clip_tensor(image, SIDE)[0], wanted, atol=0.05)


def test_a_picture_is_most_like_itself(scorer: ClipScorer) -> None:
    same = scorer.subjects([picture(5)])
    assert likeness(same, same) == pytest.approx(1, abs=1e-5)
    assert likeness(same, scorer.subjects([picture(6)])) < 1


def test_a_folder_without_weights_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DamagedWeightsError):
        ClipScorer(tmp_path, "none")


@pytest.mark.integration
def test_without_clip_the_scorer_that_comes_along_is_taken() -> None:
    assert best_scorer().name == "drawn-world"
