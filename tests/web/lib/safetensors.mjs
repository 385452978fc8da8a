// Reads and writes safetensors: the same format for fixtures and for what the page exports.

const SIZES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 };

/** name → { dtype, shape, bytes }; throws where the file breaks the format's rules. */
export function parse(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerSize = Number(view.getBigUint64(0, true));
  if (headerSize > file.length - 8) throw new Error("the header is longer than the file");
  const header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerSize)).toString("utf8"));
  const data = file.subarray(8 + headerSize);
  const tensors = new Map();
  let end = 0;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  entries.sort((a, b) => a[1].data_offsets[0] - b[1].data_offsets[0]);
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of entries) {
    if (from !== end) throw new Error(`${name} starts at ${from}, not ${end}`);
    const n_bytes = shape.reduce((product, n) => product * n, 1) * SIZES[dtype];
    if (to - from !== n_bytes) throw new Error(`${name} has ${to - from} bytes, not ${n_bytes}`);
    tensors.set(name, { dtype, shape, bytes: data.subarray(from, to) });
    end = to;
  }
  if (end !== data.length) throw new Error(`${data.length - end} bytes belong to no tensor`);
  return { metadata: header.__metadata__ ?? {}, tensors };
}

export function floats({ dtype, bytes }) {
  if (dtype !== "F32") throw new Error(`${dtype} is not F32`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** `tensors`: name → { shape, values: Float32Array }. */
export function build(tensors) {
  const header = {};
  const parts = [];
  let at = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + bytes.length] };
    parts.push(bytes);
    at += bytes.length;
  }
  return withHeader(JSON.stringify(header), Buffer.concat(parts));
}

/** A file with this header text, right or wrong. */
export function withHeader(text, data = Buffer.alloc(0)) {
  const header = Buffer.from(text);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, data]);
}
