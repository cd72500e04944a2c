//! An LSTM in the words of the level below, from numbers alone.
//!
//! In: a configuration, and the sizes of a call. Out: structures that were checked ([`Checked`],
//! [`CheckedBackward`]), before any array of the call exists. Each array is described by its extents, its strides and
//! an address that nothing has; [`Parameters`](super::parameters::Parameters) and calls lend arrays that lie as is
//! said here. It reads and writes nothing.

use super::config::LstmConfig;
use crate::check::{Checked, CheckedBackward, Peephole, check, check_after, check_backward};
use crate::desc::{
    DataType, FilterParameters, Integers, LSTMDataDescriptor, LSTMExtensions, LSTMGateDescriptor,
    LayerFlags, LayerParametersLSTM, Memory, NDArrayDescriptor,
};
use crate::error::{DescriptorError, Issue, Path};
use crate::fields::DataFields;
use crate::gate::Gate;
use std::mem::size_of;

/// The sizes of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes<'a> {
    pub(super) steps: usize,
    pub(super) rows: usize,
    /// Rows that still run at each step; `None` if all run to the end.
    pub(super) active: Option<&'a [u32]>,
}

impl Sizes<'_> {
    /// Whether there is nothing to do: no step, no sample, or no sample with a step. A structure of such sizes would
    /// be refused.
    pub(super) fn is_idle(&self) -> bool {
        let runs = |active: &[u32]| active.first().is_some_and(|&rows| rows > 0);
        self.steps == 0 || self.rows == 0 || !self.active.is_none_or(runs)
    }
}

/// Check a configuration, with what was found before.
pub(super) fn check_config(
    config: &LstmConfig,
    n_threads: usize,
    found: Vec<Issue>,
) -> Result<(), DescriptorError> {
    let sizes = Sizes { steps: 1, rows: 1, active: None };
    let params = training(config, sizes, &mut Places::default());
    let filter = FilterParameters { n_threads, ..FilterParameters::default() };
    let below = match check_after(Vec::new(), &params, &filter) {
        Ok(_) => Vec::new(),
        Err(error) => error.issues().iter().map(of_an_option).collect(),
    };
    DescriptorError::from_issues([below, found].concat()).map_or(Ok(()), Err)
}

/// A finding about a structure, with the path of the option that it was made of.
fn of_an_option(issue: &Issue) -> Issue {
    let path = match issue.path.to_string().as_str() {
        "extensions.cell_clip" => Path::field("cell_clip"),
        "extensions.gate_clip" => Path::field("gate_clip"),
        "extensions.gate_clip_hidden" => Path::field("gate_clip_hidden"),
        "extensions.reverse" => Path::field("reverse"),
        "extensions.projection_size" => Path::field("proj_size"),
        "filter_params.n_threads" => Path::field("num_threads"),
        _ => issue.path.clone(),
    };
    Issue { path, ..issue.clone() }
}

/// Check a call without gradients. With `is_in_place`, states are written over those that they came from.
pub(super) fn check_call(
    config: &LstmConfig,
    sizes: Sizes<'_>,
    is_in_place: bool,
) -> Result<Checked, DescriptorError> {
    let params = structure(config, sizes, &mut Places::default(), is_in_place);
    check(&params, &FilterParameters::default())
}

/// Check a call that fills a training cache; `seed` is that of its dropout.
pub(super) fn check_training(
    config: &LstmConfig,
    sizes: Sizes<'_>,
    seed: u64,
) -> Result<Checked, DescriptorError> {
    let params = training(config, sizes, &mut Places::default());
    check(&params, &FilterParameters { seed, ..FilterParameters::default() })
}

