"""Tiny random encoder-decoders, run by transformers: hooks of both stacks, greedy and beam search.

Hook names are TransformerLens's HookedEncoderDecoder's, with the stack before those that it has only once
(models/src/hook.rs).
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

from common import Taps, heads, randomise, scores_of, write_case

HERE = Path(__file__).parent
EOS = 2


def t5_parts(model):
    """stack -> (module, layers, paths)"""
    def paths(stack, is_decoder):
        mlp = 2 if is_decoder else 1
        gated = hasattr(stack.block[0].layer[mlp].DenseReluDense, "wi_0")
        out = dict(
            q="layer.0.SelfAttention.q", k="layer.0.SelfAttention.k", v="layer.0.SelfAttention.v",
            o="layer.0.SelfAttention.o", ln1="layer.0.layer_norm", last=f"layer.{mlp}.layer_norm",
            up=f"layer.{mlp}.DenseReluDense.{'wi_1' if gated else 'wi'}", down=f"layer.{mlp}.DenseReluDense.wo")
        if gated:
            out["gate"] = f"layer.{mlp}.DenseReluDense.wi_0"
        if is_decoder:
            out |= {f"cross_{x}": f"layer.1.EncDecAttention.{x}" for x in "qkvo"} | {"ln2": "layer.1.layer_norm"}
        return out

    for name, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
        yield name, stack, stack.block, paths(stack, name == "decoder"), stack.final_layer_norm


def bart_parts(model):
    for name, stack in (("encoder", model.model.encoder), ("decoder", model.model.decoder)):
        paths = dict(
            q="self_attn.q_proj", k="self_attn.k_proj", v="self_attn.v_proj", o="self_attn.out_proj",
            ln1="self_attn_layer_norm", last="final_layer_norm", up="fc1", down="fc2")
        if name == "decoder":
            paths |= {f"cross_{x}": f"encoder_attn.{'out' if x == 'o' else x}_proj" for x in "qkvo"}
            paths["ln2"] = "encoder_attn_layer_norm"
        yield name, stack, stack.layers, paths, getattr(stack, "layer_norm", None)


def attach(model, parts, post, rms, eps, n_heads, embed_scale, norm_first):
    taps = Taps()
    flat = lambda y: y.reshape(1, -1, y.shape[-1])
    by_head = lambda y: heads(flat(y)[0], n_heads)[None]
    for name, stack, layers, paths, final in parts(model):
        scaled = lambda y: flat(y) * embed_scale
        first = norm_first and name == "decoder"
        taps.out(f"{name}.hook_embed", stack.layernorm_embedding if first else stack.embed_tokens,
                 flat if first else scaled)
        if hasattr(stack, "embed_positions"):
            taps.out(f"{name}.hook_pos_embed", stack.embed_positions, flat)
        if hasattr(stack, "layernorm_embedding"):
            taps.norm(f"{name}.embed.ln", stack.layernorm_embedding, eps, False)
        is_decoder = name == "decoder"
        for l, layer in enumerate(layers):
            p, at = f"{name}.{l}.", lambda key: layer.get_submodule(paths[key])
            taps.into(p + "hook_resid_pre", layer)
            for key, prefix in (("", "attn."), ("cross_", "cross_attn.")):
                if f"{key}q" in paths:
                    for letter in "qkv":
                        taps.out(f"{p}{prefix}hook_{letter}", at(key + letter), by_head)
                    taps.into(f"{p}{prefix}hook_z", at(key + "o"), by_head)
            taps.out(p + "hook_attn_out", at("o"), flat)
            norms = ["ln1", "ln2", "last"] if is_decoder else ["ln1", "last"]
            for i, key in enumerate(norms):
                taps.norm(f"{p}ln{i + 1}", at(key), eps, rms)
            if is_decoder:
                taps.out(p + "hook_cross_attn_out", at("cross_o"), flat)
            # What stands before each norm: Post-LN sums, or what the next part reads.
            sums = ["hook_resid_mid"] + ["hook_resid_mid_cross"] * is_decoder
            for hook, key in zip(sums, norms if post else norms[1:]):
                taps.into(p + hook, at(key), flat)
            if post:
                taps.into(p + "hook_resid_post", at("last"), flat)
                taps.out(p + "hook_normalized_resid_post", at("last"), flat)
            else:
                taps.out(p + "hook_resid_post", layer)
            taps.out(p + "mlp.hook_pre", at("gate" if "gate" in paths else "up"), flat)
            if "gate" in paths:
                taps.out(p + "mlp.hook_pre_linear", at("up"), flat)
            taps.into(p + "mlp.hook_post", at("down"), flat)
            taps.out(p + "hook_mlp_out", at("down"), flat)
        if final is not None:
            taps.norm(f"{name}_final_ln", final, eps, rms)
    return taps


def relative_bias(stack, n):
    attention = stack.block[0].layer[0].SelfAttention
    return attention.compute_bias(n, n)[0]


def put_scores(model, taps, mask, n_layers, scale, parts):
    """Scores of all three kinds, rebuilt from queries and keys."""
    for name, stack, _, _, _ in parts(model):
        for l in range(n_layers):
            p = f"{name}.{l}."
            q, k = taps.values[p + "attn.hook_q"], taps.values[p + "attn.hook_k"]
            own = mask if name == "encoder" else [1] * q.shape[0]
            scores = scores_of(q, k, name == "decoder", own, scale)
            if hasattr(stack, "block"):
                scores = scores + relative_bias(stack, q.shape[0])
            taps.put(p + "attn.hook_attn_scores", scores)
            if name == "decoder":
                q, k = taps.values[p + "cross_attn.hook_q"], taps.values[p + "cross_attn.hook_k"]
                scores = torch.einsum("qhd,khd->hqk", q, k) * (scale or 1 / math.sqrt(q.shape[2]))
                hidden = torch.tensor(mask)[None, None, :] == 0
                taps.put(p + "cross_attn.hook_attn_scores", scores.masked_fill(hidden, -math.inf))


class Transformer(torch.nn.Module):
    """Figure 1 of the 2017 paper, from PyTorch's own layers: one table, no norm at the end of a stack unless norms come
    first."""

    def __init__(self, d_vocab, d_model, n_heads, d_ff, n_encoder, n_decoder, n_ctx, eps, norm_first):
        super().__init__()
        sizes = dict(d_model=d_model, nhead=n_heads, dim_feedforward=d_ff, dropout=0.0, batch_first=True, layer_norm_eps=eps,
                     norm_first=norm_first)
        last = [torch.nn.LayerNorm(d_model, eps) if norm_first else None for _ in range(2)]
        self.encoder = torch.nn.TransformerEncoder(
            torch.nn.TransformerEncoderLayer(**sizes), n_encoder, last[0], enable_nested_tensor=False)
        self.decoder = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(**sizes), n_decoder, last[1])
        self.after = "hook_resid_post" if norm_first else "hook_normalized_resid_post"
        self.embedding = torch.nn.Embedding(d_vocab, d_model)
        angles = torch.arange(n_ctx)[:, None] / 10000.0 ** (torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
        self.table = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)

    def embed(self, ids):
        return self.embedding(ids) * math.sqrt(self.embedding.embedding_dim) + self.table[: ids.shape[1]]

    def run(self, source, mask, target):
        """logits, and the residual stream after each layer"""
        hidden = torch.tensor([mask]) == 0
        resid, x = {}, self.embed(torch.tensor([source]))
        resid["encoder.0.hook_resid_pre"] = x
        for l, layer in enumerate(self.encoder.layers):
            x = layer(x, src_key_padding_mask=hidden)
            resid[f"encoder.{l}.{self.after}"] = x
        x = self.encoder.norm(x) if self.encoder.norm else x
        resid["encoder.last_hidden_state"] = x
        y = self.embed(torch.tensor([target]))
        resid["decoder.0.hook_resid_pre"] = y
        causal = torch.ones(len(target), len(target), dtype=torch.bool).triu(1)
        for l, layer in enumerate(self.decoder.layers):
            y = layer(y, x, tgt_mask=causal, memory_key_padding_mask=hidden)
            resid[f"decoder.{l}.{self.after}"] = y
        y = self.decoder.norm(y) if self.decoder.norm else y
        resid["logits"] = y @ self.embedding.weight.T
        return {key: value[0] for key, value in resid.items()}


def transformer(name, seed, norm_first=False):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    d_vocab, eps = 41, 1e-4
    model = Transformer(d_vocab, 24, 4, 44, 3, 2, 40, eps, norm_first).eval()
    randomise(model, seed)
    # Sums of embeddings and positions, neither lost beside the other.
    model.embedding.weight.mul_(0.3)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / "model.safetensors")
    config = dict(model_type="transformer", vocab_size=d_vocab, d_model=24, nhead=4, dim_feedforward=44,
                  num_encoder_layers=3, num_decoder_layers=2, max_position_embeddings=40, activation="relu",
                  layer_norm_eps=eps, decoder_start_token_id=1, eos_token_id=EOS)
    config |= dict(norm_first=True) if norm_first else {}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = model.double()
    # The layers' own attention, asked for its weights, which the fast path does not keep.
    torch.backends.mha.set_fastpath_enabled(False)
    patterns = {}
    for stack, layers in (("encoder", model.encoder.layers), ("decoder", model.decoder.layers)):
        for l, layer in enumerate(layers):
            for prefix in ("attn", "cross_attn")[: 2 if stack == "decoder" else 1]:
                module = layer.self_attn if prefix == "attn" else layer.multihead_attn
                point, forward = f"{stack}.{l}.{prefix}.hook_pattern", module.forward

                def wrapped(*args, point=point, forward=forward, **kwargs):
                    out, pattern = forward(*args, **{**kwargs, "need_weights": True, "average_attn_weights": False})
                    patterns[point] = pattern[0]
                    return out, pattern

                module.forward = wrapped
    for case, (source, mask, target) in cases(d_vocab, d_vocab, 1, seed).items():
        values = model.run(source, mask, target)
        values |= patterns
        extra = {}
        if case in ("case_plain", "case_one"):
            found = list(target)
            for _ in range(12):
                found.append(int(model.run(source, mask, found)["logits"][-1].argmax()))
            extra["greedy"] = found[len(target):]
        write_case(folder, case, values, target, [1] * len(target), source=source, source_mask=mask, **extra)


# Settings of the searches, by transformers' names.
SEARCHES = [
    dict(num_beams=1, max_new_tokens=14),
    dict(num_beams=4, max_new_tokens=12, length_penalty=1.0, early_stopping=False),
    dict(num_beams=3, max_new_tokens=14, length_penalty=2.0, early_stopping=True),
    dict(num_beams=2, max_new_tokens=9, length_penalty=0.3, early_stopping="never"),
    dict(num_beams=4, max_new_tokens=10, length_penalty=-0.5, early_stopping=False,
         forced_bos_token_id=7, forced_eos_token_id=EOS, suppress_tokens=[5, 11], no_repeat_ngram_size=2),
    dict(num_beams=3, max_new_tokens=10, length_penalty=0.8, early_stopping=False, min_new_tokens=6),
]


def searches(model, source, mask, start, pad):
    found = []
    # Without what the architecture's own settings would add.
    model.generation_config = tf.GenerationConfig()
    for given in SEARCHES:
        settings = tf.GenerationConfig(eos_token_id=EOS, pad_token_id=pad, decoder_start_token_id=start, do_sample=False,
                                       return_dict_in_generate=True, output_scores=True,
                                       num_return_sequences=given["num_beams"], **given)
        out = model.generate(torch.tensor([source]), attention_mask=torch.tensor([mask]), generation_config=settings)
        sequences = []
        for row in out.sequences.tolist():
            ended = [i for i, token in enumerate(row[1:]) if token == EOS]
            sequences.append(row[: ended[0] + 2] if ended else row)
        scores = out.sequences_scores.tolist() if given["num_beams"] > 1 else []
        found.append({"settings": given, "sequences": sequences, "scores": scores})
    return found


def greedy(model, source, mask, target, n):
    target = torch.tensor([target])
    begin = target.shape[1]
    for _ in range(n):
        out = model(torch.tensor([source]), attention_mask=torch.tensor([mask]), decoder_input_ids=target)
        target = torch.cat([target, out.logits[:, -1:].argmax(-1)], 1)
    return target[0, begin:].tolist()


def cases(d_source, d_target, start, seed):
    rng = np.random.default_rng(seed)
    source = lambda n: rng.integers(3, d_source, n).tolist()
    target = lambda n: [start] + rng.integers(3, d_target, n - 1).tolist()
    return {
        "case_plain": (source(11), [1] * 11, target(7)),
        "case_again": (source(24), [1] * 24, target(19)),
        "case_one": (source(1), [1], target(1)),
        "case_left": (source(9), [0] * 3 + [1] * 6, target(5)),
        "case_right": (source(10), [1] * 7 + [0] * 3, target(8)),
    }


def pair(name, seed, model, parts, post=False, rms=False, eps=1e-5, embed_scale=1.0, norm_first=False, scale=None,
         n_layers=2, n_heads=4, edit=None, eos_bias=4.0):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model = model.eval()
    model.set_attn_implementation("eager")
    if name == "t5_v11":
        # transformers 5 ties what checkpoints of this kind hold twice.
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    randomise(model, seed)
    for stack in (model.get_encoder(), model.get_decoder()):
        if hasattr(getattr(stack, "embed_positions", None), "create_weight"):
            stack.embed_positions.weight.copy_(stack.embed_positions.create_weight())
    if rms:
        # As T5 begins: queries make up for the scale that their products lack.
        for key, parameter in model.named_parameters():
            if key.endswith("Attention.q.weight"):
                parameter.div_(math.sqrt(10))
    if hasattr(model, "final_logits_bias"):
        generator = torch.Generator().manual_seed(seed)
        model.final_logits_bias.copy_(0.5 * torch.randn(model.final_logits_bias.shape, generator=generator))
        model.final_logits_bias[0, EOS] += eos_bias
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if edit:
        config = json.loads((folder / "config.json").read_text())
        edit(config)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = model.double()
    config = model.config
    start = getattr(config, "decoder_start_token_id", None)
    start = config.pad_token_id if start is None else start
    d_target = getattr(config, "decoder_vocab_size", None) or config.vocab_size
    taps = attach(model, parts, post, rms, eps, n_heads, embed_scale, norm_first)
    for case, (source, mask, target) in cases(config.vocab_size, d_target, start, seed).items():
        out = model(torch.tensor([source]), attention_mask=torch.tensor([mask]), decoder_input_ids=torch.tensor([target]),
                    output_attentions=True, output_hidden_states=True, use_cache=False)
        for l in range(n_layers):
            taps.put(f"encoder.{l}.attn.hook_pattern", out.encoder_attentions[l][0])
            taps.put(f"decoder.{l}.attn.hook_pattern", out.decoder_attentions[l][0])
            taps.put(f"decoder.{l}.cross_attn.hook_pattern", out.cross_attentions[l][0])
        taps.put("encoder.last_hidden_state", out.encoder_last_hidden_state[0])
        taps.put("logits", out.logits[0])
        put_scores(model, taps, mask, n_layers, scale, parts)
        values = dict(taps.values)
        extra = {}
        if case != "case_plain":
            kept = ("logits", "hook_pattern", "hook_resid_post", "hook_resid_mid_cross", "last_hidden_state")
            values = {key: value for key, value in values.items() if key.endswith(kept)}
        if case in ("case_plain", "case_one"):
            extra["greedy"] = greedy(model, source, mask, target, 12)
        if case in ("case_plain", "case_left"):
            extra["searches"] = searches(model, source, mask, start, config.pad_token_id)
        write_case(folder, case, values, target, [1] * len(target), source=source, source_mask=mask, **extra)


SIZES = dict(d_model=24, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
             encoder_ffn_dim=44, decoder_ffn_dim=36, max_position_embeddings=40, pad_token_id=1, bos_token_id=0,
             eos_token_id=EOS)


def t5(name, seed, edit=None, **more):
    config = tf.T5Config(vocab_size=43, d_model=24, d_kv=10, d_ff=44, num_layers=2, num_heads=4, pad_token_id=0,
                         eos_token_id=EOS, relative_attention_num_buckets=8, relative_attention_max_distance=14,
                         layer_norm_epsilon=1e-4, decoder_start_token_id=0, **more)
    pair(name, seed, tf.T5ForConditionalGeneration(config), t5_parts, rms=True, eps=1e-4, scale=1.0, edit=edit)


def as_4(config):
    """As transformers 4 wrote the configuration of v1.1."""
    config.pop("scale_decoder_outputs", None)
    config["tie_word_embeddings"] = False


def bart_kin(name, seed, config, model, **more):
    scale = math.sqrt(24) if config.scale_embedding else 1.0
    # The others have it within their table.
    is_outside = isinstance(config, (tf.MarianConfig, tf.BlenderbotSmallConfig))
    pair(name, seed, model(config), bart_parts, embed_scale=scale if is_outside else 1.0, **more)


MAKERS = {
    "transformer": lambda: transformer("transformer", 68),
    "transformer_pre": lambda: transformer("transformer_pre", 69, norm_first=True),
    "t5": lambda: t5("t5", 60),
    "t5_v11": lambda: t5("t5_v11", 61, as_4, num_decoder_layers=2, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    "bart": lambda: bart_kin("bart", 62, tf.BartConfig(vocab_size=41, scale_embedding=True, decoder_start_token_id=2, **SIZES),
                             tf.BartForConditionalGeneration, post=True),
    "mbart": lambda: bart_kin("mbart", 63, tf.MBartConfig(vocab_size=41, scale_embedding=True, decoder_start_token_id=2, **SIZES),
                              tf.MBartForConditionalGeneration),
    "marian": lambda: bart_kin("marian", 64, tf.MarianConfig(
        vocab_size=41, scale_embedding=True, activation_function="swish", decoder_start_token_id=1, **SIZES),
        tf.MarianMTModel, post=True),
    "marian_two_vocabularies": lambda: bart_kin("marian_two_vocabularies", 65, tf.MarianConfig(
        vocab_size=41, decoder_vocab_size=37, share_encoder_decoder_embeddings=False, activation_function="relu",
        decoder_start_token_id=1, **SIZES), tf.MarianMTModel, post=True),
    "blenderbot": lambda: bart_kin("blenderbot", 66, tf.BlenderbotConfig(
        vocab_size=41, scale_embedding=True, decoder_start_token_id=1, **SIZES), tf.BlenderbotForConditionalGeneration),
    "blenderbot_small": lambda: bart_kin("blenderbot_small", 67, tf.BlenderbotSmallConfig(
        vocab_size=41, scale_embedding=True, decoder_start_token_id=1, **SIZES),
        tf.BlenderbotSmallForConditionalGeneration, post=True, norm_first=True),
}
