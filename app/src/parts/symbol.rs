//! Symbols within words: `d_k` is written with its index below the line.

use crate::parts::dom::{Child, View, el};

/// Words as nodes, the indices of symbols of one letter below the line.
pub fn with_indices(text: &str) -> Vec<View> {
    let piece = |(piece, is_index): (&str, bool)| -> View {
        if is_index { el!(sub).child(piece).into() } else { piece.into_node() }
    };
    pieces(text).into_iter().map(piece).collect()
}

/// The pieces of a text, and whether each is an index; the sign `_` before it is left out.
fn pieces(text: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut done = 0;
    for (at, _) in text.match_indices('_') {
        let mut before = text[..at].chars().rev();
        let mut after = text[at + 1..].chars();
        let is_letter = before.next().is_some_and(char::is_alphabetic)
            && !before.next().is_some_and(char::is_alphanumeric);
        let index = after.next().filter(|index| index.is_alphanumeric());
        let is_one = !after.next().is_some_and(|next| next.is_alphanumeric() || next == '_');
        if let Some(index) = index.filter(|_| is_letter && is_one) {
            found.push((&text[done..at], false));
            done = at + 1 + index.len_utf8();
            found.push((&text[at + 1..done], true));
        }
    }
    found.push((&text[done..], false));
    found.retain(|(piece, _)| !piece.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_those_of_symbols_alone() {
        assert_eq!(
            pieces("softmax(q·k / √d_k), d_k = 4"),
            [
                ("softmax(q·k / √d", false),
                ("k", true),
                ("), d", false),
                ("k", true),
                (" = 4", false)
            ]
        );
        for whole in ["hook_q", "n_heads", "a_", "_a", "x_long", "attn_pdrop", ""] {
            assert!(pieces(whole).iter().all(|(_, is_index)| !is_index), "{whole}");
        }
    }
}
