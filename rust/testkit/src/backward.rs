//! The backward pass, written by hand from the equations of the forward pass.
//!
//! A [`Layer`], the [`Trace`] of its forward pass and the [`Incoming`] gradients come in; the
//! [`Gradients`] with respect to everything the forward pass read go out. It must not know how the
//! forward pass walked over the steps, only what each cell read and computed.

use std::collections::BTreeMap;

use crate::activation::{derivative, value};
use crate::forward::{Cell, Place, Trace};
use crate::layer::{Activation, Coupled, Gate, Layer, Peephole, PerGate, expect_len, limited};

/// The gradients of a loss with respect to the outputs; absent ones are zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incoming {
    /// With respect to the output sequence, `[S][N][D*P]`; not read at inactive places.
    pub dy: Option<Vec<f64>>,
    /// With respect to the final hidden state, `[L][D][N][P]`.
    pub dhn: Option<Vec<f64>>,
    /// With respect to the final cell state, `[L][D][N][H]`.
    pub dcn: Option<Vec<f64>>,
}

/// The gradients with respect to one gate's parameters, shaped as in [`Gate`].
#[derive(Clone, Debug, PartialEq)]
pub struct GateGradients {
    /// Input weights, one vector per layer: `[D][H][I]` for layer 0, `[D][H][D*P]` above it.
    pub iw: Vec<Vec<f64>>,
    /// Hidden weights, `[L][D][H][P]`.
    pub hw: Vec<f64>,
    /// Cell weights, full or diagonal as the gate's; none if the gate has none.
    pub cw: Peephole,
    /// Bias, `[L][D][H]`; none if the gate has none.
    pub b: Option<Vec<f64>>,
}

/// The gradients with respect to everything that the forward pass read.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// With respect to the input sequence, `[S][N][I]`; zero at inactive places.
    pub x: Vec<f64>,
    /// With respect to the initial hidden state, `[L][D][N][P]`, also if that was absent.
    pub h0: Vec<f64>,
    /// With respect to the initial cell state, `[L][D][N][H]`, also if that was absent.
    pub c0: Vec<f64>,
    /// With respect to the gates' parameters.
    pub gates: PerGate<GateGradients>,
    /// With respect to the projection's weights, `[L][D][P][H]`, if there is one.
    pub projection: Option<Vec<f64>>,
}

impl Gradients {
    /// The gradients under the names that the golden cases use, without the prefix `grad.`: `x`,
    /// `h0`, `c0`, and for each gate such as `input`: `input.iw0`, `input.iw1` (all layers above
    /// the first, if there are any), `input.hw`, `input.cw` and `input.b` (if it has them); and `projection`, if there
    /// is one.
    pub fn named(&self) -> BTreeMap<String, Vec<f64>> {
        let mut all = BTreeMap::from([
            ("x".to_owned(), self.x.clone()),
            ("h0".to_owned(), self.h0.clone()),
            ("c0".to_owned(), self.c0.clone()),
        ]);
        if let Some(weights) = &self.projection {
            all.insert("projection".to_owned(), weights.clone());
        }
        for (name, gate) in self.gates.named() {
            // A derived gate has no weights.
            let Some(lowest) = gate.iw.first() else { continue };
            all.insert(format!("{name}.iw0"), lowest.clone());
            if gate.iw.len() > 1 {
                all.insert(format!("{name}.iw1"), gate.iw[1..].concat());
            }
            all.insert(format!("{name}.hw"), gate.hw.clone());
            if let Some(cw) = gate.cw.values() {
                all.insert(format!("{name}.cw"), cw.to_vec());
            }
            if let Some(b) = &gate.b {
                all.insert(format!("{name}.b"), b.clone());
            }
        }
        all
    }
}

/// Computes all gradients.
///
/// # Panics
///
/// If an extent contradicts the layer's sizes, or the trace is not one of this layer.
pub fn backward(layer: &Layer, trace: &Trace, incoming: &Incoming) -> Gradients {
    let given = |name: &str, values: &Option<Vec<f64>>, len: usize| {
        let values = values.clone().unwrap_or_else(|| vec![0.0; len]);
        expect_len(name, values.len(), len).expect("the incoming gradients must fit the layer");
        values
    };
    let mut d_out = given("dy", &incoming.dy, layer.y_len());
    let mut gradients = Gradients {
        x: Vec::new(),
        h0: given("dhn", &incoming.dhn, layer.hidden_len()),
        c0: given("dcn", &incoming.dcn, layer.cell_len()),
        gates: PerGate {
            input: zeros_like(&layer.gates.input),
            forget: zeros_like(&layer.gates.forget),
            candidate: zeros_like(&layer.gates.candidate),
            output: zeros_like(&layer.gates.output),
        },
        projection: layer.projection.as_ref().map(|all| vec![0.0; all.weights.len()]),
    };
    for l in (0..layer.num_layers).rev() {
        let mut d_in = vec![0.0; layer.seq_len * layer.batch_size * layer.layer_input_size(l)];
        for d in 0..layer.directions() {
            for n in 0..layer.batch_size {
                walk_back(layer, trace, (l, d, n), &d_out, &mut d_in, &mut gradients);
            }
        }
        if let (Some(mask), true) = (&trace.mask, l > 0) {
            let factors = &mask[(l - 1) * layer.y_len()..l * layer.y_len()];
            d_in.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        }
        d_out = d_in;
    }
    gradients.x = d_out;
    gradients
}