/// Check a call that computes gradients; `incoming` says which ones it is given.
pub(super) fn check_gradients(
    config: &LstmConfig,
    sizes: Sizes<'_>,
    seed: u64,
    incoming: DataFields<bool>,
) -> Result<CheckedBackward, DescriptorError> {
    let mut places = Places::default();
    let params = training(config, sizes, &mut places);
    let given = |is_given: bool, array| if is_given { array } else { NDArrayDescriptor::absent() };
    let LayerParametersLSTM { input_descriptor, output_descriptor, .. } =
        structure(config, sizes, &mut places, false);
    let LSTMDataDescriptor { data_desc, hidden_desc, cell_state_desc } = output_descriptor;
    let projection_desc = places.projection(config);
    let gates = config.gates();
    let mut gate = |gate| {
        let own = gates.contains(&gate).then(|| places.gate_by_itself(config));
        own.unwrap_or_default()
    };
    let delta = LayerParametersLSTM {
        input_gate: gate(Gate::Input),
        forget_gate: gate(Gate::Forget),
        candidate_gate: gate(Gate::Candidate),
        output_gate: gate(Gate::Output),
        input_descriptor,
        output_descriptor: LSTMDataDescriptor {
            data_desc: given(incoming.data, data_desc),
            hidden_desc: given(incoming.hidden, hidden_desc),
            cell_state_desc: given(incoming.cell, cell_state_desc),
        },
        ..numbers(config, sizes, projection_desc)
    };
    check_backward(&params, &delta, &FilterParameters { seed, ..FilterParameters::default() })
}

/// The structure of a training call: dropout acts.
fn training<'a>(
    config: &LstmConfig,
    sizes: Sizes<'a>,
    places: &mut Places,
) -> LayerParametersLSTM<'a> {
    let dropout = config.dropout;
    LayerParametersLSTM { dropout, ..structure(config, sizes, places, false) }
}

/// The structure of a call with all its arrays.
fn structure<'a>(
    config: &LstmConfig,
    sizes: Sizes<'a>,
    places: &mut Places,
    is_in_place: bool,
) -> LayerParametersLSTM<'a> {
    let Sizes { steps, rows, .. } = sizes;
    let stack = [config.num_layers, config.directions(), rows];
    let [layers, directions, _] = stack;
    let mut state = |values| places.array(&[layers, directions, rows, values]);
    let (hidden_desc, cell_state_desc) = (state(config.outputs()), state(config.units()));
    let (hidden_before, cell_before) = if is_in_place {
        (NDArrayDescriptor::in_place(), NDArrayDescriptor::in_place())
    } else {
        (state(config.outputs()), state(config.units()))
    };
    let gates = config.gates();
    let mut gate = |gate| {
        let own = gates.contains(&gate).then(|| places.gate_among(config, gates.len()));
        let activation = if config.has_default_activations() {
            None
        } else if gates.contains(&gate) {
            Some(config.activation(gate))
        } else {
            *config.activations.get(gate)
        };
        LSTMGateDescriptor { activation, ..own.unwrap_or_default() }
    };
    let gates_of_call = [Gate::Input, Gate::Forget, Gate::Candidate, Gate::Output].map(&mut gate);
    let [input_gate, forget_gate, candidate_gate, output_gate] = gates_of_call;
    let projection_desc = places.projection(config);
    LayerParametersLSTM {
        input_gate,
        forget_gate,
        candidate_gate,
        output_gate,
        input_descriptor: LSTMDataDescriptor {
            data_desc: places.array(&[steps, rows, config.input_size]),
            hidden_desc: hidden_before,
            cell_state_desc: cell_before,
        },
        output_descriptor: LSTMDataDescriptor {
            data_desc: places.array(&[steps, rows, config.layer_size()]),
            hidden_desc,
            cell_state_desc,
        },
        ..numbers(config, sizes, projection_desc)
    }
}

