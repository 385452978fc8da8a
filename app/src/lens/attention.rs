//! One head, step by step: q·k → ÷√d_head → mask → softmax → times the values.
//! (Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1.)

use crate::lens::descending;
use crate::lens::trace::{Trace, layer_hook};
use crate::palette::Scale;
use crate::protocol::{ModelCard, TokenView};
use crate::state::url::Stage;

/// A grid of values as the matrix part draws it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixView {
    /// How many rows.
    pub n_rows: usize,
    /// How many columns.
    pub n_cols: usize,
    /// `[n_rows, n_cols]`.
    pub values: Vec<f32>,
    /// `[n_rows, n_cols]`: cells that have no value; empty if all have one.
    pub masked: Vec<bool>,
    /// `[n_rows, n_cols]`: those of the masked cells that are hatched, beyond a window; may be empty.
    pub far: Vec<bool>,
    /// Why cells are masked, and whether those are the hatched ones; empty: they are not seen.
    pub reasons: Vec<(bool, String)>,
    /// One a row.
    pub row_labels: Vec<String>,
    /// One a column.
    pub col_labels: Vec<String>,
    /// The colours.
    pub scale: Scale,
    /// What a value is: "attention weight".
    pub quantity: String,
}

impl MatrixView {
    /// A value, unless the cell is masked or outside.
    pub fn value(&self, row: usize, col: usize) -> Option<f32> {
        let idx = row * self.n_cols + col;
        let is_inside = row < self.n_rows && col < self.n_cols;
        (is_inside && !self.is_masked(row, col)).then(|| self.values[idx])
    }

    /// Whether a cell has no value.
    pub fn is_masked(&self, row: usize, col: usize) -> bool {
        self.masked.get(row * self.n_cols + col).copied().unwrap_or(false)
    }

    /// Whether a cell lies beyond a window.
    pub fn is_far(&self, row: usize, col: usize) -> bool {
        let is_inside = row < self.n_rows && col < self.n_cols;
        is_inside && self.far.get(row * self.n_cols + col).copied().unwrap_or(false)
    }

    /// Values that are shown.
    pub fn shown(&self) -> Vec<f32> {
        let masked = self.masked.iter().copied().chain(std::iter::repeat(false));
        self.values.iter().zip(masked).filter(|(_, masked)| !masked).map(|(v, _)| *v).collect()
    }
}

/// Which heads are looked at: one, or several that are averaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadsAsked {
    /// `(layer, head)`, at least one.
    pub heads: Vec<(usize, usize)>,
    /// The step.
    pub stage: Stage,
    /// Columns that are left out.
    pub hidden_keys: Vec<u32>,
    /// Which tokens are of the second text, and which side looks at which; all if none.
    pub sides: Option<Sides>,
}

/// One of the four ways in which the texts of a pair look at each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Of each token, whether it is of the second text.
    pub second: Vec<bool>,
    /// Whether the tokens that look are.
    pub from: bool,
    /// Whether those looked at are.
    pub to: bool,
}

impl Sides {
    fn has(&self, query: usize, key: usize) -> bool {
        let is = |idx: usize, side: bool| self.second.get(idx) == Some(&side);
        is(query, self.from) && is(key, self.to)
    }
}

/// Hooks from which a step is computed, in one layer.
pub fn hooks_of_stage(card: &ModelCard, layer: usize, stage: Stage) -> Vec<String> {
    let has = |hook: &str| card.hooks.iter().any(|known| *known == layer_hook(layer, hook));
    let hooks: &[&str] = match stage {
        Stage::Scores | Stage::Scaled if has("attn.hook_rot_q") => {
            &["attn.hook_rot_q", "attn.hook_rot_k"]
        }
        Stage::Scores | Stage::Scaled => &["attn.hook_q", "attn.hook_k"],
        Stage::Masked => &["attn.hook_attn_scores"],
        Stage::Pattern => &["attn.hook_pattern"],
        Stage::Values => &["attn.hook_pattern", "attn.hook_v", "attn.hook_z"],
    };
    hooks.iter().map(|hook| layer_hook(layer, hook)).collect()
}

