"""GGUF twins of tiny checkpoints of kinds.py, and a tiny Llama in ggml's finer types.

Names come from the gguf package's own table; what llama.cpp's converter does beside (fused queries, keys
and values one after the other; Gemma's gains plus one; rows of Llama's rotated heads as pairs) is done here.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import load_file

import kinds
from common import cases, greedy, write_case

HERE = Path(__file__).parent
TYPE = gguf.GGMLQuantizationType


def in_thirds(tensors, n_heads):
    """[n_heads, 3, d_head] rows -> [3, n_heads, d_head] rows."""
    for key, value in tensors.items():
        if ".query_key_value." in key:
            split = value.reshape(n_heads, 3, -1, *value.shape[1:])
            tensors[key] = split.swapaxes(0, 1).reshape(value.shape)


def plus_one(tensors, _):
    for key in tensors:
        if key.endswith("norm.weight"):
            tensors[key] = tensors[key] + 1


def twin(name, arch, fields, change=lambda tensors, n_heads: None):
    tensors = {key: value.float().numpy() for key, value in load_file(HERE / name / "model.safetensors").items()}
    config = json.loads((HERE / name / "config.json").read_text())
    get = lambda *names: next(config[name] for name in names if config.get(name) is not None)
    n_heads, d_model = get("num_attention_heads", "n_head"), get("hidden_size")
    change(tensors, n_heads)
    writer = gguf.GGUFWriter(HERE / "gguf" / f"{name}.gguf", gguf.MODEL_ARCH_NAMES[arch])
    writer.add_context_length(config.get("max_position_embeddings", 40))
    writer.add_embedding_length(d_model)
    writer.add_block_count(get("num_hidden_layers", "n_layer"))
    writer.add_feed_forward_length(config.get("intermediate_size", 4 * d_model))
    writer.add_head_count(n_heads)
    if config.get("rms_norm_eps"):
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_head_count_kv(config["num_key_value_heads"])
        if config.get("head_dim"):
            writer.add_key_length(config["head_dim"])
            writer.add_value_length(config["head_dim"])
    else:
        writer.add_layer_norm_eps(get("layer_norm_eps", "layer_norm_epsilon"))
    if "rope_parameters" in config:
        rope = config["rope_parameters"]
        writer.add_rope_freq_base(rope["rope_theta"])
        d_head = config.get("head_dim") or d_model // n_heads
        if "partial_rotary_factor" in rope:
            writer.add_rope_dimension_count(int(rope["partial_rotary_factor"] * d_head))
    fields(writer)
    names = gguf.get_tensor_name_map(arch, 9)
    for key, value in tensors.items():
        short = key.removeprefix("transformer.")
        theirs = names.get_name(key, (".weight", ".bias")) or names.get_name(short, (".weight", ".bias"))
        assert theirs, key
        writer.add_tensor(theirs, np.ascontiguousarray(value))
    close(writer)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# Where a block has its scale and its minimum, the scale for weights of about 1/16, and how many scales the
# minimum is, so that the mean is near zero.
BLOCKS = {
    "Q5_0": ((0,), 0.0067, 0), "Q5_1": ((0, 2), 0.0067, -15.5), "IQ4_NL": ((0,), 9e-4, 0),
    "Q4_K": ((0, 2), 4e-4, 7.5), "Q5_K": ((0, 2), 2e-4, 15.5), "Q6_K": ((208,), 4.5e-5, 0),
}


def random_blocks(kind, n_rows, n_cols, random):
    """Bytes of rows of blocks, and their values as the gguf package reads them."""
    block_len, n_bytes = gguf.GGML_QUANT_SIZES[TYPE[kind]]
    blocks = random.integers(0, 256, (n_rows * n_cols // block_len, n_bytes), dtype=np.uint8)
    places, scale, ratio = BLOCKS[kind]
    scales = scale * random.uniform(0.5, 1.5, len(blocks))
    for at, values in zip(places, (scales, scales * ratio)):
        blocks[:, at : at + 2] = values.astype("<f2").view(np.uint8).reshape(-1, 2)
    rows = blocks.reshape(n_rows, -1)
    return rows, gguf.quants.dequantize(rows, TYPE[kind]).astype(np.float32)


def fine_blocks():
    """A Llama of one layer with a matrix in each type."""
    d, n_heads, n_kv, d_vocab = 256, 4, 1, 40
    random = np.random.default_rng(50)
    shapes = {
        "token_embd": ("Q6_K", d_vocab, d), "output": ("Q5_0", d_vocab, d),
        "blk.0.attn_q": ("Q4_K", d, d), "blk.0.attn_k": ("Q5_K", d // n_heads, d),
        "blk.0.attn_v": ("Q6_K", d // n_heads, d), "blk.0.attn_output": ("Q5_1", d, d),
        "blk.0.ffn_gate": ("IQ4_NL", d, d), "blk.0.ffn_up": ("Q5_K", d, d), "blk.0.ffn_down": ("Q4_K", d, d),
    }
    writer = gguf.GGUFWriter(HERE / "gguf" / "fine_blocks.gguf", "llama")
    writer.add_context_length(32)
    writer.add_embedding_length(d)
    writer.add_block_count(1)
    writer.add_feed_forward_length(d)
    writer.add_head_count(n_heads)
    writer.add_head_count_kv(n_kv)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(d // n_heads)
    weights = {}
    for name, (kind, n_rows, n_cols) in shapes.items():
        rows, weights[name] = random_blocks(kind, n_rows, n_cols, random)
        writer.add_tensor(f"{name}.weight", rows, raw_dtype=TYPE[kind])
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        weights[name] = (1 + 0.3 * random.standard_normal(d)).astype(np.float32)
        writer.add_tensor(f"{name}.weight", weights[name])
    close(writer)
    config = transformers.LlamaConfig(
        vocab_size=d_vocab, hidden_size=d, intermediate_size=d, num_hidden_layers=1, num_attention_heads=n_heads,
        num_key_value_heads=n_kv, max_position_embeddings=32, rms_norm_eps=1e-5, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=0, attn_implementation="eager",
    )
    model = transformers.LlamaForCausalLM(config).eval()
    halves = lambda w, n: w.reshape(n, w.shape[0] // n // 2, 2, -1).swapaxes(1, 2).reshape(w.shape)
    weights["blk.0.attn_q"] = halves(weights["blk.0.attn_q"], n_heads)
    weights["blk.0.attn_k"] = halves(weights["blk.0.attn_k"], n_kv)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 1)
    state = {key: torch.from_numpy(weights[names.get_name(key, (".weight",)).removesuffix(".weight")].copy())
             for key in model.state_dict()}
    model.load_state_dict(state)
    taps, finish = kinds.attach(model, kinds.Layout(**kinds.LLAMA), n_heads, n_kv, True)
    ids, mask = cases(d_vocab, 50)["case_plain"]
    out = model(torch.tensor([ids]), attention_mask=torch.tensor([mask]), output_attentions=True)
    taps.put("blocks.0.attn.hook_pattern", out.attentions[0][0])
    taps.put("logits", out.logits[0])
    finish(mask, ids)
    values = dict(taps.values)
    write_case(HERE / "gguf", "fine_blocks", values, ids, mask, greedy=greedy(model, ids, 12))


def gguf_twins():
    arch = gguf.MODEL_ARCH
    none = lambda writer: None
    twin("gpt_neox", arch.GPTNEOX, lambda writer: writer.add_parallel_residual(True), in_thirds)
    twin("bloom_6_heads", arch.BLOOM, none, in_thirds)
    twin("qwen2", arch.QWEN2, none)
    twin("qwen3", arch.QWEN3, none)
    twin("gemma", arch.GEMMA, none, plus_one)
    twin("phi", arch.PHI2, none)


MAKERS = {"gguf_twins": gguf_twins, "fine_blocks": fine_blocks}
