//! The training cache: what a forward call leaves for the backward call, in memory of the caller.
//!
//! In: bytes of any alignment. Out: the plan's regions as rows of bytes, behind a header that tells which
//! layer filled them; which rows are whose (`places`); and the rows themselves, floats to bytes and back (`rows`). It
//! computes nothing.

mod places;
mod rows;

pub(super) use places::LayerOutputs;
pub(super) use rows::{CachedRows, ChunkRows, RowStep, TaskCache};

use crate::check::Config;
use crate::error::{Broken, Code, Error, Issue, Path};
use crate::plan::{CacheLayout, CacheRegion, HEADER_BYTES, Plan};
use ndarray::{ArrayView5, ArrayViewMut5, Axis, Ix5, ShapeError};
use std::fmt::Write;

/// First bytes of a cache.
const MAGIC: [u8; 8] = *b"bnnslstm";
/// What the header says of a cache that a forward call has filled.
const FILLED: u8 = 1;

/// Bytes that a training cache needs; `None` where that does not fit the address space.
///
/// With S, N, L, D, H for steps, batch, layers, directions and hidden size, and every step cached:
/// `64 + 24 L D N S H`. With checkpoints every k steps: `64 + 8 L D N H ceil(S / k)`, and in a bidirectional
/// stack `4 (L - 1) D N S H` more.
pub fn cache_capacity(config: &Config) -> Option<usize> {
    CacheLayout::new(config).map(|layout| layout.bytes)
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

/// The regions of a cache, `[layers, directions, batch, steps, row bytes]` each; `None` for those that this
/// layer does not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regions<V> {
    /// What every step leaves.
    pub(super) steps: Option<V>,
    /// The states before each segment.
    pub(super) states: Option<V>,
    /// The outputs of all steps.
    pub(super) outputs: Option<V>,
}

impl<V> Regions<V> {
    /// A view of each region that the layout has.
    fn each(
        layout: &CacheLayout,
        mut view: impl FnMut(CacheRegion) -> Result<V, ShapeError>,
    ) -> Result<Self, Broken> {
        let mut of = |region: Option<CacheRegion>| {
            let view = region.map(&mut view).transpose();
            view.map_err(|_| Broken("a region of the training cache of another size"))
        };
        Ok(Self {
            steps: of(layout.steps)?,
            states: of(layout.states)?,
            outputs: of(layout.outputs)?,
        })
    }
}

/// The layout of a cache of so many bytes.
fn fitting(plan: &Plan, found: usize) -> Result<&CacheLayout, Error> {
    let layout = plan.cache.as_ref().filter(|layout| found >= layout.bytes);
    layout.ok_or_else(|| {
        let needed = plan.cache.as_ref().map(|layout| format!("at least {} bytes", layout.bytes));
        let needed = needed.unwrap_or_else(|| "more bytes than there can be".to_owned());
        refused(Code::CacheTooSmall, &needed, &found.to_string())
    })
}

/// A cache that is about to be filled: its header and its regions.
pub(super) fn to_fill<'a>(
    plan: &Plan,
    bytes: &'a mut [u8],
) -> Result<(&'a mut [u8], Regions<ArrayViewMut5<'a, u8>>), Error> {
    let layout = fitting(plan, bytes.len())?;
    let (head, mut rest) = bytes.split_at_mut(HEADER_BYTES);
    head[..16].copy_from_slice(&header(plan.config()));
    head[16..].fill(0);
    let regions = Regions::each(layout, |region| {
        let (own, after) = std::mem::take(&mut rest).split_at_mut(region.bytes());
        rest = after;
        ArrayViewMut5::from_shape(extents(region), own)
    });
    Ok((head, regions?))
}

/// The extents of a region for `ndarray`.
fn extents(region: CacheRegion) -> Ix5 {
    let [layers, directions, batch, steps, bytes] = region.byte_shape();
    Ix5(layers, directions, batch, steps, bytes)
}

fn refused(code: Code, expected: &str, actual: &str) -> Error {
    let (expected, actual) = (expected.to_owned(), actual.to_owned());
    Error::Cache(Issue { path: Path::field("cache"), code, expected, actual })
}

/// Mark a cache as filled.
pub(super) fn mark_filled(head: &mut [u8]) {
    head[16] = FILLED;
}

/// The regions of a cache that this layer filled.
pub(super) fn filled<'a>(
    plan: &Plan,
    bytes: &'a [u8],
) -> Result<Regions<ArrayView5<'a, u8>>, Error> {
    let layout = fitting(plan, bytes.len())?;
    let (head, mut rest) = bytes.split_at(HEADER_BYTES);
    if head[..8] != MAGIC || head[16] != FILLED {
        let (expected, actual) =
            ("a cache that a forward call filled", "one that was never filled");
        return Err(refused(Code::CacheNotFilled, expected, actual));
    }
    if head[..16] != header(plan.config()) {
        let (expected, actual) =
            ("a cache that this layer filled", "one that another layer filled");
        return Err(refused(Code::ForeignCache, expected, actual));
    }
    let regions = Regions::each(layout, |region| {
        let (own, after) = rest.split_at(region.bytes());
        rest = after;
        ArrayView5::from_shape(extents(region), own)
    });
    Ok(regions?)
}

impl<'a> Regions<ArrayViewMut5<'a, u8>> {
    /// Of the first `rows` batch rows, and of the others.
    pub(super) fn split_rows(self, rows: usize) -> (Self, Self) {
        let split = |region: Option<ArrayViewMut5<'a, u8>>| {
            region.map(|region| region.split_at(Axis(2), rows)).unzip()
        };
        let (steps, other_steps) = split(self.steps);
        let (states, other_states) = split(self.states);
        let (outputs, other_outputs) = split(self.outputs);
        (
            Self { steps, states, outputs },
            Self { steps: other_steps, states: other_states, outputs: other_outputs },
        )
    }
}