/// What a value of a step is.
pub fn quantity(stage: Stage) -> &'static str {
    match stage {
        Stage::Scores => "q · k",
        Stage::Scaled => "q · k / √d_head",
        Stage::Masked => "score",
        Stage::Pattern => "attention weight",
        Stage::Values => "weight × ‖v‖",
    }
}

/// The matrix of a step: queries down, keys across. `None` while a hook is not there.
pub fn head_matrix(
    trace: &Trace,
    card: &ModelCard,
    asked: &HeadsAsked,
    labels: &[String],
) -> Option<MatrixView> {
    let (&(layer, head), others) = asked.heads.split_first()?;
    let (n_rows, n_cols, mut values) = stage_values(trace, card, layer, head, asked.stage)?;
    for &(layer, head) in others {
        let (_, _, more) = stage_values(trace, card, layer, head, asked.stage)?;
        if more.len() != values.len() {
            return None;
        }
        values.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
    }
    let n = asked.heads.len() as f32;
    values.iter_mut().for_each(|value| *value /= n);
    let is_after_mask = !matches!(asked.stage, Stage::Scores | Stage::Scaled);
    let window = if is_after_mask && card.causal { window_of(card, asked) } else { 0 };
    let far: Vec<bool> = (0..n_rows * n_cols)
        .map(|idx| window > 0 && idx % n_cols + window <= idx / n_cols)
        .collect();
    let mut is_left_out = false;
    let masked: Vec<bool> = (0..n_rows * n_cols)
        .map(|idx| {
            let (query, key) = (idx / n_cols, idx % n_cols);
            let is_later = is_after_mask && card.causal && key > query;
            let is_cut = asked.stage == Stage::Masked && values[idx] == f32::NEG_INFINITY;
            let is_out = asked.hidden_keys.contains(&(key as u32))
                || asked.sides.as_ref().is_some_and(|sides| !sides.has(query, key));
            is_left_out |= is_out;
            is_later || is_cut || far[idx] || is_out
        })
        .collect();
    let mut reasons = Vec::new();
    if is_after_mask && card.causal && n_cols > 1 {
        reasons.push((false, "later tokens, not seen".to_owned()));
    }
    if far.contains(&true) {
        reasons.push((true, format!("beyond the window of {window}, not seen")));
    }
    if is_left_out {
        reasons.push((false, "left out here".to_owned()));
    }
    let mut view = MatrixView {
        n_rows,
        n_cols,
        values,
        masked,
        far,
        reasons,
        row_labels: labels.iter().take(n_rows).cloned().collect(),
        col_labels: labels.iter().take(n_cols).cloned().collect(),
        scale: Scale::UNIT,
        quantity: quantity(asked.stage).into(),
    };
    view.scale = match asked.stage {
        Stage::Pattern if asked.hidden_keys.is_empty() => Scale::UNIT,
        Stage::Pattern | Stage::Values => Scale::sequential(&view.shown()),
        _ => Scale::diverging(&view.shown()),
    };
    Some(view)
}

/// How many tokens back the heads see; 0: all.
fn window_of(card: &ModelCard, asked: &HeadsAsked) -> usize {
    let window = |&(layer, _): &(usize, usize)| card.windows.get(layer).copied().unwrap_or(0);
    // Where one of those averaged sees all, no cell is without a value.
    let sees_all = asked.heads.iter().any(|head| window(head) == 0);
    if sees_all { 0 } else { asked.heads.iter().map(window).max().unwrap_or(0) as usize }
}

/// What the head writes for each token, before the output projection: `[T, d_head]`.
pub fn head_output(
    trace: &Trace,
    layer: usize,
    head: usize,
    labels: &[String],
) -> Option<MatrixView> {
    let z = trace.layer(layer, "attn.hook_z")?;
    let &[n_tokens, n_heads, d_head] = z.shape.as_slice() else { return None };
    if head >= n_heads {
        return None;
    }
    let mut values = Vec::with_capacity(n_tokens * d_head);
    for token in 0..n_tokens {
        values.extend(&z.row(token)[head * d_head..(head + 1) * d_head]);
    }
    Some(MatrixView {
        n_rows: n_tokens,
        n_cols: d_head,
        scale: Scale::diverging(&values),
        values,
        row_labels: labels.iter().take(n_tokens).cloned().collect(),
        col_labels: (0..d_head).map(|dim| dim.to_string()).collect(),
        quantity: "z".into(),
        ..MatrixView::default()
    })
}

