//! Forward with a cache, then backward, for a case of the testkit.
//!
//! In: a case and incoming gradients. Out: all gradients, by the names of the golden cases.

use super::{CallWay, Case, GateFloats, asked_by, extensions, optional};
use bnns_lstm::binding::{
    BackwardArrays, BackwardWeights, BackwardWorkspace, BoundWeights, Checked, CheckedBackward,
    DataField, DataFields, GateField, GateFields, Gates, GradientViews, Inputs, LayerPlan, Outputs,
    Plan, Tuning, WeightFields, WeightViews, Weights, Workspace, backward, cache_capacity, check,
    check_backward, forward_caching, pack, pack_backward,
};
use bnns_lstm::{
    Checkpoints, DataLayout, Error, FilterParameters, Gate, LSTMDataDescriptor, LSTMGateDescriptor,
    LayerParametersLSTM, Level, NDArrayDescriptor, NDArrayFlags, Options, Route,
};
use bnns_lstm_testkit::alloc::measure;
use bnns_lstm_testkit::compare::narrow;
use bnns_lstm_testkit::{Incoming, PerGate};
use std::collections::BTreeMap;

/// Gradients by name: `x`, `h0`, `c0`, `input.iw0`, `forget.b` and so on.
pub type Named = BTreeMap<String, Vec<f32>>;

/// How a backward pass is run.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// `None` for the default one.
    pub route: Option<Route>,
    pub level: Level,
    pub n_threads: usize,
    pub accumulate: bool,
    pub checkpoints: Checkpoints,
    pub dropout: f32,
    pub seed: u64,
    pub tuning: Tuning,
}

impl Way {
    /// By panels, every step cached, no dropout, gradients overwritten.
    pub fn new(level: Level, n_threads: usize) -> Self {
        Self::of_call(CallWay { route: Route::Panels, level, n_threads })
    }

    /// The same by a route.
    pub fn of_call(CallWay { route, level, n_threads }: CallWay) -> Self {
        let route = Some(route);
        let (accumulate, checkpoints) = (false, Checkpoints::EveryStep);
        let tuning = Tuning::of_machine();
        Self { route, level, n_threads, accumulate, checkpoints, dropout: 0.0, seed: 0, tuning }
    }

    /// What its calls are planned with.
    pub fn options(&self) -> Options {
        let Self { level, n_threads, route: products, tuning, .. } = *self;
        Options { level, n_threads, force_threads: true, training: true, products, tuning }
    }

    fn filter(&self) -> FilterParameters {
        let Self { checkpoints, seed, .. } = *self;
        FilterParameters { checkpoints, seed, ..Default::default() }
    }
}

/// Memory for all gradients that are wanted.
struct Gradients {
    input: DataFields<Vec<f32>>,
    gates: Gates<GateFields<Option<Vec<f32>>>>,
    projection: Option<Vec<f32>>,
}

impl Gradients {
    /// By name, without what was there before.
    fn named(self, before: f32) -> Named {
        let mut named = Named::new();
        let mut add = |name: String, mut values: Vec<f32>| {
            for value in &mut values {
                *value -= before;
            }
            named.insert(name, values);
        };
        self.input.map(|field, values| {
            let name = match field {
                DataField::Data => "x",
                DataField::Hidden => "h0",
                DataField::Cell => "c0",
            };
            add(name.to_owned(), values);
        });
        if let Some(values) = self.projection {
            add("projection".to_owned(), values);
        }
        self.gates.map(|gate, arrays| {
            arrays.map(|field, values| {
                let array = match field {
                    GateField::Iw => "iw0",
                    GateField::IwUpper => "iw1",
                    GateField::Hw => "hw",
                    GateField::Cw => "cw",
                    GateField::B => "b",
                };
                let gate = gate.field().trim_end_matches("_gate");
                values.map(|values| add(format!("{gate}.{array}"), values))
            })
        });
        named
    }
}

/// Where a gradient goes.
fn to_fill<'v>(values: &'v mut [f32], shape: &[usize], way: Way) -> NDArrayDescriptor<'v> {
    let layout = DataLayout::first_major(shape.len());
    let rules = [NDArrayFlags::BACKPROP_SET, NDArrayFlags::BACKPROP_ACCUMULATE];
    let flags = rules[usize::from(way.accumulate)];
    NDArrayDescriptor { flags, ..NDArrayDescriptor::write(values, layout, shape) }
}

