//! What the kernels move between memory and themselves, by their own loads and stores
//! ([`vitrine_kernels::traffic`]), of one head.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::softmax::Softmax;
use vitrine_kernels::traffic::Traffic;

use super::{Rules, heads_of, values_of};

/// Bytes and products of one head, forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Bytes of scores, softmax and values, each a kernel.
    pub matrices: [u64; 3],
    /// Bytes of the kernel of blocks.
    pub blocks: u64,
    /// Multiplications of queries with keys and of shares with values: by matrices, by blocks.
    pub n_products: [u64; 2],
    /// Values that the kernel of blocks holds in a workgroup's memory.
    pub on_chip: u64,
    /// Tiles that are computed, of all.
    pub n_tiles: [u64; 2],
}

impl Moved {
    /// Bytes of the three kernels.
    pub fn by_matrices(&self) -> u64 {
        self.matrices.iter().sum()
    }
}

/// What N rows of `d` columns move; `None` where no workgroup has room for such blocks. `tiles` as
/// [`super::compare`] has it.
pub fn moved(n: u32, d: u32, rules: Rules, tiles: Option<&[u32]>) -> Option<Moved> {
    let (n, d) = (n as usize, d as usize);
    let op = rules.op(d);
    if !op.fits() {
        return None;
    }
    let extents = [n, n];
    let n_cells = (n * n) as u64;
    let n_seen = if rules.causal { (n * (n + 1) / 2) as u64 } else { n_cells };
    let kernels: [Traffic; 3] = [
        heads_of(d).traffic(extents),
        Softmax::traffic([1, n, n], n_seen),
        values_of(d).traffic(extents, n_seen),
    ];
    let [n_blocks, n_across] = op.n_blocks(extents);
    let (mut n_computed, mut n_products) = (0, 0);
    for block in 0..n_blocks {
        let n_rows = op.block_rows.min(n - block * op.block_rows);
        for pass in 0..op.n_passing(block, extents) {
            if tiles.is_none_or(|tiles| tiles[block * n_across + pass] != 0) {
                let n_keys = op.block_keys.min(n - pass * op.block_keys);
                n_computed += 1;
                n_products += (2 * n_rows * n_keys * d) as u64;
            }
        }
    }
    Some(Moved {
        matrices: kernels.map(Traffic::bytes),
        blocks: op.traffic(extents, tiles).bytes(),
        n_products: [(n_cells + n_seen) * d as u64, n_products],
        on_chip: op.on_chip() as u64,
        n_tiles: [n_computed, (n_blocks * n_across) as u64],
    })
}

/// The largest square block, a power of two, that a workgroup has room for.
pub fn largest_block(d: u32) -> Option<u32> {
    let fits = |size: &u32| {
        let rules = Rules { block_rows: *size, block_keys: *size, causal: false };
        rules.op(d as usize).fits()
    };
    [128, 64, 32, 16, 8, 4, 2, 1].into_iter().find(fits)
}
