//! The training cache: what a forward call leaves for the backward call, in memory of the caller.
//!
//! In: bytes of any alignment. Out: rows of saved gates, cell and hidden states, by layer, direction, batch
//! row and step, behind a header that tells which layer filled them. It computes nothing.

use crate::check::Config;
use crate::error::{Code, Error, Issue, Path};
use crate::plan::{Plan, Shape};
use ndarray::{ArrayView3, ArrayView5, ArrayViewMut3, ArrayViewMut5, Axis, Ix5};
use std::fmt::Write;
use std::ops::Range;

/// First bytes of a cache.
const MAGIC: [u8; 8] = *b"bnnslstm";
/// Bytes before the first row: the magic, the fingerprint, whether the cache is filled.
pub(super) const HEADER_BYTES: usize = 64;
/// What the header says of a cache that a forward call has filled.
const FILLED: u8 = 1;
/// Vectors of `hidden_size` floats in a row: four gates, cell state, hidden state.
const VECTORS: usize = 6;

/// Bytes that a training cache needs:
/// `64 + 24 * layers * directions * batch_size * seq_len * hidden_size`; `None` where that does not fit the address space.
pub fn capacity(config: &Config) -> Option<usize> {
    [config.num_layers, config.directions, config.batch_size, config.seq_len]
        .into_iter()
        .try_fold(row_bytes(config)?, usize::checked_mul)?
        .checked_add(HEADER_BYTES)
}

fn row_bytes(config: &Config) -> Option<usize> {
    config.hidden_size.checked_mul(VECTORS * size_of::<f32>())
}

fn shape(config: &Config) -> [usize; 5] {
    let row = VECTORS * size_of::<f32>() * config.hidden_size;
    [config.num_layers, config.directions, config.batch_size, config.seq_len, row]
}

/// A 64-bit FNV-1a hash of everything that decides what a cache holds.
fn fingerprint(config: &Config) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    // Writing to a hash cannot fail.
    let _ = write!(hash, "{config:?}");
    hash.0
}

/// FNV-1a (Fowler, Noll, Vo) with 64 bits, over text that is never stored.
struct Fnv(u64);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

fn header(config: &Config) -> [u8; 16] {
    let mut header = [0; 16];
    let (magic, hash) = header.split_at_mut(8);
    magic.copy_from_slice(&MAGIC);
    hash.copy_from_slice(&fingerprint(config).to_le_bytes());
    header
}

/// A cache that is about to be filled: its rows, `[layers, directions, batch, seq_len, row bytes]`.
pub(super) fn to_fill<'a>(
    plan: &Plan,
    bytes: &'a mut [u8],
) -> Result<(&'a mut [u8], ArrayViewMut5<'a, u8>), Error> {
    let config = plan.config();
    let needed = capacity(config);
    let found = bytes.len();
    if needed.is_none_or(|needed| found < needed) {
        return Err(too_small(needed, found));
    }
    let (head, rows) = bytes.split_at_mut(HEADER_BYTES);
    head[..16].copy_from_slice(&header(config));
    head[16..].fill(0);
    let shape = shape(config);
    let rows = &mut rows[..shape.iter().product()];
    let rows =
        ArrayViewMut5::from_shape(Ix5(shape[0], shape[1], shape[2], shape[3], shape[4]), rows)
            .map_err(|_| too_small(None, found))?;
    Ok((head, rows))
}

fn too_small(needed: Option<usize>, found: usize) -> Error {
    let needed = needed
        .map_or("more bytes than there are".to_owned(), |bytes| format!("at least {bytes} bytes"));
    refused(Code::CacheTooSmall, needed, found.to_string())
}

fn refused(code: Code, expected: impl Into<String>, actual: impl Into<String>) -> Error {
    let path = Path::field("cache");
    Error::Cache(Issue { path, code, expected: expected.into(), actual: actual.into() })
}

/// Mark a cache as filled.
pub(super) fn mark_filled(head: &mut [u8]) {
    head[16] = FILLED;
}

/// The rows of a cache that this layer filled.
pub(super) fn filled<'a>(plan: &Plan, bytes: &'a [u8]) -> Result<ArrayView5<'a, u8>, Error> {
    let config = plan.config();
    let found = bytes.len();
    let needed = capacity(config);
    if needed.is_none_or(|needed| found < needed) {
        return Err(too_small(needed, found));
    }
    let (head, rows) = bytes.split_at(HEADER_BYTES);
    if head[..8] != MAGIC || head[16] != FILLED {
        return Err(refused(
            Code::CacheNotFilled,
            "one that a forward call filled",
            "one that none did",
        ));
    }
    if head[..16] != header(config) {
        return Err(refused(
            Code::ForeignCache,
            "one that this layer filled",
            "one of another layer",
        ));
    }
    let shape = shape(config);
    let rows = &rows[..shape.iter().product()];
    ArrayView5::from_shape(Ix5(shape[0], shape[1], shape[2], shape[3], shape[4]), rows)
        .map_err(|_| too_small(None, found))
}

/// What is saved of a chunk of one task, at the pitches of the workspace.
pub(super) struct ChunkRows<'a> {
    /// `[row][gate][unit]`
    pub(super) gates: &'a [f32],
    /// `[row][unit]`
    pub(super) cells: &'a [f32],
    /// `[row][unit]`
    pub(super) hidden: &'a [f32],
}

/// Write the rows of some steps, `[batch, seq_len, row bytes]`.
pub(super) fn save(
    cache: &mut ArrayViewMut3<'_, u8>,
    shape: &Shape,
    offsets: &[usize],
    steps: Range<usize>,
    rows: &ChunkRows<'_>,
) {
    let geometry = &shape.geometry;
    let (hidden, units) = (geometry.hidden, shape.units());
    let first = offsets[steps.start];
    for step in steps {
        for row in 0..offsets[step + 1] - offsets[step] {
            let at = offsets[step] - first + row;
            let mut of_row = cache.index_axis_mut(Axis(0), row);
            let mut place = of_row.index_axis_mut(Axis(0), step);
            let Some(bytes) = place.as_slice_mut() else { continue };
            let mut vectors = bytes.chunks_exact_mut(hidden * size_of::<f32>());
            let gates = &rows.gates[at * geometry.gate_pitch..][..4 * units];
            let states =
                [rows.cells, rows.hidden].map(|floats| &floats[at * geometry.state_pitch..]);
            for from in gates.chunks_exact(units).chain(states) {
                if let Some(to) = vectors.next() {
                    write_floats(&from[..hidden], to);
                }
            }
        }
    }
}

fn write_floats(from: &[f32], to: &mut [u8]) {
    let (to, _) = to.as_chunks_mut::<4>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.to_ne_bytes();
    }
}

/// One vector of a row: gate 0 to 3, 4 the cell state, 5 the hidden state.
pub(super) fn read_vector(
    cache: &ArrayView3<'_, u8>,
    (row, step, vector): (usize, usize, usize),
    to: &mut [f32],
) {
    let of_row = cache.index_axis(Axis(0), row);
    let place = of_row.index_axis_move(Axis(0), step);
    let Some(bytes) = place.to_slice() else { return };
    let bytes_of_vector = size_of_val(to);
    let (from, _) = bytes[vector * bytes_of_vector..][..bytes_of_vector].as_chunks::<4>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = f32::from_ne_bytes(*from);
    }
}