/// An edge of the two columns of tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// From.
    pub query: usize,
    /// To.
    pub key: usize,
    /// How much.
    pub weight: f32,
}

/// The heaviest edges that reach a threshold; of one query, if one is chosen.
pub fn edges(
    view: &MatrixView,
    threshold: f32,
    only_query: Option<usize>,
    most: usize,
) -> Vec<Edge> {
    let mut edges = Vec::new();
    for query in (0..view.n_rows).filter(|&query| only_query.is_none_or(|only| only == query)) {
        for key in 0..view.n_cols {
            if let Some(weight) = view.value(query, key).filter(|&weight| weight >= threshold) {
                edges.push(Edge { query, key, weight });
            }
        }
    }
    let weights: Vec<f32> = edges.iter().map(|edge| edge.weight).collect();
    descending(&weights).into_iter().take(most).map(|idx| edges[idx as usize]).collect()
}

/// The largest magnitudes of a row, with their columns; what is not finite is left out.
pub fn largest_of_row(view: &MatrixView, row: usize, most: usize) -> Vec<(usize, f32)> {
    let cells: Vec<(usize, f32)> = (0..view.n_cols)
        .filter_map(|col| Some((col, view.value(row, col).filter(|value| value.is_finite())?)))
        .collect();
    let sizes: Vec<f32> = cells.iter().map(|cell| cell.1.abs()).collect();
    descending(&sizes).into_iter().take(most).map(|idx| cells[idx as usize]).collect()
}

/// First tokens and added ones ([CLS], [SEP]): where attention goes that has nowhere to go.
/// (Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks".)
pub fn sinks(tokens: &[TokenView]) -> Vec<u32> {
    let is_sink = |(idx, token): &(usize, &TokenView)| *idx == 0 || token.special;
    tokens.iter().enumerate().filter(is_sink).map(|(idx, _)| idx as u32).collect()
}

/// `(n_queries, n_keys, [n_queries, n_keys])` of one head.
fn stage_values(
    trace: &Trace,
    card: &ModelCard,
    layer: usize,
    head: usize,
    stage: Stage,
) -> Option<(usize, usize, Vec<f32>)> {
    match stage {
        Stage::Scores => products(trace, layer, head, 1.0),
        Stage::Scaled => products(trace, layer, head, card.attn_scale),
        Stage::Masked => map(trace, layer, head, "attn.hook_attn_scores"),
        Stage::Pattern => map(trace, layer, head, "attn.hook_pattern"),
        Stage::Values => {
            let (n_rows, n_cols, mut values) = map(trace, layer, head, "attn.hook_pattern")?;
            let lengths = value_lengths(trace, card, layer, head)?;
            for (idx, value) in values.iter_mut().enumerate() {
                *value *= lengths.get(idx % n_cols)?;
            }
            Some((n_rows, n_cols, values))
        }
    }
}

/// One head of a `[n_heads, T_q, T_k]` hook.
fn map(trace: &Trace, layer: usize, head: usize, hook: &str) -> Option<(usize, usize, Vec<f32>)> {
    let tensor = trace.layer(layer, hook)?;
    let &[n_heads, n_rows, n_cols] = tensor.shape.as_slice() else { return None };
    (head < n_heads).then(|| (n_rows, n_cols, tensor.row(head).to_vec()))
}

