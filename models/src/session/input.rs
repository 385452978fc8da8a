//! What a session is given: tokens, what goes with each, perhaps a source.

use std::ops::Range;

use crate::arch::{Counted, ModelSpec, Positions};
use crate::error::ModelError;

/// A text for the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Segments (encoders); all 0 if `None`.
    pub token_types: Option<Vec<u32>>,
    /// 0 hides a token from all others; all 1 if `None`.
    pub attention_mask: Option<Vec<u32>>,
    /// What the encoder reads; the rest is then the target, which begins with
    /// [`ModelSpec::decoder_start`]. Encoder–decoders must have one, others none.
    pub source: Option<Box<Self>>,
}

impl From<&[u32]> for Input {
    fn from(ids: &[u32]) -> Self {
        Self { ids: ids.to_vec(), ..Self::default() }
    }
}

impl Input {
    /// A source and a target text.
    pub fn pair(source: &[u32], target: &[u32]) -> Self {
        Self { source: Some(Box::new(Self::from(source))), ..Self::from(target) }
    }

    pub(super) fn is_visible(&self, idx: usize) -> bool {
        self.attention_mask.as_ref().is_none_or(|mask| mask[idx] != 0)
    }

    pub(super) fn token_type(&self, idx: usize) -> u32 {
        self.token_types.as_ref().map_or(0, |types| types[idx])
    }

    /// The positions of some tokens, as the model counts them.
    pub(super) fn positions(&self, spec: &ModelSpec, rows: Range<usize>) -> Vec<u32> {
        let Positions::Learned { offset, counted } = spec.positions else {
            return rows.map(|row| row as u32).collect();
        };
        let counts = |row: usize| match counted {
            Counted::All => true,
            Counted::Visible => self.is_visible(row),
            Counted::Except(token) => self.ids[row] != token,
        };
        let mut n_counted = (0..rows.start).filter(|&row| counts(row)).count();
        rows.map(|row| {
            if !counts(row) {
                return (offset as u32).saturating_sub(1);
            }
            n_counted += 1;
            (offset + n_counted - 1) as u32
        })
        .collect()
    }

    /// Factors on token embeddings: 0 for a first token that counts as nothing; where masked ones are dropped (ESM): 0 for the mask; the
    /// others make up for it, against the 12 % that were masked in training.
    pub(super) fn embed_factors(&self, spec: &ModelSpec, rows: Range<usize>) -> Vec<f32> {
        if spec.blank_start {
            return rows.map(|row| if row == 0 { 0.0 } else { 1.0 }).collect();
        }
        let Some(mask) = spec.token_dropout else { return Vec::new() };
        let n_visible = (0..self.ids.len()).filter(|&row| self.is_visible(row)).count();
        let n_masked = self.ids.iter().filter(|&&id| id == mask).count();
        let kept = 1.0 - n_masked as f64 / n_visible.max(1) as f64;
        // With nothing but masks there is nothing to make up with.
        let factor = if kept > 0.0 { (1.0 - 0.15 * 0.8) / kept } else { 0.0 };
        rows.map(|row| if self.ids[row] == mask { 0.0 } else { factor as f32 }).collect()
    }

    /// Refuses what a model of this kind cannot read.
    pub(super) fn check(&self, spec: &ModelSpec) -> Result<(), ModelError> {
        let n_tokens = self.ids.len();
        if n_tokens == 0 {
            return Err(ModelError::input("tokens", "there are none; at least one is needed"));
        }
        if n_tokens > spec.n_ctx {
            let problem = format!("there are {n_tokens}, the model takes {}", spec.n_ctx);
            return Err(ModelError::input("tokens", problem));
        }
        if let Some(id) = self.ids.iter().find(|&&id| id as usize >= spec.d_vocab) {
            let problem = format!("id {id} is outside the vocabulary of {}", spec.d_vocab);
            return Err(ModelError::input("tokens", problem));
        }
        for (field, list) in
            [("token types", &self.token_types), ("attention mask", &self.attention_mask)]
        {
            if let Some(list) = list.as_ref().filter(|list| list.len() != n_tokens) {
                let problem = format!("has {} entries for {n_tokens} tokens", list.len());
                return Err(ModelError::input(field, problem));
            }
        }
        let types = self.token_types.iter().flatten();
        if let Some(kind) = types.copied().find(|&kind| kind as usize >= spec.n_token_types.max(1))
        {
            let problem = format!("{kind} is given; the model knows {}", spec.n_token_types);
            return Err(ModelError::input("token types", problem));
        }
        if self.attention_mask.iter().flatten().any(|&visible| visible > 1) {
            return Err(ModelError::input("attention mask", "only 0 and 1 are allowed"));
        }
        if spec.reads_every_token() && self.attention_mask.iter().flatten().any(|&seen| seen == 0) {
            let problem = "hides tokens, and this model reads every one";
            return Err(ModelError::input("attention mask", problem));
        }
        Ok(())
    }

    /// How many leading tokens two texts share.
    pub(super) fn n_shared(&self, other: &Self) -> usize {
        (0..self.ids.len().min(other.ids.len()))
            .take_while(|&idx| {
                self.ids[idx] == other.ids[idx]
                    && self.is_visible(idx) == other.is_visible(idx)
                    && self.token_type(idx) == other.token_type(idx)
            })
            .count()
    }
}
