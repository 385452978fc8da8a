//! What follows from the residual stream that a run left behind: logits of any row, the logit
//! lens (nostalgebraist 2020), losses, sentence embeddings, and checks of a run against another.

use vitrine_kernels::{Control, Read, Step};

use super::recordings::{Built, Key};
use super::sites::output_point;
use super::{Session, Tap};
use crate::arch::forward::{Frame, RunInput};
use crate::arch::{Forward, pass};
use crate::error::ModelError;
use crate::hook::{Hook, HookPoint};
use crate::sample;

/// Rows of one run of the head: logits of 32 tokens at a time are read, never of all.
const HEAD_ROWS: usize = 32;

/// What one layer would predict if it were the last.
#[derive(Clone, Debug, PartialEq)]
pub struct LensRow {
    /// What was read.
    pub point: HookPoint,
    /// The most probable tokens with their probabilities, most probable first.
    pub top: Vec<(u32, f32)>,
    /// Entropy of the distribution, in nats.
    pub entropy: f32,
    /// Rank (0 = first) of the token that the last layer puts first.
    pub rank_of_final: usize,
    /// Probability of that token.
    pub p_of_final: f32,
}

impl Session {
    /// Logits after any of the tokens, `[n, d_vocab]`.
    ///
    /// # Errors
    /// If the model has no head over the vocabulary or a row was not run; the engine's.
    pub async fn logits_of(
        &mut self,
        rows: std::ops::Range<usize>,
        control: &Control,
    ) -> Result<Vec<f32>, ModelError> {
        let resid = self.output_rows(rows).await?;
        self.unembed_rows(&resid, control).await
    }

    /// What each layer would predict after a token: the head applied to the residual stream
    /// between the blocks. Of ResiDual's two streams that is the normed one.
    ///
    /// # Errors
    /// As [`Session::logits_of`].
    pub async fn lens(
        &mut self,
        position: usize,
        k: usize,
        control: &Control,
    ) -> Result<Vec<LensRow>, ModelError> {
        let spec = self.spec().clone();
        // A model that is nothing but recurrent units has no stream between its layers.
        let n_streams = if spec.has(Hook::ResidPre) { spec.n_layers } else { 0 };
        let points: Vec<_> = (0..n_streams)
            .map(|layer| spec.at(Hook::ResidPre, layer))
            .chain([output_point(&spec)])
            .collect();
        let taps: Vec<_> = points
            .iter()
            .map(|&point| Tap { rows: Some(position..position + 1), ..Tap::of(point) })
            .collect();
        let trace = self.read(&taps, control).await?;
        let resid: Vec<f32> =
            trace.tensors().iter().flat_map(|tensor| tensor.values.iter().copied()).collect();
        let logits = self.unembed_rows(&resid, control).await?;
        let rows: Vec<_> = logits.chunks_exact(spec.d_vocab).collect();
        let last = rows.last().map_or(0, |row| sample::argmax(row));
        Ok(points
            .into_iter()
            .zip(rows)
            .map(|(point, logits)| {
                let p = |id: usize| (-sample::cross_entropy(logits, id)).exp();
                LensRow {
                    point,
                    top: sample::top_k(logits, k)
                        .into_iter()
                        .map(|id| (id as u32, p(id)))
                        .collect(),
                    entropy: sample::entropy(logits),
                    rank_of_final: logits.iter().filter(|&&logit| logit > logits[last]).count(),
                    p_of_final: p(last),
                }
            })
            .collect())
    }

    /// −ln p of every token given those before it; `None` for the first, and for all in models
    /// whose tokens see later ones.
    ///
    /// # Errors
    /// As [`Session::logits_of`].
    pub async fn token_losses(
        &mut self,
        control: &Control,
    ) -> Result<Vec<Option<f32>>, ModelError> {
        let (n_tokens, d_vocab) = (self.text.n_filled, self.spec().d_vocab);
        if !self.spec().causal || !self.spec().has_logits {
            return Ok(vec![None; n_tokens]);
        }
        let mut losses = vec![None];
        for start in (0..n_tokens.saturating_sub(1)).step_by(HEAD_ROWS) {
            let end = (start + HEAD_ROWS).min(n_tokens - 1);
            let logits = self.logits_of(start..end, control).await?;
            losses.extend(
                logits
                    .chunks_exact(d_vocab)
                    .zip(&self.text.input.ids[start + 1..])
                    .map(|(logits, &next)| Some(sample::cross_entropy(logits, next as usize))),
            );
        }
        losses.truncate(n_tokens);
        Ok(losses)
    }

