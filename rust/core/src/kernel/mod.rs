//! The arithmetic: slices in, slices out, nothing that can fail.
//!
//! In: panels of weights, rows of floats and their pitches, as `plan` laid them out. Out: pre-activations,
//! states and outputs, written in place. Kernels know no descriptor, no stride of the caller and no thread.
//! Sums run over the inputs in ascending order whatever the tile, so a row's result depends neither on its
//! neighbours nor on the division among threads.

mod arrange;
mod backward;
mod backward_products;
mod cell;
mod fingerprint;
mod fused;
mod generic;
mod geometry;
mod gradient;
mod plain_backward;
mod prefetch;
mod project;
mod projection;
mod tile;
mod tiles;
mod transpose;
mod transposed;
mod variant;
mod vector;

pub(crate) use arrange::{ArrangeInputs, ArrangeUnits, ChunkRows};
pub(crate) use backward::{BackwardChunk, BackwardHalf, BackwardPanels, BackwardScratch};
pub(crate) use fingerprint::{PIECE, RowsToFingerprint, mix, row_key};
pub(crate) use fused::{Begin, FusedChunk, FusedFrom, Projected, Saved, Summed};
pub(crate) use generic::{GenericChunk, GenericFunctions, Half, PeepholePanels};
pub(crate) use geometry::{BlockOrder, Geometry, GroupRows, Rows, Steps};
pub(crate) use gradient::{BiasSums, DiagonalProducts, OuterProducts};
pub(crate) use project::{Project, Projection};
pub(crate) use projection::{BackwardProjection, StepProjection};
pub(crate) use transpose::{PanelToRows, ROWS as TRANSPOSED_ROWS, RowsToPanel};
pub(crate) use transposed::{BLOCK_VECTORS, TransposedProduct, WideRows, vectors};
