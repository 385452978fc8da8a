//! Signals and memos whose values all have one type inside leptos' reactive graph, so that the
//! module carries the graph's code once and not once for every kind of value: it is the largest
//! part of what a visitor would have to download otherwise. What is read is shared, not copied.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use leptos::prelude::{Get, GetUntracked, Memo, Owner, RwSignal, Set};

type Shared = Arc<dyn Any + Send + Sync>;

/// A value that can be set.
pub struct Var<T> {
    signal: RwSignal<Shared>,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Var<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Var<T> {}

impl<T: Default + Send + Sync + 'static> Default for Var<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Send + Sync + 'static> Var<T> {
    /// Makes it.
    pub fn new(value: T) -> Self {
        Self { signal: new_signal(Arc::new(value)), holds: PhantomData }
    }

    /// Its value; whoever reads it hears of changes.
    pub fn read(&self) -> Arc<T> {
        typed(tracked(self.signal))
    }

    /// Its value, without hearing of changes.
    pub fn read_untracked(&self) -> Arc<T> {
        typed(untracked(self.signal))
    }

    /// Sets it and tells whoever reads it.
    pub fn set(&self, value: T) {
        set(self.signal, Arc::new(value));
    }

    /// Sets it if it is another value and the part of the page that owns it is still there.
    pub fn try_set_other(&self, value: T)
    where
        T: PartialEq,
    {
        if self.signal.try_get_untracked().is_some_and(|known| *typed::<T>(known) != value) {
            self.set(value);
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Var<T> {
    /// A copy of its value; whoever reads it hears of changes.
    pub fn get(&self) -> T {
        (*self.read()).clone()
    }

    /// A copy of its value, without hearing of changes.
    pub fn get_untracked(&self) -> T {
        (*self.read_untracked()).clone()
    }

    /// Changes it and tells whoever reads it.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        let mut value = self.get_untracked();
        change(&mut value);
        self.set(value);
    }
}

/// A value that is computed from others, when it is read and they changed.
pub struct Derived<T> {
    memo: Memo<Held>,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Derived<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Derived<T> {}

/// Derives a value; whoever reads it hears of it only when it differs from the one before.
pub fn derive<T: PartialEq + Send + Sync + 'static>(
    compute: impl Fn() -> T + Send + Sync + 'static,
) -> Derived<T> {
    let held = move || Held { value: Arc::new(compute()), same: is_same::<T> };
    Derived { memo: new_memo(Box::new(held)), holds: PhantomData }
}

impl<T: Send + Sync + 'static> Derived<T> {
    /// Its value; whoever reads it hears of changes.
    pub fn read(&self) -> Arc<T> {
        typed(memo_tracked(self.memo))
    }

    /// Its value, without hearing of changes.
    pub fn read_untracked(&self) -> Arc<T> {
        typed(memo_untracked(self.memo))
    }
}

impl<T: Clone + Send + Sync + 'static> Derived<T> {
    /// A copy of its value; whoever reads it hears of changes.
    pub fn get(&self) -> T {
        (*self.read()).clone()
    }

    /// A copy of its value, without hearing of changes.
    pub fn get_untracked(&self) -> T {
        (*self.read_untracked()).clone()
    }
}

/// Makes values that live as long as the page, whoever asks for them first.
pub fn forever<T>(make: impl FnOnce() -> T) -> T {
    let owner = Owner::new_root(None);
    let made = owner.with(make);
    std::mem::forget(owner);
    made
}

/// What every memo holds.
#[derive(Clone)]
struct Held {
    value: Shared,
    same: fn(&Shared, &Shared) -> bool,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (self.same)(&self.value, &other.value)
    }
}

fn is_same<T: PartialEq + 'static>(a: &Shared, b: &Shared) -> bool {
    a.downcast_ref::<T>() == b.downcast_ref::<T>()
}

fn typed<T: Send + Sync + 'static>(value: Shared) -> Arc<T> {
    value.downcast::<T>().unwrap_or_else(|_| other_type())
}

#[cold]
#[inline(never)]
fn other_type() -> ! {
    unreachable!("a signal holds the type that it was made with")
}

fn new_signal(value: Shared) -> RwSignal<Shared> {
    RwSignal::new(value)
}

#[inline(never)]
fn tracked(signal: RwSignal<Shared>) -> Shared {
    signal.get()
}

#[inline(never)]
fn untracked(signal: RwSignal<Shared>) -> Shared {
    signal.get_untracked()
}

#[inline(never)]
fn set(signal: RwSignal<Shared>, value: Shared) {
    signal.set(value);
}

fn new_memo(compute: Box<dyn Fn() -> Held + Send + Sync>) -> Memo<Held> {
    Memo::new(move |_| compute())
}

#[inline(never)]
fn memo_tracked(memo: Memo<Held>) -> Shared {
    memo.get().value
}

#[inline(never)]
fn memo_untracked(memo: Memo<Held>) -> Shared {
    memo.get_untracked().value
}
