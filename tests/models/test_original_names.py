"""Names of the original layout and of diffusers' go there and back, for networks of any number of levels and layers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.models.original_names import (
    AutoencoderStructure,
    NameTable,
    OpenClipStructure,
    UNetStructure,
    read_autoencoder_structure,
    read_diffusers_autoencoder_structure,
    read_diffusers_text_structure,
    read_diffusers_unet_structure,
    read_open_clip_structure,
    read_unet_structure,
)

KINDS = st.sampled_from(["weight", "bias", "transformer_blocks.3.attn2.to_k.weight"])
UNETS = st.builds(
    lambda levels, layers, crossed: UNetStructure(levels, layers, frozenset(one for one in crossed if one < levels)),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sets(st.integers(0, 4)),
)
AUTOENCODERS = st.builds(AutoencoderStructure, st.integers(1, 5), st.integers(1, 3))
ENCODERS = st.builds(OpenClipStructure, st.integers(1, 33))


def whole_names(table: NameTable) -> list[str]:
    """An original name for every module of a table."""
    return [name if name.endswith(".weight") else f"{name}.weight" for name in table.forward]


def there_and_back(table: NameTable, kind: str) -> None:
    for old, new in table.forward.items():
        assert table.to_diffusers(f"{old}.{kind}") == f"{new}.{kind}"
        assert table.to_original(f"{new}.{kind}") == f"{old}.{kind}"


@given(structure=UNETS, kind=KINDS)
@settings(deadline=None, max_examples=60)
def test_a_unet_name_goes_there_and_back(structure: UNetStructure, kind: str) -> None:
    there_and_back(structure.names, kind)


@given(structure=AUTOENCODERS, kind=KINDS)
@settings(deadline=None, max_examples=30)
def test_an_autoencoder_name_goes_there_and_back(structure: AutoencoderStructure, kind: str) -> None:
    there_and_back(structure.names, kind)


@given(structure=ENCODERS, kind=KINDS)
@settings(deadline=None, max_examples=20)
def test_a_text_encoder_name_goes_there_and_back(structure: OpenClipStructure, kind: str) -> None:
    there_and_back(structure.names, kind)
    new = [name for _, three in structure.fused() for name in three]
    assert len(set(new)) == 6 * structure.layers


@given(structure=UNETS)
@settings(deadline=None, max_examples=60)
def test_the_structure_of_a_unet_is_read_from_either_layout(structure: UNetStructure) -> None:
    old = whole_names(structure.names)
    assert read_unet_structure(old) == structure
    assert read_diffusers_unet_structure([structure.names.to_diffusers(name) or "" for name in old]) == structure


@given(structure=AUTOENCODERS)
@settings(deadline=None, max_examples=30)
def test_the_structure_of_an_autoencoder_is_read_from_either_layout(structure: AutoencoderStructure) -> None:
    old = whole_names(structure.names)
    assert read_autoencoder_structure(old) == structure
    new = [structure.names.to_diffusers(name) or "" for name in old]
    assert read_diffusers_autoencoder_structure(new) == structure


@given(structure=ENCODERS)
@settings(deadline=None, max_examples=20)
def test_the_structure_of_a_text_encoder_is_read_from_either_layout(structure: OpenClipStructure) -> None:
    old = whole_names(structure.names)
    assert read_open_clip_structure(old) == structure
    new = [structure.names.to_diffusers(name) or "" for name in old]
    assert read_diffusers_text_structure(new) == structure


def test_names_of_the_published_files_are_translated() -> None:
    """As Stable Diffusion 1.5's and SDXL's files have them, and diffusers' folders of the same weights."""
    first = UNetStructure(4, 2, frozenset({0, 1, 2})).names
    assert first.to_diffusers("input_blocks.4.1.proj_in.weight") == "down_blocks.1.attentions.0.proj_in.weight"
    assert first.to_diffusers("input_blocks.9.0.op.bias") == "down_blocks.2.downsamplers.0.conv.bias"
    assert first.to_diffusers("output_blocks.2.1.conv.weight") == "up_blocks.0.upsamplers.0.conv.weight"
    assert first.to_diffusers("output_blocks.5.2.conv.weight") == "up_blocks.1.upsamplers.0.conv.weight"
    assert (
        first.to_diffusers("output_blocks.11.0.skip_connection.weight") == "up_blocks.3.resnets.2.conv_shortcut.weight"
    )
    assert first.to_diffusers("out.2.bias") == "conv_out.bias"
    xl = UNetStructure(3, 2, frozenset({1, 2})).names
    assert xl.to_diffusers("input_blocks.7.1.norm.bias") == "down_blocks.2.attentions.0.norm.bias"
    assert xl.to_diffusers("output_blocks.2.2.conv.weight") == "up_blocks.0.upsamplers.0.conv.weight"
    assert xl.to_diffusers("label_emb.0.2.weight") == "add_embedding.linear_2.weight"
    autoencoder = AutoencoderStructure(4, 2).names
    assert autoencoder.to_diffusers("decoder.up.3.upsample.conv.bias") == "decoder.up_blocks.0.upsamplers.0.conv.bias"
    assert autoencoder.to_diffusers("encoder.mid.attn_1.q.bias") == "encoder.mid_block.attentions.0.to_q.bias"
    assert first.to_diffusers("nothing.of.the.kind") is None
