// Small models made on the spot, right and wrong: a GPT-2 as config + safetensors + tokenizer,
// a Llama as GGUF. Weights are random from a seed, large enough that attention is not flat. The
// BERTs have the random weights of tests/golden, and a tokenizer of whole words.

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { sha256 } from "./hub.mjs";
import * as safetensors from "./safetensors.mjs";

/** Seeded numbers, about normal. */
function randoms(seed) {
  let state = seed >>> 0 || 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return (n, spread) => Float32Array.from({ length: n }, () => (next() + next() + next() + next() - 2) * 1.7 * spread);
}

const constant = (n, value) => new Float32Array(n).fill(value);

/** The characters that stand for the 256 bytes in a byte-level vocabulary. */
function byteCharacters() {
  const printable = [...range(33, 127), ...range(161, 173), ...range(174, 256)];
  const characters = [];
  let n_others = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    characters.push(String.fromCodePoint(printable.includes(byte) ? byte : 256 + n_others++));
  }
  return characters;
}

const range = (from, to) => Array.from({ length: to - from }, (_, idx) => from + idx);

const MERGES = [["t", "h"], ["th", "e"], ["Ġ", "a"], ["i", "n"], ["Ġ", "the"], ["e", "r"], ["o", "n"]];
const END = "<|endoftext|>";

export const VOCAB = [...byteCharacters(), ...MERGES.map((pair) => pair.join("")), END];

export function tokenizerJson(change = (json) => json) {
  const end = VOCAB.length - 1;
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      { id: end, content: END, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    ],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(VOCAB.map((token, id) => [token, id])),
      merges: MERGES.map((pair) => [...pair]),
    },
  };
  return Buffer.from(JSON.stringify(change(json) ?? json));
}

/** Sizes of the small models; `heads` must divide `d`. */
const SIZES = { layers: 3, heads: 4, d: 32, ctx: 128, seed: 7 };

export function gpt2Config(sizes = {}) {
  const { layers, heads, d, ctx } = { ...SIZES, ...sizes };
  return {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    activation_function: "gelu_new",
    n_layer: layers,
    n_head: heads,
    n_embd: d,
    n_positions: ctx,
    n_ctx: ctx,
    vocab_size: VOCAB.length,
    layer_norm_epsilon: 1e-5,
    tie_word_embeddings: true,
    bos_token_id: VOCAB.length - 1,
    eos_token_id: VOCAB.length - 1,
  };
}

export function gpt2Tensors(sizes = {}) {
  const { layers, d, ctx, seed } = { ...SIZES, ...sizes };
  const random = randoms(seed);
  const tensors = {};
  const put = (name, shape, values) => (tensors[name] = { shape, values });
  const matrix = (name, rows, cols, spread) => put(name, [rows, cols], random(rows * cols, spread));
  const norm = (name) => {
    put(`${name}.weight`, [d], constant(d, 1));
    put(`${name}.bias`, [d], random(d, 0.1));
  };
  matrix("wte.weight", VOCAB.length, d, 0.6);
  matrix("wpe.weight", ctx, d, 0.3);
  for (let l = 0; l < layers; l += 1) {
    norm(`h.${l}.ln_1`);
    matrix(`h.${l}.attn.c_attn.weight`, d, 3 * d, 0.35);
    put(`h.${l}.attn.c_attn.bias`, [3 * d], random(3 * d, 0.1));
    matrix(`h.${l}.attn.c_proj.weight`, d, d, 0.2);
    put(`h.${l}.attn.c_proj.bias`, [d], random(d, 0.1));
    norm(`h.${l}.ln_2`);
    matrix(`h.${l}.mlp.c_fc.weight`, d, 4 * d, 0.2);
    put(`h.${l}.mlp.c_fc.bias`, [4 * d], random(4 * d, 0.1));
    matrix(`h.${l}.mlp.c_proj.weight`, 4 * d, d, 0.1);
    put(`h.${l}.mlp.c_proj.bias`, [d], random(d, 0.1));
  }
  norm("ln_f");
  return tensors;
}

/** config.json, model.safetensors, tokenizer.json. */
export function gpt2(sizes = {}) {
  return {
    "config.json": Buffer.from(JSON.stringify(gpt2Config(sizes))),
    "model.safetensors": safetensors.build(gpt2Tensors(sizes)),
    "tokenizer.json": tokenizerJson(),
  };
}

