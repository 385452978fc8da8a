// Gradients of activate(gate) up, a value an invocation. Shapes: all alike, [n].
// Needs shared/activate.wgsl, shared/slope.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct GatedGradientParams {
    n: u32,
    kind: u32,
}

@group(0) @binding(0) var<uniform> p: GatedGradientParams;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> up: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgate: array<f32>;
@group(0) @binding(5) var<storage, read_write> dup: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i < p.n {
        dgate[i] = dy[i] * up[i] * slope(p.kind, gate[i]);
        dup[i] = dy[i] * activate(p.kind, gate[i]);
    }
}
