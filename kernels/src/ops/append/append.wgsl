// Rows past.. of a state become x. Shapes: x [n] values, state [C * n_cols].
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct AppendParams {
    n: u32,
    n_cols: u32,
}

@group(0) @binding(0) var<uniform> p: AppendParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let at = now.past * p.n_cols + i;
    if i >= p.n || at >= arrayLength(&rows) {
        return;
    }
    rows[at] = x[i];
}
