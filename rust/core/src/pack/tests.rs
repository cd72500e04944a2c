//! However many threads pack, every float is where one thread puts it.

use super::hands::{Alone, Hands};
use super::{BackwardWeights, BoundWeights, Weights};
use crate::check::{Checked, check};
use crate::desc::{
    DataLayout, FilterParameters, LSTMDataDescriptor, LSTMGateDescriptor, LayerFlags,
    LayerParametersLSTM, NDArrayDescriptor,
};
use crate::error::Error;
use crate::fields::{GateFields, WeightFields};
use crate::gate::Gates;
use crate::level::Level;
use crate::place::{Direction, Place};
use crate::plan::{LayerPlan, Options, PanelPlaces};
use crate::products::Route;
use std::ops::Range;
use std::sync::Arc;

const LAYERS: usize = 2;
const DIRECTIONS: usize = 2;

/// So many hands, of which the last one is the first to be done.
struct Backwards(usize);

impl Hands for Backwards {
    fn count(&self) -> usize {
        self.0
    }

    fn each<P: Send>(&self, pieces: &mut [P], run: &(impl Fn(&mut P) + Sync)) -> Result<(), Error> {
        assert!(pieces.len() >= self.0.min(DIRECTIONS * LAYERS));
        pieces.iter_mut().rev().for_each(run);
        Ok(())
    }
}

/// A stack of two layers of two directions; peepholes are full, diagonal, or none.
struct Layer {
    checked: Checked,
    iw: Vec<f32>,
    upper: Vec<f32>,
    hw: Vec<f32>,
    cw: Vec<f32>,
    b: Vec<f32>,
}

/// Each float another one, none of them 0.
fn numbered(floats: usize, first: f32) -> Vec<f32> {
    (0..floats).map(|index| first + index as f32 / 65536.0).collect()
}

impl Layer {
    fn new(inputs: usize, units: usize, peephole: &[usize]) -> Self {
        let of = |shape: &[usize], first| {
            numbered(LAYERS * DIRECTIONS * shape.iter().product::<usize>(), first)
        };
        let iw = of(&[units, inputs], 1.0);
        let upper = of(&[units, DIRECTIONS * units], 5.0);
        let (hw, b) = (of(&[units, units], 2.0), of(&[units], 3.0));
        let cw = if peephole.is_empty() { Vec::new() } else { of(peephole, 4.0) };
        let x = vec![0.5; inputs];
        let mut hn = vec![0.0; LAYERS * DIRECTIONS * units];
        let shaped = |floats, sizes: &[usize]| {
            let shape = [&[LAYERS, DIRECTIONS], sizes].concat();
            NDArrayDescriptor::read(floats, DataLayout::first_major(shape.len()), &shape)
        };
        let gate = || LSTMGateDescriptor {
            iw_desc: [
                NDArrayDescriptor::read(
                    &iw[..iw.len() / LAYERS],
                    DataLayout::FIRST_MAJOR_4D,
                    &[1, DIRECTIONS, units, inputs],
                ),
                NDArrayDescriptor::read(
                    &upper[..upper.len() / LAYERS],
                    DataLayout::FIRST_MAJOR_4D,
                    &[LAYERS - 1, DIRECTIONS, units, DIRECTIONS * units],
                ),
            ],
            hw_desc: shaped(&hw, &[units, units]),
            cw_desc: if peephole.is_empty() {
                NDArrayDescriptor::absent()
            } else {
                shaped(&cw, peephole)
            },
            b_desc: shaped(&b, &[units]),
            ..Default::default()
        };
        let params = LayerParametersLSTM {
            input_size: inputs,
            hidden_size: units,
            batch_size: 1,
            num_layers: LAYERS,
            seq_len: 1,
            lstm_flags: LayerFlags::LSTM_BIDIRECTIONAL.union(LayerFlags::LSTM_DEFAULT_ACTIVATIONS),
            input_descriptor: LSTMDataDescriptor {
                data_desc: NDArrayDescriptor::read(&x, DataLayout::SNE, &[]),
                ..Default::default()
            },
            output_descriptor: LSTMDataDescriptor {
                hidden_desc: NDArrayDescriptor::write(
                    &mut hn,
                    DataLayout::FIRST_MAJOR_4D,
                    &[LAYERS, DIRECTIONS, 1, units],
                ),
                ..Default::default()
            },
            input_gate: gate(),
            forget_gate: gate(),
            candidate_gate: gate(),
            output_gate: gate(),
            ..Default::default()
        };
        let checked = check(&params, &FilterParameters::default()).unwrap();
        drop(params);
        Self { checked, iw, upper, hw, cw, b }
    }

