// The bytes between page and worker (app/src/wire.rs, protocol.rs), for a test that stands in for
// the page: postcard's format, in which a value is its fields in their order and nothing else.
// Messages look as serde's JSON of them would: { Run: { run, text, pair } }, "Stop". An order
// that no longer fits the protocol shows as a test that hears nothing.

// A type is a name, a pair [kind, what it holds], or an object of fields.
const list = (item) => ["list", item];
const optional = (item) => ["optional", item];
const pair = (item) => ["pair", item];
/** Variants in their order; one that carries nothing is its name alone. */
const variants = (...of) => ["variants", of.map((one) => (Array.isArray(one) ? one : [one, null]))];

const choice = variants("Auto", "Gpu", "Cpu");
const source = variants(["Bundled", "text"], "Files", ["Hub", { repo: "text", revision: "text", file: "text" }]);
const sampling = { temperature: "f32", top_k: "int", top_p: "f32", seed: "int" };
const size = { width: "int", height: "int" };
const style = {
  dark: "bool", n_cols: "int", gap: "int", order: list("int"), selected: optional("int"),
  hovered: optional("int"), hidden_keys: list("int"),
};

const attention = variants("Own", "Encoder", "Decoder", "Cross");
const target = variants(["Typed", "text"], ["Written", { n_beams: "int", max_tokens: "int" }]);

const TO_WORKER = variants(
  ["Start", { engine: choice }],
  ["UseEngine", choice],
  ["Load", source],
  "CancelLoad",
  ["Run", {
    run: "int", text: "text", pair: optional("text"), masks: list("int"), chat: list(pair("text")),
    target: optional(target),
  }],
  ["Want", { hooks: list("text"), lens_at: optional("int"), losses: "bool" }],
  ["Generate", { run: "int", n_tokens: "int", sampling }],
  "Stop",
  ["Wall", { of: attention, command: variants(["Attach", size], ["Resize", size], ["Style", style], "Detach") }],
  ["Compare", { texts: list("text") }],
  "CompareEngines",
  ["Export", { hooks: list("text") }],
  "MaskEach",
  ["Weights", { name: "text", first: pair("int"), size: pair("int"), spectrum: "bool" }],
  "CloseRecorded",
);

const candidate = { id: "int", text: "text", logit: "f32" };
const token = {
  id: "int", text: "text", bytes: list("byte"), span: optional(pair("int")), special: "bool",
  generated: "bool", second: "bool", masked: "bool",
};
const positions = {
  stack: "text", kind: variants("Learned", "Sinusoidal", "Rotary", "Linear", "Buckets", "Order"), table: optional("text"),
  offset: "int", frequencies: list("f64"), is_interleaved: "bool", slopes: list("f32"), biases: list("f32"),
  buckets: list("int"), windows: list("int"), causal: "bool",
};
const card = {
  title: "text", source: optional(source), architecture: "text", n_layers: "int", n_heads: "int",
  n_kv_heads: "int", d_model: "int", d_head: "int", d_mlp: "int", n_ctx: "int", d_vocab: "int",
  causal: "bool", rms_norm: "bool", post_norm: "bool", gated_mlp: "bool", n_params: "int",
  storage: list("text"), bytes_held: "int",
  files: list({ name: "text", bytes: "int", sha256: optional("text"), published: "bool" }), verified: "bool",
  licence: optional("text"), revision: optional("text"), hooks: list("text"),
  norm_weights: list({ name: "text", gain: list("f32"), bias: list("f32") }), has_mlm: "bool",
  mask_token: optional("int"), windows: list("int"), parts: list({ name: "text", n: "int" }),
  config: list(pair("text")), tokenizer: list(pair("text")),
  matrices: list({ name: "text", shape: pair("int") }), positions: list(positions),
  has_chat: "bool",
  recorded: optional({ has_ids: "bool", notes: list("text") }),
  attn_scale: "f32",
};
// The encoder of an encoder–decoder has a card of its own.
card.encoder = optional(card);
const beamNode = {
  parent: optional("int"), id: "int", text: "text", log_p: "f32", score: "f32", n_tokens: "int",
  fate: variants("Kept", "Ended", "Dropped"),
};
const written = {
  run: "int", n_beams: "int", is_done: "bool", text: "text", chosen: optional("int"), nodes: list(beamNode),
  hypotheses: list({ node: "int", score: "f32", text: "text" }),
};
const maskedPlace = { position: "int", p_of_original: "f32", rank_of_original: "int", top: list(candidate) };
const lensRow = { hook: "text", top: list(candidate), entropy: "f32", rank_of_final: "int", p_of_final: "f32" };

