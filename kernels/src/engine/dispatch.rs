//! What an op asks of the GPU: pure data, no wgpu. Each op's `gpu.rs` turns one node into
//! [`Dispatch`]es; the engine makes pipelines and bind groups of them.
//!
//! Bind group 0 of every shader: binding 0 the op's `<Op>Params` (uniform), then the operands in
//! the order of [`Dispatch::operands`], reads before writes. Bind group 1, binding 0: the run's
//! [`Step`](super::Step), the one thing that changes from run to run.

use std::ops::Range;

use crate::recording::{Node, Recording, Tensor};
use crate::shader_text::wgsl;
use crate::tensor::TensorId;

/// What the adapter is good at; gpu.rs chooses variants by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    /// A CPU pretends to be a GPU: barriers are slow, one row a thread is fast.
    pub software: bool,
    /// Work (multiply-adds) that takes a slow adapter of this kind well under 200 ms.
    pub work_per_submit: u64,
}

/// Shader text: the run's step.
pub(crate) const STEP: &str = wgsl!("../ops/shared/step.wgsl");
/// Shader text: reductions over a workgroup.
pub(crate) const REDUCE: &str = wgsl!("../ops/shared/reduce.wgsl");

/// Shader text: floats by their bits.
pub(crate) const ORDER: &str = wgsl!("../ops/shared/order.wgsl");

/// The workgroups of one dimension that every adapter allows.
pub(crate) const MAX_GROUPS: u32 = 65_535;

/// A compute shader: its text in parts, and the layout of its `<Op>Params`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shader {
    /// The op's name, and the variant after a dot.
    pub label: &'static str,
    /// Texts that are joined in this order.
    pub parts: &'static [&'static str],
    /// Name of the params struct.
    pub params: &'static str,
    /// Its fields with their offsets in Rust; a test compares them with the shader's.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the test of layouts reads it"))]
    pub fields: &'static [(&'static str, usize)],
}

impl Shader {
    /// A shader whose binding 0 is a `P`.
    pub const fn new<P: Params>(label: &'static str, parts: &'static [&'static str]) -> Self {
        Self { label, parts, params: P::NAME, fields: P::FIELDS }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.parts.concat()
    }
}

/// A struct that is the content of binding 0.
pub(crate) trait Params: bytemuck::Pod {
    /// Its name in WGSL.
    const NAME: &'static str;
    /// Its fields and their offsets.
    const FIELDS: &'static [(&'static str, usize)];
}

/// Declares a [`Params`] struct.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        pub(crate) struct $name { $(pub $field: $ty,)* }

        impl crate::engine::dispatch::Params for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), std::mem::offset_of!($name, $field)),)*];
        }
    };
}
pub(crate) use params;

/// What is bound at one binding.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// All of a tensor, read. Of a weight: its first piece.
    Read(TensorId),
    /// The piece of that index of a weight (see [`Site::pieces`]), read.
    Piece(TensorId, usize),
    /// Nothing is given here; a few zeros are bound.
    Absent,
    /// Constants that the op computed beforehand, read.
    Table(Vec<u32>),
    /// All of a tensor, written.
    Write(TensorId),
}

impl Operand {
    /// Whether the shader writes here.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Write(_))
    }
}

/// One launch of a shader.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch {
    /// Which shader.
    pub shader: Shader,
    /// Override constants.
    pub constants: Vec<(&'static str, f64)>,
    /// Content of binding 0.
    pub params: Vec<u8>,
    /// Bindings from 1 on.
    pub operands: Vec<Operand>,
    /// Workgroups.
    pub groups: [u32; 3],
    /// Estimated multiply-adds, for bounding submits.
    pub work: u64,
}

impl Dispatch {
    /// A launch of `groups` workgroups.
    pub fn new<P: Params>(
        shader: Shader,
        params: &P,
        operands: Vec<Operand>,
        groups: [u32; 3],
    ) -> Self {
        debug_assert_eq!(shader.params, P::NAME, "shader {} takes other params", shader.label);
        let work = groups.iter().map(|&n| u64::from(n)).product::<u64>() * 64;
        let params = bytemuck::bytes_of(params).to_vec();
        Self { shader, constants: Vec::new(), params, operands, groups, work }
    }

    /// Sets an override constant.
    pub fn constant(mut self, name: &'static str, value: impl Into<f64>) -> Self {
        self.constants.push((name, value.into()));
        self
    }

    /// States the work where it is not one step an invocation.
    pub fn work(mut self, work: u64) -> Self {
        self.work = work;
        self
    }
}

/// Workgroups along x, overflowing into y beyond [`MAX_GROUPS`].
pub(crate) fn groups_of(n: usize) -> [u32; 3] {
    let n = n as u32;
    if n <= MAX_GROUPS { [n, 1, 1] } else { [MAX_GROUPS, n.div_ceil(MAX_GROUPS), 1] }
}

/// A node as its op's gpu.rs sees it.
pub(crate) struct Site<'a> {
    /// The recording.
    pub recording: &'a Recording,
    /// The node.
    pub node: &'a Node,
    /// What the adapter is good at.
    pub traits: Traits,
    /// Rows of the pieces that weights were split into.
    pub pieces: &'a dyn Fn(TensorId) -> Vec<Range<usize>>,
}

impl Site<'_> {
    /// Declaration of input `idx`.
    pub fn input(&self, idx: usize) -> &Tensor {
        self.recording.tensor(self.node.inputs[idx])
    }

    /// Declaration of output `idx`.
    pub fn output(&self, idx: usize) -> &Tensor {
        self.recording.tensor(self.node.outputs[idx])
    }

    /// Input `idx` as an operand.
    pub fn read(&self, idx: usize) -> Operand {
        Operand::Read(self.node.inputs[idx])
    }

    /// Input `idx` as an operand if `given`.
    pub fn read_if(&self, given: bool, idx: usize) -> Operand {
        if given { self.read(idx) } else { Operand::Absent }
    }

    /// Output `idx` as an operand.
    pub fn write(&self, idx: usize) -> Operand {
        Operand::Write(self.node.outputs[idx])
    }

    /// Rows of the pieces that hold input `idx`: one piece unless it is a weight above the
    /// adapter's binding limit.
    pub fn pieces(&self, idx: usize) -> Vec<Range<usize>> {
        (self.pieces)(self.node.inputs[idx])
    }

    /// Invocations of a workgroup that reduces rows of `n_cols` values.
    pub fn reduction_width(&self, n_cols: usize) -> u32 {
        match (self.traits.software, n_cols) {
            (true, _) => 8,
            (false, ..=64) => 32,
            (false, ..=512) => 64,
            (false, ..=4096) => 128,
            (false, _) => 256,
        }
    }
}

/// 1 for true: booleans do not exist in uniforms.
pub(crate) fn flag(value: bool) -> u32 {
    u32::from(value)
}
