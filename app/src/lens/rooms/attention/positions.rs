//! The sinusoids: all positions as a heat-map, two columns as waves, and how alike positions are by their distance.

use vitrine_models::claims::attention::sinusoid::{products, table, wavelength};

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, Line};

/// Positions on screen.
const N: usize = 64;

/// PE of the first positions: positions down, columns across.
pub fn heat_map(d: usize) -> MatrixView {
    let numbers = |n: usize| (0..n).map(|at| at.to_string()).collect::<Vec<_>>();
    MatrixView {
        n_rows: N,
        n_cols: d,
        values: table(N, d),
        row_labels: numbers(N),
        col_labels: numbers(d),
        scale: Scale::diverging(&[1.0]),
        quantity: "added to the embedding".into(),
        ..MatrixView::default()
    }
}

/// The pair of columns that a column belongs to, over the positions.
pub fn wave_chart(d: usize, col: usize) -> ChartSpec {
    let table = table(N, d);
    let first = col.min(d.saturating_sub(1)) / 2 * 2;
    let line = |(color, name): (u8, &str)| {
        let col = first + usize::from(color);
        let values: Vec<f32> = table.iter().skip(col).step_by(d.max(1)).copied().collect();
        Line::of_values(&format!("column {col}, {name}"), color, &values)
    };
    ChartSpec {
        title: format!("Columns {first} and {} over the positions", first + 1),
        x_name: "position".into(),
        y_name: "added to the embedding".into(),
        lines: [(0, "sine"), (1, "cosine")].map(line).to_vec(),
        y_range: Some((-1.0, 1.0)),
        is_x_whole: true,
        ..ChartSpec::default()
    }
}

/// After how many positions the pair comes back.
pub fn wave_words(d: usize, col: usize) -> String {
    let first = col.min(d.saturating_sub(1)) / 2 * 2;
    let length = wavelength(first, d) as f32;
    format!("This pair comes back after {} positions.", format::three(length))
}

/// How alike two positions are, by their distance.
pub fn product_chart(d: usize) -> ChartSpec {
    ChartSpec {
        title: "PE(pos)·PE(pos + k), the same from every position".into(),
        x_name: "distance k".into(),
        y_name: "product, as a share of that of equal positions".into(),
        lines: vec![Line::of_values("product", 0, &products(N, d))],
        is_x_whole: true,
        ..ChartSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_and_cosines_take_turns() {
        let view = heat_map(8);
        assert_eq!(
            (view.n_rows, view.n_cols, view.value(0, 0), view.value(0, 1)),
            (N, 8, Some(0.0), Some(1.0))
        );
        assert!((view.value(1, 0).unwrap() - 1.0_f32.sin()).abs() <= 1e-6);
        let chart = wave_chart(8, 3);
        assert_eq!(chart.lines[0].name, "column 2, sine");
        assert!((chart.lines[1].points[1].1 - 0.1_f32.cos()).abs() <= 1e-6, "10000^(2/8) is 10");
        assert_eq!(wave_chart(8, 400).lines[1].name, "column 7, cosine");
        assert!(wave_words(8, 0).contains("6.28"));
    }

    #[test]
    fn near_positions_are_more_alike_than_far_ones() {
        let points = product_chart(64).lines.remove(0).points;
        assert!((points[0].1 - 1.0).abs() <= 1e-6);
        assert!(points[1].1 > points[4].1 && points[4].1 > points[40].1);
    }
}
