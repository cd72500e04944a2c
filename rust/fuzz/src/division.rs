//! How a call is divided among threads.
//!
//! In: a byte of a fuzzer. Out: [`Division`], a number of threads and what they divide, forward and backward:
//! groups of rows, parts of the units, layers at the same time, or what the model says. It knows no layer; a plan takes as much of it as there is.

use arbitrary::Arbitrary;
use bnns_lstm::Options;
use bnns_lstm::binding::Tuning;

/// One thread where the lowest bit is 0; the next two bits say how many, the others what they divide.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Division(u8);

const THREADS: [usize; 4] = [2, 3, 5, 16];

/// Steps of a piece, where layers run at the same time.
const PIECES: [u32; 4] = [1, 2, 3, 5];

impl Division {
    pub fn is_one_thread(self) -> bool {
        self.0 & 1 == 0
    }

    pub fn threads(self) -> usize {
        if self.is_one_thread() { 1 } else { THREADS[usize::from(self.0 >> 1 & 3)] }
    }

    /// These options, with what is divided.
    pub fn of(self, options: Options) -> Options {
        let drawn = usize::from(self.0 >> 3);
        if self.is_one_thread() || drawn == 0 {
            return options;
        }
        let (groups, kind) = (1 + drawn % 4, drawn / 4);
        let pipeline = kind.checked_sub(4).map(|piece| [self.threads() as u32, PIECES[piece]]);
        let parts = if pipeline.is_some() { 1 } else { 1 + kind };
        let grid = Some([groups as u32, parts as u32]);
        // The backward pass has no pipeline.
        let backward_grid = grid;
        Options { tuning: Tuning { grid, backward_grid, pipeline, ..options.tuning }, ..options }
    }
}
