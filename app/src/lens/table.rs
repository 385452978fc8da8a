//! Numbers in rows: what a panel shows as a table and writes as CSV.

use crate::format;
use crate::lens::attention::MatrixView;

/// A table with a header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it holds.
    pub caption: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The cells, by rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A matrix of tokens: rows as they are, columns named.
    pub fn of_matrix(view: &MatrixView, caption: &str) -> Self {
        let mut columns = vec!["token".to_owned()];
        columns.extend(view.col_labels.iter().cloned());
        let cell = |row, col| view.value(row, col).map(format::plain).unwrap_or_default();
        let rows = (0..view.n_rows)
            .map(|row| {
                let label = view.row_labels.get(row).cloned().unwrap_or_default();
                std::iter::once(label).chain((0..view.n_cols).map(|col| cell(row, col))).collect()
            })
            .collect();
        Self { caption: caption.into(), columns, rows }
    }

    /// RFC 4180, with a line for the caption.
    pub fn to_csv(&self) -> String {
        let mut out = String::from("# ");
        out.push_str(&self.caption.replace(['\r', '\n'], " "));
        out.push_str("\r\n");
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }
}

fn csv_cell(cell: &str) -> String {
    // A cell that starts like a formula would run in a spreadsheet; numbers are let through.
    let is_formula = cell.starts_with(['=', '@', '+', '-', '\t'])
        && cell != "-inf"
        && format::number(cell).is_none();
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_defused() {
        let table = Table {
            caption: "two\nlines".into(),
            columns: vec!["token".into(), "p".into()],
            rows: vec![vec!["a,\"b\"".into(), "-0.5".into()], vec!["=1+1".into(), "2".into()]],
        };
        assert_eq!(table.to_csv(), "# two lines\r\ntoken,p\r\n\"a,\"\"b\"\"\",-0.5\r\n'=1+1,2\r\n");
    }
}
