//! The alignment of a source and its translation: what the decoder looked at in the source when it
//! wrote each token. (Bahdanau et al. 2015, arXiv 1409.0473, figure 3; that a token is written by
//! the row before it: Garg et al. 2019, "Jointly Learning to Align and Translate with Transformer
//! Models", arXiv 1909.02074.)

use crate::lens::attention::MatrixView;
use crate::lens::tokens::labels;
use crate::lens::trace::Trace;
use crate::palette::Scale;
use crate::protocol::TokenView;
use crate::state::url::AlignOf;

/// Hooks of cross-attention, of the layers that count.
pub fn hooks(n_layers: usize, layer: usize, of: AlignOf) -> Vec<String> {
    let layers = if of == AlignOf::All { 0..n_layers } else { layer..layer + 1 };
    layers.map(|layer| format!("decoder.{layer}.cross_attn.hook_pattern")).collect()
}

/// Shares of attention: tokens written down, tokens of the source across. Each row is the mean of
/// the heads asked for, of the step that wrote its token; the last row's token is `next`, which is
/// still to come. `None` while a pattern is not there.
pub fn alignment(
    trace: &Trace,
    n_layers: usize,
    (layer, head): (usize, usize),
    of: AlignOf,
    [target, source]: [&[TokenView]; 2],
    next: &str,
) -> Option<MatrixView> {
    let mut values: Vec<f32> = Vec::new();
    let (mut n_rows, mut n_cols, mut n_maps) = (0, 0, 0);
    for hook in hooks(n_layers, layer, of) {
        let pattern = trace.get(&hook)?;
        let &[n_heads, rows, cols] = pattern.shape.as_slice() else { return None };
        let heads = if of == AlignOf::Head { head..head + 1 } else { 0..n_heads };
        for head in heads {
            let map = pattern.row(head);
            if n_maps == 0 {
                (n_rows, n_cols) = (rows, cols);
                values = vec![0.0; rows * cols];
            }
            if map.len() != values.len() {
                return None;
            }
            values.iter_mut().zip(map).for_each(|(sum, value)| *sum += value);
            n_maps += 1;
        }
    }
    if n_rows != target.len() || n_cols != source.len() {
        return None;
    }
    values.iter_mut().for_each(|value| *value /= n_maps as f32);
    let mut row_labels: Vec<String> = labels(target, 12).into_iter().skip(1).collect();
    row_labels.push(next.into());
    Some(MatrixView {
        n_rows,
        n_cols,
        values,
        row_labels,
        col_labels: labels(source, 12),
        scale: Scale::UNIT,
        quantity: match n_maps {
            1 => "attention weight".into(),
            n => format!("mean weight of {n} heads"),
        },
        ..MatrixView::default()
    })
}

/// Where each row looks most.
pub fn best(view: &MatrixView) -> Vec<Option<usize>> {
    let of_row = |row: usize| {
        let mut best: Option<(usize, f32)> = None;
        for col in 0..view.n_cols {
            if let Some(value) = view.value(row, col)
                && best.is_none_or(|(_, most)| value > most)
            {
                best = Some((col, value));
            }
        }
        best.map(|(col, _)| col)
    };
    (0..view.n_rows).map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(words: &[&str]) -> Vec<TokenView> {
        let token = |&word: &&str| TokenView {
            id: 0,
            text: word.into(),
            bytes: Vec::new(),
            span: None,
            special: false,
            generated: false,
            second: false,
            masked: false,
        };
        words.iter().map(token).collect()
    }

    /// Two layers of two heads, two target rows, three source columns.
    fn trace() -> Trace {
        let mut trace = Trace::default();
        let maps = [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]].concat();
        for layer in 0..2 {
            let hook = format!("decoder.{layer}.cross_attn.hook_pattern");
            let scale = if layer == 0 { 1.0 } else { 0.5 };
            let values = maps.iter().map(|value| value * scale).collect();
            trace.insert(hook, vec![2, 2, 3], values);
        }
        trace
    }

    #[test]
    fn rows_are_named_by_the_token_that_they_write() {
        let (target, source) = (tokens(&["<s>", "o"]), tokens(&["the", "cat", "</s>"]));
        let of = |of, at| alignment(&trace(), 2, at, of, [&target, &source], "gato").unwrap();
        let head = of(AlignOf::Head, (1, 1));
        assert_eq!(head.row_labels, ["o", "gato"]);
        assert_eq!(head.col_labels, ["the", "cat", "</s>"]);
        assert_eq!(head.values, [0.0, 0.5, 0.0, 0.0, 0.0, 0.5]);
        assert_eq!(best(&head), [Some(1), Some(2)]);
        let layer = of(AlignOf::Layer, (0, 9));
        assert_eq!(layer.values, [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]);
        let all = of(AlignOf::All, (9, 9));
        assert_eq!(all.values, [0.375, 0.375, 0.0, 0.0, 0.375, 0.375]);
        assert_eq!(all.quantity, "mean weight of 4 heads");
    }

    #[test]
    fn what_does_not_fit_is_not_shown() {
        let (target, source) = (tokens(&["<s>", "o"]), tokens(&["the"]));
        let of =
            |at, n_layers| alignment(&trace(), n_layers, at, AlignOf::All, [&target, &source], "");
        assert_eq!(of((0, 0), 2), None, "another source");
        assert_eq!(of((0, 0), 3), None, "a layer is missing");
    }
}
