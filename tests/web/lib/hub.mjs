// A stand-in for the model hub, on this machine, under the hub's own name: the browser's
// resolver is told to look for it here. Its certificate is made for the day, by openssl.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";

import { Rules, send } from "../server.mjs";

export const HUB = "huggingface.co";
const STORE = "cas-bridge.xethub.hf.co";

/** Hosts that the browser must look for on this machine. */
export const HUB_HOSTS = [HUB, STORE];

export class Hub {
  rules = new Rules();
  log = [];
  repos = new Map();

  async start() {
    const folder = mkdtempSync(path.join(os.tmpdir(), "vitrine-hub-"));
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name));
    const names = HUB_HOSTS.map((host) => `DNS:${host}`).join(",");
    execFileSync("openssl", [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-days", "2", "-subj", "/CN=test hub", "-addext", `subjectAltName=${names}`,
      "-keyout", key, "-out", cert,
    ], { stdio: "ignore" });
    const options = { key: readFileSync(key), cert: readFileSync(cert) };
    rmSync(folder, { recursive: true });
    this.server = https.createServer(options, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.port = this.server.address().port;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /**
   * Puts files (name → bytes) into a repository; returns its commit. The hashes of large files
   * are published in the list and the header, in the header of the file alone, or nowhere.
   */
  put(repo, files, { published = "list" } = {}) {
    const entries = Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes)]);
    const hash = createHash("sha1");
    for (const [name, bytes] of entries) hash.update(name).update(bytes);
    const commit = hash.digest("hex");
    this.repos.set(repo, { commit, files: new Map(entries), published });
    return commit;
  }

  reset() {
    this.rules.clear();
    this.repos.clear();
    this.log = [];
  }

  async #answer(request, response) {
    const host = (request.headers.host ?? "").split(":")[0];
    const url = new URL(request.url, `https://${host}`);
    const urlPath = decodeURIComponent(url.pathname);
    const cors = {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Headers": "*",
      "Access-Control-Expose-Headers":
        "X-Repo-Commit,X-Linked-Size,X-Linked-Etag,ETag,Content-Range,Accept-Ranges,Content-Length,Retry-After,X-Error-Code",
    };
    if (request.method === "OPTIONS") {
      response.writeHead(204, cors);
      return void response.end();
    }
    this.log.push({ host, path: urlPath, range: request.headers.range });
    const rule = this.rules.take(`//${host}${urlPath}`) ?? {};
    const refuse = (status, body, code) => {
      const headers = code && { "X-Error-Code": code };
      return send(request, response, null, { status, body, type: "text/plain", headers }, cors);
    };
    if (rule.status || rule.body !== undefined || rule.drop) {
      return send(request, response, null, rule, cors);
    }
    const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree)\/([^/]+))?\/?$/.exec(urlPath);
    if (api) {
      const repo = this.repos.get(api[1]);
      if (!repo) return refuse(401, '{"error":"Invalid username or password."}', "RepoNotFound");
      return this.#describe(request, response, { name: api[1], repo, kind: api[2], cors, rule });
    }
    const file = /^\/([^/]+\/[^/]+)\/(?:resolve|raw)\/([^/]+)\/(.+)$/.exec(urlPath);
    const repo = file && this.repos.get(file[1]);
    if (!repo) return refuse(401, "Invalid username or password.", "RepoNotFound");
    const bytes = repo.files.get(file[3]);
    if (!bytes) return refuse(404, "Entry not found", "EntryNotFound");
    if (!["main", repo.commit].includes(file[2])) return refuse(404, "Invalid rev id", "RevisionNotFound");
    const facts = { "X-Repo-Commit": repo.commit };
    if (repo.published !== "nowhere") facts.ETag = `"${sha256(bytes)}"`;
    if (repo.published === "header") facts["X-Linked-Etag"] = facts.ETag;
    if (host === HUB && bytes.length > 4096) {
      // Large files live in another place, as at the real hub.
      const headers = {
        ...cors,
        ...facts,
        Location: `https://${STORE}${url.pathname}`,
        "X-Linked-Size": bytes.length,
        ...(facts.ETag && { "X-Linked-Etag": facts.ETag }),
      };
      response.writeHead(302, headers);
      return void response.end();
    }
    return send(request, response, bytes, rule, { ...cors, ...facts });
  }

  #describe(request, response, { name, repo, kind, cors, rule }) {
    const list = [...repo.files].map(([path, bytes]) => ({ path, bytes }));
    const isLarge = (bytes) => bytes.length > 4096 && repo.published === "list";
    const answer =
      kind === "tree"
        ? list.map(({ path, bytes }) => ({
            type: "file",
            path,
            size: bytes.length,
            oid: sha256(bytes).slice(0, 40),
            ...(isLarge(bytes) && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } }),
          }))
        : {
            id: name,
            modelId: name,
            sha: repo.commit,
            private: false,
            gated: false,
            tags: ["safetensors", "license:apache-2.0"],
            cardData: { license: "apache-2.0" },
            siblings: list.map(({ path, bytes }) => ({
              rfilename: path,
              size: bytes.length,
              ...(isLarge(bytes) && { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 134 } }),
            })),
          };
    const body = Buffer.from(JSON.stringify(answer));
    return send(request, response, body, rule, { ...cors, "Content-Type": "application/json" });
  }
}

export function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
