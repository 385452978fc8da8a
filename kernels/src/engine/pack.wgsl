// Packs a box of a tensor, one value an invocation. The last dimension is contiguous; strides and
// lengths are in values, outermost first.

struct PackParams {
    n: u32,
    stride_0: u32,
    stride_1: u32,
    stride_2: u32,
    len_1: u32,
    len_2: u32,
    len_3: u32,
    source_start: u32,
}

@group(0) @binding(0) var<uniform> p: PackParams;
@group(0) @binding(1) var<storage, read> tensor: array<u32>;
@group(0) @binding(2) var<storage, read_write> packed: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * 64u;
    if i >= p.n {
        return;
    }
    let i3 = i % p.len_3;
    let i2 = (i / p.len_3) % p.len_2;
    let i1 = (i / (p.len_3 * p.len_2)) % p.len_1;
    let i0 = i / (p.len_3 * p.len_2 * p.len_1);
    packed[i] =
        tensor[p.source_start + i0 * p.stride_0 + i1 * p.stride_1 + i2 * p.stride_2 + i3];
}
