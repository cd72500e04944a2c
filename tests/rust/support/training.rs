//! Forward with a cache, then backward, for a case of the testkit.
//!
//! In: a case and incoming gradients. Out: all gradients, by the names of the golden cases.

use super::{Case, GateFloats};
use bnns_lstm::{
    BackwardArrays, BackwardWeights, BackwardWorkspace, Checked, Checkpoints, DataLayout, Error,
    FilterParameters, GateOutgoing, GateViews, Gates, Inputs, LayerPlan, Level, NDArrayDescriptor,
    Options, Outgoing, Outputs, Plan, Tuning, Weights, Workspace, backward, cache_capacity, check,
    forward_caching,
};
use bnns_lstm_testkit::alloc::measure;
use bnns_lstm_testkit::compare::narrow;
use bnns_lstm_testkit::{Incoming, PerGate};
use ndarray::{ArrayView, ArrayViewMut, IxDyn, aview1};
use std::collections::BTreeMap;

/// Gradients by name: `x`, `h0`, `c0`, `input.iw0`, `forget.b` and so on.
pub type Named = BTreeMap<String, Vec<f32>>;

/// How a backward pass is run.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub level: Level,
    pub n_threads: usize,
    pub accumulate: bool,
    pub checkpoints: Checkpoints,
    pub dropout: f32,
    pub seed: u64,
    pub tuning: Tuning,
}

impl Way {
    /// Every step cached, no dropout, gradients overwritten.
    pub fn new(level: Level, n_threads: usize) -> Self {
        let (accumulate, checkpoints) = (false, Checkpoints::EveryStep);
        let tuning = Tuning::of_machine();
        Self { level, n_threads, accumulate, checkpoints, dropout: 0.0, seed: 0, tuning }
    }

    fn filter(&self) -> FilterParameters {
        let Self { checkpoints, seed, .. } = *self;
        FilterParameters { checkpoints, seed, ..Default::default() }
    }
}

fn view<'v, D: ndarray::Dimension>(values: &'v [f32], shape: &[usize]) -> ArrayView<'v, f32, D> {
    ArrayView::from_shape(IxDyn(shape), values).unwrap().into_dimensionality().unwrap()
}

fn to_fill<'v, D: ndarray::Dimension>(
    values: Option<&'v mut Vec<f32>>,
    shape: &[usize],
    accumulate: bool,
) -> Option<Outgoing<ArrayViewMut<'v, f32, D>>> {
    let view = ArrayViewMut::from_shape(IxDyn(shape), values?).unwrap();
    Some(Outgoing { view: view.into_dimensionality().unwrap(), accumulate })
}

impl Case {
    /// The checked layer of a training run that gives its outputs to `y`.
    pub fn checked(&self, way: Way, y: &mut [f32]) -> Result<Checked, Error> {
        let layer = &self.layer;
        let mut params = self.params();
        params.dropout = way.dropout;
        let (d, n, h) = (layer.directions(), layer.batch_size, layer.hidden_size);
        params.output_descriptor.data_desc =
            NDArrayDescriptor::write(y, DataLayout::SNE, &[d * h, n, layer.seq_len]);
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
        let mut y = vec![0.0; self.layer.y_len()];
        let checked = self.checked(way, &mut y)?;
        let options = Options {
            level: way.level,
            n_threads: way.n_threads,
            force_threads: true,
            training: true,
            tuning: way.tuning,
        };
        let layer = LayerPlan::new(&checked, options);
        let plan = Plan::new(&layer, &checked, options)?;
        let weights = Weights::pack(&layer, &checked, &self.weight_views())?;
        let mut cache = vec![0_u8; cache_capacity(checked.config()).unwrap() + 1];
        let inputs = Inputs {
            data: aview1(&self.x).into_dyn(),
            hidden: self.h0.as_ref().map(|h0| aview1(h0).into_dyn()),
            cell: self.c0.as_ref().map(|c0| aview1(c0).into_dyn()),
        };
        let outputs = Outputs {
            data: Some(ndarray::aview_mut1(&mut y).into_dyn()),
            hidden: None,
            cell: None,
        };
        // One byte off, so that no float in the cache is aligned.
        let bytes = &mut cache[1..];
        let mut workspace = Workspace::new(&plan)?;
        forward_caching(&plan, &weights, &mut workspace, inputs, outputs, bytes)?;
        let mut workspace = BackwardWorkspace::new(&plan)?;
        let backward_weights = BackwardWeights::pack(&layer, &checked, &self.weight_views())?;
        self.backward(&plan, (&backward_weights, &weights), &mut workspace, bytes, (incoming, way))
    }

