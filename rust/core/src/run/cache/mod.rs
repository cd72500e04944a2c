//! The training cache: what a forward call leaves for the backward call, in memory of the caller.
//!
//! In: bytes of any alignment. Out: the plan's regions as rows of bytes, behind a header that tells which
//! layer filled them, and with which weights; which rows are whose (`places`); and the rows themselves, floats
//! to bytes and back (`rows`). It computes nothing.

mod places;
mod rows;

pub(super) use places::LayerOutputs;
pub(super) use rows::{CachedRows, ChunkRows, OwnUnits, RegionRows, RowStep, TaskCache};

use crate::check::Config;
use crate::error::{Broken, Code, Error, Issue, Path};
use crate::plan::{CacheLayout, CacheRegion, HEADER_BYTES, Plan};
use ndarray::{ArrayView5, ArrayViewMut5, Axis, Ix5, ShapeError};
use std::fmt::Write;
use std::ops::Range;

/// First bytes of a cache.
const MAGIC: [u8; 8] = *b"bnnslstm";
/// Where the hash of the layer is.
const LAYER: Range<usize> = 8..16;
/// Where the header says whether a forward call has filled the cache, and what it says then.
const STATE: usize = 16;
const FILLED: u8 = 1;
/// Where the version of the cache is, and which one this is: 0 said nothing of weights.
const VERSION_AT: usize = 17;
const VERSION: u8 = 1;
/// Where the fingerprint of the weights is.
const WEIGHTS: Range<usize> = 24..32;

/// Bytes that a training cache needs; `None` where that does not fit the address space.
///
/// With S, N, L, D, H, P for steps, batch, layers, directions, hidden size and outputs of a direction (`projection_size`,
/// or H), and every step cached: `64 + 4 L D N S (5 H + P)`. With checkpoints every k steps:
/// `64 + 4 L D N (H + P) ceil(S / k)`, and in a bidirectional stack `4 (L - 1) D N S P` more.
pub fn cache_capacity(config: &Config) -> Option<usize> {
    CacheLayout::new(config).map(|layout| layout.bytes)
}

/// A 64-bit FNV-1a hash of everything that decides what a cache holds.
fn layer_hash(config: &Config) -> u64 {
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

/// The header of a cache that is not filled yet.
fn header(config: &Config, weights: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..MAGIC.len()].copy_from_slice(&MAGIC);
    header[LAYER].copy_from_slice(&layer_hash(config).to_le_bytes());
    header[VERSION_AT] = VERSION;
    header[WEIGHTS].copy_from_slice(&weights.to_le_bytes());
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

/// A cache that is about to be filled with weights of this fingerprint: its header and its regions.
pub(super) fn to_fill<'a>(
    plan: &Plan,
    weights: u64,
    bytes: &'a mut [u8],
) -> Result<(&'a mut [u8], Regions<ArrayViewMut5<'a, u8>>), Error> {
    let layout = fitting(plan, bytes.len())?;
    let (head, mut rest) = bytes.split_at_mut(HEADER_BYTES);
    head.copy_from_slice(&header(plan.config(), weights));
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
    head[STATE] = FILLED;
}

/// The regions of a cache that this layer filled, with weights of all these fingerprints.
pub(super) fn filled<'a>(
    plan: &Plan,
    weights: impl IntoIterator<Item = u64>,
    bytes: &'a [u8],
) -> Result<Regions<ArrayView5<'a, u8>>, Error> {
    let layout = fitting(plan, bytes.len())?;
    let (head, mut rest) = bytes.split_at(HEADER_BYTES);
    if head[..MAGIC.len()] != MAGIC || head[STATE] != FILLED {
        let (expected, actual) =
            ("a cache that a forward call filled", "one that was never filled");
        return Err(refused(Code::CacheNotFilled, expected, actual));
    }
    if head[VERSION_AT] != VERSION {
        let (expected, actual) =
            ("a cache that this version filled", "one that another version filled");
        return Err(refused(Code::ForeignCache, expected, actual));
    }
    if head[LAYER] != layer_hash(plan.config()).to_le_bytes() {
        let (expected, actual) =
            ("a cache that this layer filled", "one that another layer filled");
        return Err(refused(Code::ForeignCache, expected, actual));
    }
    if weights.into_iter().any(|weights| head[WEIGHTS] != weights.to_le_bytes()) {
        let expected = "a cache that a forward call filled with these weights";
        let actual = "one that other weights filled (call forward again, or restore the weights)";
        return Err(refused(Code::ChangedWeights, expected, actual));
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
