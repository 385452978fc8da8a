// Broken model files, one for each way of being broken, with what the message must name.

import * as fixtures from "./fixtures.mjs";
import * as safetensors from "./safetensors.mjs";

const { gguf, gpt2, gpt2Config, gpt2Tensors, llama, llamaMetadata, llamaTensors, tokenizerJson, withValue } = fixtures;

const WEIGHTS = "model.safetensors";
const F32 = 'dtype":"F32"';

/** A GPT-2 whose weights file is these bytes. */
const withWeights = (bytes) => ({ ...gpt2(), [WEIGHTS]: bytes });
const withHeader = (text, data) => withWeights(safetensors.withHeader(text, data));
const tensor = (name, shape, from, to) => `"${name}":{"${F32},"shape":[${shape}],"data_offsets":[${from},${to}]}`;
const prefixed = (size, rest = "{}") => {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(size);
  return withWeights(Buffer.concat([head, Buffer.from(rest)]));
};
const good = () => gpt2()[WEIGHTS];

/** Each: name, files, says (patterns that the message must all match). */
export const SAFETENSORS = [
  { name: "five bytes", files: withWeights(Buffer.from([1, 2, 3, 4, 5])), says: [/5 bytes|short|8 bytes/i] },
  { name: "header of 2^64-1 bytes", files: prefixed(2n ** 64n - 1n), says: [/header/i] },
  { name: "header longer than the file", files: prefixed(5000n), says: [/header/i] },
  { name: "header of 200 MB", files: prefixed(200_000_000n), says: [/header/i] },
  { name: "header no UTF-8", files: withWeights(Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0, 0x7b]), Buffer.from([0xff, 0xfe, 0x7d])])), says: [/header|UTF-8|JSON/i] },
  { name: "header no JSON", files: withHeader("{nothing here}"), says: [/header|JSON/i] },
  { name: "header an array", files: withHeader("[1, 2]"), says: [/header|JSON|\{/i] },
  { name: "header 200 deep", files: withHeader(`{"a":${"[".repeat(200)}${"]".repeat(200)}}`), says: [/header|JSON|deep|nest/i] },
  { name: "duplicate key", files: withHeader(`{${tensor("wte.weight", "1", 0, 4)},${tensor("wte.weight", "1", 4, 8)}}`, Buffer.alloc(8)), says: [/wte\.weight/, /twice|duplicate|same name/i] },
  { name: "overlap", files: withHeader(`{${tensor("a.weight", "2", 0, 8)},${tensor("b.weight", "2", 4, 12)}}`, Buffer.alloc(12)), says: [/[ab]\.weight/] },
  { name: "hole", files: withHeader(`{${tensor("a.weight", "1", 0, 4)},${tensor("b.weight", "1", 8, 12)}}`, Buffer.alloc(12)), says: [/b\.weight|hole|gap/i] },
  { name: "trailing bytes", files: withWeights(Buffer.concat([good(), Buffer.alloc(16)])), says: [/16|trailing|more bytes|left over|belong/i] },
  { name: "cut short", files: withWeights(good().subarray(0, good().length - 1000)), says: [/end|short|truncat|bytes/i] },
  { name: "shape against bytes", files: withHeader(`{${tensor("a.weight", "3", 0, 8)}}`, Buffer.alloc(8)), says: [/a\.weight/] },
  { name: "product overflows", files: withHeader(`{${tensor("a.weight", "4294967296,4294967296,4294967296", 0, 8)}}`, Buffer.alloc(8)), says: [/a\.weight/] },
  { name: "negative offset", files: withHeader(`{${tensor("a.weight", "1", -4, 0)}}`, Buffer.alloc(4)), says: [/a\.weight|offset/i] },
  { name: "fractional offset", files: withHeader(`{${tensor("a.weight", "1", "0.5", "4.5")}}`, Buffer.alloc(8)), says: [/a\.weight|offset/i] },
  { name: "unknown dtype", files: withHeader('{"a.weight":{"dtype":"F7_E9","shape":[1],"data_offsets":[0,4]}}', Buffer.alloc(4)), says: [/F7_E9/] },
].map((one) => ({ ...one, says: [/model\.safetensors/, ...one.says] }));

const FILE = "small.gguf";
const asFile = (bytes) => ({ [FILE]: bytes });
const meta = (key, value, type) => asFile(llama({}, { metadata: withValue(llamaMetadata(), key, value, type) }));
const extra = (...entries) => asFile(llama({}, { metadata: [...llamaMetadata(), ...entries] }));
const edited = (name, change) => asFile(llama({}, { edit: (info) => info.name === name && change(info) }));

/** magic, version, counts, then `rest`. */
function start({ version = 3, n_tensors = 0n, n_metadata = 0n, rest = Buffer.alloc(0) }) {
  const head = Buffer.alloc(24);
  head.write("GGUF");
  head.writeUInt32LE(version, 4);
  head.writeBigUInt64LE(n_tensors, 8);
  head.writeBigUInt64LE(n_metadata, 16);
  return asFile(Buffer.concat([head, rest]));
}