/// q · k of every pair, in this head, times a factor.
fn products(
    trace: &Trace,
    layer: usize,
    head: usize,
    factor: f32,
) -> Option<(usize, usize, Vec<f32>)> {
    let either = |rotated: &str, plain: &str| {
        trace.layer(layer, rotated).or_else(|| trace.layer(layer, plain))
    };
    let q = either("attn.hook_rot_q", "attn.hook_q")?;
    let k = either("attn.hook_rot_k", "attn.hook_k")?;
    let &[n_rows, n_heads, d_head] = q.shape.as_slice() else { return None };
    let &[n_cols, n_kv_heads, d_k] = k.shape.as_slice() else { return None };
    if d_head != d_k || head >= n_heads || n_kv_heads == 0 || !n_heads.is_multiple_of(n_kv_heads) {
        return None;
    }
    let kv_head = head / (n_heads / n_kv_heads);
    let mut values = Vec::with_capacity(n_rows * n_cols);
    for query in 0..n_rows {
        let a = &q.row(query)[head * d_head..(head + 1) * d_head];
        for key in 0..n_cols {
            let b = &k.row(key)[kv_head * d_head..(kv_head + 1) * d_head];
            values.push(factor * a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>());
        }
    }
    Some((n_rows, n_cols, values))
}

