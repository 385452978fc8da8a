// What the shaders of these gradients share: their operands, a tile of weights and the sums of a row.
// Shapes: see heads.wgsl; shown, extra see score.wgsl; dz like q; rows [n_maps, n_rows, 4] of (maximum,
// sum, dz z, 0).

const WORKGROUP_SIZE: u32 = 64u;
const COLS: u32 = 256u; // of a head at most

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dz: array<f32>;
@group(0) @binding(5) var<storage, read> shown: array<u32>;
@group(0) @binding(6) var<storage, read> extra: array<u32>;
@group(0) @binding(7) var<storage, read> rows: array<vec4<f32>>;

var<workgroup> weights: array<f32, WORKGROUP_SIZE>;
var<workgroup> sums: array<f32, COLS>;
