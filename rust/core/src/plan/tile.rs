//! How many rows and unit blocks a kernel holds in registers.
//!
//! In: a SIMD level. Out: [`Tile`]. The constants follow from the number of vector registers; the benches
//! of the repository measure them.

use crate::level::{Level, lanes};

/// The register tile of a level: `rows` batch rows by one block of hidden units, or one row by `blocks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Hidden units of a block: the lanes of a vector.
    pub(crate) lanes: usize,
    /// Batch rows of the widest tile; each takes four accumulators, one for each gate.
    pub(crate) rows: usize,
    /// Blocks of the one-row tile, enough accumulators to hide the latency of a multiply-add.
    pub(crate) blocks: usize,
}

impl Tile {
    /// The tile of a level.
    pub(crate) fn of(level: Level) -> Self {
        let lanes = lanes(level);
        match level.name() {
            // 32 registers: 24 accumulators, 4 weights, 1 input.
            "avx512" | "neon" => Self { lanes, rows: 6, blocks: 6 },
            // 16 registers: 12 accumulators, 1 weight, 3 inputs.
            "avx2" => Self { lanes, rows: 3, blocks: 3 },
            _ => Self { lanes, rows: 2, blocks: 1 },
        }
    }
}
