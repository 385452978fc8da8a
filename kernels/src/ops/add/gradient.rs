//! Gradients of [`super::Add`]: both are dy.

use super::Add;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(_: &Add, up: &Upstream<'_>, _: &mut Recorder) -> Gradients {
    Ok(vec![Some(up.gradient); 2])
}
