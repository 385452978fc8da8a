//! The op catalogue: one line an op. Each op is a room of its own: `mod.rs` (parameters, shape
//! rule, the recorder's method), `cpu.rs` (the twin that runs on the CPU engine), `gpu.rs` (which
//! shader with which constants), `*.wgsl`, `tests.rs`.

pub mod muon;

/// Declares the modules, the [`Op`] enum and its per-engine dispatch from one list.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident in $module:ident;)*) => {
        $($(#[$doc])* pub mod $module;)*

        /// Any op of the catalogue, with its parameters.
        #[derive(Clone, Debug)]
        pub enum Op {
            $($(#[$doc])* $variant($module::$variant),)*
        }

        impl Op {
            /// Names of all ops, in catalogue order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($module)),*];

            /// The op's one name: folder, pipeline label, CPU function, test.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($module),)*
                }
            }

            #[cfg(feature = "gpu")]
            pub(crate) fn dispatches(
                &self,
                site: &crate::engine::dispatch::Site<'_>,
            ) -> Vec<crate::engine::dispatch::Dispatch> {
                match self {
                    $(Self::$variant(op) => $module::gpu::dispatches(op, site),)*
                }
            }

            pub(crate) fn run_on_cpu(&self, cx: &mut crate::engine::cpu::Context<'_>) {
                match self {
                    $(Self::$variant(op) => $module::cpu::run(op, cx),)*
                }
            }
        }

        /// The compute shaders of every op, in catalogue order.
        #[cfg(feature = "gpu")]
        pub(crate) const SHADERS: &[&[crate::engine::dispatch::Shader]] =
            &[$($module::gpu::SHADERS),*];
    };
}

catalogue! {
    /// Rows of a table by index.
    Gather in gather;
    /// Matrix product with a (possibly quantised) weight, and bias.
    Linear in linear;
    /// Matrix product in integers with a weight of bytes, and bias.
    LinearInt8 in linear_int8;
    /// LayerNorm, with its statistics.
    LayerNorm in layer_norm;
    /// RMSNorm, with its statistics.
    RmsNorm in rms_norm;
    /// Rotary position embedding.
    Rope in rope;
    /// Scaled products of queries with keys.
    AttentionScores in attention_scores;
    /// Masked softmax over rows.
    Softmax in softmax;
    /// Pattern-weighted sums of values.
    AttentionValues in attention_values;
    /// Attention in tiles with online softmax; scores and pattern never exist.
    AttentionTiled in attention_tiled;
    /// Attention by blocks of queries and keys with online softmax.
    AttentionFlash in attention_flash;
    /// Gradients of attention by blocks, tile by tile.
    AttentionFlashGradient in attention_flash_gradient;
    /// Simpler simple recurrent unit: gated running means.
    Ssru in ssru;
    /// Gated recurrent unit through time.
    Gru in gru;
    /// Long short-term memory through time.
    Lstm in lstm;
    /// Scores of additive attention.
    AdditiveScores in additive_scores;
    /// Two tensors side by side.
    Concat in concat;
    /// Element-wise activation.
    Activation in activation;
    /// Activation of one tensor times another.
    Gated in gated;
    /// Sum of two tensors.
    Add in add;
    /// A box of a tensor times a factor.
    Scale in scale;
    /// Rows copied into a state after those it holds.
    Append in append;
    /// Column of each row's maximum.
    Argmax in argmax;
    /// The k largest of each row.
    TopK in top_k;
    /// Mean, variance, minimum, maximum, norm and entropy of each row.
    RowStats in row_stats;
    /// Maps shrunk into one wall of thumbnails.
    Thumbnail in thumbnail;
    /// Matrix product of two computed tensors.
    Matmul in matmul;
    /// Product of two tensors, value by value.
    Multiply in multiply;
    /// Weighted sum of one or two tensors.
    Mix in mix;
    /// One value throughout.
    Fill in fill;
    /// Values zeroed at random.
    Dropout in dropout;
    /// Attention over a batch of sequences.
    Attention in attention;
    /// Attention over a batch without a pattern in memory.
    AttentionRecomputed in attention_recomputed;
    /// Gated recurrent units through time over a batch.
    GruBatch in gru_batch;
    /// LSTMs through time over a batch.
    LstmBatch in lstm_batch;
    /// Additive attention over a batch.
    AdditiveAttention in additive_attention;
    /// Some columns of a tensor, in another shape.
    Window in window;
    /// Mean cross-entropy of rows with their targets.
    CrossEntropy in cross_entropy;
    /// Mean loss of two tensors.
    PairLoss in pair_loss;
    /// Mean policy-gradient loss with a clipped ratio.
    PolicyLoss in policy_loss;
    /// Gradient of the gathered table.
    GatherGradient in gather_gradient;
    /// Sum of the rows of a matrix.
    SumRows in sum_rows;
    /// Gradients of the norms.
    NormGradient in norm_gradient;
    /// Gradient of an activation.
    ActivationGradient in activation_gradient;
    /// Gradients of a gated product.
    GatedGradient in gated_gradient;
    /// Gradient of a softmax.
    SoftmaxGradient in softmax_gradient;
    /// Gradients of attention over a batch.
    AttentionGradient in attention_gradient;
    /// Gradients of attention without a pattern.
    AttentionRecomputedGradient in attention_recomputed_gradient;
    /// Gradients of gated recurrent units over a batch.
    GruBatchGradient in gru_batch_gradient;
    /// Gradients of LSTMs over a batch.
    LstmBatchGradient in lstm_batch_gradient;
    /// Gradients of additive attention over a batch.
    AdditiveAttentionGradient in additive_attention_gradient;
    /// Gradient of a mean cross-entropy.
    CrossEntropyGradient in cross_entropy_gradient;
    /// Gradient of a mean loss of two tensors.
    PairLossGradient in pair_loss_gradient;
    /// Gradient of a mean policy-gradient loss.
    PolicyLossGradient in policy_loss_gradient;
    /// Sum of squares, and a running total.
    SumSquares in sum_squares;
    /// A tensor over its norm.
    Normalise in normalise;
    /// A tensor added to a state.
    Accumulate in accumulate;
    /// One step of an optimiser, in place.
    Update in update;
    /// Sums of products by head.
    HeadDots in head_dots;
    /// One number a head times its columns.
    HeadScale in head_scale;
    /// Sums along the rows of each sequence.
    RunningSum in running_sum;
    /// Feature maps of linear attention.
    FeatureMap in feature_map;
    /// Gradient of a feature map.
    FeatureMapGradient in feature_map_gradient;
    /// Linear attention over a batch of sequences.
    LinearAttention in linear_attention;
    /// What the delta rule writes into fast weights.
    DeltaRule in delta_rule;
    /// Linear attention of one text through time.
    FastWeights in fast_weights;
}
