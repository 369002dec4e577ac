"""LoRA tags, as A1111 reads them."""

import pytest

from colabsd.errors import InvalidNetworkError
from colabsd.prompts import LoraTag, loras, parse


@pytest.mark.parametrize(
    ("tag", "lora"),
    [
        ("<lora:ink>", LoraTag("ink", 1.0, 1.0)),
        ("<lora:ink:0.8>", LoraTag("ink", 0.8, 0.8)),
        ("<lora:ink:0.5:1>", LoraTag("ink", 0.5, 1.0)),
        ("<lora:ink:0.5:1:64>", LoraTag("ink", 0.5, 1.0, 64)),
        ("<lora:ink:te=0.5>", LoraTag("ink", 0.5, 0.5)),
        ("<lora:ink:unet=0.5>", LoraTag("ink", 1.0, 0.5)),
        ("<lora:ink:0.7:unet=0.5:dyn=8>", LoraTag("ink", 0.7, 0.5, 8)),
        ("<lora:ink:-1>", LoraTag("ink", -1.0, -1.0)),
        ("<lora:my ink_v1.2:1>", LoraTag("my ink_v1.2", 1.0, 1.0)),
        ("<lora:a=b:1>", LoraTag("a=b", 1.0, 1.0)),
    ],
)
def test_weights_of_encoder_and_unet(tag: str, lora: LoraTag) -> None:
    assert loras(parse(f"a cat {tag}")) == (lora,)


def test_other_kinds_are_no_loras_and_order_is_kept() -> None:
    found = loras(parse("<lora:b:1> <hypernet:h:1> <lora:a:0.5> <lora:b:2>"))
    assert [lora.name for lora in found] == ["b", "a", "b"]


@pytest.mark.parametrize(
    "tag", ["<lora:x:abc>", "<lora:x:nan>", "<lora:x:1:inf>", "<lora:x:1:1:2.5>", "<lora:x:1:1:0>"]
)
def test_a_weight_that_is_no_number_is_refused_with_the_tag(tag: str) -> None:
    with pytest.raises(InvalidNetworkError) as error:
        loras(parse(tag))
    assert tag in error.value.tell("en")
    assert tag in error.value.tell("es")