/// The structure of a call without arrays, but for that of the projection.
fn numbers<'a>(
    config: &LstmConfig,
    sizes: Sizes<'a>,
    projection_desc: NDArrayDescriptor<'a>,
) -> LayerParametersLSTM<'a> {
    let mut lstm_flags = LayerFlags::NONE;
    if config.bidirectional {
        lstm_flags |= LayerFlags::LSTM_BIDIRECTIONAL;
    }
    if config.has_default_activations() {
        lstm_flags |= LayerFlags::LSTM_DEFAULT_ACTIVATIONS;
    }
    let extensions = LSTMExtensions {
        cell_clip: config.cell_clip,
        gate_clip: config.gate_clip,
        gate_clip_hidden: config.gate_clip_hidden,
        coupled: config.coupled,
        reverse: config.reverse,
        projection_size: Some(config.proj_size).filter(|&size| size > 0),
        projection_desc,
    };
    let active = sizes.active.map(|counts| NDArrayDescriptor::sequence(Integers::U32(counts)));
    LayerParametersLSTM {
        input_size: config.input_size,
        hidden_size: config.hidden_size,
        batch_size: sizes.rows,
        num_layers: config.num_layers,
        seq_len: sizes.steps,
        lstm_flags,
        sequence_descriptor: active.unwrap_or_default(),
        hidden_activation: Some(config.hidden_activation()),
        extensions: Some(extensions),
        ..Default::default()
    }
}

/// Addresses, one behind the other: no two arrays share any.
#[derive(Debug)]
struct Places {
    next: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self { next: 64 }
    }
}

impl Places {
    /// An array in C order.
    fn array<'a>(&mut self, shape: &[usize]) -> NDArrayDescriptor<'a> {
        self.among(shape, 1, shape.len())
    }

    /// An array of one gate among those of `gates`, whose blocks stand before the axis `axis`; a block is all that
    /// comes from there on.
    fn among<'a>(&mut self, shape: &[usize], gates: usize, axis: usize) -> NDArrayDescriptor<'a> {
        let mut strides = vec![0; shape.len()];
        let mut elements = 1_usize;
        for (position, (&extent, stride)) in shape.iter().zip(&mut strides).enumerate().rev() {
            if position + 1 == axis {
                elements = elements.saturating_mul(gates);
            }
            let bytes = elements.saturating_mul(size_of::<f32>());
            *stride = isize::try_from(bytes).unwrap_or(isize::MAX);
            elements = elements.saturating_mul(extent);
        }
        let address = self.next;
        let bytes = elements.saturating_mul(size_of::<f32>());
        // On a cache line, also where no memory could hold the array.
        self.next = self.next.saturating_add(bytes).saturating_add(63) / 64 * 64;
        let memory = Memory {
            address,
            shape: shape.to_vec(),
            byte_strides: strides,
            element_bytes: size_of::<f32>(),
            data_type: DataType::FLOAT32,
            type_name: "f32".to_owned(),
            writable: true,
        };
        NDArrayDescriptor::lent(memory)
    }

    /// The weights of a gate in arrays that hold those of `gates` gates, as `Parameters` has them.
    fn gate_among<'a>(&mut self, config: &LstmConfig, gates: usize) -> LSTMGateDescriptor<'a> {
        let (layers, directions, units) = (config.num_layers, config.directions(), config.units());
        // Blocks of gates stand between the directions and the units.
        let mut of = |shape: &[usize]| self.among(shape, gates, 2);
        let lowest = of(&[1, directions, units, config.input_size]);
        let upper = match layers {
            0 | 1 => NDArrayDescriptor::absent(),
            _ => of(&[layers - 1, directions, units, config.layer_size()]),
        };
        LSTMGateDescriptor {
            iw_desc: [lowest, upper],
            hw_desc: of(&[layers, directions, units, config.outputs()]),
            cw_desc: match config.peephole {
                Peephole::None => NDArrayDescriptor::absent(),
                Peephole::Diagonal => of(&[layers, directions, units]),
                Peephole::Full => of(&[layers, directions, units, units]),
            },
            b_desc: if config.bias {
                of(&[layers, directions, units])
            } else {
                NDArrayDescriptor::absent()
            },
            activation: None,
        }
    }

    /// The projections of all layers, if there are any.
    fn projection<'a>(&mut self, config: &LstmConfig) -> NDArrayDescriptor<'a> {
        config.projection_shape().map_or_else(NDArrayDescriptor::absent, |shape| self.array(&shape))
    }

    /// The weights of a gate in arrays of its own.
    fn gate_by_itself<'a>(&mut self, config: &LstmConfig) -> LSTMGateDescriptor<'a> {
        self.gate_among(config, 1)
    }
}