fn zeros_like(gate: &Gate) -> GateGradients {
    GateGradients {
        iw: gate.iw.iter().map(|w| vec![0.0; w.len()]).collect(),
        hw: vec![0.0; gate.hw.len()],
        cw: match &gate.cw {
            Peephole::None => Peephole::None,
            Peephole::Full(w) => Peephole::Full(vec![0.0; w.len()]),
            Peephole::Diagonal(w) => Peephole::Diagonal(vec![0.0; w.len()]),
        },
        b: gate.b.as_ref().map(|b| vec![0.0; b.len()]),
    }
}

/// Walks one sample through one direction of one stacked layer, from its last cell to its first.
/// The state gradients in `gradients` are carried back in place: final before, initial after.
fn walk_back(
    layer: &Layer,
    trace: &Trace,
    (l, d, n): (usize, usize, usize),
    d_out: &[f64],
    d_in: &mut [f64],
    gradients: &mut Gradients,
) {
    let (h, p) = (layer.hidden_size, layer.outputs());
    let width = layer.layer_input_size(l);
    let state = layer.state_row(l, d, n);
    let (hidden, cell_state) = (state * p..(state + 1) * p, state * h..(state + 1) * h);
    let length = layer.length(n);
    for step in 0..length {
        let s = if layer.reads_up(d) { length - 1 - step } else { step };
        let row = s * layer.batch_size + n;
        let cell = trace.cells[Place { l, d, s, n }.index(layer)].as_ref();
        let cell = cell.expect("the trace must have a cell wherever a sample is active");
        let mut dh = gradients.h0[hidden.clone()].to_vec();
        add(&mut dh, &d_out[row * layer.output_size() + d * p..][..p]);
        let d_shown = shown_back(layer, cell, (l, d), dh, gradients.projection.as_mut());
        let dc = gradients.c0[cell_state.clone()].to_vec();
        let before = cell_back(layer, cell, (l, d), &d_shown, dc, &mut gradients.gates);
        add(&mut d_in[row * width..(row + 1) * width], &before.x);
        gradients.h0[hidden.clone()].copy_from_slice(&before.h);
        gradients.c0[cell_state.clone()].copy_from_slice(&before.c);
    }
}

/// From the gradient of the new hidden state to that of what the units show, `[H]`, and to the projection's weights.
fn shown_back(
    layer: &Layer,
    cell: &Cell,
    (l, d): (usize, usize),
    dh: Vec<f64>,
    sums: Option<&mut Vec<f64>>,
) -> Vec<f64> {
    let (Some(projection), Some(sums)) = (&layer.projection, sums) else { return dh };
    let h = layer.hidden_size;
    let mut d_shown = vec![0.0; h];
    let of_place = layer.projection_of(l, d);
    let rows = projection.weights[of_place.clone()].chunks(h);
    for ((row, sum), g) in rows.zip(sums[of_place].chunks_mut(h)).zip(dh) {
        add_scaled(&mut d_shown, g, row);
        add_scaled(sum, g, &cell.shown);
    }
    d_shown
}

/// Gradients with respect to what one cell read: `[layer input]`, `[P]`, `[H]`.
struct Before {
    x: Vec<f64>,
    h: Vec<f64>,
    c: Vec<f64>,
}

