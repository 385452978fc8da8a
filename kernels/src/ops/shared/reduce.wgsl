// Reductions over a workgroup. Every invocation calls them in uniform control flow, and every
// invocation gets the result.

override WORKGROUP_SIZE: u32 = 64u; // a power of two

var<workgroup> partial_f32: array<f32, WORKGROUP_SIZE>;
var<workgroup> partial_key: array<u32, WORKGROUP_SIZE>;
var<workgroup> partial_index: array<u32, WORKGROUP_SIZE>;

const LOWEST: f32 = -3.4028234e38;

// The larger of two; b only if it compares larger, so that a NaN in b is passed over.
fn larger(a: f32, b: f32) -> f32 {
    return select(a, b, b > a);
}

fn reduce_sum(value: f32, lane: u32) -> f32 {
    partial_f32[lane] = value;
    workgroupBarrier();
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half = half / 2u) {
        if lane < half {
            partial_f32[lane] += partial_f32[lane + half];
        }
        workgroupBarrier();
    }
    return workgroupUniformLoad(&partial_f32[0]);
}

fn reduce_max(value: f32, lane: u32) -> f32 {
    partial_f32[lane] = value;
    workgroupBarrier();
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half = half / 2u) {
        if lane < half {
            partial_f32[lane] = larger(partial_f32[lane], partial_f32[lane + half]);
        }
        workgroupBarrier();
    }
    return workgroupUniformLoad(&partial_f32[0]);
}

// The largest key; of equal keys the one with the lowest index: (key, index).
fn reduce_best(key: u32, index: u32, lane: u32) -> vec2<u32> {
    partial_key[lane] = key;
    partial_index[lane] = index;
    workgroupBarrier();
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half = half / 2u) {
        if lane < half {
            let here = partial_key[lane];
            let there = partial_key[lane + half];
            let there_index = partial_index[lane + half];
            if there > here || (there == here && there_index < partial_index[lane]) {
                partial_key[lane] = there;
                partial_index[lane] = there_index;
            }
        }
        workgroupBarrier();
    }
    let best_key = workgroupUniformLoad(&partial_key[0]);
    let best_index = workgroupUniformLoad(&partial_index[0]);
    return vec2<u32>(best_key, best_index);
}

