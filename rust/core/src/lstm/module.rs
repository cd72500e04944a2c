//! The LSTM itself: its configuration and its weights.
//!
//! In: a configuration and weights, of `builder` or of a file. Out: [`Lstm`]. It knows no call: `forward` and `training`
//! are what it computes; `stream` takes its weights for steps that come one by one.

use super::batch::LstmState;
use super::config::LstmConfig;
use super::engine::Engine;
use super::parameters::Parameters;
use crate::error::Error;
use crate::plan::Options;
use ndarray::{ArrayView, Dimension};

/// A stack of LSTM layers with weights of its own, as users of `PyTorch` know it.
///
/// Results have the same bits as those of the Python package's `LSTM`, for the same weights and the same seed of
/// dropout at the same SIMD level. Weights are packed for the kernels by the first call, and again by the first call
/// after they may have changed ([`parameters_mut`](Self::parameters_mut), [`set`](Self::set)).
///
/// A clone computes in another thread; both share the packed weights until one changes its own.
///
/// # Example
///
/// Two samples of three steps, the second one shorter:
///
/// ```
/// use bnns_lstm::ndarray::Array3;
/// use bnns_lstm::{Batch, Lstm};
///
/// let mut lstm = Lstm::builder(4, 8).bidirectional(true).seed(1).build()?;
/// let x = Array3::<f32>::ones((3, 2, 4));
/// let (y, state) = lstm.forward(Batch::new(x.view()).lengths(&[3, 2]))?;
/// assert_eq!(y.shape(), [3, 2, 16]);
/// assert_eq!(state.h.shape(), [2, 2, 8]);
/// assert_eq!(y[[2, 1, 0]], 0.0);
/// # Ok::<(), bnns_lstm::Error>(())
/// ```
#[derive(Debug)]
pub struct Lstm {
    pub(super) config: LstmConfig,
    pub(super) options: Options,
    pub(super) parameters: Parameters,
    pub(super) engine: Engine,
    pub(super) initial_state: Option<LstmState>,
    pub(super) lengths: Option<Vec<usize>>,
}

impl Clone for Lstm {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            options: self.options,
            parameters: self.parameters.clone(),
            engine: self.engine.with_the_same_weights(),
            initial_state: self.initial_state.clone(),
            lengths: self.lengths.clone(),
        }
    }
}

impl Lstm {
    /// With weights that fit the configuration.
    pub(super) fn with(config: LstmConfig, options: Options, parameters: Parameters) -> Self {
        let engine = Engine::default();
        Self { config, options, parameters, engine, initial_state: None, lengths: None }
    }

    /// What it is, apart from the numbers of its weights.
    pub fn config(&self) -> &LstmConfig {
        &self.config
    }

    /// How everything is computed.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Compute everything in another way from now on: SIMD level, route of products, threads. A file says none of it.
    pub fn set_options(&mut self, options: Options) {
        self.options = options;
        self.engine = Engine::default();
    }

    /// The weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The weights, to be changed. The next call packs them anew. Where those of an LSTM with another configuration
    /// were put in their place, it fails with [`Error::WrongLayer`].
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        self.engine.forget_weights();
        &mut self.parameters
    }

    /// Copy an array to the weights of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for a name that is none, or another shape; nothing was changed then.
    pub fn set<D: Dimension>(
        &mut self,
        name: &str,
        given: ArrayView<'_, f32, D>,
    ) -> Result<(), Error> {
        self.parameters_mut().set(name, given)
    }

    /// The initial states that a file carried with it. Calls begin from zeros all the same, unless they are given
    /// them.
    pub fn initial_state(&self) -> Option<&LstmState> {
        self.initial_state.as_ref()
    }

    /// The steps of each sample that a file carried with it. Calls take all samples to the end all the same, unless
    /// they are given them.
    pub fn lengths(&self) -> Option<&[usize]> {
        self.lengths.as_deref()
    }
}
