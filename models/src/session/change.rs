//! What the model would predict if something of it were otherwise: for one look, on the text that has run.

use std::rc::Rc;

use vitrine_kernels::Control;

use super::{Patch, Session};
use crate::arch::NormKind;
use crate::error::ModelError;
use crate::hook::Hook;
use crate::sample::log_probabilities;
use crate::session::patch::Part;

/// Most tokens whose predictions are held against each other.
pub const MAX_CHANGED: usize = 128;

/// What is otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The other norm everywhere: RMSNorm, with the same gains and without biases, in the place of LayerNorm; or
    /// LayerNorm without biases in the place of RMSNorm.
    OtherNorm,
    /// Another output of one head, `[n, d_head]`, for the first n tokens.
    Head {
        /// Its layer.
        layer: usize,
        /// Its place in the layer.
        head: usize,
        /// Row-major.
        values: Rc<[f32]>,
    },
}

/// What comes of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changed {
    /// KL divergence of the prediction after each token, before from after, in nats (Σ p ln(p/q)).
    pub divergences: Vec<f32>,
    /// Logits after the last token, before and after the change.
    pub logits: [Vec<f32>; 2],
}

impl Session {
    /// Runs the text once more with a change, and again without it.
    ///
    /// # Errors
    /// A model without predictions, a text that is too long, a change that the model has no place for; what the
    /// engine reports; cancellation, after which the text has to run again.
    pub async fn changed(
        &mut self,
        change: &Change,
        control: &Control,
    ) -> Result<Changed, ModelError> {
        let (n_tokens, spec) = (self.text.n_filled, self.spec());
        let d_vocab = spec.d_vocab;
        let refuse = |problem: String| Err(ModelError::input("a change", problem));
        match () {
            () if !spec.causal || !spec.has_logits || spec.has_cross() => {
                return refuse("needs a model that predicts the next token".to_owned());
            }
            () if n_tokens == 0 => return refuse("needs a text that has run".to_owned()),
            () if n_tokens > MAX_CHANGED => {
                let problem =
                    format!("is looked at for {MAX_CHANGED} tokens at most, not {n_tokens}");
                return refuse(problem);
            }
            () => {}
        }
        let before = self.logits_of(0..n_tokens, control).await?;
        let (patches, norm) = (self.patches.clone(), self.spec().norm);
        match change {
            Change::OtherNorm => self.set_norm(match norm {
                NormKind::LayerNorm => NormKind::RmsNorm,
                NormKind::RmsNorm => NormKind::LayerNorm,
                NormKind::None => return refuse("needs a model that has norms".to_owned()),
            })?,
            Change::Head { layer, head, values } => {
                let (point, part) = (spec_at(self, *layer), Part::Head(*head));
                let patch =
                    Patch { point, part, rows: None, factor: 0.0, values: Some(Rc::clone(values)) };
                self.set_patches([&patches[..], &[patch]].concat())?;
            }
        }
        let after = self.logits_again(n_tokens, control).await;
        self.set_patches(patches)?;
        self.set_norm(norm)?;
        let input = self.text.input.clone();
        self.set_tokens(&input, control).await?;
        let after = after?;
        let rows = before.chunks_exact(d_vocab).zip(after.chunks_exact(d_vocab));
        let last = |rows: &[f32]| rows[rows.len().saturating_sub(d_vocab)..].to_vec();
        Ok(Changed {
            divergences: rows.map(|(p, q)| divergence(p, q)).collect(),
            logits: [last(&before), last(&after)],
        })
    }

    async fn logits_again(
        &mut self,
        n_tokens: usize,
        control: &Control,
    ) -> Result<Vec<f32>, ModelError> {
        let input = self.text.input.clone();
        self.set_tokens(&input, control).await?;
        self.logits_of(0..n_tokens, control).await
    }

    /// Changes the kind of all norms; the next run starts from the first token.
    fn set_norm(&mut self, norm: NormKind) -> Result<(), ModelError> {
        if norm == self.spec().norm {
            return Ok(());
        }
        self.model.set_norm(norm);
        // What is kept of a norm has other columns.
        self.reallocate(self.capacities())
    }
}

fn spec_at(session: &Session, layer: usize) -> crate::hook::HookPoint {
    session.spec().at(Hook::Z, layer)
}

/// Σ p ln(p/q) of the softmax of two rows of logits.
fn divergence(p: &[f32], q: &[f32]) -> f32 {
    let (p, q) = (log_probabilities(p), log_probabilities(q));
    let terms = p.iter().zip(&q).map(|(&p, &q)| f64::from(p.exp()) * f64::from(p - q));
    let sum = terms.sum::<f64>();
    // Rounding may leave a little less than nothing.
    if sum < 0.0 { 0.0 } else { sum as f32 }
}

#[cfg(test)]
mod tests {
    use super::divergence;

    #[test]
    fn a_divergence_is_that_of_the_probabilities() {
        let (p, q) = ([1.0, 0.0], [0.0, 0.0]);
        let share = 1.0_f64.exp() / (1.0 + 1.0_f64.exp());
        let entropy = -share * share.ln() - (1.0 - share) * (1.0 - share).ln();
        let expected = 2.0_f64.ln() - entropy;
        assert!((f64::from(divergence(&p, &q)) - expected).abs() <= 1e-6);
        assert_eq!(divergence(&q, &q), 0.0);
        assert!(divergence(&[f32::NAN, 0.0], &q).is_nan());
    }
}
