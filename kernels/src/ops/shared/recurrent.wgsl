// What recurrent units share: one workgroup, columns side by side.

override WORKGROUP_SIZE: u32 = 256u;

// The hidden state before a row; its width is held below this.
var<workgroup> before: array<f32, 2048>;

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-x));
}
