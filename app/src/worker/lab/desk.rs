//! Where the page's messages wait for the loop that does them, in order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasm_bindgen::JsValue;

use crate::protocol::lab::ToLab;

/// A message and what is attached to it.
pub(super) type Letter = (ToLab, JsValue);

/// The desk.
#[derive(Default)]
pub(super) struct Desk {
    waiting: RefCell<VecDeque<Letter>>,
    waker: RefCell<Option<Waker>>,
}

impl Desk {
    /// Puts a message there. A run replaces all that waits: it would be about an older one.
    pub fn put(&self, message: ToLab, attachment: JsValue) {
        let mut waiting = self.waiting.borrow_mut();
        if matches!(message, ToLab::Train(_) | ToLab::Open(_)) {
            waiting.clear();
        }
        waiting.push_back((message, attachment));
        drop(waiting);
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next one, if there is one.
    pub fn take(&self) -> Option<Letter> {
        self.waiting.borrow_mut().pop_front()
    }

    /// The next one, when there is one.
    pub async fn next(self: &Rc<Self>) -> Letter {
        std::future::poll_fn(|context| match self.take() {
            Some(message) => Poll::Ready(message),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::lab::TrainJob;

    #[test]
    fn messages_come_in_order_until_a_new_run() {
        let desk = Desk::default();
        let put = |message| desk.put(message, JsValue::NULL);
        let take = || desk.take().map(|(message, _)| message);
        put(ToLab::Pause);
        put(ToLab::Rate(0.1));
        assert_eq!(take(), Some(ToLab::Pause));
        put(ToLab::Train(TrainJob::default()));
        put(ToLab::Resume);
        assert!(matches!(take(), Some(ToLab::Train(_))), "the rate was the old run's");
        assert_eq!((take(), take()), (Some(ToLab::Resume), None));
    }
}
