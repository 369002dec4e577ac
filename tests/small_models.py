"""A small model of Stable Diffusion 1's kind with seeded weights, and the words of small models."""

import json
from pathlib import Path

LATENT_SIDE = 8  # 64 pixels


def write_small_model(folder: Path) -> None:
    """Write the small model: seeded weights, a byte-level tokenizer with a few merges, SD 1's scheduler."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file

    from colabsd.engine.clip import ClipTextEncoder

    words = write_small_tokenizer(folder / "tokenizer")
    text_config = {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": words,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": words - 1,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        UNet2DConditionModel(
            sample_size=LATENT_SIDE,
            block_out_channels=(32, 64),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=8,
        ).save_pretrained(folder / "unet")
        AutoencoderKL(
            block_out_channels=(8, 16, 16, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=64,
        ).save_pretrained(folder / "vae")
        encoder = ClipTextEncoder(text_config)
        for table in (encoder.embeddings.token_embedding, encoder.embeddings.position_embedding):
            torch.nn.init.normal_(table.weight)
        torch.nn.init.normal_(encoder.final_layer_norm.bias)  # as in trained ones, whose states have a mean
    (folder / "text_encoder").mkdir()
    (folder / "text_encoder" / "config.json").write_text(json.dumps(text_config))
    tensors = {f"text_model.{name}": tensor for name, tensor in encoder.state_dict().items()}
    save_file(tensors, folder / "text_encoder" / "model.safetensors", {"format": "pt"})
    scheduler = {
        "_class_name": "PNDMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
        "clip_sample": False,
    }
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))


def write_small_tokenizer(folder: Path) -> int:
    """Write vocab.json and merges.txt over all bytes with a few merges; returns the number of tokens."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printing]
    letters = [chr(byte) for byte in printing] + [chr(256 + index) for index in range(len(others))]
    merges = ["r e", "re d</w>", "a p", "ap p", "l e</w>", "app le</w>", "r o", "ro j", "roj o</w>", "Ã ±"]
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(merge.split()) for merge in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(tokens)
