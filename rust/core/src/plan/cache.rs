//! Where everything is in the training cache.
//!
//! In: a checked layer. Out: [`CacheLayout`], named regions of bytes. It touches no cache.

use crate::check::Config;

/// Bytes before the first region: the magic, the fingerprint, whether the cache is filled.
pub(crate) const HEADER_BYTES: usize = 64;

/// Vectors of `hidden_size` floats of a cached step: four gates, cell state, hidden state.
pub(crate) const STEP_VECTORS: usize = 6;

/// Vectors of `hidden_size` floats of a checkpoint: cell state, hidden state.
const STATE_VECTORS: usize = 2;

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
        let (layers, directions) = (config.num_layers, config.directions);
        let (batch, steps, hidden) = (config.batch_size, config.seq_len, config.hidden_size);
        let mut end = HEADER_BYTES;
        let mut region = |name, layers, steps, vectors| {
            let shape = [layers, directions, batch, steps, hidden.checked_mul(vectors)?];
            let floats = shape.into_iter().try_fold(1, usize::checked_mul)?;
            let region = CacheRegion { name, offset: end, shape };
            end = floats.checked_mul(size_of::<f32>())?.checked_add(end)?;
            Some(region)
        };
        let mut layout = Self { steps: None, states: None, outputs: None, bytes: 0 };
        match config.checkpoint_steps {
            None => layout.steps = Some(region("steps", layers, steps, STEP_VECTORS)?),
            Some(every) => {
                let segments = steps.div_ceil(every);
                layout.states = Some(region("states", layers, segments, STATE_VECTORS)?);
                if directions == 2 && layers > 1 {
                    layout.outputs = Some(region("outputs", layers - 1, steps, 1)?);
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
