//! What weights begin as.
//!
//! Gains begin as ones, biases as zeros. Each weight draws from a stream of its own, so that a model's
//! first blocks begin alike whatever follows them.

use serde::{Deserialize, Serialize};

use super::nano::NanoConfig;
use super::random::{Purpose, normal, stream};
use crate::arch::{ModelSpec, WeightRule};

/// How matrices and tables are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// A normal distribution of one width for all.
    Normal,
    /// The same, narrower by √(2·n_layers) for what adds to the residual stream (Radford et al. 2019).
    #[default]
    Gpt2,
    /// Uniform within √(6 / (inputs + outputs)) (Glorot and Bengio 2010); tables normal of 1/√d_model.
    Xavier,
    /// Normal of √(2 / inputs) (He et al. 2015, arXiv 1502.01852); tables normal of 1/√d_model.
    Kaiming,
    /// Normal of √(2 / (5·d_model)) for all (Nguyen and Salazar 2019, arXiv 1910.05895).
    Small,
}

/// Values of all weights, in the order of the rules.
pub fn initial(
    config: &NanoConfig,
    spec: &ModelSpec,
    rules: &[WeightRule],
    seed: u64,
) -> Vec<Vec<f32>> {
    let values = |rule: &WeightRule| {
        let n_values: usize = rule.shape.iter().product();
        // What additive attention weighs its columns by is a matrix of one row.
        let is_energy = rule.name.ends_with("v_energy");
        let shape = if is_energy { &[1, n_values][..] } else { &rule.shape };
        let &[n_outputs, n_inputs] = shape else {
            // Biases are `.b` of norms, `.b_Q` of matrices; all other vectors are gains.
            let letter = rule.name.rsplit('.').next().unwrap_or_default();
            let is_bias = letter == "b" || letter.starts_with("b_");
            return vec![if is_bias { 0.0 } else { 1.0 }; n_values];
        };
        let is_table = ["embed.W_E", "pos_embed.W_pos", "token_type_embed.W_token_type"]
            .iter()
            .any(|name| rule.name.ends_with(name));
        let is_added = ["attn.W_O", "mlp.W_out"].iter().any(|name| rule.name.ends_with(name));
        let std = config.init_std;
        let table_std = 1.0 / (spec.d_model as f32).sqrt();
        let (std, is_uniform) = match config.init {
            Init::Gpt2 if is_added => (std / (2.0 * config.n_layers as f32).sqrt(), false),
            Init::Normal | Init::Gpt2 => (std, false),
            Init::Xavier | Init::Kaiming if is_table => (table_std, false),
            Init::Xavier => ((6.0 / (n_inputs + n_outputs) as f32).sqrt(), true),
            Init::Kaiming => ((2.0 / n_inputs as f32).sqrt(), false),
            Init::Small => ((2.0 / (5.0 * spec.d_model as f32)).sqrt(), false),
        };
        let name_hash = rule.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut random = stream(seed, Purpose::Init, name_hash);
        let draw = |_| match is_uniform {
            true => std * (2.0 * random.next_f32() - 1.0),
            false => std * normal(&mut random),
        };
        (0..n_values).map(draw).collect()
    };
    rules.iter().map(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::rules::rule;

    fn width(init: Init, name: &str, shape: &[usize]) -> f32 {
        let config = NanoConfig { init, n_layers: 8, ..NanoConfig::default() };
        let spec = ModelSpec { d_model: 100, ..ModelSpec::new("test") };
        let values = initial(&config, &spec, &[rule(name, "s", shape)], 1).remove(0);
        (values.iter().map(|x| x * x).sum::<f32>() / values.len() as f32).sqrt()
    }

    #[test]
    fn widths() {
        let close = |a: f32, b: f32| assert!((a / b - 1.0).abs() < 0.03, "{a} {b}");
        let (q, o) = ("blocks.0.attn.W_Q", "blocks.0.attn.W_O");
        close(width(Init::Normal, o, &[100, 100]), 0.02);
        close(width(Init::Gpt2, q, &[100, 100]), 0.02);
        close(width(Init::Gpt2, o, &[100, 100]), 0.005);
        close(width(Init::Xavier, q, &[50, 100]), (2.0 / 150.0_f32).sqrt());
        close(width(Init::Xavier, "embed.W_E", &[50, 100]), 0.1);
        close(width(Init::Kaiming, q, &[50, 100]), (2.0 / 100.0_f32).sqrt());
        close(width(Init::Small, q, &[50, 100]), (2.0 / 500.0_f32).sqrt());
        for (name, value) in [("ln_final.w", 1.0), ("ln_final.b", 0.0), ("blocks.0.mlp.b_in", 0.0)]
        {
            assert_eq!(width(Init::Gpt2, name, &[9]), value, "{name}");
        }
    }
}
