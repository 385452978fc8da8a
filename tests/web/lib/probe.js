// Runs in the worker before its own script: counts what the engine asks of WebGPU and keeps
// what the browser's shader compiler says.

const counts = { shaders: 0, pipelines: 0, submits: 0, maps: 0, dispatches: 0, bindGroups: 0, buffers: 0 };
const complaints = [];

function count(holder, method, name, also = () => {}) {
  const original = holder?.prototype?.[method];
  if (!original) return;
  holder.prototype[method] = function (...args) {
    counts[name] += 1;
    const result = original.apply(this, args);
    also(result, args);
    return result;
  };
}

count(self.GPUQueue, "submit", "submits");
count(self.GPUBuffer, "mapAsync", "maps");
count(self.GPUComputePassEncoder, "dispatchWorkgroups", "dispatches");
count(self.GPUDevice, "createBindGroup", "bindGroups");
count(self.GPUDevice, "createBuffer", "buffers");
count(self.GPUDevice, "createComputePipeline", "pipelines");
count(self.GPUDevice, "createShaderModule", "shaders", async (module, [{ label }]) => {
  const { messages } = await module.getCompilationInfo();
  for (const { type, message, lineNum } of messages) complaints.push(`${label ?? "shader"} line ${lineNum}: ${type}: ${message}`);
});

// Registered before the worker's own listener, which must not see this.
self.addEventListener("message", (event) => {
  if (event.data !== "counts") return;
  event.stopImmediatePropagation();
  self.postMessage([JSON.stringify({ Counts: { ...counts, complaints } }), null]);
});
