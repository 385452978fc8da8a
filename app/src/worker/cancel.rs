//! A load that can be given up.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use web_sys::{AbortController, AbortSignal};

use crate::protocol::Fault;

/// Why a load ended without a model.
#[derive(Debug)]
pub(super) enum Stop {
    /// The visitor gave it up, or asked for another.
    Cancelled,
    /// Something went wrong.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Held by a load and by whoever may cancel it.
#[derive(Clone, Default)]
pub(super) struct Ticket {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    cancelled: Cell<bool>,
    /// Ends the request in progress.
    abort: RefCell<Option<AbortController>>,
}

impl Ticket {
    /// Gives the load up.
    pub fn cancel(&self) {
        self.inner.cancelled.set(true);
        self.abort_request();
    }

    /// Fails if given up.
    pub fn check(&self) -> Result<(), Stop> {
        if self.inner.cancelled.get() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// A signal for the next request. None where the browser has no controllers (all have).
    pub fn signal(&self) -> Option<AbortSignal> {
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        *self.inner.abort.borrow_mut() = Some(controller);
        Some(signal)
    }

    /// Ends the request in progress, not the load.
    pub fn abort_request(&self) {
        let controller = self.inner.abort.borrow_mut().take();
        if let Some(controller) = controller {
            controller.abort();
        }
    }
}
