//! What an address says of a room: which, its knobs that were turned, the step of its machine, and the part
//! that is presented. Names and values are short and plain; the room judges what they mean.

use super::is_name;
use crate::rooms::ROOMS;

/// Before the name of a knob in an address.
pub(super) const PREFIX: &str = "r-";
/// Before the room's number.
const PLACE: &str = "room-";
/// Most knobs of a room.
const MAX_TURNED: usize = 32;

/// A room and what was chosen there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomState {
    /// Its number in the list, from 1; 0 is none.
    pub number: u8,
    /// Where its machine stands.
    pub step: u32,
    /// The part that is presented; none if the room is shown whole.
    pub presented: Option<u8>,
    /// Names and values, in the order of the names.
    turned: Vec<(String, String)>,
}

impl RoomState {
    /// A room in which nobody has chosen anything.
    pub fn of(number: u8) -> Self {
        Self { number, ..Self::default() }
    }

    /// Reads `room-04`.
    pub(super) fn from_place(place: &str) -> Option<u8> {
        let digits = place.strip_prefix(PLACE)?;
        let number: u8 = digits.parse().ok()?;
        let is_room = digits.len() == 2 && (1..=ROOMS.len()).contains(&usize::from(number));
        is_room.then_some(number)
    }

    /// `room-04`.
    pub fn place(&self) -> String {
        place(self.number)
    }

    /// A knob that was turned.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.turned.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Turns a knob; what is no plain word is left out.
    pub fn turn(&mut self, name: &str, value: &str) {
        let at = self.turned.binary_search_by(|(known, _)| known.as_str().cmp(name));
        match at {
            Ok(at) if is_name(value) => self.turned[at].1 = value.to_owned(),
            Err(at) if is_name(value) && is_name(name) && self.turned.len() < MAX_TURNED => {
                self.turned.insert(at, (name.to_owned(), value.to_owned()));
            }
            _ => {}
        }
    }

    /// Back to where the knob stands when nobody turns it.
    pub fn untouch(&mut self, name: &str) {
        self.turned.retain(|(known, _)| known != name);
    }

    /// Names and values of the knobs that were turned.
    pub fn turned(&self) -> impl Iterator<Item = (&str, &str)> {
        self.turned.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The word of a room in an address.
pub fn place(number: u8) -> String {
    format!("{PLACE}{number:02}")
}

/// A text as a word of an address: small letters, digits and `-` as they are, a space as `_`, all else by its number,
/// as `U2c.` for a comma.
pub fn word_of_text(text: &str) -> String {
    let word = |c: char| match c {
        ' ' => "_".to_owned(),
        'a'..='z' | '0'..='9' | '-' => c.to_string(),
        c => format!("U{:x}.", u32::from(c)),
    };
    text.chars().map(word).collect()
}

/// The text of such a word; none of another word, or of one that no address has room for.
pub fn text_of_word(word: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        text.push(match c {
            '_' => ' ',
            'U' => {
                let (number, after) = rest.split_once('.')?;
                rest = after;
                char::from_u32(u32::from_str_radix(number, 16).ok()?)?
            }
            'a'..='z' | '0'..='9' | '-' => c,
            _ => return None,
        });
    }
    is_name(word).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_words_and_words_are_texts() {
        for text in
            ["27 march 2014", "september 15, 2014", "04.03.2014", "a/b-c", "É ß 日本 ..", "X_y"]
        {
            let word = word_of_text(text);
            assert!(is_name(&word), "{word}");
            assert_eq!(text_of_word(&word).as_deref(), Some(text));
        }
        assert_eq!(word_of_text("5 mar, 2014"), "5_marU2c._2014");
        for other in ["", "A", "U2c", "Uzz.", "Ud800.", "a.b"] {
            assert_eq!(text_of_word(other), None, "{other}");
        }
        assert_eq!(text_of_word(&word_of_text(&",".repeat(40))), None, "no room for it");
    }
}