/// One cell backward: `dh` and `dc` are the gradients with respect to what its units show and to its new cell state.
fn cell_back(
    layer: &Layer,
    cell: &Cell,
    place: (usize, usize),
    dh: &[f64],
    dc: Vec<f64>,
    sums: &mut PerGate<GateGradients>,
) -> Before {
    let size = layer.hidden_size;
    let gates = &layer.gates;
    let mut before = Before { x: vec![0.0; cell.x.len()], h: vec![0.0; cell.h.len()], c: dc };

    // h' = o * act(c'), and o sees c' through its peephole.
    let hidden = layer.hidden_activation;
    let mut dz = vec![0.0; size];
    let variant = &layer.variant;
    let hidden_clip = variant.hidden_clip();
    let slope_of = |gate: &Gate, z: f64| limited_slope(gate.activation, z, variant.gate_clip);
    for k in 0..size {
        let shown = value(hidden, limited(cell.new_c[k], hidden_clip));
        dz[k] = dh[k] * shown * slope_of(&gates.output, cell.z.output[k]);
        before.c[k] += dh[k] * cell.a.output[k] * limited_slope(hidden, cell.new_c[k], hidden_clip);
    }
    let output = (&gates.output, &mut sums.output);
    gate_back(layer, place, output, cell, &cell.new_c, &dz, &mut before);

    // Before its limit, c' = f * c + i * g; from here on `before.c` is about c instead of c'.
    let is_within =
        |k: usize| !variant.cell_clip.is_some_and(|clip| cell.unlimited_c[k].abs() > clip);
    let dc: Vec<f64> = (0..size).map(|k| if is_within(k) { before.c[k] } else { 0.0 }).collect();
    before.c = (0..size).map(|k| dc[k] * cell.a.forget[k]).collect();
    // Of two coupled gates, one falls by what the other one rises.
    let difference =
        |one: &[f64], other: &[f64]| -> Vec<f64> { (0..size).map(|k| one[k] - other[k]).collect() };
    let (by_input, by_forget) = match variant.coupled {
        None => (cell.a.candidate.clone(), cell.c.clone()),
        Some(Coupled::Forget) => (difference(&cell.a.candidate, &cell.c), Vec::new()),
        Some(Coupled::Input) => (Vec::new(), difference(&cell.c, &cell.a.candidate)),
    };
    let parts: [(&Gate, &mut GateGradients, &[f64], &[f64]); 3] = [
        (&gates.input, &mut sums.input, &cell.z.input, &by_input),
        (&gates.forget, &mut sums.forget, &cell.z.forget, &by_forget),
        (&gates.candidate, &mut sums.candidate, &cell.z.candidate, &cell.a.input),
    ];
    for (gate, sum, z, factor) in parts {
        if z.is_empty() {
            continue;
        }
        for k in 0..size {
            dz[k] = dc[k] * factor[k] * slope_of(gate, z[k]);
        }
        gate_back(layer, place, (gate, sum), cell, &cell.c, &dz, &mut before);
    }
    before
}

/// The derivative of an activation by its argument before that is limited.
fn limited_slope(activation: Activation, z: f64, clip: Option<f64>) -> f64 {
    if clip.is_some_and(|clip| z.abs() > clip) { 0.0 } else { derivative(activation, z) }
}

/// One gate backward: from `dz`, the gradient of its sum, to its parameters and to what it read;
/// `c` is the cell state that it saw.
fn gate_back(
    layer: &Layer,
    (l, d): (usize, usize),
    (gate, sums): (&Gate, &mut GateGradients),
    cell: &Cell,
    c: &[f64],
    dz: &[f64],
    before: &mut Before,
) {
    let size = layer.hidden_size;
    let width = layer.layer_input_size(l);
    for (k, &g) in dz.iter().enumerate() {
        let row = (l * layer.directions() + d) * size + k;
        let x_at = (d * size + k) * width;
        let (h_at, outputs, c_at) = (row * cell.h.len(), cell.h.len(), row * size);
        add_scaled(&mut before.x, g, &gate.iw[l][x_at..x_at + width]);
        add_scaled(&mut sums.iw[l][x_at..x_at + width], g, &cell.x);
        add_scaled(&mut before.h, g, &gate.hw[h_at..h_at + outputs]);
        add_scaled(&mut sums.hw[h_at..h_at + outputs], g, &cell.h);
        match (&gate.cw, &mut sums.cw) {
            (Peephole::Full(w), Peephole::Full(sum)) => {
                add_scaled(&mut before.c, g, &w[c_at..c_at + size]);
                add_scaled(&mut sum[c_at..c_at + size], g, c);
            }
            (Peephole::Diagonal(w), Peephole::Diagonal(sum)) => {
                before.c[k] += g * w[row];
                sum[row] += g * c[k];
            }
            _ => {}
        }
        if let Some(b) = &mut sums.b {
            b[row] += g;
        }
    }
}

fn add(to: &mut [f64], values: &[f64]) {
    add_scaled(to, 1.0, values);
}

fn add_scaled(to: &mut [f64], factor: f64, values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(t, v)| *t += factor * v);
}