    fn backward(
        &self,
        plan: &Plan,
        (weights, forward_weights): (&BackwardWeights, &Weights),
        workspace: &mut BackwardWorkspace,
        cache: &[u8],
        (incoming, way): (&Incoming, Way),
    ) -> Result<Named, Error> {
        let layer = &self.layer;
        let (l, d, n, h) =
            (layer.num_layers, layer.directions(), layer.batch_size, layer.hidden_size);
        let (s, i) = (layer.seq_len, layer.input_size);
        let states = [l, d, n, h];
        let incoming = [&incoming.dy, &incoming.dhn, &incoming.dcn]
            .map(|gradient| gradient.as_deref().map(narrow));
        let start = if way.accumulate { 0.5 } else { f32::NAN };
        let mut found = self.named(start);
        let mut take: BTreeMap<&str, &mut Vec<f32>> =
            found.iter_mut().map(|(name, values)| (name.as_str(), values)).collect();
        let mut gate = |name: &str, floats: &GateFloats| GateOutgoing {
            iw: to_fill(take.remove(format!("{name}.iw0").as_str()), &[1, d, h, i], way.accumulate),
            iw_upper: to_fill(
                take.remove(format!("{name}.iw1").as_str()),
                &[l - 1, d, h, d * h],
                way.accumulate,
            ),
            hw: to_fill(take.remove(format!("{name}.hw").as_str()), &[l, d, h, h], way.accumulate),
            cw: {
                // A peephole of one hidden unit is a matrix in every form.
                let is_full = floats.is_full || h == 1;
                let shape = if is_full { vec![l, d, h, h] } else { vec![l, d, h] };
                to_fill(take.remove(format!("{name}.cw").as_str()), &shape, way.accumulate)
            },
            b: to_fill(take.remove(format!("{name}.b").as_str()), &[l, d, h], way.accumulate),
        };
        let gates = Gates {
            input: gate("input", &self.gates.input),
            forget: gate("forget", &self.gates.forget),
            candidate: gate("candidate", &self.gates.candidate),
            output: gate("output", &self.gates.output),
        };
        let arrays = BackwardArrays {
            input: view(&self.x, &[s, n, i]),
            initial_hidden: self.h0.as_ref().map(|h0| view(h0, &states)),
            initial_cell: self.c0.as_ref().map(|c0| view(c0, &states)),
            output: incoming[0].as_ref().map(|dy| view(dy, &[s, n, d * h])),
            final_hidden: incoming[1].as_ref().map(|dhn| view(dhn, &states)),
            final_cell: incoming[2].as_ref().map(|dcn| view(dcn, &states)),
            d_input: to_fill(take.remove("x"), &[s, n, i], way.accumulate),
            d_hidden: to_fill(take.remove("h0"), &states, way.accumulate),
            d_cell: to_fill(take.remove("c0"), &states, way.accumulate),
            gates,
        };
        // Where every step is cached, they are not needed.
        let again = Some(forward_weights).filter(|_| way.checkpoints != Checkpoints::EveryStep);
        let (result, counts) = measure(|| backward(plan, weights, again, workspace, cache, arrays));
        result?;
        // With one thread everything happens on this one.
        assert!(way.n_threads > 1 || counts.allocations == 0, "backward allocated: {counts:?}");
        if way.accumulate {
            found.values_mut().flatten().for_each(|value| *value -= start);
        }
        Ok(found)
    }

    /// Room for all gradients.
    fn named(&self, start: f32) -> Named {
        let mut named = Named::new();
        let layer = &self.layer;
        named.insert("x".to_owned(), vec![start; self.x.len()]);
        named.insert("h0".to_owned(), vec![start; layer.state_len()]);
        named.insert("c0".to_owned(), vec![start; layer.state_len()]);
        let PerGate { input, forget, candidate, output } = &self.gates;
        let gates =
            [("input", input), ("forget", forget), ("candidate", candidate), ("output", output)];
        for (name, gate) in gates {
            let arrays = [
                ("iw0", Some(&gate.iw)),
                ("iw1", Some(&gate.iw_upper).filter(|upper| !upper.is_empty())),
                ("hw", Some(&gate.hw)),
                ("cw", gate.cw.as_ref()),
                ("b", gate.b.as_ref()),
            ];
            for (array, values) in arrays {
                if let Some(values) = values {
                    named.insert(format!("{name}.{array}"), vec![start; values.len()]);
                }
            }
        }
        named
    }

    pub fn weight_views(&self) -> Gates<GateViews<'_>> {
        let PerGate { input, forget, candidate, output } = &self.gates;
        Gates {
            input: gate_views(input),
            forget: gate_views(forget),
            candidate: gate_views(candidate),
            output: gate_views(output),
        }
    }
}

fn gate_views(gate: &GateFloats) -> GateViews<'_> {
    let is_split = !gate.iw_upper.is_empty();
    GateViews {
        iw: aview1(&gate.iw).into_dyn(),
        iw_upper: is_split.then(|| aview1(&gate.iw_upper).into_dyn()),
        hw: aview1(&gate.hw).into_dyn(),
        cw: gate.cw.as_ref().map(|cw| aview1(cw).into_dyn()),
        b: gate.b.as_ref().map(|b| aview1(b).into_dyn()),
    }
}
