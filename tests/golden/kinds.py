"""Tiny random checkpoints of the architectures that share the common forward pass.

One line a checkpoint: the transformers model, and where its modules keep what TransformerLens names.
References are computed by transformers in float32; many of its models take softmax and angles in float32
anyway. Scores are rebuilt from queries and keys, as TransformerLens defines them (ALiBi by distance).
"""

import copy
from operator import attrgetter
from pathlib import Path

import torch
import transformers as tf

from common import Taps, cases, decoder_case, randomise, scores_of, write_case

HERE = Path(__file__).parent


def flat(y):
    """[1, T, d] or [T, d] -> [1, T, d]"""
    return y.reshape(1, -1, y.shape[-1])


class Layout:
    """Where a model keeps its parts; paths are of the body, of a block, or (head) of the model."""

    def __init__(self, body, blocks, embed, ln1, ln2, o, up, down, qkv=None, fused=None, **more):
        self.body, self.blocks, self.embed = body, blocks, embed
        self.ln1, self.ln2, self.o, self.up, self.down = ln1, ln2, o, up, down
        self.qkv, self.fused = qkv, fused
        self.pos = self.types = self.embed_ln = self.final = self.gate = self.rope = self.qk_norm = None
        self.post = self.parallel = self.rms = self.by_head = False
        self.embed_scale = lambda config, ids, mask: 1.0
        self.scale = self.slopes = None
        self.windows = lambda config: [None] * 9
        self.eps = lambda config: getattr(config, "layer_norm_epsilon", None) or config.layer_norm_eps
        vars(self).update(more)


