// The engine's thread: takes the build of the engine that this browser's WebAssembly can run.

// (module (func (result v128) (i8x16.relaxed_swizzle (v128.const 1) (v128.const 2))))
const relaxedModule = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253,
  15, 65, 2, 253, 15, 253, 128, 2, 11,
];

// What arrives before the engine listens is kept for it.
const early = [];
const keep = (event) => early.push(event.data);
self.addEventListener("message", keep);

const relaxed = WebAssembly.validate(new Uint8Array(relaxedModule));
const engine = relaxed ? await import("./engine-relaxed.js") : await import("./engine.js");
const module = relaxed ? "./engine-relaxed_bg.wasm" : "./engine_bg.wasm";
await engine.default({ module_or_path: new URL(module, import.meta.url) });

self.removeEventListener("message", keep);
for (const data of early) self.dispatchEvent(new MessageEvent("message", { data }));
