//! Norms of gradients, weights and updates, a layer or a parameter at a time. The norm of a layer is
//! that of all its parameters together: the root of the sum of their squares. An update ratio around
//! 1e−3 is a common rule of thumb (Karpathy 2015, CS231n); far above it a run tends to be unstable.

use crate::lens::lab::over_steps::OverSteps;
use crate::lens::lab::series::Run;
use crate::protocol::lab::{NormPoint, ParameterFact};

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    /// ‖g‖, before it is cut down.
    #[default]
    Gradient,
    /// ‖θ‖.
    Weight,
    /// ‖Δθ‖ / ‖θ‖.
    Ratio,
}

impl Quantity {
    /// All, with their words and names.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Gradient, "gradient", "gradient norm"),
        (Self::Weight, "weight", "weight norm"),
        (Self::Ratio, "ratio", "update ratio"),
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, ..)| *known == self).map_or("", |(.., name)| name)
    }
}

/// Parameters that are measured together, in the order of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// `layer 3`, `encoder 0`, `embed`.
    pub name: String,
    /// Their places.
    pub parameters: Vec<usize>,
}

/// The layers, and what stands before and behind them; or every parameter for itself.
pub fn parts(parameters: &[ParameterFact], each: bool) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (place, parameter) in parameters.iter().enumerate() {
        let name = if each { parameter.name.clone() } else { layer_of(&parameter.name) };
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.parameters.push(place),
            None => parts.push(Part { name, parameters: vec![place] }),
        }
    }
    parts
}

/// `blocks.3.attn.W_Q` → `layer 3`; what is in no block goes by its first word.
pub fn layer_of(name: &str) -> String {
    let mut words = name.split('.');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_layer = !second.is_empty() && second.bytes().all(|byte| byte.is_ascii_digit());
    match (first, is_layer) {
        ("blocks", true) => format!("layer {second}"),
        (stack, true) => format!("{stack} {second}"),
        (first, false) => first.to_owned(),
    }
}

/// A quantity over the steps at which norms were taken.
pub fn over_steps(run: &Run, quantity: Quantity, each: bool) -> OverSteps {
    let root = |part: &Part, norms: &[f32]| {
        let squares = part.parameters.iter().filter_map(|&place| norms.get(place));
        squares.map(|&norm| f64::from(norm) * f64::from(norm)).sum::<f64>().sqrt()
    };
    let value = |part: &Part, point: &NormPoint| match quantity {
        Quantity::Gradient => root(part, &point.gradients),
        Quantity::Weight => root(part, &point.weights),
        Quantity::Ratio => root(part, &point.updates) / root(part, &point.weights),
    };
    let parts = parts(&run.facts.parameters, each);
    let of_part =
        |part: &Part| -> Vec<f32> { run.norms.iter().map(|at| value(part, at) as f32).collect() };
    OverSteps {
        quantity: quantity.name(),
        values: parts.iter().flat_map(of_part).collect(),
        names: parts.into_iter().map(|part| part.name).collect(),
        steps: run.norms.iter().map(|at| at.step).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let names = ["embed.W_E", "blocks.0.attn.W_Q", "blocks.0.mlp.W_in", "ln_final.w"];
        let fact = |name: &&str| ParameterFact { name: (*name).into(), ..Default::default() };
        let mut run = Run::default();
        run.facts.parameters = names.iter().map(fact).collect();
        let at = |step: u32| NormPoint {
            step,
            gradients: vec![1.0, 3.0, 4.0, 2.0],
            weights: vec![10.0, 6.0, 8.0, 1.0],
            updates: vec![0.1, 0.03, 0.04, 0.0],
        };
        run.norms = vec![at(1), at(5)];
        run
    }

    #[test]
    fn layers_are_the_roots_of_their_squares() {
        let layers = over_steps(&run(), Quantity::Gradient, false);
        assert_eq!(layers.names, ["embed", "layer 0", "ln_final"]);
        assert_eq!(layers.steps, [1, 5]);
        assert_eq!(layers.values, [1., 1., 5., 5., 2., 2.]);
        let ratio = over_steps(&run(), Quantity::Ratio, false);
        assert!((ratio.values[2] - 0.005).abs() <= 1e-8);
        assert_eq!(over_steps(&run(), Quantity::Weight, true).names.len(), 4);
        assert!(over_steps(&Run::default(), Quantity::Weight, true).values.is_empty());
    }

    #[test]
    fn stacks_have_layers_of_their_own() {
        assert_eq!(layer_of("encoder.0.attn.W_Q"), "encoder 0");
        assert_eq!(layer_of("decoder.12.mlp.W_in"), "decoder 12");
        assert_eq!(layer_of("unembed.W_U"), "unembed");
        assert_eq!(layer_of("decoder.embed.W_E"), "decoder");
    }
}
