//! What the rooms ask their worker for, and who hears the answers. Made when a room is opened first.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::host;
use crate::parts::dom::soon;
use crate::protocol::EngineInfo;
use crate::protocol::room::{AskNo, FromRoom, RoomAsk, RoomPart, ToRoom};
use crate::state::cell::{Var, forever};
use crate::state::use_store;

/// What became of an ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A part of the answer.
    Part(RoomPart),
    /// There are no more parts.
    Done,
    /// It failed: what, and what to do.
    Fault(String, String),
}

/// What hears it.
type Hears = Rc<dyn Fn(Heard)>;

/// The rooms' state.
pub struct Rooms {
    /// The engine that computes.
    pub engine: Var<Option<EngineInfo>>,
    /// How many asks are not answered yet.
    pub n_open: Var<usize>,
}

/// What views hold of it.
pub type RoomsState = &'static Rooms;

thread_local! {
    static ROOMS: Cell<Option<RoomsState>> = const { Cell::new(None) };
    static OPEN: RefCell<HashMap<String, (AskNo, Hears)>> = RefCell::default();
    static LAST: Cell<AskNo> = const { Cell::new(0) };
}

/// The rooms' state; made at the first call. It lives as long as the page.
pub fn use_rooms() -> RoomsState {
    if let Some(rooms) = ROOMS.get() {
        return rooms;
    }
    let made = || Rooms { engine: Var::default(), n_open: Var::default() };
    let rooms: RoomsState = Box::leak(Box::new(forever(made)));
    ROOMS.set(Some(rooms));
    rooms
}

/// Asks, in place of what was asked in the same slot before.
pub fn ask(slot: &str, ask: RoomAsk, hears: impl Fn(Heard) + 'static) {
    let started = host::start_room(receive, |why| {
        // What hears this cannot be dropped while it hears.
        soon(move || lost(&why));
    });
    if let Err(what) = started {
        return hears(Heard::Fault(what, "Reload the page.".to_owned()));
    }
    let no = LAST.get() + 1;
    LAST.set(no);
    let engine = use_store().url.read_untracked().engine;
    OPEN.with_borrow_mut(|open| open.insert(slot.to_owned(), (no, Rc::new(hears) as Hears)));
    count();
    host::post_room(&ToRoom::Ask { no, slot: slot.to_owned(), engine, ask });
}

/// Gives up what was asked in a slot.
pub fn cancel(slot: &str) {
    if OPEN.with_borrow_mut(|open| open.remove(slot)).is_some() {
        count();
        host::post_room(&ToRoom::Cancel { slot: slot.to_owned() });
    }
}

fn count() {
    use_rooms().n_open.set(OPEN.with_borrow(HashMap::len));
}

/// Who hears of an ask, if it is still the last one of its slot.
fn heard_by(no: AskNo, is_last: bool) -> Option<Hears> {
    let hears = OPEN.with_borrow_mut(|open| {
        let slot =
            open.iter().find(|(_, (known, _))| *known == no).map(|(slot, _)| slot.clone())?;
        let hears = Rc::clone(&open.get(&slot)?.1);
        if is_last {
            open.remove(&slot);
        }
        Some(hears)
    });
    if is_last {
        count();
    }
    hears
}

fn receive(message: FromRoom) {
    match message {
        FromRoom::Engine(info) => use_rooms().engine.set(Some(info)),
        FromRoom::Part { no, part } => {
            if let Some(hears) = heard_by(no, false) {
                hears(Heard::Part(*part));
            }
        }
        FromRoom::Done { no } => {
            if let Some(hears) = heard_by(no, true) {
                hears(Heard::Done);
            }
        }
        FromRoom::Fault { what, advice, no: Some(no) } => {
            if let Some(hears) = heard_by(no, true) {
                hears(Heard::Fault(what, advice));
            }
        }
        FromRoom::Fault { what, advice, no: None } => fail_all(&what, &advice),
    }
}

/// The worker is gone; the next ask starts another.
fn lost(why: &str) {
    host::end_room();
    use_rooms().engine.set(None);
    fail_all(&format!("The computation stopped: {why}"), "Turn a knob, or reload the page.");
}

fn fail_all(what: &str, advice: &str) {
    let open = OPEN.take();
    count();
    for (_, hears) in open.into_values() {
        hears(Heard::Fault(what.to_owned(), advice.to_owned()));
    }
}
