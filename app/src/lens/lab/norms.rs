//! Norms of gradients, weights and updates, a layer or a parameter at a time. The norm of a layer is
//! that of all its parameters together: the root of the sum of their squares. An update ratio around
//! 1e−3 is a common rule of thumb (Karpathy 2015, CS231n); far above it a run tends to be unstable.

use crate::format;
use crate::lens::attention::MatrixView;
use crate::lens::lab::series::{N_COLORS, Run};
use crate::lens::table::Table;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, HELD_OUT, Line};
use crate::protocol::lab::{NormPoint, ParameterFact};

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    /// ‖g‖, before it is cut down.
    #[default]
    Gradient,
    /// ‖θ‖.
    Weight,
    /// ‖Δθ‖ / ‖θ‖.
    Ratio,
}

impl Quantity {
    /// All, with their words and names.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Gradient, "gradient", "gradient norm"),
        (Self::Weight, "weight", "weight norm"),
        (Self::Ratio, "ratio", "update ratio"),
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, ..)| *known == self).map_or("", |(.., name)| name)
    }
}

/// Parameters that are measured together, in the order of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// `layer 3`, `encoder 0`, `embed`.
    pub name: String,
    /// Their places.
    pub parameters: Vec<usize>,
}

/// The layers, and what stands before and behind them; or every parameter for itself.
pub fn parts(parameters: &[ParameterFact], each: bool) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (place, parameter) in parameters.iter().enumerate() {
        let name = if each { parameter.name.clone() } else { layer_of(&parameter.name) };
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.parameters.push(place),
            None => parts.push(Part { name, parameters: vec![place] }),
        }
    }
    parts
}

/// `blocks.3.attn.W_Q` → `layer 3`; what is in no block goes by its first word.
fn layer_of(name: &str) -> String {
    let mut words = name.split('.');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_layer = !second.is_empty() && second.bytes().all(|byte| byte.is_ascii_digit());
    match (first, is_layer) {
        ("blocks", true) => format!("layer {second}"),
        (stack, true) => format!("{stack} {second}"),
        (first, false) => first.to_owned(),
    }
}

/// The values of a quantity, `[n_parts, n_points]`.
fn values(run: &Run, parts: &[Part], quantity: Quantity) -> Vec<f32> {
    let root = |part: &Part, norms: &[f32]| {
        let squares = part.parameters.iter().filter_map(|&place| norms.get(place));
        squares.map(|&norm| f64::from(norm) * f64::from(norm)).sum::<f64>().sqrt()
    };
    let value = |part: &Part, point: &NormPoint| match quantity {
        Quantity::Gradient => root(part, &point.gradients),
        Quantity::Weight => root(part, &point.weights),
        Quantity::Ratio => root(part, &point.updates) / root(part, &point.weights),
    };
    let of_part = |part: &Part| run.norms.iter().map(|at| value(part, at) as f32).collect();
    parts.iter().flat_map(|part| -> Vec<f32> { of_part(part) }).collect()
}

/// Layer × time.
pub fn map(run: &Run, quantity: Quantity, each: bool) -> Option<MatrixView> {
    let parts = parts(&run.facts.parameters, each);
    let values = values(run, &parts, quantity);
    if values.is_empty() {
        return None;
    }
    Some(MatrixView {
        n_rows: parts.len(),
        n_cols: run.norms.len(),
        scale: Scale::magnitudes(&values),
        values,
        row_labels: parts.into_iter().map(|part| part.name).collect(),
        col_labels: run.norms.iter().map(|at| at.step.to_string()).collect(),
        quantity: quantity.name().into(),
        ..MatrixView::default()
    })
}

/// A line a layer, on an axis of factors. Layers beyond the colours are drawn broad.
pub fn chart(run: &Run, quantity: Quantity) -> Option<ChartSpec> {
    let parts = parts(&run.facts.parameters, false);
    let values = values(run, &parts, quantity);
    let n_points = run.norms.len();
    if values.is_empty() {
        return None;
    }
    let line = |(idx, part): (usize, &Part)| {
        let own = &values[idx * n_points..(idx + 1) * n_points];
        let points = run.norms.iter().zip(own).map(|(at, &value)| (at.step as f32, value));
        let broad = if (idx / usize::from(N_COLORS)) % 2 == 1 { HELD_OUT } else { 0 };
        let color = (idx % usize::from(N_COLORS)) as u8 | broad;
        Line { name: part.name.clone(), color, points: points.collect() }
    };
    Some(ChartSpec {
        title: format!("The {} of each layer", quantity.name()),
        x_name: "steps".into(),
        y_name: quantity.name().into(),
        lines: parts.iter().enumerate().map(line).collect(),
        is_x_whole: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// Steps down, layers or parameters across.
pub fn table(run: &Run, quantity: Quantity, each: bool) -> Option<Table> {
    let view = map(run, quantity, each)?;
    let mut columns = vec!["step".to_owned()];
    columns.extend(view.row_labels.iter().cloned());
    let row = |at: usize| {
        let own = (0..view.n_rows).map(|row| format::plain(view.values[row * view.n_cols + at]));
        std::iter::once(view.col_labels[at].clone()).chain(own).collect()
    };
    let rows = (0..view.n_cols).map(row).collect();
    Some(Table { caption: format!("{}, a step a row", quantity.name()), columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let names = ["embed.W_E", "blocks.0.attn.W_Q", "blocks.0.mlp.W_in", "ln_final.w"];
        let fact = |name: &&str| ParameterFact { name: (*name).into(), ..Default::default() };
        let mut run = Run::default();
        run.facts.parameters = names.iter().map(fact).collect();
        let at = |step: u32| NormPoint {
            step,
            gradients: vec![1.0, 3.0, 4.0, 2.0],
            weights: vec![10.0, 6.0, 8.0, 1.0],
            updates: vec![0.1, 0.03, 0.04, 0.0],
        };
        run.norms = vec![at(1), at(5)];
        run
    }

    #[test]
    fn layers_are_the_roots_of_their_squares() {
        let view = map(&run(), Quantity::Gradient, false).unwrap();
        assert_eq!(view.row_labels, ["embed", "layer 0", "ln_final"]);
        assert_eq!(view.col_labels, ["1", "5"]);
        assert_eq!(view.values, [1., 1., 5., 5., 2., 2.]);
        let ratio = map(&run(), Quantity::Ratio, false).unwrap();
        assert!((ratio.value(1, 0).unwrap() - 0.005).abs() <= 1e-8);
        assert_eq!(map(&run(), Quantity::Weight, true).unwrap().n_rows, 4);
        assert_eq!(map(&Run::default(), Quantity::Weight, true), None);
    }

    #[test]
    fn stacks_have_layers_of_their_own() {
        assert_eq!(layer_of("encoder.0.attn.W_Q"), "encoder 0");
        assert_eq!(layer_of("decoder.12.mlp.W_in"), "decoder 12");
        assert_eq!(layer_of("unembed.W_U"), "unembed");
        assert_eq!(layer_of("decoder.embed.W_E"), "decoder");
    }

    #[test]
    fn lines_and_table_have_all_points() {
        let spec = chart(&run(), Quantity::Weight).unwrap();
        assert_eq!(spec.lines.len(), 3);
        assert_eq!(spec.lines[1].points, [(1.0, 10.0), (5.0, 10.0)]);
        let table = table(&run(), Quantity::Gradient, false).unwrap();
        assert_eq!(table.columns, ["step", "embed", "layer 0", "ln_final"]);
        assert_eq!(table.rows[1], ["5", "1", "5", "2"]);
    }
}