/** A site's models folder with these models: name → { title, files }. */
export function modelsFolder(models) {
  const overlay = {};
  const entries = Object.entries(models).map(([name, { title, files }]) => {
    for (const [path, bytes] of Object.entries(files)) overlay[`models/${name}/${path}`] = bytes;
    return {
      name,
      title,
      licence: "Apache-2.0",
      origin: "made by a test",
      files: Object.entries(files).map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) })),
    };
  });
  overlay["models/index.json"] = Buffer.from(JSON.stringify({ models: entries }));
  return overlay;
}

// Encoders

const GOLDEN = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../golden");
const ADDED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const WORDS =
  "the a man woman dog cat went to bought sat on in of and store park milk bread mat house it was he she they were " +
  "is are with for at by from river bank money tree bird sang song old new small large red blue green quick brown " +
  "fox jumps over lazy ran home day night . , not very good bad";

/** A tokenizer.json of lower-case words between [CLS] and [SEP]. */
export function wordsTokenizerJson(n_ids) {
  const words = [...ADDED, ...WORDS.split(" ")].slice(0, n_ids);
  while (words.length < n_ids) words.push(`word${words.length}`);
  const special = (content) => ({ [content]: { id: content, ids: [ADDED.indexOf(content)], tokens: [content] } });
  const piece = (id, type_id) => ({ SpecialToken: { id, type_id } });
  return Buffer.from(
    JSON.stringify({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: ADDED.map((content, id) => ({
        id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
      })),
      normalizer: { type: "Lowercase" },
      pre_tokenizer: { type: "Whitespace" },
      post_processor: {
        type: "TemplateProcessing",
        single: [piece("[CLS]", 0), { Sequence: { id: "A", type_id: 0 } }, piece("[SEP]", 0)],
        pair: [
          piece("[CLS]", 0), { Sequence: { id: "A", type_id: 0 } }, piece("[SEP]", 0),
          { Sequence: { id: "B", type_id: 1 } }, piece("[SEP]", 1),
        ],
        special_tokens: { ...special("[CLS]"), ...special("[SEP]") },
      },
      decoder: null,
      model: { type: "WordLevel", vocab: Object.fromEntries(words.map((word, id) => [word, id])), unk_token: "[UNK]" },
    }),
  );
}

/** A checkpoint of tests/golden with a tokenizer of words. */
export function golden(name) {
  const read = (file) => readFileSync(path.join(GOLDEN, name, file));
  const { vocab_size } = JSON.parse(read("config.json"));
  return {
    "config.json": read("config.json"),
    "model.safetensors": read("model.safetensors"),
    "tokenizer.json": wordsTokenizerJson(vocab_size),
  };
}

// Encoder–decoders

const SOURCE_WORDS = "the a cat dog man woman saw has bought new red small house book on in park and with today .";
const TARGET_WORDS = "o a um uma gato cão homem mulher viu tem comprou novo vermelho pequeno casa livro em no parque e com hoje .";

/** Pieces as SentencePiece has them; </s> first, the padding that a target begins with last. */
const PIECES = ["</s>", "<unk>", ...new Set(`${SOURCE_WORDS} ${TARGET_WORDS}`.split(" ").map((word) => `▁${word}`)), "<pad>"];

function piecesTokenizerJson() {
  const added = (content, id) => ({
    id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
  });
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  return Buffer.from(
    JSON.stringify({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: ["</s>", "<unk>", "<pad>"].map((one) => added(one, PIECES.indexOf(one))),
      normalizer: { type: "Lowercase" },
      pre_tokenizer: metaspace,
      post_processor: {
        type: "TemplateProcessing",
        single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
        pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
        special_tokens: { "</s>": { id: "</s>", ids: [0], tokens: ["</s>"] } },
      },
      decoder: metaspace,
      model: { type: "WordLevel", vocab: Object.fromEntries(PIECES.map((piece, id) => [piece, id])), unk_token: "<unk>" },
    }),
  );
}

