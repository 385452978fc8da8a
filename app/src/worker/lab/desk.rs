//! Where the page's messages wait for the loop that does them, in order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::protocol::lab::ToLab;

/// The desk.
#[derive(Default)]
pub(super) struct Desk {
    waiting: RefCell<VecDeque<ToLab>>,
    waker: RefCell<Option<Waker>>,
}

impl Desk {
    /// Puts a message there. A run replaces all that waits: it would be about an older one.
    pub fn put(&self, message: ToLab) {
        let mut waiting = self.waiting.borrow_mut();
        if matches!(message, ToLab::Train(_)) {
            waiting.clear();
        }
        waiting.push_back(message);
        drop(waiting);
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next one, if there is one.
    pub fn take(&self) -> Option<ToLab> {
        self.waiting.borrow_mut().pop_front()
    }

    /// The next one, when there is one.
    pub async fn next(self: &Rc<Self>) -> ToLab {
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
        desk.put(ToLab::Pause);
        desk.put(ToLab::Rate(0.1));
        assert_eq!(desk.take(), Some(ToLab::Pause));
        desk.put(ToLab::Train(TrainJob::default()));
        desk.put(ToLab::Resume);
        assert!(matches!(desk.take(), Some(ToLab::Train(_))), "the rate was the old run's");
        assert_eq!((desk.take(), desk.take()), (Some(ToLab::Resume), None));
    }
}
