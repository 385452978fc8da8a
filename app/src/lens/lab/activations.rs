//! Statistics of what the layers put out, look after look: all numbers that a layer computes for the tokens of
//! the fixed input, taken together.

use std::sync::Arc;

use vitrine_models::train::Activation;

use crate::lens::lab::maps::Probe;
use crate::lens::lab::norms::layer_of;
use crate::lens::lab::over_steps::OverSteps;

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statistic {
    /// Their spread.
    #[default]
    Spread,
    /// Their mean.
    Mean,
    /// The largest magnitude.
    Largest,
    /// The share that is exactly zero.
    Zeros,
}

impl Statistic {
    /// All, with their words and names.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Spread, "spread", "standard deviation"),
        (Self::Mean, "mean", "mean"),
        (Self::Largest, "largest", "largest magnitude"),
        (Self::Zeros, "zeros", "share of zeros"),
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, ..)| *known == self).map_or("", |(.., name)| name)
    }

    fn of(self, activation: &Activation) -> f32 {
        match self {
            Self::Spread => activation.spread,
            Self::Mean => activation.mean,
            Self::Largest => activation.largest,
            Self::Zeros => activation.zeros,
        }
    }
}

/// What a hook is called: `layer 1, hidden`. Short, since it labels a row.
fn title(hook: &str) -> String {
    let of = match hook.split_once('.').and_then(|(_, rest)| rest.split_once('.')) {
        Some((_, "hook_attn_out")) => "attention",
        Some((_, "hook_cross_attn_out")) => "source",
        Some((_, "hook_mlp_out")) => "MLP",
        Some((_, "mlp.hook_post")) => "hidden",
        Some((_, "rnn.hook_hidden")) => "state",
        Some((_, "rnn_back.hook_hidden")) => "state back",
        _ => "stream",
    };
    format!("{}, {of}", layer_of(hook))
}

/// A statistic over the looks.
pub fn over_looks(probes: &[Arc<Probe>], statistic: Statistic) -> OverSteps {
    let Some(first) = probes.first() else { return OverSteps::default() };
    let hooks = first.looked.activations.iter().map(|one| one.hook.as_str());
    // A run's looks have the same hooks in the same order.
    let values = (0..first.looked.activations.len()).flat_map(|place| {
        let of_look = move |probe: &Arc<Probe>| {
            probe.looked.activations.get(place).map_or(f32::NAN, |one| statistic.of(one))
        };
        probes.iter().map(of_look)
    });
    OverSteps {
        quantity: statistic.name(),
        names: hooks.clone().map(title).collect(),
        steps: probes.iter().map(|probe| probe.looked.step).collect(),
        values: values.collect(),
    }
}

/// As [`over_looks`], of what leaves each layer only: few enough for lines.
pub fn of_layers(probes: &[Arc<Probe>], statistic: Statistic) -> OverSteps {
    let mut all = over_looks(probes, statistic);
    let n_steps = all.steps.len();
    let is_end = |name: &str| name.ends_with("stream") || name.contains(", state");
    let kept: Vec<bool> = all.names.iter().map(|name| is_end(name)).collect();
    let mut at = 0;
    all.values.retain(|_| {
        at += 1;
        kept[(at - 1) / n_steps]
    });
    all.names.retain(|name| is_end(name));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::lab::Looked;

    fn probe(step: u32, zeros: f32) -> Arc<Probe> {
        let one =
            |hook: &str, zeros| Activation { hook: hook.into(), zeros, ..Activation::default() };
        let activations =
            vec![one("blocks.0.mlp.hook_post", zeros), one("blocks.0.hook_resid_post", 0.25)];
        Arc::new(Probe {
            looked: Looked { step, activations, ..Looked::default() },
            ..Probe::default()
        })
    }

    #[test]
    fn a_look_is_a_column() {
        let probes = [probe(0, 0.5), probe(10, 0.75)];
        let all = over_looks(&probes, Statistic::Zeros);
        assert_eq!(all.names, ["layer 0, hidden", "layer 0, stream"]);
        assert_eq!(all.steps, [0, 10]);
        assert_eq!(all.values, [0.5, 0.75, 0.25, 0.25]);
        let ends = of_layers(&probes, Statistic::Zeros);
        assert_eq!(ends.names, ["layer 0, stream"]);
        assert_eq!(ends.values, [0.25, 0.25]);
        assert!(over_looks(&[], Statistic::Mean).values.is_empty());
    }

    #[test]
    fn hooks_have_names_for_people() {
        assert_eq!(title("decoder.1.hook_cross_attn_out"), "decoder 1, source");
        assert_eq!(title("encoder.0.rnn.hook_hidden"), "encoder 0, state");
    }
}
