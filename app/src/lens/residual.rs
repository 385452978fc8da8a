//! The residual stream: how long each token's vector is at every layer, and how much attention and
//! MLP add; activations of the MLP. (Elhage et al. 2021, "A Mathematical Framework for Transformer
//! Circuits".)

use crate::lens::attention::MatrixView;
use crate::lens::descending;
use crate::lens::trace::{Tensor, Trace, layer_hook};
use crate::palette::Scale;
use crate::protocol::ModelCard;

/// Lengths over the layers, for one token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contributions {
    /// ‖stream‖ before each block, and after the last: `n_layers + 1`.
    pub stream: Vec<f32>,
    /// ‖attn_out‖ of each block.
    pub attention: Vec<f32>,
    /// ‖cross_attn_out‖ of each block; empty where there is none.
    pub cross: Vec<f32>,
    /// ‖mlp_out‖ of each block.
    pub mlp: Vec<f32>,
}

/// What cross-attention adds; only decoders that read a source have it.
const CROSS: &str = "hook_cross_attn_out";

/// Hooks of the panel; those that the model lacks are not asked for.
pub fn hooks(card: &ModelCard) -> Vec<String> {
    let mut hooks = Vec::new();
    for layer in 0..card.n_layers as usize {
        for hook in ["hook_resid_pre", "hook_attn_out", CROSS, "hook_mlp_out"] {
            hooks.push(layer_hook(layer, hook));
        }
    }
    hooks.push(last_hook(card));
    hooks
}

/// Those without which there is nothing to draw: few models have cross-attention.
pub fn needed(card: &ModelCard) -> impl Iterator<Item = String> {
    hooks(card).into_iter().filter(|hook| !hook.ends_with(CROSS))
}

/// ‖stream‖ before each block and after the last: tokens down, layers across.
pub fn stream(trace: &Trace, card: &ModelCard, labels: &[String]) -> Option<MatrixView> {
    let n_layers = card.n_layers as usize;
    let columns: Option<Vec<Vec<f32>>> =
        (0..=n_layers).map(|layer| Some(lengths(stream_at(trace, card, layer)?))).collect();
    let columns = columns?;
    let (n_rows, n_cols) = (columns.first()?.len(), columns.len());
    let mut values = vec![0.0; n_rows * n_cols];
    for (col, column) in columns.iter().enumerate() {
        for (row, &value) in column.iter().enumerate().take(n_rows) {
            values[row * n_cols + col] = value;
        }
    }
    let mut col_labels: Vec<String> = (0..n_layers).map(|layer| layer.to_string()).collect();
    col_labels.push("out".into());
    Some(MatrixView {
        n_rows,
        n_cols,
        scale: Scale::magnitudes(&values),
        values,
        row_labels: labels.iter().take(n_rows).cloned().collect(),
        col_labels,
        quantity: "length of the stream".into(),
        ..MatrixView::default()
    })
}

/// Lengths over the layers at one token.
pub fn contributions(trace: &Trace, card: &ModelCard, token: usize) -> Option<Contributions> {
    let n_layers = card.n_layers as usize;
    let at = |tensor: &Tensor| (token < tensor.rows().0).then(|| length(tensor.row(token)));
    let of = |hook: &str| -> Option<Vec<f32>> {
        (0..n_layers).map(|layer| at(trace.layer(layer, hook)?)).collect()
    };
    Some(Contributions {
        stream: (0..=n_layers)
            .map(|layer| at(stream_at(trace, card, layer)?))
            .collect::<Option<_>>()?,
        attention: of("hook_attn_out")?,
        cross: of(CROSS).unwrap_or_default(),
        mlp: of("hook_mlp_out")?,
    })
}

/// The neurons of a layer that answer most strongly to any token: tokens down, neurons across.
pub fn neurons(
    trace: &Trace,
    layer: usize,
    n_shown: usize,
    labels: &[String],
) -> Option<MatrixView> {
    let post = trace.layer(layer, "mlp.hook_post")?;
    let (n_rows, d_mlp) = post.rows();
    let peak =
        |neuron: usize| (0..n_rows).map(|row| post.row(row)[neuron].abs()).fold(0.0_f32, f32::max);
    let peaks: Vec<f32> = (0..d_mlp).map(peak).collect();
    let mut strongest = descending(&peaks);
    strongest.truncate(n_shown);
    let mut values = Vec::with_capacity(n_rows * strongest.len());
    for row in 0..n_rows {
        values.extend(strongest.iter().map(|&neuron| post.row(row)[neuron as usize]));
    }
    Some(MatrixView {
        n_rows,
        n_cols: strongest.len(),
        scale: Scale::diverging(&values),
        values,
        row_labels: labels.iter().take(n_rows).cloned().collect(),
        col_labels: strongest.iter().map(u32::to_string).collect(),
        quantity: "activation".into(),
        ..MatrixView::default()
    })
}

fn last_hook(card: &ModelCard) -> String {
    let last = card.n_layers.saturating_sub(1) as usize;
    let normalized = layer_hook(last, "hook_normalized_resid_post");
    if card.hooks.contains(&normalized) { normalized } else { layer_hook(last, "hook_resid_post") }
}

fn stream_at<'a>(trace: &'a Trace, card: &ModelCard, layer: usize) -> Option<&'a Tensor> {
    if layer < card.n_layers as usize {
        trace.layer(layer, "hook_resid_pre")
    } else {
        trace.get(&last_hook(card))
    }
}

fn lengths(tensor: &Tensor) -> Vec<f32> {
    (0..tensor.rows().0).map(|row| length(tensor.row(row))).collect()
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        let mut trace = Trace::default();
        for (hook, values) in [
            ("hook_resid_pre", [3., 4., 0., 1.]),
            ("hook_attn_out", [0., 2., 0., 0.]),
            ("hook_mlp_out", [6., 8., 1., 0.]),
            ("hook_resid_post", [9., 12., 0., 5.]),
        ] {
            trace.insert(layer_hook(0, hook), vec![2, 2], values.to_vec());
        }
        trace.insert(layer_hook(0, "mlp.hook_post"), vec![2, 3], vec![0., 1., -5., 2., 0., 3.]);
        trace
    }

    #[test]
    fn lengths_of_stream_and_contributions() {
        let card = ModelCard { n_layers: 1, ..ModelCard::default() };
        let stream = stream(&trace(), &card, &[]).unwrap();
        assert_eq!(stream.values, [5., 15., 1., 5.]);
        assert_eq!(stream.col_labels, ["0", "out"]);
        let at = contributions(&trace(), &card, 0).unwrap();
        assert_eq!((at.stream, at.attention, at.mlp), (vec![5., 15.], vec![2.], vec![10.]));
        assert_eq!(contributions(&trace(), &card, 2), None);
        assert_eq!(contributions(&Trace::default(), &card, 0), None);
    }

    #[test]
    fn the_strongest_neurons_come_first() {
        let view = neurons(&trace(), 0, 2, &[]).unwrap();
        assert_eq!(view.col_labels, ["2", "0"]);
        assert_eq!(view.values, [-5., 0., 3., 2.]);
    }
}