/** A MarianMT of random weights: config, generation config, weights, tokenizer. */
export function marian({ layers = 2, heads = 4, d = 32, ctx = 24, seed = 3 } = {}) {
  const [n, random, tensors] = [PIECES.length, randoms(seed), {}];
  const put = (name, shape, values) => (tensors[`model.${name}`] = { shape, values });
  const linear = (name, rows, cols, spread) => {
    put(`${name}.weight`, [rows, cols], random(rows * cols, spread));
    put(`${name}.bias`, [rows], random(rows, 0.1));
  };
  const norm = (name) => {
    put(`${name}.weight`, [d], constant(d, 1));
    put(`${name}.bias`, [d], random(d, 0.1));
  };
  const attention = (name) => {
    for (const part of ["q", "k"]) linear(`${name}.${part}_proj`, d, d, 0.4);
    for (const part of ["v", "out"]) linear(`${name}.${part}_proj`, d, d, 0.3);
  };
  put("shared.weight", [n, d], random(n * d, 0.25));
  tensors.final_logits_bias = { shape: [1, n], values: random(n, 0.3) };
  for (const stack of ["encoder", "decoder"]) {
    for (let l = 0; l < layers; l += 1) {
      const at = `${stack}.layers.${l}`;
      attention(`${at}.self_attn`);
      norm(`${at}.self_attn_layer_norm`);
      if (stack === "decoder") {
        attention(`${at}.encoder_attn`);
        norm(`${at}.encoder_attn_layer_norm`);
      }
      linear(`${at}.fc1`, 2 * d, d, 0.25);
      linear(`${at}.fc2`, d, 2 * d, 0.2);
      norm(`${at}.final_layer_norm`);
    }
  }
  const config = {
    model_type: "marian",
    architectures: ["MarianMTModel"],
    _name_or_path: "tests/random-marian",
    activation_function: "swish",
    d_model: d,
    encoder_layers: layers,
    decoder_layers: layers,
    encoder_attention_heads: heads,
    decoder_attention_heads: heads,
    encoder_ffn_dim: 2 * d,
    decoder_ffn_dim: 2 * d,
    max_position_embeddings: ctx,
    vocab_size: n,
    decoder_vocab_size: n,
    scale_embedding: true,
    share_encoder_decoder_embeddings: true,
    is_encoder_decoder: true,
    tie_word_embeddings: true,
    decoder_start_token_id: n - 1,
    pad_token_id: n - 1,
    eos_token_id: 0,
  };
  const generation = {
    eos_token_id: 0, forced_eos_token_id: 0, bad_words_ids: [[n - 1], [1]], no_repeat_ngram_size: 1, length_penalty: 1,
  };
  return {
    "config.json": Buffer.from(JSON.stringify(config)),
    "generation_config.json": Buffer.from(JSON.stringify(generation)),
    "model.safetensors": safetensors.build(tensors),
    "tokenizer.json": piecesTokenizerJson(),
  };
}

// GGUF

export const GGUF = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10, i64: 11, f64: 12 };

class Writer {
  parts = [];

  number(n_bytes, write) {
    const buffer = Buffer.alloc(n_bytes);
    write(buffer);
    this.parts.push(buffer);
    return this;
  }
  u8 = (value) => this.number(1, (b) => b.writeUInt8(value));
  u32 = (value) => this.number(4, (b) => b.writeUInt32LE(value));
  i32 = (value) => this.number(4, (b) => b.writeInt32LE(value));
  u64 = (value) => this.number(8, (b) => b.writeBigUInt64LE(BigInt(value)));
  f32 = (value) => this.number(4, (b) => b.writeFloatLE(value));
  raw(bytes) {
    this.parts.push(Buffer.from(bytes));
    return this;
  }
  string(text) {
    const bytes = Buffer.from(text);
    return this.u64(bytes.length).raw(bytes);
  }
  value(type, value) {
    if (type === "string") return this.string(value);
    if (type === "bool") return this.u8(value ? 1 : 0);
    return this[type](value);
  }
  bytes() {
    return Buffer.concat(this.parts);
  }
}

/**
 * `metadata`: [key, type, value] with type "u32" … or "array:string"; `tensors`: name → { shape
 * (rows first), values | bytes, type? }. `version`, `magic`, `alignment` may be wrong on purpose.
 */
