//! What the device reports outside of any call: errors, and its end. A future that waits for the
//! device ends with an error when the device is lost; it never hangs.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::EngineError;

/// Shared with the device's callbacks.
#[derive(Default)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lost: Option<String>,
    errors: Vec<EngineError>,
    waiting: Vec<Waker>,
}

impl Health {
    /// Watches a device.
    pub fn of(device: &wgpu::Device) -> Arc<Self> {
        let health = Arc::new(Self::default());
        let on_lost = Arc::clone(&health);
        device.set_device_lost_callback(move |reason, message| {
            on_lost.lose(format!("{reason:?}: {message}"));
        });
        let on_error = Arc::clone(&health);
        device.on_uncaptured_error(Arc::new(move |err: wgpu::Error| {
            on_error.lock().errors.push(engine_error_from(err, "the engine"));
        }));
        health
    }

    /// Notes that the device is gone and ends all waiting.
    pub fn lose(&self, why: String) {
        let mut state = self.lock();
        state.lost.get_or_insert(why);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Fails if the device is gone, or with the oldest error not yet reported.
    pub fn check(&self) -> Result<(), EngineError> {
        let mut state = self.lock();
        if let Some(why) = &state.lost {
            return Err(EngineError::DeviceLost(why.clone()));
        }
        if state.errors.is_empty() {
            return Ok(());
        }
        let first = state.errors.swap_remove(0);
        state.errors.clear();
        Err(first)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In this engine's words; `what` was being done or made.
pub(crate) fn engine_error_from(err: wgpu::Error, what: &str) -> EngineError {
    match err {
        wgpu::Error::OutOfMemory { .. } => {
            EngineError::OutOfMemory { what: what.to_owned(), bytes: 0 }
        }
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            EngineError::Shader { shader: what.to_owned(), message: description }
        }
    }
}

/// A value that a callback of the device will deliver.
pub(crate) struct Signal<T> {
    health: Arc<Health>,
    cell: Arc<Mutex<SignalCell<T>>>,
}

struct SignalCell<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

/// The delivering end of a [`Signal`].
pub(crate) struct Sender<T>(Arc<Mutex<SignalCell<T>>>);

impl<T> Signal<T> {
    /// A signal that fails if the device is lost before it fires.
    pub fn new(health: &Arc<Health>) -> (Sender<T>, Self) {
        let cell = Arc::new(Mutex::new(SignalCell { value: None, waker: None }));
        (Sender(Arc::clone(&cell)), Self { health: Arc::clone(health), cell })
    }
}

impl<T> Sender<T> {
    /// Delivers.
    pub fn send(self, value: T) {
        let mut cell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cell.value = Some(value);
        if let Some(waker) = cell.waker.take() {
            waker.wake();
        }
    }
}

impl<T> Future for Signal<T> {
    type Output = Result<T, EngineError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut cell = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = cell.value.take() {
            return Poll::Ready(Ok(value));
        }
        let mut state = self.health.lock();
        if let Some(why) = &state.lost {
            return Poll::Ready(Err(EngineError::DeviceLost(why.clone())));
        }
        cell.waker = Some(cx.waker().clone());
        state.waiting.retain(|waker| !waker.will_wake(cx.waker()));
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}
