//! One head of one of the three attentions: its stages as matrices, and how far they are from what the run has.

use std::sync::Arc;

use vitrine_models::claims::attention::stages::{self, Errors, Head};

use crate::lens::attention::{HeadsAsked, MatrixView, head_matrix, head_output};
use crate::lens::stack;
use crate::lens::trace::{Tensor, Trace, layer_hook};
use crate::palette::Scale;
use crate::protocol::{Attention, ModelCard, PositionKind};
use crate::state::url::Stage;

/// The three attentions, in the order of the screen.
pub const OF: [Attention; 3] = [Attention::Encoder, Attention::Decoder, Attention::Cross];

/// A run as one attention sees it: hooks by the names of a model with one stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The hooks.
    pub trace: Arc<Trace>,
    /// The stack.
    pub card: Arc<ModelCard>,
    /// Tokens that look.
    pub rows: Vec<String>,
    /// Tokens that are looked at.
    pub keys: Vec<String>,
}

impl Seen {
    /// One attention of a run; `texts` are the labels of the source and of the target.
    pub fn of(
        model: &Arc<ModelCard>,
        trace: &Arc<Trace>,
        attention: Attention,
        [source, target]: [&[String]; 2],
    ) -> Self {
        let rows = if attention == Attention::Encoder { source } else { target };
        let keys = if attention == Attention::Decoder { target } else { source };
        Self {
            trace: stack::trace(trace, attention),
            card: stack::card(model, attention),
            rows: rows.to_vec(),
            keys: keys.to_vec(),
        }
    }

    /// A number within the layers, and one within the heads.
    pub fn within(&self, layer: u16, head: u16) -> [usize; 2] {
        let least = |at: u16, n: u32| usize::from(at).min(n.saturating_sub(1) as usize);
        [least(layer, self.card.n_layers), least(head, self.card.n_heads)]
    }
}

/// Hooks of all stages of an attention's layer, by their full names; a model has some of them.
pub fn hooks(of: Attention, layer: usize) -> Vec<String> {
    const STAGES: [&str; 8] = ["q", "k", "rot_q", "rot_k", "v", "attn_scores", "pattern", "z"];
    let full =
        |stage: &str| stack::full_name(&layer_hook(layer, &format!("attn.hook_{stage}")), of);
    STAGES.map(full).to_vec()
}

/// A stage of a head, those that look down, those looked at across.
pub fn stage(seen: &Seen, layer: usize, head: usize, stage: Stage) -> Option<MatrixView> {
    let asked =
        HeadsAsked { heads: vec![(layer, head)], stage, hidden_keys: Vec::new(), sides: None };
    let view = head_matrix(&seen.trace, &seen.card, &asked, &seen.rows)?;
    let fits = view.n_rows == seen.rows.len() && view.n_cols == seen.keys.len();
    fits.then(|| MatrixView { col_labels: seen.keys.clone(), ..view })
}

/// The pattern of a head.
pub fn pattern(seen: &Seen, layer: usize, head: usize) -> Option<MatrixView> {
    stage(seen, layer, head, Stage::Pattern)
}

/// The patterns of all heads of a layer, without labels.
pub fn all_heads(seen: &Seen, layer: usize) -> Vec<MatrixView> {
    let bare = |view: MatrixView| {
        let blank = |n: usize| vec![String::new(); n];
        MatrixView { row_labels: blank(view.n_rows), col_labels: blank(view.n_cols), ..view }
    };
    (0..seen.card.n_heads as usize)
        .filter_map(|head| pattern(seen, layer, head))
        .map(bare)
        .collect()
}

/// What a head works with at its end: the values that it may take, `[S, d]`, or what it gives, `[T, d]`.
pub fn values(seen: &Seen, layer: usize, head: usize, is_output: bool) -> Option<MatrixView> {
    if is_output {
        let view = head_output(&seen.trace, layer, head, &seen.rows)?;
        return (view.n_rows == seen.rows.len()).then_some(view);
    }
    let v = seen.trace.layer(layer, "attn.hook_v")?;
    let values = head_rows(v, kv_head(seen, head))?;
    let n_rows = seen.keys.len();
    let n_cols = values.len().checked_div(n_rows).filter(|n| n * n_rows == values.len())?;
    Some(MatrixView {
        n_rows,
        n_cols,
        scale: Scale::diverging(&values),
        values,
        row_labels: seen.keys.clone(),
        col_labels: (0..n_cols).map(|col| col.to_string()).collect(),
        quantity: "value".into(),
        ..MatrixView::default()
    })
}

