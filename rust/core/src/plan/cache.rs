//! Where everything is in the training cache.
//!
//! In: a checked layer. Out: [`CacheLayout`], named regions of bytes, and where the vectors of their rows are
//! ([`StepLayout`], [`StateLayout`]). It touches no cache.

use crate::check::{Config, LayerConfig};
use crate::gate::Gate;
use std::ops::Range;

/// Bytes before the first region: which layer filled the cache, in which version, with which weights.
pub(crate) const HEADER_BYTES: usize = 64;

/// Where the vectors of a cached step are, in floats of its row: four gates, cell state, hidden state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepLayout {
    units: usize,
    outputs: usize,
}

impl StepLayout {
    pub(crate) fn new(config: &LayerConfig) -> Self {
        Self { units: config.units, outputs: config.outputs }
    }

    /// Floats of the row.
    pub(crate) fn floats(self) -> usize {
        self.hidden().end
    }

    pub(crate) fn gate(self, gate: Gate) -> Range<usize> {
        let start = gate.index() * self.units;
        start..start + self.units
    }

    pub(crate) fn cell(self) -> Range<usize> {
        let start = Gate::COUNT * self.units;
        start..start + self.units
    }

    pub(crate) fn hidden(self) -> Range<usize> {
        let start = self.cell().end;
        start..start + self.outputs
    }
}

/// Where the vectors of a checkpoint are, in floats of its row: cell state, hidden state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateLayout {
    units: usize,
    outputs: usize,
}

impl StateLayout {
    pub(crate) fn new(config: &LayerConfig) -> Self {
        Self { units: config.units, outputs: config.outputs }
    }

    pub(crate) fn cell(self) -> Range<usize> {
        0..self.units
    }

    pub(crate) fn hidden(self) -> Range<usize> {
        self.units..self.units + self.outputs
    }
}

/// A region of the training cache; floats in the machine's byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheRegion {
    /// What is in it: `steps`, `states` or `outputs`.
    pub name: &'static str,
    /// Where it begins, in bytes from the cache's first byte.
    pub offset: usize,
    /// `[layers, directions, batch, steps, floats]`, in C order. Of `steps`, the floats of a row are the input,
    /// forget, candidate and output gate, the cell state and the hidden state; of `states`, the cell state
    /// and the hidden state before every k-th step; of `outputs`, the hidden state.
    pub shape: [usize; 5],
}

impl CacheRegion {
    /// The bytes of the region.
    pub fn bytes(&self) -> usize {
        // The layout exists only where this fits.
        self.shape.iter().product::<usize>() * size_of::<f32>()
    }

    /// The shape with the last axis in bytes.
    pub(crate) fn byte_shape(&self) -> [usize; 5] {
        let [layers, directions, batch, steps, floats] = self.shape;
        [layers, directions, batch, steps, floats * size_of::<f32>()]
    }
}

/// Where the cell states of the last layer are in a training cache, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellStates {
    /// The first one, from the cache's first byte.
    pub offset: usize,
    /// `[seq_len, batch, directions, units]`.
    pub shape: [usize; 4],
    /// From one to the next along each axis of `shape`.
    pub strides: [usize; 4],
}

impl CellStates {
    /// `None` where the cache does not have every step, or does not fit the address space.
    pub fn new(config: &Config) -> Option<Self> {
        let region = CacheLayout::new(config)?.steps?;
        let [layers, directions, batch, steps, floats] = region.shape;
        let cell = StepLayout::new(&config.layer).cell();
        // The layout exists only where all of its bytes fit.
        let row = floats * size_of::<f32>();
        let (sample, direction) = (steps * row, batch * steps * row);
        let last = (layers - 1) * directions * direction;
        Some(Self {
            offset: region.offset + last + cell.start * size_of::<f32>(),
            shape: [steps, batch, directions, cell.len()],
            strides: [row, sample, direction, size_of::<f32>()],
        })
    }
}

/// All regions of a training cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheLayout {
    /// Without checkpoints: what every step leaves.
    pub(crate) steps: Option<CacheRegion>,
    /// With checkpoints: the states before the first step of each segment, in the order in which the
    /// sequence lies.
    pub(crate) states: Option<CacheRegion>,
    /// With checkpoints, for a bidirectional stack: what the layers below the last give at all steps, which
    /// the layers above need before their first step and again in the backward pass.
    pub(crate) outputs: Option<CacheRegion>,
    /// All bytes, with the header.
    pub(crate) bytes: usize,
}

impl CacheLayout {
    /// `None` where it does not fit the address space.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let LayerConfig { units, outputs, layers, directions, .. } = config.layer;
        let (batch, steps) = (config.batch_size, config.seq_len);
        // The floats of a row: `check` has found that those of a step fit.
        let vectors = |cells: usize| cells.checked_mul(units)?.checked_add(outputs);
        let mut end = HEADER_BYTES;
        let mut region = |name, layers, steps, floats| {
            let shape = [layers, directions, batch, steps, floats];
            let floats = shape.into_iter().try_fold(1, usize::checked_mul)?;
            let region = CacheRegion { name, offset: end, shape };
            end = floats.checked_mul(size_of::<f32>())?.checked_add(end)?;
            Some(region)
        };
        let mut layout = Self { steps: None, states: None, outputs: None, bytes: 0 };
        match config.checkpoint_steps {
            None => layout.steps = Some(region("steps", layers, steps, vectors(Gate::COUNT + 1)?)?),
            Some(every) => {
                let segments = steps.div_ceil(every);
                layout.states = Some(region("states", layers, segments, vectors(1)?)?);
                if directions == 2 && layers > 1 {
                    layout.outputs = Some(region("outputs", layers - 1, steps, vectors(0)?)?);
                }
            }
        }
        layout.bytes = end;
        Some(layout)
    }

    /// The regions that there are, in the order in which they lie.
    pub(crate) fn regions(&self) -> Vec<CacheRegion> {
        [self.steps, self.states, self.outputs].into_iter().flatten().collect()
    }
}
