//! Calls of an LSTM in training, and gradients.
//!
//! In: a [`Batch`] and a seed of dropout. Out: a [`Tape`], what the backward pass needs; then [`Gradients`]. A call
//! packs the weights as they are: between two calls they are usually changed.

use super::batch::{Batch, Call, LstmState, check_state, misshapen, zero_state};
use super::config::{LstmConfig, Merge};
use super::forward::{elements, elements_mut, in_order, inputs, outputs};
use super::memory::zeros;
use super::merge::{merged, separated};
use super::module::Lstm;
use super::order::SampleOrder;
use super::parameters::{GradientRoom, Parameters};
use super::structure::{Sizes, check_gradients, check_training};
use crate::apply::{apply_backward, apply_forward};
use crate::check::Lent;
use crate::error::{Broken, Code, DescriptorError, Error, Issue, Path};
use crate::fields::DataFields;
use crate::plan::Options;
use crate::run::{GradientViews, cache_capacity};
use ndarray::{Array3, ArrayBase, ArrayView3, CowArray, Data, Ix3};

/// What a training call leaves for [`Lstm::backward`]. It can be used once or many times.
///
/// It belongs to the weights of that call: a backward call refuses it where they were changed since, and takes it
/// again where they were restored.
#[derive(Debug)]
pub struct Tape {
    config: LstmConfig,
    order: SampleOrder,
    active: Option<Vec<u32>>,
    seed: u64,
    /// `[steps, rows, input_size]`
    x: Array3<f32>,
    initial: LstmState,
    /// The output of the structure, where its gradient depends on it.
    y: Option<Array3<f32>>,
    /// What the forward pass saved, and a fingerprint of the weights.
    cache: Vec<u8>,
}

impl Tape {
    /// Bytes of what the forward pass saved.
    pub fn bytes(&self) -> usize {
        self.cache.len()
    }

    fn sizes(&self) -> Sizes<'_> {
        let (steps, rows, _) = self.x.dim();
        Sizes { steps, rows, active: self.active.as_deref() }
    }
}

/// Gradients of a loss, in the shapes of what they belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// With respect to the input; 0 where a sample has no step.
    pub input: Array3<f32>,
    /// With respect to the initial states.
    pub state: LstmState,
    /// With respect to the weights.
    pub parameters: Parameters,
}

