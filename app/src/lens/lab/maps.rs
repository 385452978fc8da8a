//! Attention to the probe after some step, and the values of one parameter.

use std::sync::Arc;

use crate::lens::attention::MatrixView;
use crate::lens::trace::Trace;
use crate::palette::Scale;
use crate::protocol::lab::{Looked, Part, Values};

/// Attention to the probe, as it came.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// After which step, of which tokens.
    pub looked: Looked,
    /// The patterns.
    pub trace: Arc<Trace>,
}

/// Probes are the same only if nothing came in between.
impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        self.looked.step == other.looked.step && Arc::ptr_eq(&self.trace, &other.trace)
    }
}

/// What a pattern is called: `decoder 1, at the source`.
pub fn hook_title(hook: &str) -> String {
    let mut words = hook.split('.');
    let (stack, layer) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let of = if hook.contains("cross_attn") { ", at the source" } else { "" };
    match stack {
        "blocks" => format!("layer {layer}"),
        stack => format!("{stack} {layer}{of}"),
    }
}

/// Heads of a pattern.
pub fn n_heads(probe: &Probe, hook: &str) -> usize {
    probe.trace.get(hook).and_then(|tensor| tensor.shape.first()).copied().unwrap_or(0)
}

/// One head's pattern: who looks down, who is looked at across.
pub fn map(probe: &Probe, hook: &str, head: usize) -> Option<MatrixView> {
    let tensor = probe.trace.get(hook)?;
    let &[n_heads, n_rows, n_cols] = tensor.shape.as_slice() else { return None };
    if head >= n_heads {
        return None;
    }
    let values = tensor.row(head).to_vec();
    let Looked { tokens, source, .. } = &probe.looked;
    let is_cross = hook.contains("cross_attn");
    let of_source = hook.starts_with("encoder.");
    let later = |idx: usize| idx % n_cols > idx / n_cols;
    // A decoder's later tokens have a weight of exactly 0.
    let is_causal = !is_cross
        && !of_source
        && values.iter().enumerate().all(|(idx, value)| !later(idx) || *value == 0.0);
    Some(MatrixView {
        n_rows,
        n_cols,
        masked: if is_causal { (0..values.len()).map(later).collect() } else { Vec::new() },
        reasons: if is_causal { vec![(false, "later, not seen".into())] } else { Vec::new() },
        values,
        row_labels: if of_source { source.clone() } else { tokens.clone() },
        col_labels: if of_source || is_cross { source.clone() } else { tokens.clone() },
        scale: Scale::UNIT,
        quantity: "attention weight".into(),
        ..MatrixView::default()
    })
}

/// The values of a parameter, or of what goes with it.
pub fn values(values: &Values, floats: &[f32]) -> Option<MatrixView> {
    let (n_rows, n_cols) = (values.size.0 as usize, values.size.1 as usize);
    if floats.is_empty() || floats.len() != n_rows * n_cols {
        return None;
    }
    let labels = |n: usize, step: u32| (0..n).map(|at| (at as u32 * step).to_string()).collect();
    let quantity = match values.look.part {
        Part::Value => "value",
        Part::Gradient => "gradient",
        Part::Mean => "mean gradient",
        Part::Square => "mean square",
    };
    let is_mean = values.box_size != (1, 1);
    Some(MatrixView {
        n_rows,
        n_cols,
        values: floats.to_vec(),
        row_labels: labels(n_rows, values.box_size.0),
        col_labels: labels(n_cols, values.box_size.1),
        scale: match values.look.part {
            Part::Square => Scale::magnitudes(floats),
            _ => Scale::diverging(floats),
        },
        quantity: match is_mean {
            true => format!("{quantity}, mean of {} × {}", values.box_size.0, values.box_size.1),
            false => quantity.into(),
        },
        ..MatrixView::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::lab::Look;

    fn probe() -> Probe {
        let mut trace = Trace::default();
        let causal = vec![1.0, 0.0, 0.25, 0.75];
        trace.insert("decoder.0.attn.hook_pattern".into(), vec![1, 2, 2], causal.clone());
        let across = vec![0.5, 0.25, 0.25, 0.0, 1.0, 0.0];
        trace.insert("decoder.0.cross_attn.hook_pattern".into(), vec![1, 2, 3], across);
        trace.insert("encoder.0.attn.hook_pattern".into(), vec![1, 3, 3], vec![0.5; 9]);
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let looked = Looked {
            tokens: texts(&["<s>", "a"]),
            source: texts(&["a", "b", "</s>"]),
            ..Looked::default()
        };
        Probe { looked, trace: Arc::new(trace) }
    }

    #[test]
    fn each_attention_has_its_own_axes() {
        let own = map(&probe(), "decoder.0.attn.hook_pattern", 0).unwrap();
        assert_eq!(own.value(0, 1), None, "a later token");
        assert_eq!(own.col_labels, ["<s>", "a"]);
        let cross = map(&probe(), "decoder.0.cross_attn.hook_pattern", 0).unwrap();
        assert_eq!((cross.row_labels.len(), cross.col_labels.len()), (2, 3));
        assert_eq!(cross.value(1, 2), Some(0.0));
        let source = map(&probe(), "encoder.0.attn.hook_pattern", 0).unwrap();
        assert_eq!(source.row_labels, ["a", "b", "</s>"]);
        assert_eq!(map(&probe(), "encoder.0.attn.hook_pattern", 1), None);
        assert_eq!(hook_title("decoder.0.cross_attn.hook_pattern"), "decoder 0, at the source");
        assert_eq!(hook_title("blocks.3.attn.hook_pattern"), "layer 3");
    }

    #[test]
    fn values_are_labelled_by_where_they_stand() {
        let look = Look { parameter: 0, part: Part::Square };
        let asked = Values { size: (1, 2), box_size: (2, 4), look, ..Values::default() };
        let view = super::values(&asked, &[1.0, 2.0]).unwrap();
        assert_eq!(view.col_labels, ["0", "4"]);
        assert_eq!(view.quantity, "mean square, mean of 2 × 4");
        assert_eq!(super::values(&asked, &[1.0]), None);
    }
}