impl Case {
    /// The checked layer of a training run that gives its outputs to `y`.
    pub fn checked(&self, way: Way, y: &mut [f32]) -> Result<Checked, Error> {
        let layer = &self.layer;
        let mut params = self.params();
        params.dropout = way.dropout;
        let size = [layer.output_size(), layer.batch_size, layer.seq_len];
        params.output_descriptor.data_desc = NDArrayDescriptor::write(y, DataLayout::SNE, &size);
        Ok(check(&params, &way.filter())?)
    }

    /// The factors of dropout, for the oracle.
    pub fn mask(&self, way: Way) -> Vec<f64> {
        let checked = self.checked(way, &mut vec![0.0; self.layer.y_len()]).unwrap();
        let [layers, steps, batch, units] = checked.config().dropout_shape();
        let mut mask = Vec::new();
        let mut factors = vec![0.0; units];
        for layer in 0..layers {
            for step in 0..steps {
                for sample in 0..batch {
                    checked.config().dropout_factors(layer, step, sample, &mut factors);
                    mask.extend(factors.iter().map(|&factor| f64::from(factor)));
                }
            }
        }
        mask
    }

    /// All gradients for these incoming ones.
    pub fn gradients(&self, incoming: &Incoming, way: Way) -> Result<Named, Error> {
        self.gradients_with_plan_of(self, incoming, way)
    }

    /// As [`gradients`](Self::gradients), with plan, weights and cache of a case that may be another one.
    pub fn gradients_with_plan_of(
        &self,
        planned: &Self,
        incoming: &Incoming,
        way: Way,
    ) -> Result<Named, Error> {
        let mut y = vec![0.0; planned.layer.y_len()];
        let checked = planned.checked(way, &mut y)?;
        let options = way.options();
        let layer = LayerPlan::new(&checked, options);
        let plan = Plan::new(&layer, &checked, options)?;
        let views = planned.weight_views();
        let bound = BoundWeights::bind(&checked, &views)?;
        let weights = pack(&plan, &bound, None)?;
        let mut cache = vec![0_u8; cache_capacity(checked.config()).unwrap() + 1];
        let outputs = Outputs { data: Some(y.as_mut_slice().into()), ..Outputs::default() };
        // One byte off, so that no float in the cache is aligned.
        let bytes = &mut cache[1..];
        let mut workspace = Workspace::new(&plan)?;
        forward_caching(&plan, &weights, &mut workspace, planned.inputs(), outputs, bytes)?;
        let mut workspace = BackwardWorkspace::new(&plan)?;
        let weights = (&pack_backward(&plan, &bound, None)?, &weights);
        self.backward(&plan, weights, &mut workspace, bytes, (incoming, way))
    }

    fn backward(
        &self,
        plan: &Plan,
        (weights, forward_weights): (&BackwardWeights, &Weights),
        workspace: &mut BackwardWorkspace,
        cache: &[u8],
        (incoming, way): (&Incoming, Way),
    ) -> Result<Named, Error> {
        let incoming =
            DataFields { data: &incoming.dy, hidden: &incoming.dhn, cell: &incoming.dcn }
                .map(|_, gradient| gradient.as_deref().map(narrow));
        let start = if way.accumulate { 0.5 } else { f32::NAN };
        let mut found = self.room(start);
        let checked = self.checked_backward(&incoming, &mut found, way)?;
        let gradients = GradientViews {
            incoming: incoming.as_ref().map(|_, values| values.as_deref().map(Into::into)),
            input: found.input.as_mut().map(|_, values| Some(values.as_mut_slice().into())),
            weights: WeightFields {
                gates: found.gates.as_mut().map(|_, arrays| {
                    arrays.as_mut().map(|_, values| values.as_deref_mut().map(Into::into))
                }),
                projection: found.projection.as_deref_mut().map(Into::into),
            },
        };
        let arrays = BackwardArrays::bind(&checked, self.inputs(), gradients)?;
        // Where every step is cached, they are not needed.
        let again = Some(forward_weights).filter(|_| way.checkpoints != Checkpoints::EveryStep);
        let (result, counts) = measure(|| backward(plan, weights, again, workspace, cache, arrays));
        result?;
        // With one thread everything happens on this one. A library packs what it multiplies.
        let may_allocate = way.n_threads > 1 || way.route != Some(Route::Panels);
        assert!(may_allocate || counts.allocations == 0, "backward allocated: {counts:?}");
        Ok(found.named(if way.accumulate { start } else { 0.0 }))
    }

