// The scalars that change from run to run; twin of engine::Step.
struct Step {
    past: u32,
    thumbnail_from: u32,
}

@group(1) @binding(0) var<uniform> now: Step;