def attach(model, layout, n_heads, n_kv, causal):
    """Taps on all modules; returns them with a function that completes a case."""
    taps, config = Taps(), model.config
    body = attrgetter(layout.body)(model) if layout.body else model
    part = lambda root, path: attrgetter(path)(root)
    eps = layout.eps(config)

    def norm(name, module):
        def hook(_, args, output):
            x = flat(args[0])[0]
            mean = x.mean(-1, keepdim=True)
            centred = x if layout.rms else x - mean
            scale = (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt()
            taps.put(f"{name}.hook_mean", mean)
            taps.put(f"{name}.hook_scale", scale)
            taps.put(f"{name}.hook_normalized", x / scale if layout.rms else flat(output)[0])

        module.register_forward_hook(hook)

    by = lambda n: lambda y: flat(y).unflatten(-1, (n, -1))
    taps.out("hook_embed", part(body, layout.embed), flat)
    if layout.pos:
        taps.out("hook_pos_embed", part(body, layout.pos), flat)
    if layout.types:
        taps.out("hook_token_type_embed", part(body, layout.types), flat)
    if layout.embed_ln:
        norm("embed.ln", part(body, layout.embed_ln))
    blocks = part(body, layout.blocks)
    for l, block in enumerate(blocks):
        p = f"blocks.{l}."
        taps.into(p + "hook_resid_pre", block)
        if l == 0 and not causal:
            taps.into("hook_full_embed", block)
        if layout.qkv:
            for letter, path, n in zip("qkv", layout.qkv, (n_heads, n_kv, n_kv)):
                taps.out(f"{p}attn.hook_{letter}", part(block, path), by(n))
        else:
            def split(y, i):
                y = flat(y)
                if layout.by_head:
                    return y.unflatten(-1, (n_heads, 3, -1))[..., i, :]
                return y.unflatten(-1, (3, n_heads, -1))[..., i, :, :]

            for i, letter in enumerate("qkv"):
                taps.out(f"{p}attn.hook_{letter}", part(block, layout.fused), lambda y, i=i: split(y, i))
        if layout.qk_norm:
            for letter, path in zip("qk", layout.qk_norm):
                taps.out(f"{p}normed_{letter}", part(block, path))
        taps.into(p + "attn.hook_z", part(block, layout.o), by(n_heads))
        taps.out(p + "hook_attn_out", part(block, layout.o), flat)
        ln1, ln2 = part(block, layout.ln1), part(block, layout.ln2)
        norm(p + "ln1", ln1)
        norm(p + "ln2", ln2)
        if layout.post:
            taps.into(p + "hook_resid_mid", ln1, flat)
            taps.into(p + "hook_resid_post", ln2, flat)
            taps.out(p + "hook_normalized_resid_post", ln2, flat)
        else:
            if not layout.parallel:
                taps.into(p + "hook_resid_mid", ln2, flat)
            taps.out(p + "hook_resid_post", block)
        taps.out(p + "mlp.hook_pre", part(block, layout.gate or layout.up), flat)
        if layout.gate:
            taps.out(p + "mlp.hook_pre_linear", part(block, layout.up), flat)
        taps.into(p + "mlp.hook_post", part(block, layout.down), flat)
        taps.out(p + "hook_mlp_out", part(block, layout.down), flat)
    if layout.final:
        norm("ln_final", part(body, layout.final))

    def finish(mask, ids):
        scale = layout.embed_scale(config, ids, mask)
        taps.values["hook_embed"] = taps.values["hook_embed"] * scale
        windows = layout.windows(config)
        slopes = torch.tensor(layout.slopes) if layout.slopes else None
        for l in range(len(blocks)):
            p = f"blocks.{l}."
            q, k = taps.values[p + "attn.hook_q"], taps.values[p + "attn.hook_k"]
            if layout.qk_norm:
                q, k = taps.values.pop(p + "normed_q"), taps.values.pop(p + "normed_k")
            if layout.rope:
                q, k = layout.rope(body, q, k)
                taps.put(p + "attn.hook_rot_q", q)
                taps.put(p + "attn.hook_rot_k", k)
            scores = scores_of(q, k, causal, mask, layout.scale, windows[l], slopes)
            taps.put(p + "attn.hook_attn_scores", scores)

    return taps, finish


def decoder(name, seed, model, layout, n_heads, n_kv=None, dtype=torch.float32):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model = save(model, folder, seed, dtype)
    taps, finish = attach(model, layout, n_heads, n_kv or n_heads, True)
    for case, (ids, mask) in cases(model.config.vocab_size, seed).items():
        decoder_case(model, taps, folder, case, ids, mask, lambda mask: finish(mask, ids))


def encoder(name, seed, model, layout, n_heads, n_types=0):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model = save(model, folder, seed, torch.float32)
    taps, finish = attach(model, layout, n_heads, n_heads, False)
    for case, (ids, mask) in cases(model.config.vocab_size, seed).items():
        types = [int(i > len(ids) // 2) for i in range(len(ids))] if n_types > 1 else None
        given = {} if types is None else {"token_type_ids": torch.tensor([types])}
        out = model(torch.tensor([ids]), attention_mask=torch.tensor([mask]), output_attentions=True,
                    output_hidden_states=True, **given)
        for l, pattern in enumerate(out.attentions):
            taps.put(f"blocks.{l}.attn.hook_pattern", pattern[0])
        finish(mask, ids)
        taps.put("last_hidden_state", out.hidden_states[-1][0])
        if out.get("logits") is not None:
            scores = out.logits[0]
            taps.put(*("logits", scores) if scores.dim() > 1 else ("discriminator_logits", scores[:, None]))
        kept = ("logits", "hook_pattern", "hook_scale", "hook_resid_post", "hook_embed", "state")
        values = {key: value for key, value in taps.values.items() if case == "case_plain" or key.endswith(kept)}
        write_case(folder, case, values, ids, mask, types)


def save(model, folder, seed, dtype):
    """Random weights, rounded as the file holds them."""
    model = model.eval()
    model.set_attn_implementation("eager")
    randomise(model, seed)
    for parameter in model.parameters():
        parameter.copy_(parameter.to(dtype))
    # A copy, because the rotary frequencies would be rounded too.
    copy.deepcopy(model).to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    return model


def rope_of(module):
    """Angles by the model's own rotary_emb, pairs as halves, only the first columns of each head."""

    def rope(body, q, k):
        positions = torch.arange(q.shape[0])[None]
        cos, sin = (table[0][:, None, :] for table in attrgetter(module)(body)(q, positions))
        n = cos.shape[-1]

        def turn(x):
            a, b = x[..., :n].chunk(2, -1)
            turned = x[..., :n] * cos + torch.cat([-b, a], -1) * sin
            return torch.cat([turned, x[..., n:]], -1)

        return turn(q), turn(k)

    return rope


def rope_gptj(n_rotary):
    """Interleaved pairs, base 10000."""

    def rope(body, q, k):
        frequencies = 10000.0 ** (-torch.arange(0, n_rotary, 2, dtype=torch.float64) / n_rotary)
        angles = torch.arange(q.shape[0], dtype=torch.float64)[:, None] * frequencies
        cos, sin = angles.cos()[:, None].float(), angles.sin()[:, None].float()

        def turn(x):
            a, b = x[..., 0:n_rotary:2], x[..., 1:n_rotary:2]
            turned = torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
            return torch.cat([turned, x[..., n_rotary:]], -1)

        return turn(q), turn(k)

    return rope


PROJECTIONS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
LLAMA = dict(
    body="model", blocks="layers", embed="embed_tokens", ln1="input_layernorm", ln2="post_attention_layernorm",
    qkv=PROJECTIONS, o="self_attn.o_proj", gate="mlp.gate_proj", up="mlp.up_proj", down="mlp.down_proj", final="norm",
    rope=rope_of("rotary_emb"), rms=True, eps=lambda config: config.rms_norm_eps,
)
NEOX = dict(
    body="gpt_neox", blocks="layers", embed="embed_in", ln1="input_layernorm", ln2="post_attention_layernorm",
    fused="attention.query_key_value", by_head=True, o="attention.dense", up="mlp.dense_h_to_4h",
    down="mlp.dense_4h_to_h", final="final_layer_norm", rope=rope_of("rotary_emb"),
)
BLOOM = dict(
    body="transformer", blocks="h", embed="word_embeddings_layernorm", embed_ln="word_embeddings_layernorm",
    ln1="input_layernorm", ln2="post_attention_layernorm", fused="self_attention.query_key_value", by_head=True,
    o="self_attention.dense", up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h", final="ln_f",
)
OPT = dict(
    body="model.decoder", blocks="layers", embed="embed_tokens", pos="embed_positions", ln1="self_attn_layer_norm",
    ln2="final_layer_norm", qkv=PROJECTIONS, o="self_attn.out_proj", up="fc1", down="fc2", eps=lambda config: 1e-5,
)
BERT = dict(
    blocks="encoder.layer", embed="embeddings.word_embeddings", pos="embeddings.position_embeddings",
    types="embeddings.token_type_embeddings", embed_ln="embeddings.LayerNorm", ln1="attention.output.LayerNorm",
    ln2="output.LayerNorm", qkv=[f"attention.self.{name}" for name in ("query", "key", "value")],
    o="attention.output.dense", up="intermediate.dense", down="output.dense", post=True,
)
ESM = dict(
    body="esm", blocks="encoder.layer", embed="embeddings.word_embeddings", ln1="attention.LayerNorm", ln2="LayerNorm",
    qkv=BERT["qkv"], o="attention.output.dense", up="intermediate.dense", down="output.dense",
    final="encoder.emb_layer_norm_after",
)


def esm_scale(config, ids, mask):
    masked = torch.tensor(ids) == config.mask_token_id
    return (~masked)[:, None] * 0.88 / (1 - masked.sum() / sum(mask))


SMALL = dict(bos_token_id=0, eos_token_id=0, pad_token_id=None)
SIZES = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=44, max_position_embeddings=40)
OLD_SIZES = dict(n_embd=24, n_layer=2, n_head=4, n_positions=40)


def llama_like(name, seed, model, dtype=torch.float32, n_heads=4, n_kv=2, **more):
    config = model.config_class(vocab_size=43, rms_norm_eps=1e-5, num_key_value_heads=n_kv, **{**SIZES, **SMALL},
                                **{key: value for key, value in more.items() if key not in ("layout",)})
    decoder(name, seed, model(config), Layout(**{**LLAMA, **more.get("layout", {})}), n_heads, n_kv, dtype)


def neox(name, seed, n_heads=4, **more):
    config = tf.GPTNeoXConfig(vocab_size=41, layer_norm_eps=1e-4, **SIZES, **SMALL, **more)
    layout = Layout(**NEOX, parallel=config.use_parallel_residual)
    decoder(name, seed, tf.GPTNeoXForCausalLM(config), layout, n_heads)


def bloom(name, seed, n_heads, slopes):
    config = tf.BloomConfig(vocab_size=41, hidden_size=24, n_layer=2, n_head=n_heads, **SMALL)
    decoder(name, seed, tf.BloomForCausalLM(config), Layout(**BLOOM, slopes=slopes), n_heads)


def opt(name, seed, layout, **more):
    config = tf.OPTConfig(vocab_size=41, ffn_dim=44, **{**SIZES, **SMALL, "pad_token_id": 1}, **more)
    decoder(name, seed, tf.OPTForCausalLM(config), Layout(**{**OPT, **layout}), 4)


def gpt_neo():
    config = tf.GPTNeoConfig(vocab_size=41, hidden_size=24, num_layers=3, num_heads=4, window_size=4,
                             attention_types=[[["global", "local", "local"], 1]], max_position_embeddings=40, **SMALL)
    layout = Layout("transformer", "h", "wte", "ln_1", "ln_2", "attn.attention.out_proj", "mlp.c_fc", "mlp.c_proj",
                    qkv=[f"attn.attention.{letter}_proj" for letter in "qkv"], pos="wpe", final="ln_f", scale=1.0,
                    windows=lambda config: [None, 4, 4])
    decoder("gpt_neo", 21, tf.GPTNeoForCausalLM(config), layout, 4)


def gptj(name, seed, rotary_dim):
    config = tf.GPTJConfig(vocab_size=41, rotary_dim=rotary_dim, n_inner=50, **OLD_SIZES, **SMALL)
    layout = Layout("transformer", "h", "wte", "ln_1", "ln_1", "attn.out_proj", "mlp.fc_in", "mlp.fc_out",
                    qkv=[f"attn.{letter}_proj" for letter in "qkv"], final="ln_f", parallel=True,
                    rope=rope_gptj(rotary_dim))
    decoder(name, seed, tf.GPTJForCausalLM(config), layout, 4)


def openai_gpt():
    config = tf.OpenAIGPTConfig(vocab_size=41, **OLD_SIZES)
    layout = Layout("transformer", "h", "tokens_embed", "ln_1", "ln_2", "attn.c_proj", "mlp.c_fc", "mlp.c_proj",
                    fused="attn.c_attn", pos="positions_embed", post=True)
    decoder("openai_gpt", 20, tf.OpenAIGPTLMHeadModel(config), layout, 4)


def phi(name, seed, n_kv, part):
    config = tf.PhiConfig(vocab_size=41, num_key_value_heads=n_kv, **SIZES, **SMALL,
                          rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": part})
    layout = Layout("model", "layers", "embed_tokens", "input_layernorm", "input_layernorm", "self_attn.dense",
                    "mlp.fc1", "mlp.fc2", qkv=PROJECTIONS, final="final_layernorm", parallel=True,
                    rope=rope_of("rotary_emb"))
    decoder(name, seed, tf.PhiForCausalLM(config), layout, 4, n_kv)


def stablelm(name, seed, n_kv, part, **more):
    config = tf.StableLmConfig(vocab_size=41, num_key_value_heads=n_kv, layer_norm_eps=1e-4, **SIZES, **SMALL, **more,
                               rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": part})
    layout = {**LLAMA, "rms": False, "eps": lambda config: config.layer_norm_eps, "parallel": config.use_parallel_residual}
    if config.use_parallel_residual:
        layout["ln2"] = "input_layernorm"
    decoder(name, seed, tf.StableLmForCausalLM(config), Layout(**layout), 4, n_kv)


def roberta():
    config = tf.RobertaConfig(vocab_size=41, type_vocab_size=1, layer_norm_eps=1e-4, hidden_act="gelu_new",
                              **{**SIZES, "max_position_embeddings": 34})
    encoder("roberta", 40, tf.RobertaForMaskedLM(config), Layout("roberta", **BERT), 4)


def distilbert():
    config = tf.DistilBertConfig(vocab_size=41, dim=24, n_layers=2, n_heads=4, hidden_dim=44,
                                 max_position_embeddings=32)
    layout = Layout("distilbert", "transformer.layer", "embeddings.word_embeddings", "sa_layer_norm",
                    "output_layer_norm", "attention.out_lin", "ffn.lin1", "ffn.lin2",
                    qkv=[f"attention.{letter}_lin" for letter in "qkv"], pos="embeddings.position_embeddings",
                    embed_ln="embeddings.LayerNorm", post=True, eps=lambda config: 1e-12)
    encoder("distilbert", 41, tf.DistilBertForMaskedLM(config), layout, 4)


def electra(name, seed, embedding_size, kind=tf.ElectraForMaskedLM, **more):
    config = tf.ElectraConfig(vocab_size=41, embedding_size=embedding_size, **SIZES, **more)
    encoder(name, seed, kind(config), Layout("electra", **BERT), 4, 2)


def esm(name, seed, layout, **more):
    config = tf.EsmConfig(vocab_size=21, mask_token_id=3, pad_token_id=1, layer_norm_eps=1e-5, **SIZES, **more)
    encoder(name, seed, tf.EsmForMaskedLM(config), Layout(**{**ESM, **layout}), 4)


NARROW = {"post": True, "embed": "project_in"}
LINEAR = {"rope_type": "linear", "rope_theta": 400.0, "factor": 3.0}
MAKERS = {
    "openai_gpt": openai_gpt,
    "gpt_neo": gpt_neo,
    "gptj": lambda: gptj("gptj", 22, 4),
    "gpt_neox": lambda: neox("gpt_neox", 23, rope_parameters={
        "rope_type": "default", "rope_theta": 200.0, "partial_rotary_factor": 0.67}),
    "gpt_neox_sequential": lambda: neox("gpt_neox_sequential", 24, use_parallel_residual=False, rope_parameters={
        "rope_type": "linear", "rope_theta": 1000.0, "partial_rotary_factor": 1.0, "factor": 2.0}),
    "opt": lambda: opt("opt", 25, {"final": "final_layer_norm"}),
    "opt_350m": lambda: opt("opt_350m", 26, NARROW, do_layer_norm_before=False, word_embed_proj_dim=16),
    "bloom": lambda: bloom("bloom", 27, 4, [0.25, 0.0625, 0.015625, 0.00390625]),
    "bloom_6_heads": lambda: bloom("bloom_6_heads", 28, 6, [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]),
    "llama_linear_rope": lambda: llama_like("llama_linear_rope", 29, tf.LlamaForCausalLM, rope_parameters=LINEAR),
    "mistral": lambda: llama_like("mistral", 30, tf.MistralForCausalLM, sliding_window=5, head_dim=8,
                                  layout={"windows": lambda config: [5, 5]}),
    "qwen2": lambda: llama_like("qwen2", 31, tf.Qwen2ForCausalLM, torch.bfloat16),
    "qwen2_sliding": lambda: llama_like("qwen2_sliding", 32, tf.Qwen2ForCausalLM, use_sliding_window=True,
                                        sliding_window=3, max_window_layers=1, tie_word_embeddings=True,
                                        layout={"windows": lambda config: [None, 3]}),
    "qwen3": lambda: llama_like("qwen3", 33, tf.Qwen3ForCausalLM, head_dim=10, tie_word_embeddings=True,
                                layout={"qk_norm": ["self_attn.q_norm", "self_attn.k_norm"]}),
    "gemma": lambda: llama_like("gemma", 34, tf.GemmaForCausalLM, torch.float16, n_kv=1, head_dim=10),
    "phi": lambda: phi("phi", 35, 4, 0.67),
    "phi_grouped": lambda: phi("phi_grouped", 36, 2, 1.0),
    "stablelm": lambda: stablelm("stablelm", 37, 2, 0.67, use_qkv_bias=True),
    "stablelm_parallel": lambda: stablelm("stablelm_parallel", 38, 4, 0.34, use_parallel_residual=True, tie_word_embeddings=True),
    "roberta": roberta,
    "distilbert": distilbert,
    "electra": lambda: electra("electra", 42, 16),
    "electra_square": lambda: electra("electra_square", 43, 24),
    "electra_discriminator": lambda: electra("electra_discriminator", 44, 16, tf.ElectraForPreTraining, hidden_act="gelu_new"),
    "esm2": lambda: esm("esm2", 44, {"rope": rope_of("rotary_embeddings"), "embed_scale": esm_scale}, position_embedding_type="rotary",
                        token_dropout=True, emb_layer_norm_before=False),
    "esm1b": lambda: esm("esm1b", 45, {"pos": "embeddings.position_embeddings", "embed_ln": "embeddings.layer_norm",
                                       "embed_scale": esm_scale}, position_embedding_type="absolute",
                         token_dropout=True, emb_layer_norm_before=True),
    "esm1": lambda: esm("esm1", 46, {"pos": "embeddings.position_embeddings"}, position_embedding_type="absolute",
                        token_dropout=False, emb_layer_norm_before=False),
}
