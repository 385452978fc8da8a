"""Makes the reference values that tests/goldens.rs holds both engines against.

Tiny random checkpoints of each architecture, far from the defaults of their initialisation, run by
transformers in float64 (Llama in float32); all-MiniLM-L6-v2 and SmolLM2 (dequantised by the gguf
package) in float32. Names of hooks are TransformerLens's. `cargo xtask golden` runs this with the pinned
packages; the models under assets/models come from `cargo xtask models`.

usage: make.py [NAME ...]     all if none is named
"""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import bergamot
import chat
import dequant
import gradients
import kinds
import linear
import nano
import other_norm
import recurrent
import seq2seq
import shipped
import spectra
import tokenizer
import trace
import training
import twins
from common import Taps, cases, decoder_case, greedy, heads, randomise, scores_of, write_case

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "assets" / "models"
torch.set_grad_enabled(False)


def gpt2(name, seed, nano=False, **config):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    config = transformers.GPT2Config(
        vocab_size=61, n_positions=40, n_embd=36, n_layer=3, n_head=3, bos_token_id=0,
        eos_token_id=0, attn_implementation="eager", **config,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    randomise(model, seed)
    if nano:
        for key, parameter in model.named_parameters():
            if key.endswith("bias"):
                parameter.zero_()
        weights = {}
        for key, value in model.state_dict().items():
            if key.endswith("bias") or key == "lm_head.weight":
                continue
            is_conv = key.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))
            weights[key] = (value.T if is_conv else value).contiguous().clone()
        save_file(weights, folder / "model.safetensors")
        description = {"block_size": 40, "vocab_size": 61, "n_layer": 3, "n_head": 3, "n_embd": 36, "dropout": 0.0, "bias": False}
        (folder / "config.json").write_text(json.dumps(description) + "\n")
    else:
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
    model = model.double()
    taps, body, eps = Taps(), model.transformer, config.layer_norm_epsilon
    taps.out("hook_embed", body.wte)
    body.wpe.register_forward_hook(lambda _, __, y: taps.put("hook_pos_embed", y.reshape(-1, 36)))
    for l, block in enumerate(body.h):
        p = f"blocks.{l}."
        taps.into(p + "hook_resid_pre", block)
        taps.norm(p + "ln1", block.ln_1, eps, rms=False)
        for third, letter in enumerate("qkv"):
            taps.out(f"{p}qkv_{letter}", block.attn.c_attn, lambda y, t=third: y[..., 36 * t : 36 * (t + 1)])
        taps.into(p + "attn.hook_z", block.attn.c_proj, lambda y: y.unflatten(-1, (3, -1)))
        taps.out(p + "hook_attn_out", block.attn.c_proj)
        taps.into(p + "hook_resid_mid", block.ln_2)
        taps.norm(p + "ln2", block.ln_2, eps, rms=False)
        taps.out(p + "mlp.hook_pre", block.mlp.c_fc)
        taps.out(p + "mlp.hook_post", block.mlp.act)
        taps.out(p + "hook_mlp_out", block.mlp.c_proj)
        taps.out(p + "hook_resid_post", block)
    taps.norm("ln_final", body.ln_f, eps, rms=False)

    def finish(mask):
        for l in range(len(body.h)):
            p = f"blocks.{l}."
            for letter in "qkv":
                taps.values[f"{p}attn.hook_{letter}"] = heads(taps.values.pop(f"{p}qkv_{letter}"), 3)
            q, k = taps.values[p + "attn.hook_q"], taps.values[p + "attn.hook_k"]
            taps.put(p + "attn.hook_attn_scores", scores_of(q, k, True, mask))

    for case, (ids, mask) in cases(61, seed).items():
        decoder_case(model, taps, folder, case, ids, mask, finish)


