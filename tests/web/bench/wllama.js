// Runs in the browser: the peer, wllama, with one thread and no GPU.

import { Wllama } from "/peer/wllama/index.js";

let wllama;

globalThis.setUp = async ({ model }) => {
  const blob = await (await fetch(model)).blob();
  wllama = new Wllama({ default: "/peer/wllama/wasm/wllama.wasm" }, { allowOffline: true, suppressNativeLog: true });
  await wllama.loadModel([blob], { n_ctx: 1024, n_threads: 1, n_gpu_layers: 0 });
  return { n_threads: wllama.getNumThreads() };
};

/** One prompt from nothing, then `n_tokens` greedy ones. */
globalThis.measure = async ({ prompt, n_tokens }) => {
  let timings;
  let text = "";
  const stream = await wllama.createCompletion({
    prompt,
    max_tokens: n_tokens,
    temperature: 0,
    stream: true,
    ignore_eos: true,
    cache_prompt: false,
    timings_per_token: true,
  });
  for await (const chunk of stream) {
    timings = chunk.timings ?? timings;
    text += chunk.choices?.[0]?.text ?? "";
  }
  return {
    n_prompt: timings.prompt_n,
    prefill: timings.prompt_per_second,
    decode: timings.predicted_per_second,
    text,
  };
};
globalThis.ready = true;