const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};
const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const string = (text) => Buffer.concat([u64(BigInt(Buffer.from(text).length)), Buffer.from(text)]);

function bigEndian() {
  const bytes = llama();
  bytes.writeUInt32BE(3, 4);
  return asFile(bytes);
}

const array = (type, n) => Buffer.concat([string("a.list"), u32(9), u32(type), u64(n)]);

export const GGUF = [
  { name: "2^63 tensors in 32 bytes", files: start({ n_tensors: 2n ** 63n, rest: Buffer.alloc(8) }), says: [/tensor|count/i] },
  { name: "2^63 metadata in 32 bytes", files: start({ n_metadata: 2n ** 63n, rest: Buffer.alloc(8) }), says: [/metadata|count|key/i] },
  { name: "string of 2^48", files: start({ n_metadata: 1n, rest: u64(2n ** 48n) }), says: [/string|long|length|cut short/i] },
  { name: "array of 2^62", files: start({ n_metadata: 1n, rest: array(4, 2n ** 62n) }), says: [/a\.list|array/i] },
  { name: "array in an array", files: start({ n_metadata: 1n, rest: Buffer.concat([array(9, 1n), u32(9), u64(1n)]) }), says: [/a\.list|array/i] },
  { name: "no dimensions", files: edited("blk.0.attn_q.weight", (info) => (info.dims = [])), says: [/attn_q|dimension/i] },
  { name: "five dimensions", files: edited("blk.0.attn_q.weight", (info) => (info.dims = [2, 2, 2, 2, 64])), says: [/attn_q|dimension/i] },
  { name: "dimensions that wrap", files: edited("blk.0.attn_q.weight", (info) => (info.dims = [2n ** 33n, 2n ** 33n])), says: [/attn_q/i] },
  { name: "half a block", files: edited("blk.0.attn_q.weight", (info) => Object.assign(info, { dims: [31, 33], type: 2 })), says: [/attn_q/i, /block|32|multiple/i] },
  { name: "unknown type", files: edited("blk.0.attn_q.weight", (info) => (info.type = 99)), says: [/attn_q/i, /99/, /Q4_0/] },
  { name: "alignment 0", files: extra(["general.alignment", "u32", 0]), says: [/alignment/i] },
  { name: "alignment 3", files: extra(["general.alignment", "u32", 3]), says: [/alignment/i] },
  { name: "alignment 2^30", files: extra(["general.alignment", "u32", 2 ** 30]), says: [/alignment/i] },
  { name: "offset past the end", files: edited("blk.1.attn_q.weight", (info) => (info.offset = 2n ** 40n)), says: [/attn_q/i] },
  { name: "overlap", files: edited("blk.1.attn_q.weight", (info) => (info.offset -= 64)), says: [/blk\.\d/i] },
  { name: "misaligned", files: edited("blk.1.attn_q.weight", (info) => (info.offset += 5)), says: [/attn_q/i] },
  { name: "big-endian", files: bigEndian(), says: [/endian|version/i] },
  { name: "version 1", files: start({ version: 1 }), says: [/version/i, /1/] },
  { name: "version 4", files: start({ version: 4 }), says: [/version/i, /4/] },
  { name: "key no UTF-8", files: start({ n_metadata: 1n, rest: Buffer.concat([u64(2n), Buffer.from([0xff, 0xfe]), u32(4), u32(1)]) }), says: [/UTF-8|key/i] },
  { name: "duplicate key", files: extra(["general.name", "string", "again"]), says: [/general\.name/] },
  { name: "tokens of numbers", files: asFile(llama({}, { metadata: withValue(llamaMetadata(), "tokenizer.ggml.tokens", [1, 2, 3], "array:u32") })), says: [/tokenizer\.ggml\.tokens/] },
  { name: "fewer token types", files: meta("tokenizer.ggml.token_type", [1, 1, 1], "array:i32"), says: [/token_type/] },
  { name: "end token out of range", files: meta("tokenizer.ggml.eos_token_id", 5_000_000), says: [/eos_token_id|5000000/] },
  { name: "unknown architecture", files: meta("general.architecture", "perceiver"), says: [/perceiver/] },
  { name: "no heads", files: meta("llama.attention.head_count", 0), says: [/head_count/] },
  { name: "heads do not divide", files: meta("llama.attention.head_count", 5), says: [/head_count/] },
  { name: "key heads do not divide", files: meta("llama.attention.head_count_kv", 3), says: [/head_count_kv/] },
  { name: "missing field", files: meta("llama.block_count", undefined), says: [/block_count/] },
  { name: "tensors do not fit", files: asFile(llama({}, { metadata: withValue(llamaMetadata(), "llama.feed_forward_length", 96) })), says: [/ffn_/] },
  { name: "cut short", files: asFile(llama().subarray(0, 100_000)), says: [/end|short|truncat|beyond|past/i] },
].map((one) => ({ ...one, says: [/small\.gguf/, ...one.says] }));

