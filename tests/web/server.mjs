// A static host as bad as hosts can be: serves a built site under any path and, where a rule
// says so, ignores ranges, cuts bodies short, answers 404 or a captive portal, drips bytes.

import { createReadStream, promises as fs } from "node:fs";
import http from "node:http";
import path from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

export function typeOf(name) {
  return TYPES[path.extname(name)] ?? "application/octet-stream";
}

/**
 * What a host may do to a request, first matching rule first:
 * { match: RegExp | (path) => bool, times?: n,
 *   status?: 404, headers?: {}, body?: "text", type?: "text/html",   an answer of its own
 *   ignoreRange?: true,      200 and the whole file, whatever range was asked
 *   truncate?: 1000,         the promised length, then the connection dies after so many bytes
 *   flip?: 1000,             the byte at this offset is another one
 *   rate?: 1e6,              bytes a second
 *   wait?: Promise,          nothing is answered before this resolves
 *   drop?: true }            the connection is closed without a word
 */
export class Rules {
  #rules = [];

  add(rule) {
    this.#rules.push({ times: Infinity, used: 0, ...rule });
    return this;
  }

  clear() {
    this.#rules = [];
  }

  take(urlPath) {
    const matches = ({ match }) => (typeof match === "function" ? match(urlPath) : match.test(urlPath));
    const rule = this.#rules.find((rule) => rule.used < rule.times && matches(rule));
    if (rule) rule.used += 1;
    return rule;
  }
}

/** Sends `source` (a path or bytes) as a static host does, ranges and all, bent by `rule`. */
export async function send(request, response, source, rule = {}, extra = {}) {
  if (rule.wait) await rule.wait;
  if (rule.drop) return void response.destroy();
  if (rule.status || rule.body !== undefined) {
    const body = Buffer.from(rule.body ?? `${rule.status}`);
    const headers = { "Content-Type": rule.type ?? "text/plain", "Content-Length": body.length };
    response.writeHead(rule.status ?? 200, { ...extra, ...headers, ...rule.headers });
    return void response.end(body);
  }
  const size = Buffer.isBuffer(source) ? source.length : (await fs.stat(source)).size;
  let [first, last, status] = [0, size - 1, 200];
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  if (range && !rule.ignoreRange) {
    if (range[1] === "") first = Math.max(0, size - Number(range[2]));
    else {
      first = Number(range[1]);
      last = Math.min(size - 1, range[2] === "" ? size - 1 : Number(range[2]));
    }
    if (first > last) {
      response.writeHead(416, { ...extra, "Content-Range": `bytes */${size}` });
      return void response.end();
    }
    status = 206;
  }
  const headers = {
    "Content-Type": rule.type ?? typeOf(typeof source === "string" ? source : request.url),
    "Content-Length": last - first + 1,
    "Accept-Ranges": rule.ignoreRange ? "none" : "bytes",
    "Cache-Control": "no-cache",
    ...extra,
    ...rule.headers,
  };
  if (status === 206) headers["Content-Range"] = `bytes ${first}-${last}/${size}`;
  response.writeHead(status, headers);
  if (request.method === "HEAD" || size === 0) return void response.end();
  const stream = Buffer.isBuffer(source)
    ? chunks(source.subarray(first, last + 1))
    : createReadStream(source, { start: first, end: last, highWaterMark: 1 << 16 });
  let at = first;
  try {
    for await (let chunk of stream) {
      if (response.destroyed) return;
      if (rule.flip !== undefined && rule.flip >= at && rule.flip < at + chunk.length) {
        chunk = Buffer.from(chunk);
        chunk[rule.flip - at] ^= 0x5a;
      }
      if (rule.truncate !== undefined && at - first + chunk.length >= rule.truncate) {
        response.write(chunk.subarray(0, Math.max(0, rule.truncate - (at - first))), () => response.destroy());
        return;
      }
      at += chunk.length;
      response.write(chunk);
      if (rule.rate) await pause((chunk.length / rule.rate) * 1000);
      if (response.writableNeedDrain) await room(response);
    }
    response.end();
  } catch {
    response.destroy();
  }
}

function* chunks(bytes) {
  for (let at = 0; at < bytes.length; at += 1 << 16) yield bytes.subarray(at, at + (1 << 16));
}

/** Until more can be written, or no more will ever be. */
function room(response) {
  return new Promise((done) => {
    const end = () => {
      response.off("drain", end).off("close", end);
      done();
    };
    response.on("drain", end).on("close", end);
  });
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Serves `dist` below `base`, with `overlay` (URL path below the base → bytes or file) laid
 * over it: how a test puts a small model, or a broken one, in the place of the real ones.
 */
export class Site {
  rules = new Rules();
  log = [];

  constructor({ dist, base = "/", overlay = {}, models = undefined }) {
    Object.assign(this, { dist: path.resolve(dist), base, overlay, models });
    this.server = http.createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  async start() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.port = this.server.address().port;
    return this;
  }

  /** Address of the site; another host name for the same server where one is given. */
  url(hash = "", host = "127.0.0.1") {
    return `http://${host}:${this.port}${this.base}${hash}`;
  }

  /** The host is gone, as in an aeroplane. */
  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  async #answer(request, response) {
    const urlPath = decodeURIComponent(request.url.split("?")[0]);
    this.log.push({ path: urlPath, range: request.headers.range });
    const rule = this.rules.take(urlPath) ?? {};
    if (!urlPath.startsWith(this.base)) {
      return send(request, response, null, { status: 404, body: "outside the site" });
    }
    const below = urlPath.slice(this.base.length) || "index.html";
    const source = await this.#find(below);
    if (!source && !rule.status && rule.body === undefined) {
      return send(request, response, null, { status: 404, body: "not found" });
    }
    return send(request, response, source, rule, { "Content-Type": rule.type ?? typeOf(below) });
  }

  async #find(below) {
    if (below.split("/").includes("..")) return undefined;
    if (below in this.overlay) return this.overlay[below];
    if (below.startsWith("models/")) {
      if (this.models) {
        const file = path.join(this.models, below.slice("models/".length));
        return (await isFile(file)) ? file : undefined;
      }
      // A site with an overlaid index has no other models.
      if ("models/index.json" in this.overlay) return undefined;
    }
    const file = path.join(this.dist, below);
    return (await isFile(file)) ? file : undefined;
  }
}

async function isFile(file) {
  return fs.stat(file).then((stat) => stat.isFile(), () => false);
}