const FROM_WORKER = variants(
  ["Engine", { gpu: "bool", name: "text", software: "bool", why: "text", gpu_available: "bool" }],
  ["Models", list({ name: "text", title: "text", bytes: "int", licence: "text", cached: "bool" })],
  ["Progress", { stage: "text", received: "int", total: optional("int"), rate: "f64" }],
  ["Loaded", card],
  ["Tokens", { run: "int", tokens: list(token), notice: optional("text") }],
  ["Ran", { run: "int", n_tokens: "int", n_reused: "int", ms: "f64", pattern_row_error: optional("f32") }],
  ["Trace", { run: "int" }],
  ["Predictions", { run: "int", position: "int", top: list(candidate) }],
  ["Lens", { run: "int", position: "int", rows: list(lensRow) }],
  ["Losses", { run: "int", losses: list(optional("f32")) }],
  ["Generated", { run: "int", end: variants("Length", "EndToken", "Context", "Stopped") }],
  ["Similarity", { texts: list("text"), cosines: list("f32") }],
  ["EnginesCompared", { engines: pair("text"), relative_error: "f32", pattern_error: "f32" }],
  ["Exported", { file_name: "text" }],
  "WallStale",
  ["Fault", { place: variants("Engine", "Model", "Run", "Panel"), what: "text", advice: "text", facts: list(pair("text")) }],
  ["Masked", { run: "int", places: list(maskedPlace) }],
  ["Weights", { name: "text", shape: pair("int"), first: pair("int"), size: pair("int"), stored_as: "text" }],
  ["Spectrum", { name: "text", done: "f32", values: list("f32"), why_not: optional("text") }],
  ["Source", { run: "int", tokens: list(token), notice: optional("text") }],
  ["Written", written],
);

/** The bytes of a message to the worker. */
export function encode(message) {
  const bytes = [];
  const int = (value) => {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`${value} is no count`);
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  };
  const float = (array) => bytes.push(...new Uint8Array(array.buffer));
  const write = (type, value) => {
    const [kind, held] = Array.isArray(type) ? type : [];
    if (type === "int") int(value);
    else if (type === "byte") bytes.push(value);
    else if (type === "bool") bytes.push(value ? 1 : 0);
    else if (type === "f32") float(Float32Array.of(value));
    else if (type === "f64") float(Float64Array.of(value));
    else if (type === "text") {
      const text = new TextEncoder().encode(value);
      int(text.length);
      bytes.push(...text);
    } else if (kind === "list") {
      int(value.length);
      for (const item of value) write(held, item);
    } else if (kind === "optional") {
      bytes.push(value == null ? 0 : 1);
      if (value != null) write(held, value);
    } else if (kind === "pair") {
      for (const item of value) write(held, item);
    } else if (kind === "variants") {
      const [name, inside] = typeof value === "string" ? [value] : Object.entries(value)[0];
      const idx = held.findIndex(([known]) => known === name);
      if (idx < 0) throw new TypeError(`the protocol has no ${name}`);
      int(idx);
      if (held[idx][1]) write(held[idx][1], inside);
    } else {
      for (const [name, field] of Object.entries(type)) write(field, value[name]);
    }
  };
  write(TO_WORKER, message);
  return Uint8Array.from(bytes);
}

/** The message from the worker that some bytes hold. */
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const int = () => {
    let [value, place] = [0, 1];
    for (; view.getUint8(at) > 127; place *= 128) value += (view.getUint8(at++) - 128) * place;
    return value + view.getUint8(at++) * place;
  };
  const read = (type) => {
    const [kind, held] = Array.isArray(type) ? type : [];
    if (type === "int") return int();
    if (type === "byte") return view.getUint8(at++);
    if (type === "bool") return view.getUint8(at++) === 1;
    if (type === "f32") return view.getFloat32((at += 4) - 4, true);
    if (type === "f64") return view.getFloat64((at += 8) - 8, true);
    if (type === "text") {
      const length = int();
      return new TextDecoder().decode(bytes.subarray(at, (at += length)));
    }
    if (kind === "list") return Array.from({ length: int() }, () => read(held));
    if (kind === "optional") return view.getUint8(at++) === 1 ? read(held) : null;
    if (kind === "pair") return [read(held), read(held)];
    if (kind === "variants") {
      const [name, inside] = held[int()];
      return inside ? { [name]: read(inside) } : name;
    }
    return Object.fromEntries(Object.entries(type).map(([name, field]) => [name, read(field)]));
  };
  const message = read(FROM_WORKER);
  if (at !== bytes.length) throw new TypeError("the message is longer than the protocol says");
  return message;
}
