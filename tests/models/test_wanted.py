"""Of a repository's files those that drawing needs, half the size where there is a choice."""

import pytest
from hub_model import FILES, NOT_NEEDED

from colabsd.errors import DownloadError
from colabsd.models.cards import HubFile
from colabsd.models.wanted import choose_files, wanted_files

SDXL = ("text_encoder_2/config.json", "text_encoder_2/model.fp16.safetensors", "tokenizer_2/vocab.json")


def test_fp16_safetensors_are_chosen_before_everything_else() -> None:
    assert set(choose_files("someone/model", FILES)) == {*FILES} - NOT_NEEDED


def test_a_second_text_encoder_comes_where_there_is_one() -> None:
    assert set(SDXL) <= set(choose_files("someone/model", {*FILES, *SDXL, "tokenizer_2/merges.txt"}))


def test_old_weights_are_taken_where_there_are_no_safetensors() -> None:
    names = {name.replace("model.safetensors", "pytorch_model.bin") for name in FILES if name.startswith("text")}
    chosen = choose_files("someone/model", {name for name in FILES if not name.startswith("text")} | names)
    assert "text_encoder/pytorch_model.bin" in chosen


@pytest.mark.parametrize("part", ["unet", "text_encoder", "vae"])
def test_a_repository_without_weights_names_the_part(part: str) -> None:
    with pytest.raises(DownloadError) as caught:
        choose_files("someone/model", [name for name in FILES if not name.startswith(part)])
    assert part in caught.value.tell("es")


def test_a_digest_that_is_known_goes_before_the_one_that_is_told() -> None:
    there = [HubFile("a", 3, "1" * 64), HubFile("b", 3, "2" * 64)]
    chosen = wanted_files("someone/model", there, [HubFile("a", 0, "9" * 64)], only_known=True)
    assert chosen == (HubFile("a", 3, "9" * 64),)


def test_a_file_that_is_named_and_not_there_is_told() -> None:
    with pytest.raises(DownloadError) as caught:
        wanted_files("someone/model", [], [HubFile("a.bin")], only_known=True)
    assert "a.bin" in caught.value.tell("en")


def test_a_repository_of_single_files_says_what_it_has_and_how_to_ask_for_it() -> None:
    names = ["README.md", "old/b.ckpt", "a.safetensors", "c.CKPT"]
    with pytest.raises(DownloadError) as caught:
        choose_files("someone/model", names)
    for told in (caught.value.tell("en"), caught.value.tell("es")):
        assert "a.safetensors, c.CKPT, old/b.ckpt" in told and "--model someone/model/a.safetensors" in told
    with pytest.raises(DownloadError) as nothing:
        choose_files("someone/data", ["README.md", "table.csv"])
    assert "someone/data" in nothing.value.tell("en")