    /// The mean of the visible tokens' last hidden states, of length 1: what sentence encoders are
    /// compared by.
    ///
    /// # Errors
    /// The engine's.
    pub async fn embedding(&mut self) -> Result<Vec<f32>, ModelError> {
        let d_model = self.spec().d_model;
        let rows = if self.spec().is_post_norm() {
            self.output_rows(0..self.text.n_filled).await?
        } else {
            // What the final norm makes of the last block's output.
            let tap = Tap::of(self.spec().at(Hook::LastHiddenState, 0));
            let trace = self.read(&[tap], &Control::default()).await?;
            trace.tensors().iter().flat_map(|tensor| tensor.values.iter().copied()).collect()
        };
        let mut sum = vec![0.0f64; d_model];
        for (idx, row) in rows.chunks_exact(d_model).enumerate() {
            if self.text.input.is_visible(idx) {
                sum.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            }
        }
        // The mean's count cancels in the division by the length.
        let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-12);
        Ok(sum.into_iter().map(|value| (value / norm) as f32).collect())
    }

    /// The largest |row sum − 1| over all kept patterns; `None` where none are kept. Rows of
    /// hidden tokens in which everything is masked sum to 0 and do not count.
    ///
    /// # Errors
    /// The engine's.
    pub async fn pattern_row_error(
        &mut self,
        control: &Control,
    ) -> Result<Option<f32>, ModelError> {
        let maps = self.kept_maps();
        if maps.is_empty() || self.text.n_filled == 0 {
            return Ok(None);
        }
        let built = self.recording(Key::RowSums)?;
        let reads: Vec<_> =
            built.outputs.iter().map(|&(_, id)| Read::tensor(&built.recording, id)).collect();
        let stats = self.run(&built, 0..0, &[], Step::default(), &reads, control).await?;
        let mut largest = 0.0f32;
        for (stats, (point, _, [n_heads, n_rows, n_cols])) in stats.iter().zip(maps) {
            for head in 0..n_heads {
                for row in 0..self.text_of(point.stack).n_filled {
                    let sum = stats[(head * n_rows + row) * 6] * n_cols as f32;
                    if sum != 0.0 {
                        largest = larger(largest, (sum - 1.0).abs());
                    }
                }
            }
        }
        Ok(Some(largest))
    }

    /// Rows of the last block's output, `[n, d_model]`.
    async fn output_rows(&mut self, rows: std::ops::Range<usize>) -> Result<Vec<f32>, ModelError> {
        let spec = self.spec();
        let point = output_point(spec);
        let (d_model, n_filled) = (spec.d_model, self.text.n_filled);
        if rows.end > n_filled || rows.is_empty() {
            let problem = format!("{rows:?} of {n_filled} tokens");
            return Err(ModelError::input("rows", problem));
        }
        let found = self.text.sites.find(point, self.spec());
        let Some((state, _)) = found else {
            return Err(self.too_long_for(point));
        };
        let mut values = self.engine.read(&[Read::state(state, vec![rows, 0..d_model])]).await?;
        Ok(values.pop().unwrap_or_default())
    }

    /// The head over given rows of the residual stream, `[n, d_model]` → `[n, d_vocab]`.
    async fn unembed_rows(
        &mut self,
        rows: &[f32],
        control: &Control,
    ) -> Result<Vec<f32>, ModelError> {
        let spec = self.spec();
        if !spec.has_logits {
            return Err(ModelError::input("logits", "this model has no head over the vocabulary"));
        }
        let d_model = spec.d_model;
        let mut logits = Vec::with_capacity(rows.len() / d_model * spec.d_vocab);
        for rows in rows.chunks(HEAD_ROWS * d_model) {
            let built = self.recording(Key::Head { n_rows: rows.len() / d_model })?;
            logits.extend(self.run_head(&built, rows, control).await?.into_iter().flatten());
        }
        Ok(logits)
    }

    /// The heads over the first token: pooler, next sentence.
    pub(super) async fn pooled(
        &mut self,
        control: &Control,
    ) -> Result<Vec<(Hook, Vec<f32>)>, ModelError> {
        let first_row = self.output_rows(0..1).await?;
        let built = self.recording(Key::Pooled)?;
        let values = self.run_head(&built, &first_row, control).await?;
        Ok(built.outputs.iter().map(|&(hook, _)| hook).zip(values).collect())
    }

    async fn run_head(
        &mut self,
        built: &Built,
        rows: &[f32],
        control: &Control,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let reads: Vec<_> =
            built.outputs.iter().map(|&(_, id)| Read::tensor(&built.recording, id)).collect();
        self.run(built, 0..0, rows, Step::default(), &reads, control).await
    }

    pub(super) fn record_head(&self, n_rows: usize) -> Result<Built, ModelError> {
        let frame = Frame::rows(n_rows);
        let mut f = Forward::new(&self.model, self.spec(), frame);
        let x = f.input(RunInput::Rows);
        let y = pass::final_norm(&mut f, x)?;
        let logits = pass::unembed(&mut f, y)?;
        f.recorder().keep(logits);
        let (recording, inputs) = f.finish();
        Ok(Built {
            stack: self.spec().stack,
            recording,
            inputs,
            outputs: vec![(Hook::Logits, logits)],
        })
    }

    pub(super) fn record_pooled(&self) -> Result<Built, ModelError> {
        let frame = Frame::rows(1);
        let mut f = Forward::new(&self.model, self.spec(), frame);
        let x = f.input(RunInput::Rows);
        let outputs = pass::pooled(&mut f, x)?;
        outputs.iter().for_each(|&(_, id)| f.recorder().keep(id));
        let (recording, inputs) = f.finish();
        Ok(Built { stack: self.spec().stack, recording, inputs, outputs })
    }
}

