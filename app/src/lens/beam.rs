//! A beam search as a picture: steps across, the candidates of a step down, best first.

use crate::format;
use crate::lens::table::Table;
use crate::protocol::{Fate, Written};

/// Width of a step, CSS pixels.
pub const STEP_WIDTH: usize = 124;
/// Height of a candidate.
pub const ROW_HEIGHT: usize = 20;

/// A candidate and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its number in [`Written::nodes`].
    pub node: usize,
    /// Left edge.
    pub x: usize,
    /// Middle.
    pub y: usize,
    /// Where the candidate before it stands, or the start.
    pub from: (usize, usize),
    /// Whether it is part of the chosen hypothesis.
    pub is_chosen: bool,
}

/// A tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// All candidates.
    pub places: Vec<Place>,
    /// Width of the whole.
    pub width: usize,
    /// Height of the whole.
    pub height: usize,
    /// Where the start stands: left edge and middle.
    pub start: (usize, usize),
}

/// Places all candidates.
pub fn tree(written: &Written) -> Tree {
    let chosen = chosen(written);
    let mut places: Vec<Place> = Vec::with_capacity(written.nodes.len());
    let (mut step, mut rank, mut n_rows, mut n_steps) = (0, 0, 1, 0);
    let start = (0, ROW_HEIGHT / 2);
    for (node, one) in written.nodes.iter().enumerate() {
        let this = one.n_tokens as usize;
        rank = if this == step { rank + 1 } else { 0 };
        step = this;
        (n_rows, n_steps) = (n_rows.max(rank + 1), n_steps.max(this));
        let parent = one.parent.and_then(|parent| places.get(parent as usize));
        places.push(Place {
            node,
            x: this * STEP_WIDTH,
            y: rank * ROW_HEIGHT + ROW_HEIGHT / 2,
            from: parent.map_or(start, |parent| (parent.x, parent.y)),
            is_chosen: chosen.contains(&(node as u32)),
        });
    }
    Tree { places, width: (n_steps + 1) * STEP_WIDTH, height: n_rows * ROW_HEIGHT, start }
}

/// The nodes of the chosen hypothesis, last first.
fn chosen(written: &Written) -> Vec<u32> {
    let mut path = Vec::new();
    let mut at = written.chosen;
    while let Some(node) = at {
        path.push(node);
        let parent = written.nodes.get(node as usize).and_then(|one| one.parent);
        // A node follows an earlier one, else the walk would not end.
        at = parent.filter(|&parent| parent < node);
    }
    path
}

/// What became of a candidate, in a word.
pub fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept => "kept",
        Fate::Ended => "ended",
        Fate::Dropped => "dropped",
    }
}

/// Every candidate, in numbers.
pub fn table(written: &Written) -> Table {
    let chosen = chosen(written);
    let columns = ["step", "after", "token", "ln p", "sum of ln p", "fate", "chosen"];
    let text = |node: u32| written.nodes.get(node as usize).map(|one| one.text.clone());
    let rows = written.nodes.iter().enumerate().map(|(node, one)| {
        vec![
            one.n_tokens.to_string(),
            one.parent.and_then(text).unwrap_or_default(),
            one.text.clone(),
            format::plain(one.log_p),
            format::plain(one.score),
            fate(one.fate).into(),
            if chosen.contains(&(node as u32)) { "yes" } else { "" }.into(),
        ]
    });
    Table {
        caption: format!("Candidates of every step, {} side by side", written.n_beams),
        columns: columns.map(Into::into).to_vec(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::BeamNode;

    fn node(parent: Option<u32>, n_tokens: u32, fate: Fate) -> BeamNode {
        let (text, log_p, score) = (format!("t{n_tokens}"), -0.5, -0.5 * n_tokens as f32);
        BeamNode { parent, id: 0, text, log_p, score, n_tokens, fate }
    }

    fn written() -> Written {
        let nodes = vec![
            node(None, 1, Fate::Kept),
            node(None, 1, Fate::Kept),
            node(Some(1), 2, Fate::Ended),
            node(Some(0), 2, Fate::Dropped),
        ];
        Written { n_beams: 2, chosen: Some(2), nodes, ..Written::default() }
    }

    #[test]
    fn candidates_stand_by_step_and_rank() {
        let tree = tree(&written());
        assert_eq!((tree.width, tree.height), (3 * STEP_WIDTH, 2 * ROW_HEIGHT));
        assert_eq!(tree.places[2].from, (STEP_WIDTH, ROW_HEIGHT + ROW_HEIGHT / 2));
        let chosen: Vec<bool> = tree.places.iter().map(|place| place.is_chosen).collect();
        assert_eq!(chosen, [false, true, true, false]);
        assert_eq!(super::tree(&Written::default()).places, []);
    }

    #[test]
    fn a_walk_among_odd_parents_ends() {
        let nodes = vec![node(Some(0), 1, Fate::Kept), node(Some(7), 1, Fate::Kept)];
        let odd = Written { chosen: Some(0), nodes, ..Written::default() };
        assert_eq!(chosen(&odd), [0]);
        assert_eq!(table(&odd).rows.len(), 2);
        assert_eq!(table(&written()).rows[2][5..], ["ended", "yes"]);
    }
}
