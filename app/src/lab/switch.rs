//! Buttons of which one is pressed.

use crate::parts::dom::{El, View, el};
use crate::state::cell::Var;

/// What can be chosen: a value, the end of its test id, what it is called.
pub type Choices<T> = &'static [(T, &'static str, &'static str)];

/// One button a choice, found as `PREFIX-WORD`.
pub fn switches<T>(prefix: &'static str, chosen: Var<T>, choices: Choices<T>) -> El
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let switch = move |&(of, word, name): &(T, &'static str, &'static str)| {
        el!(button type="button" class="switch")
            .set("data-testid", &format!("{prefix}-{word}"))
            .state("aria-pressed", move || chosen.get() == of)
            .when("click", move || chosen.set(of))
            .child(name)
            .into()
    };
    el!(div class="switches").child(choices.iter().map(switch).collect::<Vec<View>>())
}