    /// Both structures of the backward pass, checked.
    fn checked_backward(
        &self,
        incoming: &DataFields<Option<Vec<f32>>>,
        to: &mut Gradients,
        way: Way,
    ) -> Result<CheckedBackward, Error> {
        let layer = &self.layer;
        let (l, d, n, h) =
            (layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size);
        let shape = |field, width| match field {
            DataField::Data => vec![layer.seq_len, n, width],
            DataField::Hidden => vec![l, d, n, layer.outputs()],
            DataField::Cell => vec![l, d, n, h],
        };
        let input = to
            .input
            .as_mut()
            .map(|field, values| to_fill(values, &shape(field, layer.input_size), way));
        let output = incoming
            .as_ref()
            .map(|field, values| optional(values.as_deref(), &shape(field, layer.output_size())));
        let gates = to.gates.as_mut().map(|gate, arrays| {
            let is_full = floats(&self.gates, gate).is_full;
            let fields = arrays.as_mut().map(|field, values| {
                let shape = match field {
                    GateField::Iw => vec![1, d, h, layer.input_size],
                    GateField::IwUpper => vec![l - 1, d, h, layer.output_size()],
                    GateField::Hw => vec![l, d, h, layer.outputs()],
                    GateField::Cw if is_full => vec![l, d, h, h],
                    GateField::Cw | GateField::B => vec![l, d, h],
                };
                values.as_mut().map(|values| to_fill(values, &shape, way)).unwrap_or_default()
            });
            LSTMGateDescriptor::from_fields(fields, None)
        });
        let projection = to.projection.as_mut().map(|values| {
            let mut asked = asked_by(&layer.variant);
            asked.projection_size = Some(layer.outputs()).filter(|_| way.accumulate);
            asked.projection_desc = to_fill(values, &[l, d, layer.outputs(), h], way);
            asked
        });
        let mut params = self.params();
        params.dropout = way.dropout;
        let delta = LayerParametersLSTM {
            input_size: layer.input_size,
            hidden_size: h,
            batch_size: n,
            num_layers: l,
            seq_len: layer.seq_len,
            lstm_flags: params.lstm_flags,
            extensions: projection
                .or_else(|| extensions(&layer.variant).filter(|_| way.accumulate)),
            input_descriptor: LSTMDataDescriptor::from_fields(input),
            output_descriptor: LSTMDataDescriptor::from_fields(output),
            input_gate: gates.input,
            forget_gate: gates.forget,
            candidate_gate: gates.candidate,
            output_gate: gates.output,
            ..Default::default()
        };
        Ok(check_backward(&params, &delta, &way.filter())?)
    }

    /// Memory for all gradients.
    fn room(&self, start: f32) -> Gradients {
        let input = DataFields {
            data: vec![start; self.x.len()],
            hidden: vec![start; self.layer.hidden_len()],
            cell: vec![start; self.layer.cell_len()],
        };
        let gates = self.weights().map(|_, weights| {
            weights.map(|_, values| values.map(|values| vec![start; values.len()]))
        });
        let projection = self.projection.as_ref().map(|weights| vec![start; weights.len()]);
        Gradients { input, gates, projection }
    }

    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            data: Some(self.x.as_slice().into()),
            hidden: self.h0.as_deref().map(Into::into),
            cell: self.c0.as_deref().map(Into::into),
        }
    }

    fn weights(&self) -> Gates<GateFields<Option<&[f32]>>> {
        Gates::from_fn(|gate| weights(floats(&self.gates, gate)))
    }

    pub fn weight_views(&self) -> WeightViews<'_> {
        let gates = self.weights();
        WeightFields {
            gates: gates.map(|_, weights| weights.map(|_, values| values.map(Into::into))),
            projection: self.projection.as_deref().map(Into::into),
        }
    }
}

fn floats(gates: &PerGate<GateFloats>, gate: Gate) -> &GateFloats {
    match gate {
        Gate::Input => &gates.input,
        Gate::Forget => &gates.forget,
        Gate::Candidate => &gates.candidate,
        Gate::Output => &gates.output,
    }
}

fn weights(gate: &GateFloats) -> GateFields<Option<&[f32]>> {
    GateFields {
        iw: Some(gate.iw.as_slice()).filter(|lowest| !lowest.is_empty()),
        iw_upper: Some(gate.iw_upper.as_slice()).filter(|upper| !upper.is_empty()),
        hw: Some(gate.hw.as_slice()).filter(|hidden| !hidden.is_empty()),
        cw: gate.cw.as_deref(),
        b: gate.b.as_deref(),
    }
}
