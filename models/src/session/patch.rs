//! Interventions: entries in the same recording, never a second code path.

use std::ops::Range;
use std::rc::Rc;

use crate::arch::{ModelSpec, NormKind, NormPosition};
use crate::error::ModelError;
use crate::hook::{Form, Hook, HookPoint};

/// A part of a hook's rows times a factor: 0 removes, 1 changes nothing. Where there are values, those are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Where.
    pub point: HookPoint,
    /// Which columns.
    pub part: Part,
    /// Which token positions; all if `None`.
    pub rows: Option<Range<usize>>,
    /// The factor.
    pub factor: f32,
    /// What is put in the place of the first rows, `[n, columns of the part]`, where the factor is 0; of the outputs
    /// of a head only, and in one patch at a time. Then `rows` are those that it has.
    pub values: Option<Rc<[f32]>>,
}

/// Which columns of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All.
    All,
    /// Those of one head.
    Head(usize),
    /// One.
    Column(usize),
}

impl HookPoint {
    /// The point under which a value is kept, where two points name the same one: a block's output
    /// is the next block's input.
    pub fn canonical(self, spec: &ModelSpec) -> Self {
        let Some(spec) = spec.of(self).filter(|spec| !spec.mixer.is_all()) else { return self };
        let is_last = self.layer + 1 == spec.n_layers;
        match (self.hook, spec.norm_position) {
            (Hook::ResidPost, NormPosition::Pre | NormPosition::Sandwich)
            | (Hook::NormalizedResidPost, _)
                if !is_last =>
            {
                spec.at(Hook::ResidPre, self.layer + 1)
            }
            (Hook::FullEmbed, _) => spec.at(Hook::ResidPre, 0),
            (Hook::LastHiddenState, NormPosition::Post) => {
                spec.at(Hook::NormalizedResidPost, spec.n_layers - 1)
            }
            // Of an RMSNorm what lies beside is not its output.
            (Hook::LastHiddenState, NormPosition::Pre | NormPosition::Sandwich)
                if spec.norm == NormKind::LayerNorm =>
            {
                spec.at(Hook::FinalNormNormalized, 0)
            }
            _ => self,
        }
    }

    /// Whether two points name the same value.
    pub(crate) fn is_same(self, other: Self, spec: &ModelSpec) -> bool {
        self.canonical(spec) == other.canonical(spec)
    }
}

impl Patch {
    /// The rows that change.
    pub(crate) fn changed_rows(&self, spec: &ModelSpec) -> Range<usize> {
        match &self.values {
            Some(values) => 0..values.len() / self.columns(spec).len().max(1),
            None => self.rows.clone().unwrap_or(0..usize::MAX),
        }
    }

    /// The columns that change.
    pub(crate) fn columns(&self, spec: &ModelSpec) -> Range<usize> {
        match self.part {
            Part::All => 0..self.point.n_cols(spec).unwrap_or(0),
            Part::Head(head) => {
                let d_head = self.point.d_head(spec);
                head * d_head..(head + 1) * d_head
            }
            Part::Column(col) => col..col + 1,
        }
    }

    /// Refuses a patch that the model has no place for.
    pub(crate) fn check(&self, spec: &ModelSpec) -> Result<(), ModelError> {
        let refuse =
            |problem: String| Err(ModelError::input(format!("patch at {}", self.point), problem));
        let hook = self.point.hook;
        let stack = spec.of(self.point).filter(|stack| stack.has(hook));
        let Some(spec) = stack.filter(|stack| self.point.layer < stack.n_layers) else {
            return refuse(format!("this model has no such hook ({} layers)", spec.n_layers));
        };
        if !hook.is_patchable() {
            return refuse("the forward pass does not go on with this value".to_owned());
        }
        if !self.factor.is_finite() {
            return refuse(format!("the factor is {}", self.factor));
        }
        if let Some(values) = &self.values {
            let d_head = self.point.d_head(spec).max(1);
            let is_of_head = hook == Hook::Z && matches!(self.part, Part::Head(_));
            if !is_of_head || self.factor != 0.0 || !values.len().is_multiple_of(d_head) {
                return refuse("values are rows in the place of one head's output".to_owned());
            }
        }
        let n_cols = self.point.n_cols(spec).unwrap_or(0);
        let is_by_head = matches!(hook.form(), Form::Heads | Form::KvHeads | Form::SourceHeads);
        match self.part {
            Part::Head(_) if !is_by_head => refuse("it has no heads".to_owned()),
            _ if self.columns(spec).end > n_cols => {
                refuse(format!("{:?} is outside its {n_cols} columns", self.part))
            }
            _ => Ok(()),
        }
    }
}