/// The stages of a head computed again. None while a hook is not there, and where positions enter the scores.
pub fn errors(seen: &Seen, layer: usize, head: usize) -> Option<Errors> {
    let is_plain = |kind| matches!(kind, PositionKind::Learned | PositionKind::Sinusoidal);
    if !seen.card.positions.iter().all(|facts| is_plain(facts.kind)) {
        return None;
    }
    let hook = |name: &str| seen.trace.layer(layer, name);
    let shared = kv_head(seen, head);
    let q = head_rows(hook("attn.hook_q")?, head)?;
    let [k, v] = [hook("attn.hook_k")?, hook("attn.hook_v")?].map(|x| head_rows(x, shared));
    let (k, v, z) = (k?, v?, head_rows(hook("attn.hook_z")?, head)?);
    let [scores, pattern] = [hook("attn.hook_attn_scores")?, hook("attn.hook_pattern")?];
    let n_keys = *pattern.shape.last()?;
    Head {
        q: &q,
        k: &k,
        v: &v,
        scores: scores.row(head),
        pattern: pattern.row(head),
        z: &z,
        n_keys,
        scale: seen.card.attn_scale,
    }
    .errors()
}

/// The largest |1 − Σ| of a row, in all heads of a layer.
pub fn row_error(seen: &Seen, layer: usize) -> Option<f64> {
    let pattern = seen.trace.layer(layer, "attn.hook_pattern")?;
    Some(stages::row_error(&pattern.values, *pattern.shape.last()?))
}

/// The largest share of a later token, in all heads of a layer.
pub fn later_share(seen: &Seen, layer: usize) -> Option<f64> {
    let pattern = seen.trace.layer(layer, "attn.hook_pattern")?;
    Some(stages::later_share(&pattern.values, *pattern.shape.last()?))
}

/// The key and value head that a query head shares.
fn kv_head(seen: &Seen, head: usize) -> usize {
    let group = seen.card.n_heads / seen.card.n_kv_heads.max(1);
    head / group.max(1) as usize
}

/// One head of `[T, n_heads, d]`.
fn head_rows(x: &Tensor, head: usize) -> Option<Vec<f32>> {
    let &[n_rows, n_heads, d] = x.shape.as_slice() else { return None };
    if head >= n_heads {
        return None;
    }
    Some((0..n_rows).flat_map(|row| x.row(row)[head * d..][..d].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two heads of one column over two tokens; the second head looks at the first key alone.
    fn seen() -> Seen {
        let mut trace = Trace::default();
        let mut put = |hook: &str, shape: &[usize], values: &[f32]| {
            trace.insert(layer_hook(0, hook), shape.to_vec(), values.to_vec());
        };
        put("attn.hook_q", &[2, 2, 1], &[0.0, 1.0, 0.0, 1.0]);
        put("attn.hook_k", &[2, 2, 1], &[1.0, 40.0, 1.0, -40.0]);
        put("attn.hook_v", &[2, 2, 1], &[3.0, 5.0, 4.0, 6.0]);
        put("attn.hook_z", &[2, 2, 1], &[3.5, 5.0, 3.5, 5.0]);
        put("attn.hook_attn_scores", &[2, 2, 2], &[0.0, 0.0, 0.0, 0.0, 40.0, -40.0, 40.0, -40.0]);
        put("attn.hook_pattern", &[2, 2, 2], &[0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 1.0, 0.0]);
        let card = ModelCard {
            n_layers: 1,
            n_heads: 2,
            n_kv_heads: 2,
            d_head: 1,
            attn_scale: 1.0,
            ..ModelCard::default()
        };
        let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        Seen {
            trace: Arc::new(trace),
            card: Arc::new(card),
            rows: names(["a", "b"]),
            keys: names(["c", "d"]),
        }
    }

    #[test]
    fn rows_are_those_that_look_and_columns_those_looked_at() {
        let view = stage(&seen(), 0, 1, Stage::Scores).unwrap();
        assert_eq!(view.values, [40.0, -40.0, 40.0, -40.0]);
        assert_eq!(
            (&view.row_labels[..], &view.col_labels[..]),
            (&seen().rows[..], &seen().keys[..])
        );
        assert_eq!(values(&seen(), 0, 1, false).unwrap().values, [5.0, 6.0]);
        assert_eq!(values(&seen(), 0, 0, true).unwrap().values, [3.5, 3.5]);
        assert_eq!(all_heads(&seen(), 0).len(), 2);
        let short = Seen { rows: vec!["a".into()], ..seen() };
        assert_eq!(pattern(&short, 0, 0), None, "the trace is of another text");
    }

    #[test]
    fn stages_computed_again_agree_and_what_is_off_is_found() {
        for head in [0, 1] {
            let errors = errors(&seen(), 0, head).unwrap();
            assert!(errors.scores <= 1e-6 && errors.pattern <= 1e-6 && errors.values <= 1e-6);
        }
        let card = ModelCard { attn_scale: 0.5, ..(*seen().card).clone() };
        let off = errors(&Seen { card: Arc::new(card), ..seen() }, 0, 1).unwrap();
        assert!(off.scores > 0.4, "{off:?}");
        assert_eq!(errors(&seen(), 1, 0), None);
        assert_eq!((row_error(&seen(), 0), later_share(&seen(), 0)), (Some(0.0), Some(0.5)));
    }

    #[test]
    fn a_choice_of_another_model_is_clamped() {
        assert_eq!(seen().within(9, 9), [0, 1]);
    }
}