    /// The bits of all panels, by some hands.
    fn pack(&self, hands: &impl Hands, layer: &Arc<LayerPlan>) -> Vec<Vec<u32>> {
        let arrays = GateFields {
            iw: Some(&self.iw[..self.iw.len() / LAYERS]),
            iw_upper: Some(&self.upper[..self.upper.len() / LAYERS]),
            hw: Some(&self.hw[..]),
            cw: Some(&self.cw[..]).filter(|cw| !cw.is_empty()),
            b: Some(&self.b[..]),
        };
        let gates = Gates::from_fn(|_| arrays.map(|_, floats| floats.map(Into::into)));
        let views = WeightFields { gates, projection: None };
        let bind = || BoundWeights::bind(&self.checked, &views).unwrap();
        let forward = Weights::pack_by(hands, layer, &bind()).unwrap();
        let backward = BackwardWeights::pack_by(hands, layer, &bind()).unwrap();
        assert_eq!(forward.fingerprint(), Ok(backward.fingerprint()));
        let print = backward.fingerprint();
        let mut found = vec![vec![print as u32, (print >> 32) as u32]];
        let mut add = |floats: &[f32]| {
            found.push(floats.iter().map(|float| float.to_bits()).collect());
        };
        for number in 0..LAYERS {
            for direction in [Direction::Forward, Direction::Backward] {
                let place = Place { layer: number, direction };
                let panels = forward.of(place).unwrap();
                let of_kinds: [fn(&PanelPlaces) -> &Range<usize>; 8] = [
                    |all| &all.input,
                    |all| &all.bias,
                    |all| &all.hidden,
                    |all| &all.diagonal,
                    |all| &all.cell,
                    |all| &all.cell_output,
                    |all| &all.input_matrix,
                    |all| &all.hidden_matrix,
                ];
                for kind in of_kinds {
                    add(panels.get(kind));
                }
                let panels = backward.of(place).unwrap();
                add(&panels.input);
                add(&panels.hidden);
                add(&panels.cell);
                add(&panels.cell_output);
                add(&panels.diagonal);
                add(&panels.input_matrix);
                add(&panels.hidden_matrix);
            }
        }
        found
    }
}

#[test]
fn packed_weights_are_the_same_for_any_number_of_threads() {
    for (inputs, units) in [(3, 5), (70, 70), (130, 64)] {
        for peephole in [&[][..], &[units], &[units, units]] {
            let layer = Layer::new(inputs, units, peephole);
            for level in Level::available() {
                for products in [None, Some(Route::Panels), Some(Route::Gemm)] {
                    let options = Options { level, products, ..Options::default() };
                    let plan = LayerPlan::new(&layer.checked, options);
                    let alone = layer.pack(&Alone, &plan);
                    let floats: usize = alone.iter().map(Vec::len).sum();
                    assert!(floats > LAYERS * DIRECTIONS * 8 * units * units);
                    for count in [1, 2, 3, 5, 8, 16] {
                        let found = layer.pack(&Backwards(count), &plan);
                        assert!(found == alone, "{units} units, {level:?}, {products:?}, {count}");
                    }
                }
            }
        }
    }
}