const withTokenizer = (change) => ({ ...gpt2(), "tokenizer.json": tokenizerJson(change) });

export const TOKENIZER = [
  { name: "no JSON", files: { ...gpt2(), "tokenizer.json": Buffer.from("{oh") }, says: [] },
  { name: "merge of an unknown token", files: withTokenizer((json) => void json.model.merges.push(["zzzzzz", "qqqqqq"])), says: [/merge/i] },
  { name: "stride over the length", files: withTokenizer((json) => ({ ...json, truncation: { direction: "Right", max_length: 4, strategy: "LongestFirst", stride: 9 } })), says: [/stride|truncation/i] },
  { name: "padding to 4e9", files: withTokenizer((json) => ({ ...json, padding: { strategy: { Fixed: 4_000_000_000 }, direction: "Right", pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: "a" } })), says: [/padding/i] },
  { name: "id of two tokens", files: withTokenizer((json) => void (json.model.vocab.the = json.model.vocab.th)), says: [/id|twice|duplicate|same/i] },
  { name: "id past the embedding", files: withTokenizer((json) => void (json.model.vocab.extra = 9000)), says: [/9000|9,000|9 000/] },
  { name: "broken regex", files: withTokenizer((json) => ({ ...json, pre_tokenizer: { type: "Split", pattern: { Regex: "(((" }, behavior: "Isolated", invert: false } })), says: [/regex|pattern|expression/i] },
  { name: "explosive regex", files: withTokenizer((json) => ({ ...json, pre_tokenizer: { type: "Split", pattern: { Regex: "(.*)*\\1z" }, behavior: "Isolated", invert: false } })), says: [/takes too long/] },
].map((one) => ({ ...one, says: [/tokenizer\.json/, ...one.says] }));

const withConfig = (change) => ({ ...gpt2(), "config.json": Buffer.from(JSON.stringify({ ...gpt2Config(), ...change })) });

export const CONFIG = [
  { name: "no JSON", files: { ...gpt2(), "config.json": Buffer.from('{"n_layer": NaN}') }, says: [] },
  { name: "missing heads", files: withConfig({ n_head: undefined }), says: [/n_head/] },
  { name: "no heads", files: withConfig({ n_head: 0 }), says: [/n_head/] },
  { name: "heads do not divide", files: withConfig({ n_head: 5 }), says: [/n_head/, /32/] },
  { name: "negative layers", files: withConfig({ n_layer: -3 }), says: [/n_layer|-3/] },
  { name: "layers as words", files: withConfig({ n_layer: "three" }), says: [/n_layer|three/] },
  { name: "unknown family", files: withConfig({ model_type: "perceiver", architectures: ["Perceiver"] }), says: [/perceiver/i] },
  { name: "unknown activation", files: withConfig({ activation_function: "snake" }), says: [/snake/] },
].map((one) => ({ ...one, says: [/config\.json/, ...one.says] }));

const wrongWeights = () => safetensors.build(gpt2Tensors({ d: 16, heads: 2 }));

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

/** Files that are something else altogether. */
export const STRANGERS = [
  { name: "weights of another size", files: withWeights(wrongWeights()), says: [/wte\.weight/, /16/, /32/] },
  { name: "a pickle", files: { "pytorch_model.bin": bytes([0x80, 2], "}q\0.") }, says: [/pytorch_model\.bin/, /pickle/i] },
  { name: "a zip", files: { "model.zip": bytes("PK", [3, 4], Buffer.alloc(60)) }, says: [/model\.zip/, /zip/i] },
  { name: "an ONNX file", files: { "model.onnx": bytes([8, 7, 0x12, 7], "pytorch", Buffer.alloc(60)) }, says: [/model\.onnx/, /ONNX/] },
  { name: "a pointer of Git LFS", files: withWeights(Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")), says: [/model\.safetensors/, /LFS/] },
  { name: "a web page", files: { "model.gguf": Buffer.from("<!DOCTYPE html><html><body>Log in</body></html>") }, says: [/model\.gguf/, /HTML|web page/i] },
  { name: "an empty file", files: { "model.gguf": Buffer.alloc(0) }, says: [/model\.gguf/, /empty/i] },
  { name: "two models at once", files: { "a.gguf": llama(), "b.gguf": llama() }, says: [/a\.gguf|b\.gguf|two|2/i] },
  { name: "weights alone", files: { [WEIGHTS]: good() }, says: [/config\.json/] },
  { name: "no tokenizer", files: { "config.json": gpt2()["config.json"], [WEIGHTS]: good() }, says: [/tokenizer\.json/] },
];