def llama(name, seed, dtype=torch.float32, **config):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    config = transformers.LlamaConfig(
        vocab_size=67, hidden_size=40, intermediate_size=76, num_hidden_layers=3,
        max_position_embeddings=48, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=0,
        attn_implementation="eager", **config,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    randomise(model, seed)
    # The file holds rounded weights, and the reference runs on them, in float32: transformers takes
    # the softmax in float32, where the mask of float64 would be infinite and give NaN.
    for parameter in model.parameters():
        parameter.copy_(parameter.to(dtype))
    copy.deepcopy(model).to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    taps, body = Taps(), model.model
    n_heads, n_kv_heads, eps = config.num_attention_heads, config.num_key_value_heads, config.rms_norm_eps
    taps.out("hook_embed", body.embed_tokens)
    for l, block in enumerate(body.layers):
        p, attn, mlp = f"blocks.{l}.", block.self_attn, block.mlp
        taps.into(p + "hook_resid_pre", block)
        taps.norm(p + "ln1", block.input_layernorm, eps, rms=True)
        taps.out(p + "attn.hook_q", attn.q_proj, lambda y: y.unflatten(-1, (n_heads, -1)))
        taps.out(p + "attn.hook_k", attn.k_proj, lambda y: y.unflatten(-1, (n_kv_heads, -1)))
        taps.out(p + "attn.hook_v", attn.v_proj, lambda y: y.unflatten(-1, (n_kv_heads, -1)))
        taps.into(p + "attn.hook_z", attn.o_proj, lambda y: y.unflatten(-1, (n_heads, -1)))
        taps.out(p + "hook_attn_out", attn.o_proj)
        taps.into(p + "hook_resid_mid", block.post_attention_layernorm)
        taps.norm(p + "ln2", block.post_attention_layernorm, eps, rms=True)
        taps.out(p + "mlp.hook_pre", mlp.gate_proj)
        taps.out(p + "mlp.hook_pre_linear", mlp.up_proj)
        taps.into(p + "mlp.hook_post", mlp.down_proj)
        taps.out(p + "hook_mlp_out", mlp.down_proj)
        taps.out(p + "hook_resid_post", block)
    taps.norm("ln_final", body.norm, eps, rms=True)

    def finish(mask):
        from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

        positions = torch.arange(len(mask))[None]
        for l in range(len(body.layers)):
            p = f"blocks.{l}.attn."
            q, k = taps.values[p + "hook_q"], taps.values[p + "hook_k"]
            cos, sin = body.rotary_emb(q, positions)
            q, k = apply_rotary_pos_emb(q[None].transpose(1, 2), k[None].transpose(1, 2), cos, sin)
            q, k = q[0].transpose(0, 1), k[0].transpose(0, 1)
            taps.put(p + "hook_rot_q", q)
            taps.put(p + "hook_rot_k", k)
            taps.put(p + "hook_attn_scores", scores_of(q, k, True, mask))

    for case, (ids, mask) in cases(67, seed).items():
        decoder_case(model, taps, folder, case, ids, mask, finish)


def bert(name, seed, model_class, **config):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    config = transformers.BertConfig(
        vocab_size=71, hidden_size=36, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=84, max_position_embeddings=32, type_vocab_size=2,
        attn_implementation="eager", **config,
    )
    model = model_class(config).eval()
    randomise(model, seed)
    model.save_pretrained(folder)
    model = model.double()
    taps, eps = Taps(), config.layer_norm_eps
    body = getattr(model, "bert", model)
    embeddings = body.embeddings
    taps.out("hook_embed", embeddings.word_embeddings)
    embeddings.position_embeddings.register_forward_hook(
        lambda _, __, y: taps.put("hook_pos_embed", y.reshape(-1, 36)))
    taps.out("hook_token_type_embed", embeddings.token_type_embeddings)
    taps.norm("embed.ln", embeddings.LayerNorm, eps, rms=False)
    taps.out("hook_full_embed", embeddings)
    for l, block in enumerate(body.encoder.layer):
        p, attn, by_head = f"blocks.{l}.", block.attention, lambda y: y.unflatten(-1, (4, -1))
        taps.into(p + "hook_resid_pre", block)
        taps.out(p + "attn.hook_q", attn.self.query, by_head)
        taps.out(p + "attn.hook_k", attn.self.key, by_head)
        taps.out(p + "attn.hook_v", attn.self.value, by_head)
        taps.into(p + "attn.hook_z", attn.output.dense, by_head)
        taps.out(p + "hook_attn_out", attn.output.dense)
        taps.into(p + "hook_resid_mid", attn.output.LayerNorm)
        taps.norm(p + "ln1", attn.output.LayerNorm, eps, rms=False)
        taps.out(p + "mlp.hook_pre", block.intermediate.dense)
        taps.out(p + "mlp.hook_post", block.intermediate)
        taps.out(p + "hook_mlp_out", block.output.dense)
        taps.into(p + "hook_resid_post", block.output.LayerNorm)
        taps.norm(p + "ln2", block.output.LayerNorm, eps, rms=False)
        taps.out(p + "hook_normalized_resid_post", block)
    for case, (ids, mask) in cases(71, seed).items():
        types = [int(i > len(ids) // 2) for i in range(len(ids))]
        out = model(torch.tensor([ids]), attention_mask=torch.tensor([mask]),
                    token_type_ids=torch.tensor([types]), output_attentions=True, output_hidden_states=True)
        for l, pattern in enumerate(out.attentions):
            p = f"blocks.{l}.attn."
            taps.put(p + "hook_pattern", pattern[0])
            q, k = taps.values[p + "hook_q"], taps.values[p + "hook_k"]
            taps.put(p + "hook_attn_scores", scores_of(q, k, False, mask))
        taps.put("last_hidden_state", out.hidden_states[-1][0])
        if hasattr(out, "prediction_logits"):
            taps.put("logits", out.prediction_logits[0])
            taps.put("nsp_logits", out.seq_relationship_logits[0])
            first = out.hidden_states[-1]
            taps.put("pooler_output", body.pooler(first)[0])
        elif hasattr(out, "logits"):
            taps.put("logits", out.logits[0])
        elif getattr(out, "pooler_output", None) is not None:
            taps.put("pooler_output", out.pooler_output[0])
        kept = ("logits", "hook_pattern", "hook_scale", "hook_resid_post", "output", "state")
        values = {key: value for key, value in taps.values.items() if case == "case_plain" or key.endswith(kept)}
        write_case(folder, case, values, ids, mask, types)


def minilm():
    """Sentence embeddings: mean over the tokens, length 1."""
    from tokenizers import Tokenizer

    source = MODELS / "all-minilm-l6-v2"
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    model = transformers.BertModel.from_pretrained(source, attn_implementation="eager").eval()
    texts = [
        "The cat sits on the mat.",
        "A kitten is lying on a rug.",
        "Stock markets fell sharply on Tuesday after the announcement.",
        "Die Katze sitzt auf der Matte.",
        "How does self-attention decide which earlier words matter? It compares a query with every key.",
        "x",
    ]
    tensors, ids = {}, []
    for i, text in enumerate(texts):
        ids.append(tokenizer.encode(text).ids)
        hidden = model(torch.tensor([ids[-1]])).last_hidden_state[0].double()
        tensors[f"embedding.{i}"] = torch.nn.functional.normalize(hidden.mean(0), dim=0).float()
    metadata = {"texts": json.dumps(texts), "ids": json.dumps(ids)}
    save_file(tensors, HERE / "minilm.safetensors", metadata)


def gguf_twins():
    """The tiny gpt2, llama and bert as GGUF files, named and laid out as llama.cpp converts them."""
    import gguf
    from safetensors.torch import load_file

    folder = HERE / "gguf"
    folder.mkdir(exist_ok=True)

    def read(name):
        tensors = load_file(HERE / name / "model.safetensors")
        prefixes = ("transformer.", "model.", "bert.")
        strip = lambda key: next((key[len(p) :] for p in prefixes if key.startswith(p)), key)
        config = json.loads((HERE / name / "config.json").read_text())
        return config, {strip(key): value.numpy() for key, value in tensors.items()}

    def write(architecture, fields, tensors):
        writer = gguf.GGUFWriter(folder / f"{architecture}.gguf", architecture)
        for key, value in fields.items():
            add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
            add(f"{architecture}.{key}", value)
        for key, value in tensors.items():
            writer.add_tensor(key, np.ascontiguousarray(value))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def renamed(tensors, outer, layers, n_layers):
        pairs = list(outer.items())
        for l in range(n_layers):
            pairs += [(layers[0].format(l) + a, f"blk.{l}.{b}") for a, b in layers[1].items()]
        return {
            f"{theirs}.{end}": tensors[f"{ours}.{end}"]
            for ours, theirs in pairs for end in ("weight", "bias") if f"{ours}.{end}" in tensors
        }

    config, tensors = read("gpt2")
    outer = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}
    inner = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
             "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
    out = renamed(tensors, outer, ("h.{}.", inner), 3)
    for key in out:
        if key.endswith((".attn_qkv.weight", ".attn_output.weight", ".ffn_up.weight", ".ffn_down.weight")):
            out[key] = out[key].T
    write("gpt2", {"context_length": 40, "embedding_length": 36, "feed_forward_length": 144, "block_count": 3,
                   "attention.head_count": 3, "attention.layer_norm_epsilon": 1e-5}, out)

    config, tensors = read("llama")
    outer = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}
    inner = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down"}
    out = renamed(tensors, outer, ("layers.{}.", inner), 3)
    for key, weight in out.items():
        n = {"attn_q.weight": 5, "attn_k.weight": 1}.get(key.split(".", 2)[-1])
        if n:
            out[key] = weight.reshape(n, 2, 4, 40).swapaxes(1, 2).reshape(weight.shape)
    write("llama", {"context_length": 48, "embedding_length": 40, "feed_forward_length": 76, "block_count": 3,
                    "attention.head_count": 5, "attention.head_count_kv": 1, "rope.dimension_count": 8,
                    "rope.freq_base": float(config["rope_parameters"]["rope_theta"]),
                    "attention.layer_norm_rms_epsilon": 1e-5}, out)

    config, tensors = read("bert")
    outer = {"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
             "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm"}
    inner = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
             "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
             "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}
    out = renamed(tensors, outer, ("encoder.layer.{}.", inner), 3)
    write("bert", {"context_length": 32, "embedding_length": 36, "feed_forward_length": 84, "block_count": 3,
                   "attention.head_count": 4, "attention.layer_norm_epsilon": config["layer_norm_eps"]}, out)


LONG_TEXT = """Attention lets every position of a sequence look at every earlier one and decide, by the \
product of a query with a key, how much of its value to take. The 2017 paper that made it the only \
ingredient of a translation model also scaled the products by the root of the head's width, because \
large products push the softmax into regions where its gradient is tiny. Since then the recipe has \
hardly changed: norms moved before the blocks, positions became rotations, heads began to share keys \
and values. What did change is scale: 12 layers became 96, and 117 million weights became \
hundreds of thousands of millions."""


def smollm2():
    """Logits and 32 greedy tokens of the dequantised weights."""
    import gguf
    from tokenizers import Tokenizer, models, pre_tokenizers

    reader = gguf.GGUFReader(MODELS / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    field = lambda key: reader.fields[key].contents()
    weights = {
        tensor.name: torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
        for tensor in reader.tensors
    }
    n_heads, n_kv_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    config = transformers.LlamaConfig(
        vocab_size=weights["token_embd.weight"].shape[0],
        hidden_size=field("llama.embedding_length"),
        intermediate_size=field("llama.feed_forward_length"),
        num_hidden_layers=field("llama.block_count"),
        num_attention_heads=n_heads,
        num_key_value_heads=n_kv_heads,
        max_position_embeddings=field("llama.context_length"),
        rms_norm_eps=field("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": field("llama.rope.freq_base")},
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    model = transformers.LlamaForCausalLM(config).eval()

    def halves(weight, n):
        return weight.reshape(n, weight.shape[0] // n // 2, 2, -1).swapaxes(1, 2).reshape(weight.shape)

    state = {
        "model.embed_tokens.weight": weights["token_embd.weight"],
        "lm_head.weight": weights["token_embd.weight"],
        "model.norm.weight": weights["output_norm.weight"],
    }
    names = {
        "input_layernorm": "attn_norm", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for l in range(config.num_hidden_layers):
        for ours, theirs in names.items():
            state[f"model.layers.{l}.{ours}.weight"] = weights[f"blk.{l}.{theirs}.weight"]
        for letter, n in (("q", n_heads), ("k", n_kv_heads)):
            state[f"model.layers.{l}.self_attn.{letter}_proj.weight"] = halves(weights[f"blk.{l}.attn_{letter}.weight"], n)
    model.load_state_dict(state)

    vocabulary = {token: i for i, token in enumerate(field("tokenizer.ggml.tokens"))}
    merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])

    texts = ["The capital of France is", "Once upon a time, there was a little", "def fibonacci(n):\n"]
    tensors, ids, continued = {}, [], []
    for i, text in enumerate([*texts, LONG_TEXT]):
        ids.append(tokenizer.encode(text).ids)
        out = model(torch.tensor([ids[-1]]), output_attentions=i == 0, output_hidden_states=True)
        tensors[f"logits.{i}"] = out.logits[0, -1].clone()
        if i == 0:
            tensors["patterns"] = torch.stack([pattern[0] for pattern in out.attentions])
            tensors["resid_pre.15"] = out.hidden_states[15][0].clone()
        if i < len(texts):
            continued.append(greedy(model, ids[-1], 32))
    metadata = {"texts": json.dumps([*texts, LONG_TEXT]), "ids": json.dumps(ids), "greedy": json.dumps(continued)}
    save_file(tensors, HERE / "smollm2.safetensors", metadata)


MAKERS = {
    "dequant": lambda: dequant.make(HERE),
    "tokenizer": lambda: tokenizer.make(HERE),
    "spectra": lambda: spectra.make(HERE),
    "trace": trace.make,
    "chat": chat.make,
    "gradients": lambda: gradients.make(HERE),
    "linear": lambda: linear.make(HERE),
    "other_norm": lambda: other_norm.make(HERE),
    "gpt2": lambda: gpt2("gpt2", 1),
    "gpt2_untied": lambda: gpt2("gpt2_untied", 2, tie_word_embeddings=False, n_inner=50,
                                activation_function="gelu", layer_norm_epsilon=1e-3),
    "nanogpt": lambda: gpt2("nanogpt", 3, nano=True, activation_function="gelu"),
    "llama": lambda: llama("llama", 4, num_attention_heads=5, num_key_value_heads=1, tie_word_embeddings=False),
    "llama_tied": lambda: llama("llama_tied", 5, torch.bfloat16, num_attention_heads=4, num_key_value_heads=2,
                                head_dim=12, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
                                rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
    "llama3_rope": lambda: llama("llama3_rope", 6, torch.float16, num_attention_heads=4, num_key_value_heads=4,
                                 rope_parameters={"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0,
                                                  "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                  "original_max_position_embeddings": 32}),
    "bert": lambda: bert("bert", 7, transformers.BertForPreTraining),
    "bert_encoder": lambda: bert("bert_encoder", 8, transformers.BertModel, hidden_act="gelu_new", layer_norm_eps=1e-3),
    **kinds.MAKERS,
    **seq2seq.MAKERS,
    **recurrent.MAKERS,
    **nano.MAKERS,
    "gguf": gguf_twins,
    **twins.MAKERS,
    "minilm": minilm,
    "smollm2": smollm2,
    "bergamot": bergamot.main,
    "training": training.make,
    "shipped": shipped.make,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        print(name, flush=True)
        MAKERS[name]()
