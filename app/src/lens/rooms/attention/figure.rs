//! The tensors of a run that a block of the figure shows, as matrices.

use super::blocks::Kind;
use super::head::{Seen, pattern};
use crate::lens::attention::MatrixView;
use crate::lens::stack;
use crate::lens::trace::{Tensor, Trace, layer_hook};
use crate::palette::Scale;
use crate::protocol::{Attention, ModelCard};

/// Largest vocabulary that is shown whole.
const MAX_VOCABULARY: u32 = 4096;

/// Whether a model has a tensor, and few enough columns of it to be shown.
pub fn is_shown(model: &ModelCard, kind: Kind) -> bool {
    let is_vocabulary = matches!(kind, Kind::Logits | Kind::Probabilities);
    model.hooks.contains(&full_hook(kind, 0)) && !(is_vocabulary && model.d_vocab > MAX_VOCABULARY)
}

/// The full name of the hook that holds a tensor, in a layer.
pub fn full_hook(kind: Kind, layer: usize) -> String {
    match kind {
        Kind::Model(of, hook) => match hook.split_once('.') {
            Some((layer, hook)) => stack::full_name(&format!("blocks.{layer}.{hook}"), of),
            None => stack::full_name(hook, of),
        },
        Kind::Layer(of, hook) => stack::full_name(&layer_hook(layer, hook), of),
        Kind::Pattern(of) => stack::full_name(&layer_hook(layer, "attn.hook_pattern"), of),
        Kind::Logits | Kind::Probabilities => "logits".to_owned(),
    }
}

impl Kind {
    /// Of which attention's tokens the rows are.
    pub fn of(self) -> Attention {
        match self {
            Self::Model(of, _) | Self::Layer(of, _) | Self::Pattern(of) => of,
            Self::Logits | Self::Probabilities => Attention::Decoder,
        }
    }
}

/// A block's tensor of a whole run; none while it is not there. `seen` is the run as [`Kind::of`] sees it;
/// `named` labels the vocabulary.
pub fn plane_view(
    trace: &Trace,
    kind: Kind,
    [layer, head]: [usize; 2],
    seen: &Seen,
    named: &dyn Fn(usize) -> Option<String>,
) -> Option<MatrixView> {
    if let Kind::Pattern(_) = kind {
        return pattern(seen, layer, head);
    }
    let tensor = trace.get(&full_hook(kind, layer))?;
    let (n_rows, n_cols) = tensor.rows();
    if n_rows == 0 || n_rows != seen.rows.len() {
        return None;
    }
    let (values, scale, quantity) = match kind {
        Kind::Probabilities => (softmax(tensor), Scale::UNIT, "probability"),
        Kind::Logits => (tensor.values.to_vec(), Scale::diverging(&tensor.values), "score"),
        _ => (tensor.values.to_vec(), Scale::diverging(&tensor.values), "value"),
    };
    let is_vocabulary = matches!(kind, Kind::Logits | Kind::Probabilities);
    let label =
        |col: usize| named(col).filter(|_| is_vocabulary).unwrap_or_else(|| col.to_string());
    Some(MatrixView {
        n_rows,
        n_cols,
        values,
        row_labels: seen.rows.clone(),
        col_labels: (0..n_cols).map(label).collect(),
        scale,
        quantity: quantity.to_owned(),
        ..MatrixView::default()
    })
}

/// Each row as shares of 1.
fn softmax(logits: &Tensor) -> Vec<f32> {
    let n_rows = logits.rows().0;
    let of_row = |row: usize| {
        let row = logits.row(row);
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = row.iter().map(|&x| (x - most).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.into_iter().map(move |power| power / sum)
    };
    (0..n_rows).flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Attention::{Cross, Decoder, Encoder};

    #[test]
    fn hooks_have_the_names_of_their_stacks() {
        let name = |kind| full_hook(kind, 3);
        assert_eq!(name(Kind::Model(Encoder, "hook_embed")), "encoder.hook_embed");
        assert_eq!(name(Kind::Model(Decoder, "0.hook_resid_pre")), "decoder.0.hook_resid_pre");
        assert_eq!(
            name(Kind::Layer(Decoder, "ln2.hook_normalized")),
            "decoder.3.ln2.hook_normalized"
        );
        assert_eq!(name(Kind::Pattern(Cross)), "decoder.3.cross_attn.hook_pattern");
        assert_eq!(name(Kind::Probabilities), "logits");
    }

    #[test]
    fn probabilities_are_shares_and_have_the_vocabulary_s_names() {
        let mut trace = Trace::default();
        trace.insert("logits".into(), vec![1, 2], vec![0.0, 3.0_f32.ln()]);
        let named = |id: usize| (id == 1).then(|| "b".to_owned());
        let seen = Seen { rows: vec!["a".to_owned()], ..Seen::default() };
        let view = plane_view(&trace, Kind::Probabilities, [0, 0], &seen, &named).unwrap();
        assert!((view.values[1] - 0.75).abs() <= 1e-6 && (view.values[0] - 0.25).abs() <= 1e-6);
        assert_eq!(view.col_labels, ["0", "b"]);
        assert_eq!(plane_view(&trace, Kind::Logits, [0, 0], &Seen::default(), &named), None);
    }
}