/// ‖v‖ of every key, as this head sees it.
fn value_lengths(trace: &Trace, card: &ModelCard, layer: usize, head: usize) -> Option<Vec<f32>> {
    let v = trace.layer(layer, "attn.hook_v")?;
    let &[n_tokens, n_kv_heads, d_head] = v.shape.as_slice() else { return None };
    let group = (card.n_heads as usize / n_kv_heads.max(1)).max(1);
    let kv_head = head / group;
    if kv_head >= n_kv_heads {
        return None;
    }
    let length = |token: usize| {
        let row = &v.row(token)[kv_head * d_head..(kv_head + 1) * d_head];
        row.iter().map(|x| x * x).sum::<f32>().sqrt()
    };
    Some((0..n_tokens).map(length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens, two query heads over one key head of width 2.
    fn trace() -> Trace {
        let mut trace = Trace::default();
        let mut put = |hook: &str, shape: &[usize], values: &[f32]| {
            trace.insert(layer_hook(0, hook), shape.to_vec(), values.to_vec());
        };
        put("attn.hook_q", &[2, 2, 2], &[1., 0., 0., 1., 2., 0., 0., 3.]);
        put("attn.hook_k", &[2, 1, 2], &[1., 2., 3., 4.]);
        put("attn.hook_v", &[2, 1, 2], &[3., 4., 0., 0.5]);
        put("attn.hook_z", &[2, 2, 2], &[1., 2., 3., 4., 5., 6., 7., 8.]);
        put("attn.hook_pattern", &[2, 2, 2], &[1., 0., 0.25, 0.75, 1., 0., 0.5, 0.5]);
        let inf = f32::NEG_INFINITY;
        put("attn.hook_attn_scores", &[2, 2, 2], &[1., inf, 2., 3., 4., inf, 5., 6.]);
        trace
    }

    fn card() -> ModelCard {
        let attn_scale = 0.5_f32.sqrt();
        ModelCard {
            n_heads: 2,
            n_kv_heads: 1,
            d_head: 2,
            causal: true,
            attn_scale,
            ..ModelCard::default()
        }
    }

    fn view(head: usize, stage: Stage, hidden_keys: &[u32]) -> MatrixView {
        let hidden_keys = hidden_keys.to_vec();
        let asked = HeadsAsked { heads: vec![(0, head)], stage, hidden_keys, sides: None };
        head_matrix(&trace(), &card(), &asked, &["a".into(), "b".into()]).unwrap()
    }

    #[test]
    fn scores_are_dot_products_of_the_heads_own_rows() {
        assert_eq!(view(1, Stage::Scores, &[]).values, [2., 4., 6., 12.]);
        let scaled = view(1, Stage::Scaled, &[]).values;
        assert!((scaled[3] - 12.0 / 2.0_f32.sqrt()).abs() <= 1e-6);
        assert_eq!(view(0, Stage::Scores, &[]).value(0, 1), Some(3.0));
    }

    #[test]
    fn later_keys_are_masked_from_the_mask_on() {
        for stage in [Stage::Masked, Stage::Pattern, Stage::Values] {
            let view = view(0, stage, &[]);
            assert!(view.is_masked(0, 1), "{stage:?}");
            assert!(!view.is_masked(1, 0), "{stage:?}");
            assert!(view.scale.max.is_finite());
        }
        assert!(!view(0, Stage::Scaled, &[]).is_masked(0, 1));
    }

    #[test]
    fn values_weigh_the_pattern() {
        assert_eq!(view(0, Stage::Values, &[]).values, [5., 0., 1.25, 0.375]);
        let z = head_output(&trace(), 0, 1, &[]).unwrap();
        assert_eq!(z.values, [3., 4., 7., 8.]);
    }

    #[test]
    fn hidden_keys_leave_the_scale() {
        let hidden = view(0, Stage::Pattern, &[0]);
        assert_eq!(hidden.value(1, 0), None);
        assert_eq!(hidden.scale.max, 0.75);
        assert_eq!(view(0, Stage::Pattern, &[]).scale, Scale::UNIT);
    }

    #[test]
    fn what_is_beyond_a_window_is_hatched_and_named() {
        let windowed = ModelCard { windows: vec![1], ..card() };
        let asked = HeadsAsked {
            heads: vec![(0, 0)],
            stage: Stage::Pattern,
            hidden_keys: Vec::new(),
            sides: None,
        };
        let view = head_matrix(&trace(), &windowed, &asked, &[]).unwrap();
        assert_eq!((view.value(1, 0), view.value(1, 1)), (None, Some(0.75)));
        assert!(view.is_far(1, 0) && !view.is_far(0, 1) && !view.is_far(9, 9));
        assert_eq!(view.reasons[1], (true, "beyond the window of 1, not seen".into()));
        let wide = ModelCard { windows: vec![0], ..card() };
        assert_eq!(head_matrix(&trace(), &wide, &asked, &[]).unwrap().value(1, 0), Some(0.25));
    }

    #[test]
    fn one_side_of_a_pair_looks_at_the_other() {
        let sides = Sides { second: vec![false, true], from: true, to: false };
        let asked = HeadsAsked {
            heads: vec![(0, 0)],
            stage: Stage::Pattern,
            hidden_keys: Vec::new(),
            sides: Some(sides),
        };
        let encoder = ModelCard { causal: false, ..card() };
        let view = head_matrix(&trace(), &encoder, &asked, &[]).unwrap();
        let shown: Vec<_> = (0..4).map(|idx| view.value(idx / 2, idx % 2)).collect();
        assert_eq!(shown, [None, None, Some(0.25), None]);
        assert_eq!(view.reasons, [(false, "left out here".into())]);
    }

    #[test]
    fn heads_are_averaged() {
        let asked = HeadsAsked {
            heads: vec![(0, 0), (0, 1)],
            stage: Stage::Pattern,
            hidden_keys: Vec::new(),
            sides: None,
        };
        let mean = head_matrix(&trace(), &card(), &asked, &[]).unwrap();
        assert_eq!(mean.values, [1., 0., 0.375, 0.625]);
    }

    #[test]
    fn edges_are_the_heaviest_cells_above_the_threshold() {
        let view = view(0, Stage::Pattern, &[]);
        let all = edges(&view, 0.25, None, 9);
        assert_eq!(all.iter().map(|edge| edge.weight).collect::<Vec<_>>(), [1.0, 0.75, 0.25]);
        assert_eq!(edges(&view, 0.3, Some(1), 9), [Edge { query: 1, key: 1, weight: 0.75 }]);
        assert_eq!(edges(&view, 0.0, None, 1).len(), 1);
    }

    #[test]
    fn the_largest_of_a_row_leave_out_what_is_not_seen() {
        let view = view(0, Stage::Pattern, &[]);
        assert_eq!(largest_of_row(&view, 1, 9), [(1, 0.75), (0, 0.25)]);
        assert_eq!(largest_of_row(&view, 0, 9), [(0, 1.0)]);
        assert_eq!(largest_of_row(&view, 7, 9), []);
    }

    #[test]
    fn a_head_or_layer_that_is_not_there_is_none() {
        for heads in [vec![(0, 2)], vec![(1, 0)], vec![]] {
            let asked =
                HeadsAsked { heads, stage: Stage::Pattern, hidden_keys: Vec::new(), sides: None };
            assert_eq!(head_matrix(&trace(), &card(), &asked, &[]), None);
        }
    }
}