export function gguf({ metadata, tensors, version = 3, magic = "GGUF", alignment = 32, edit = () => {} }) {
  const writer = new Writer();
  const list = Object.entries(tensors);
  writer.raw(magic).u32(version).u64(list.length).u64(metadata.length);
  for (const [key, type, value] of metadata) {
    writer.string(key);
    if (type.startsWith("array:")) {
      const item = type.slice(6);
      writer.u32(GGUF.array).u32(GGUF[item]).u64(value.length);
      for (const one of value) writer.value(item, one);
    } else {
      writer.u32(GGUF[type]).value(type, value);
    }
  }
  let at = 0;
  const data = [];
  for (const [name, tensor] of list) {
    const bytes = tensor.bytes ?? Buffer.from(tensor.values.buffer, tensor.values.byteOffset, tensor.values.byteLength);
    const info = { name, dims: [...tensor.shape].reverse(), type: tensor.type ?? 0, offset: at };
    edit(info);
    writer.string(info.name).u32(info.dims.length);
    for (const dim of info.dims) writer.u64(dim);
    writer.u32(info.type).u64(info.offset);
    const padding = (alignment - (bytes.length % alignment)) % alignment;
    data.push(bytes, Buffer.alloc(padding));
    at += bytes.length + padding;
  }
  const head = writer.bytes();
  return Buffer.concat([head, Buffer.alloc((alignment - (head.length % alignment)) % alignment), ...data]);
}

export function llamaMetadata(sizes = {}) {
  const { layers, heads, d, ctx } = { ...SIZES, ...sizes };
  const end = VOCAB.length - 1;
  return [
    ["general.architecture", "string", "llama"],
    ["general.name", "string", sizes.name ?? "Small test Llama"],
    ["llama.context_length", "u32", ctx],
    ["llama.embedding_length", "u32", d],
    ["llama.block_count", "u32", layers],
    ["llama.feed_forward_length", "u32", 2 * d],
    ["llama.rope.dimension_count", "u32", d / heads],
    ["llama.rope.freq_base", "f32", 10000],
    ["llama.attention.head_count", "u32", heads],
    ["llama.attention.head_count_kv", "u32", heads / 2],
    ["llama.attention.layer_norm_rms_epsilon", "f32", 1e-5],
    ["llama.vocab_size", "u32", VOCAB.length],
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", "gpt-2"],
    ["tokenizer.ggml.tokens", "array:string", VOCAB],
    ["tokenizer.ggml.token_type", "array:i32", VOCAB.map((_, id) => (id === end ? 3 : 1))],
    ["tokenizer.ggml.merges", "array:string", MERGES.map((pair) => pair.join(" "))],
    ["tokenizer.ggml.bos_token_id", "u32", end],
    ["tokenizer.ggml.eos_token_id", "u32", end],
  ];
}

export function llamaTensors(sizes = {}) {
  const { layers, d, seed } = { ...SIZES, ...sizes };
  const random = randoms(seed + 1);
  const tensors = {};
  const matrix = (name, rows, cols, spread) => (tensors[name] = { shape: [rows, cols], values: random(rows * cols, spread) });
  const gain = (name) => (tensors[name] = { shape: [d], values: constant(d, 1) });
  matrix("token_embd.weight", VOCAB.length, d, 0.6);
  for (let l = 0; l < layers; l += 1) {
    gain(`blk.${l}.attn_norm.weight`);
    matrix(`blk.${l}.attn_q.weight`, d, d, 0.35);
    matrix(`blk.${l}.attn_k.weight`, d / 2, d, 0.35);
    matrix(`blk.${l}.attn_v.weight`, d / 2, d, 0.3);
    matrix(`blk.${l}.attn_output.weight`, d, d, 0.2);
    gain(`blk.${l}.ffn_norm.weight`);
    matrix(`blk.${l}.ffn_gate.weight`, 2 * d, d, 0.2);
    matrix(`blk.${l}.ffn_up.weight`, 2 * d, d, 0.2);
    matrix(`blk.${l}.ffn_down.weight`, d, 2 * d, 0.15);
  }
  gain("output_norm.weight");
  return tensors;
}

export function llama(sizes = {}, change = {}) {
  return gguf({ metadata: llamaMetadata(sizes), tensors: llamaTensors(sizes), ...change });
}

/** `metadata` with one value replaced, or left out where `value` is undefined. */
export function withValue(metadata, key, value, type) {
  return metadata.flatMap((entry) => {
    if (entry[0] !== key) return [entry];
    return value === undefined ? [] : [[key, type ?? entry[1], value]];
  });
}

let made;

/** The small models, made once. */
export function small() {
  made ??= { gpt2: gpt2(), llama: llama(), one: gpt2({ layers: 1, heads: 2, d: 16, seed: 11 }) };
  return made;
}