impl Lstm {
    /// As [`forward`](Self::forward); dropout acts, and a [`Tape`] for [`backward`](Self::backward) comes third.
    ///
    /// `dropout_seed` says which values are dropped: another one for each step of training. Without dropout it is
    /// not looked at.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_training<'a>(
        &self,
        batch: impl Into<Batch<'a>>,
        dropout_seed: u64,
    ) -> Result<(Array3<f32>, LstmState, Tape), Error> {
        let config = &self.config;
        let call = Call::new(config, batch.into(), Vec::new())?;
        let mut y = zeros((call.steps, call.rows, config.layer_size()), "the output")?;
        let mut last = zero_state(config, call.rows)?;
        let mut cache = Vec::new();
        if call.is_idle() {
            last.clone_from(&call.state);
        } else {
            let checked = check_training(config, call.sizes(), dropout_seed)?;
            let bytes = cache_capacity(checked.config()).unwrap_or(usize::MAX);
            let what = "the training cache";
            cache.try_reserve_exact(bytes).map_err(|_| Error::OutOfMemory { what, bytes })?;
            cache.resize(bytes, 0);
            self.parameters.check(config)?;
            let bias_sum = self.parameters.bias_sum();
            let weights = self.parameters.views(bias_sum.as_ref());
            let outputs = outputs(elements_mut(&mut y)?, &mut last)?;
            let cache = Some(cache.as_mut_slice());
            apply_forward(&checked, self.options, &weights, inputs(&call)?, outputs, cache, None)?;
        }
        let kept = (config.merge == Merge::Product).then(|| y.clone());
        let y = merged(config.merge, y);
        let shape = call.order.shape_of(call.steps, call.rows, config.output_size());
        let mut found = zeros(shape, "the output")?;
        call.order.to_caller(y.view(), found.view_mut());
        let last = in_order(&call.order, last);
        let Call { x, state, active, order, .. } = call;
        let tape = Tape {
            config: config.clone(),
            order,
            active,
            seed: dropout_seed,
            x: x.into_owned(),
            initial: state,
            y: kept,
            cache,
        };
        Ok((found, last, tape))
    }

    /// The gradients of a loss, from those with respect to the output, `dy` in its shape, and to the final states.
    /// What is `None` is 0; one of both is there.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] with every argument that is wrong; [`Error::Cache`] where the weights were changed since
    /// the training call.
    pub fn backward(
        &self,
        tape: &Tape,
        dy: Option<ArrayView3<'_, f32>>,
        d_state: Option<&LstmState>,
    ) -> Result<Gradients, Error> {
        let config = &self.config;
        if tape.config != *config {
            return Err(other_tape().into());
        }
        let sizes = tape.sizes();
        check_incoming(tape, dy.as_ref(), d_state)?;
        let mut gradients = Gradients {
            input: zeros(tape.x.raw_dim(), "gradients of the input")?,
            state: zero_state(config, sizes.rows)?,
            parameters: Parameters::zeros(config)?,
        };
        let incoming_state = d_state.map(|state| LstmState {
            h: tape.order.state_to_rows(state.h.view()),
            c: tape.order.state_to_rows(state.c.view()),
        });
        if sizes.is_idle() {
            // Nothing was read, so that any weights will do.
            gradients.state = incoming_state.unwrap_or(gradients.state);
        } else {
            let dy = dy.map(|dy| CowArray::from(tape.order.to_rows(dy)));
            let dy = dy.map(|dy| separated(config.merge, dy, tape.y.as_ref())).transpose()?;
            self.compute_gradients(tape, dy.as_ref(), incoming_state.as_ref(), &mut gradients)?;
        }
        let shape = tape.order.shape_of(sizes.steps, sizes.rows, config.input_size);
        let mut input = zeros(shape, "gradients of the input")?;
        tape.order.to_caller(gradients.input.view(), input.view_mut());
        let state = in_order(&tape.order, gradients.state);
        Ok(Gradients { input, state, ..gradients })
    }

    /// Compute gradients from those in the order of the structure.
    fn compute_gradients(
        &self,
        tape: &Tape,
        dy: Option<&CowArray<'_, f32, Ix3>>,
        d_state: Option<&LstmState>,
        to: &mut Gradients,
    ) -> Result<(), Error> {
        let has_state = d_state.is_some();
        let given = DataFields { data: dy.is_some(), hidden: has_state, cell: has_state };
        let checked = check_gradients(&self.config, tape.sizes(), tape.seed, given)?;
        self.parameters.check(&self.config)?;
        let bias_sum = self.parameters.bias_sum();
        let weights = self.parameters.views(bias_sum.as_ref());
        let mut room = GradientRoom::new(&self.config)?;
        let incoming = DataFields {
            data: lent(dy)?,
            hidden: lent(d_state.map(|state| &state.h))?,
            cell: lent(d_state.map(|state| &state.c))?,
        };
        let inputs = DataFields {
            data: lent(Some(&tape.x))?,
            hidden: lent(Some(&tape.initial.h))?,
            cell: lent(Some(&tape.initial.c))?,
        };
        let input = outputs(elements_mut(&mut to.input)?, &mut to.state)?;
        let views = GradientViews { incoming, input, weights: room.views() };
        let options = Options { training: true, ..self.options };
        apply_backward(&checked, options, &weights, inputs, views, Some(&tape.cache), None)?;
        to.parameters.take(&room);
        Ok(())
    }
}

/// The elements of an array that was made in C order, lent.
fn lent<S: Data<Elem = f32>>(
    array: Option<&ArrayBase<S, Ix3>>,
) -> Result<Option<Lent<'_>>, Broken> {
    Ok(array.map(|array| elements(array)).transpose()?.map(Lent::from))
}

fn other_tape() -> Issue {
    Issue {
        path: Path::field("tape"),
        code: Code::OtherLayer,
        expected: "a Tape of this LSTM".to_owned(),
        actual: "the Tape of an LSTM with another configuration".to_owned(),
    }
}

fn check_incoming(
    tape: &Tape,
    dy: Option<&ArrayView3<'_, f32>>,
    d_state: Option<&LstmState>,
) -> Result<(), DescriptorError> {
    let (config, Sizes { steps, rows, .. }) = (&tape.config, tape.sizes());
    let mut issues = Vec::new();
    let wanted = tape.order.shape_of(steps, rows, config.output_size());
    if let Some(dy) = dy.filter(|dy| dy.shape() != wanted) {
        issues.push(misshapen("dy", format!("{wanted:?}"), dy.shape()));
    }
    if let Some(state) = d_state {
        check_state(config, rows, state, "d_state", &mut issues);
    }
    if dy.is_none() && d_state.is_none() {
        issues.push(Issue {
            path: Path::field("dy"),
            code: Code::MissingGradient,
            expected: "dy or d_state".to_owned(),
            actual: "neither".to_owned(),
        });
    }
    DescriptorError::from_issues(issues).map_or(Ok(()), Err)
}
