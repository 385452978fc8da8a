//! Keys of the Lab.

use web_sys::KeyboardEvent;

use crate::frame::keys::is_typing;
use crate::parts::dom::on_window;
use crate::protocol::lab::{Phase, ToLab};
use crate::state::lab::Lab;
use crate::state::url::Place;
use crate::state::use_store;

/// Listens for as long as the page lives.
pub fn listen(lab: Lab) {
    on_window("keydown", move |event: KeyboardEvent| {
        let is_plain = !(event.ctrl_key() || event.meta_key() || event.alt_key());
        let is_here = use_store().url.read_untracked().place == Place::Lab;
        if !is_plain || !is_here || event.default_prevented() || is_typing(&event) {
            return;
        }
        let phase = lab.phase.get_untracked();
        match (event.key().as_str(), phase) {
            ("t", phase) if phase != Some(Phase::Starting) => lab.train(),
            ("p", Some(Phase::Running)) => lab.post(&ToLab::Pause),
            ("p", Some(Phase::Paused | Phase::Diverged { .. })) => lab.post(&ToLab::Resume),
            ("s", Some(Phase::Paused | Phase::Diverged { .. })) => lab.post(&ToLab::StepOnce),
            _ => {}
        }
    });
}
