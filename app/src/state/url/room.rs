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
