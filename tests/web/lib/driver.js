// Runs in the browser: speaks to the built worker as the page does, without the page. For what
// is about the engine alone: goldens and speed.

import { decode, encode } from "./wire.js";

export class Driver {
  #waiting = [];

  constructor(workerUrl) {
    this.worker = new Worker(workerUrl, { type: "module" });
    this.log = [];
    this.worker.onerror = (event) => this.#fail(new Error(`worker: ${event.message}`));
    this.worker.onmessage = ({ data }) => {
      const [packed, attachment] = data;
      // The probe beside the worker speaks JSON.
      const message = typeof packed === "string" ? JSON.parse(packed) : decode(packed);
      const [kind, value] = typeof message === "string" ? [message, null] : Object.entries(message)[0];
      const said = { kind, value, attachment, at: performance.now() };
      this.log.push({ ...said, attachment: attachment?.byteLength ?? null });
      if (this.log.length > 2000) this.log.splice(0, 1000);
      for (const waiter of [...this.#waiting]) waiter.see(said);
    };
  }

  #fail(err) {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(err);
  }

  tell(message, attachment = null, transfer = []) {
    this.worker.postMessage([encode(message), attachment], transfer);
  }

  /** All messages from now on, up to the first for which `ends` is true; a Fault rejects. */
  collect(ends) {
    return new Promise((resolve, reject) => {
      const seen = [];
      const waiter = {
        reject,
        see: (said) => {
          seen.push(said);
          const is_fault = said.kind === "Fault";
          if (!is_fault && !ends(said)) return;
          this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
          if (is_fault) reject(new Error(`fault: ${said.value.what} ${said.value.advice}`));
          else resolve(seen);
        },
      };
      this.#waiting.push(waiter);
    });
  }

  ask(message, kind, attachment, transfer) {
    const answer = this.collect((said) => said.kind === kind);
    this.tell(message, attachment, transfer);
    return answer.then((seen) => seen.at(-1));
  }

  /** What the engine has asked of WebGPU so far; needs driver-worker.js. */
  counts() {
    const answer = this.collect(({ kind }) => kind === "Counts");
    this.worker.postMessage("counts");
    return answer.then((seen) => seen.at(-1).value);
  }

  async start(engine) {
    const models = this.collect(({ kind }) => kind === "Models");
    this.tell({ Start: { engine } });
    const seen = await models;
    const said = seen.find(({ kind }) => kind === "Engine") ?? this.log.find(({ kind }) => kind === "Engine");
    return { engine: said?.value, models: seen.at(-1).value };
  }

  async load(source, files = null) {
    const { value: card } = await this.ask({ Load: source }, "Loaded", files);
    // The last word on a run: encoders predict no next token.
    this.#lastWord = card.causal ? "Predictions" : "Ran";
    return card;
  }

  #lastWord;

  #run = 0;

  /** Runs a text; answers with its tokens, report, predictions. */
  async run(text, { wants = { hooks: [], lens_at: null, losses: false }, pair = null, masks = [], target = null } = {}) {
    const run = (this.#run += 1);
    const mine = ({ value }) => value?.run === run;
    const answer = this.collect((said) => said.kind === this.#lastWord && mine(said));
    const traced = wants.hooks.length
      ? this.collect((said) => said.kind === "Trace" && mine(said))
      : Promise.resolve([]);
    this.tell({ Want: wants });
    const from = performance.now();
    this.tell({ Run: { run, text, pair, masks, chat: [], target } });
    const seen = await answer;
    const ms = performance.now() - from;
    const trace = (await traced).at(-1)?.attachment;
    const find = (kind) => seen.find((said) => said.kind === kind && mine(said));
    return {
      run,
      ms,
      source: find("Source")?.value.tokens,
      tokens: find("Tokens")?.value.tokens,
      report: find("Ran")?.value,
      predictions: seen.at(-1).value,
      logits: seen.at(-1).attachment,
      trace,
    };
  }

  /** Continues greedily; the times at which each token was there. */
  async generate(n_tokens, sampling = { temperature: 0, top_k: 0, top_p: 1, seed: 1 }) {
    const run = (this.#run += 1);
    const answer = this.collect(({ kind, value }) => kind === "Generated" && value.run === run);
    const from = performance.now();
    this.tell({ Generate: { run, n_tokens, sampling } });
    const seen = await answer;
    const reports = seen.filter(({ kind, value }) => kind === "Ran" && value.run === run);
    const lists = seen.filter(({ kind, value }) => kind === "Tokens" && value.run === run);
    return {
      from,
      at: reports.map(({ at }) => at),
      ms: reports.map(({ value }) => value.ms),
      tokens: lists.at(-1)?.value.tokens,
      end: seen.at(-1).value.end,
    };
  }
}