/// How closely two sessions agree on one text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// ‖a − b‖ / ‖b‖ of the last logits, or of the last hidden states where there are none.
    pub relative_error: f32,
    /// Largest absolute difference of any attention pattern.
    pub pattern_error: f32,
}

/// Runs the tokens of `a` in `b`, which holds the same model in another engine, and compares.
///
/// # Errors
/// The engines'.
pub async fn agreement(
    a: &mut Session,
    b: &mut Session,
    control: &Control,
) -> Result<Agreement, ModelError> {
    b.set_patches(a.patches.clone())?;
    b.set_tokens(&a.text.input, control).await?;
    let (ours, theirs) = if a.logits.is_empty() {
        let n_tokens = a.text.n_filled;
        (a.output_rows(0..n_tokens).await?, b.output_rows(0..n_tokens).await?)
    } else {
        (a.logits.clone(), b.logits.clone())
    };
    let mut pattern_error = 0.0f32;
    let is_map = |point: &HookPoint| matches!(point.hook, Hook::Pattern | Hook::CrossPattern);
    for point in a.spec().points().into_iter().filter(is_map) {
        let tap = [Tap::of(point)];
        let (ours, theirs) = (a.read(&tap, control).await?, b.read(&tap, control).await?);
        let pairs = ours.tensors().iter().zip(theirs.tensors());
        for (a, b) in pairs.flat_map(|(a, b)| a.values.iter().zip(b.values.iter())) {
            pattern_error = larger(pattern_error, (a - b).abs());
        }
    }
    Ok(Agreement { relative_error: relative_error(&ours, &theirs), pattern_error })
}

/// The larger of two errors; a NaN is the largest.
fn larger(a: f32, b: f32) -> f32 {
    if b.is_nan() || b > a { b } else { a }
}

/// ‖a − b‖ / ‖b‖.
fn relative_error(a: &[f32], b: &[f32]) -> f32 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    let norm: f64 = b.iter().copied().map(square).sum();
    (difference / norm.max(f64::MIN_POSITIVE)).sqrt() as f32
}

/// Cosine of the angle between two vectors.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-24)) as f32
}
