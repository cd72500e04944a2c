//! The forward pass, cell by cell.
//!
//! A [`Layer`] and its [`Inputs`] come in, and a dropout mask if the test wants one; a [`Trace`]
//! goes out, with the outputs and with everything that each cell read and computed. It must not
//! know how gradients are formed.

use crate::activation;
use crate::layer::{
    Activation, Coupled, Gate, Inputs, Layer, Outputs, Peephole, PerGate, expect_len, limited,
};

/// One cell: one layer, one direction, one step, one sample.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The input it read, `[layer input]`, dropout already applied.
    pub x: Vec<f64>,
    /// The hidden state it read, `[P]`.
    pub h: Vec<f64>,
    /// The cell state it read, `[H]`.
    pub c: Vec<f64>,
    /// Each gate before its activation and before its limit, `[H]`; empty for a derived gate.
    pub z: PerGate<Vec<f64>>,
    /// Each gate after its activation, `[H]`.
    pub a: PerGate<Vec<f64>>,
    /// The new cell state before its limit, `[H]`.
    pub unlimited_c: Vec<f64>,
    /// The new cell state, `[H]`.
    pub new_c: Vec<f64>,
    /// What the units show, the output gate times the activated cell state, `[H]`.
    pub shown: Vec<f64>,
    /// The new hidden state, `[P]`: what they show, or its projection.
    pub new_h: Vec<f64>,
}

/// A forward pass with all its intermediate values.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What the layer writes.
    pub outputs: Outputs,
    /// The cells, `[L][D][S][N]`; absent where the sample is inactive at the step.
    pub cells: Vec<Option<Cell>>,
    /// The dropout mask that was used, `[L-1][S][N][D*P]`.
    pub mask: Option<Vec<f64>>,
}

/// Where one cell stands: stacked layer, direction, step, sample.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The stacked layer.
    pub l: usize,
    /// The direction: 0 forward, 1 backward.
    pub d: usize,
    /// The step.
    pub s: usize,
    /// The sample.
    pub n: usize,
}

impl Place {
    /// The cell's index in `[L][D][S][N]`.
    pub fn index(self, layer: &Layer) -> usize {
        let Self { l, d, s, n } = self;
        ((l * layer.directions() + d) * layer.seq_len + s) * layer.batch_size + n
    }
}

/// Computes the layer.
///
/// The outputs of stacked layer `l` are multiplied by `mask[l]` before layer `l+1` reads them,
/// with `mask` as `[L-1][S][N][D*P]`; the factors include the scale of the kept values.
///
/// # Panics
///
/// If an extent contradicts the layer's sizes, or a function is unknown.
pub fn forward(layer: &Layer, inputs: &Inputs, mask: Option<&[f64]>) -> Trace {
    layer.check().expect("the layer must be consistent");
    inputs.check(layer).expect("the inputs must fit the layer");
    if let Some(mask) = mask {
        expect_len("mask", mask.len(), layer.mask_len()).expect("the mask must fit the layer");
    }
    let mut trace = Trace {
        outputs: Outputs {
            y: vec![0.0; layer.y_len()],
            hn: inputs.h0.clone().unwrap_or_else(|| vec![0.0; layer.hidden_len()]),
            cn: inputs.c0.clone().unwrap_or_else(|| vec![0.0; layer.cell_len()]),
        },
        cells: vec![None; layer.num_layers * layer.directions() * layer.seq_len * layer.batch_size],
        mask: mask.map(<[f64]>::to_vec),
    };
    let mut below = inputs.x.clone();
    for l in 0..layer.num_layers {
        if l > 0 {
            below.clone_from(&trace.outputs.y);
            if let Some(mask) = mask {
                let factors = &mask[(l - 1) * layer.y_len()..l * layer.y_len()];
                below.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
            }
            trace.outputs.y.fill(0.0);
        }
        for d in 0..layer.directions() {
            for n in 0..layer.batch_size {
                run_sample(layer, &below, (l, d, n), &mut trace);
            }
        }
    }
    trace
}

/// Runs one sample through one direction of one stacked layer, over the steps at which it is
/// active. The states in `trace.outputs` are carried on in place: initial before, final after.
fn run_sample(layer: &Layer, below: &[f64], (l, d, n): (usize, usize, usize), trace: &mut Trace) {
    let (h, p) = (layer.hidden_size, layer.outputs());
    let width = layer.layer_input_size(l);
    let state = layer.state_row(l, d, n);
    let (hidden, cell_state) = (state * p..(state + 1) * p, state * h..(state + 1) * h);
    let length = layer.length(n);
    for step in 0..length {
        let s = if layer.reads_up(d) { step } else { length - 1 - step };
        let row = s * layer.batch_size + n;
        let cell = compute_cell(
            layer,
            (l, d),
            &below[row * width..(row + 1) * width],
            &trace.outputs.hn[hidden.clone()],
            &trace.outputs.cn[cell_state.clone()],
        );
        trace.outputs.hn[hidden.clone()].copy_from_slice(&cell.new_h);
        trace.outputs.cn[cell_state.clone()].copy_from_slice(&cell.new_c);
        let y = row * layer.output_size() + d * p;
        trace.outputs.y[y..y + p].copy_from_slice(&cell.new_h);
        trace.cells[Place { l, d, s, n }.index(layer)] = Some(cell);
    }
}

/// The equations of section 3 of the specification; limits as in the text of ONNX's operator LSTM, and that of
/// the cell state as in TensorFlow's `LSTMBlockCell`; the projection as in `PyTorch`'s `LSTM` with `proj_size`.
fn compute_cell(layer: &Layer, (l, d): (usize, usize), x: &[f64], h: &[f64], c: &[f64]) -> Cell {
    let gates = &layer.gates;
    let sum = |gate: &Gate, seen: &[f64]| gate_sum(layer, gate, (l, d), (x, h, seen));
    let variant = &layer.variant;
    let clip = variant.gate_clip;
    let own = |gate: &Gate, is_derived: bool| {
        let z = if is_derived { Vec::new() } else { sum(gate, c) };
        let a = apply(gate.activation, &z, clip);
        (z, a)
    };
    let (z_input, input) = own(&gates.input, variant.coupled == Some(Coupled::Input));
    let (z_forget, forget) = own(&gates.forget, variant.coupled == Some(Coupled::Forget));
    let (z_candidate, candidate) = own(&gates.candidate, false);
    let rest = |gate: &[f64]| gate.iter().map(|value| 1.0 - value).collect();
    let (input, forget) = match variant.coupled {
        None => (input, forget),
        Some(Coupled::Input) => (rest(&forget), forget),
        Some(Coupled::Forget) => {
            let forget = rest(&input);
            (input, forget)
        }
    };
    let unlimited_c: Vec<f64> =
        (0..c.len()).map(|k| forget[k] * c[k] + input[k] * candidate[k]).collect();
    let new_c: Vec<f64> =
        unlimited_c.iter().map(|&value| limited(value, variant.cell_clip)).collect();
    let z_output = sum(&gates.output, &new_c);
    let output = apply(gates.output.activation, &z_output, clip);
    let activated = apply(layer.hidden_activation, &new_c, variant.hidden_clip());
    let shown: Vec<f64> = output.iter().zip(&activated).map(|(o, v)| o * v).collect();
    let new_h = match &layer.projection {
        None => shown.clone(),
        Some(projection) => {
            let weights = &projection.weights[layer.projection_of(l, d)];
            weights.chunks(shown.len()).map(|row| dot(row, &shown)).collect()
        }
    };
    Cell {
        x: x.to_vec(),
        h: h.to_vec(),
        c: c.to_vec(),
        z: PerGate { input: z_input, forget: z_forget, candidate: z_candidate, output: z_output },
        a: PerGate { input, forget, candidate, output },
        unlimited_c,
        new_c,
        shown,
        new_h,
    }
}

/// `b + W_x·x + W_h·h + W_c·c` of one gate, `[H]`.
fn gate_sum(
    layer: &Layer,
    gate: &Gate,
    (l, d): (usize, usize),
    (x, h, c): (&[f64], &[f64], &[f64]),
) -> Vec<f64> {
    let size = layer.hidden_size;
    let first = (l * layer.directions() + d) * size;
    let mut z = Vec::with_capacity(size);
    for k in 0..size {
        let row = first + k;
        let bias = gate.b.as_ref().map_or(0.0, |b| b[row]);
        let from_cell = match &gate.cw {
            Peephole::None => 0.0,
            Peephole::Full(w) => dot(&w[row * size..(row + 1) * size], c),
            Peephole::Diagonal(w) => w[row] * c[k],
        };
        let x_row = d * size + k;
        let from_input = dot(&gate.iw[l][x_row * x.len()..(x_row + 1) * x.len()], x);
        let from_hidden = dot(&gate.hw[row * h.len()..(row + 1) * h.len()], h);
        z.push(bias + from_input + from_hidden + from_cell);
    }
    z
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(p, q)| p * q).sum()
}

fn apply(activation: Activation, values: &[f64], clip: Option<f64>) -> Vec<f64> {
    values.iter().map(|&value| activation::value(activation, limited(value, clip))).collect()
}

impl Trace {
    /// The distance of the nearest argument of any activation to a kink of that activation.
    ///
    /// A comparison in `f32`, or by finite differences, is unfair if this is tiny. Infinite if no
    /// activation has a kink.
    pub fn kink_distance(&self, layer: &Layer) -> f64 {
        let (clip, hidden_clip) = (layer.variant.gate_clip, layer.variant.hidden_clip());
        let mut nearest = f64::INFINITY;
        for cell in self.cells.iter().flatten() {
            for ((_, gate), (_, z)) in layer.gates.named().into_iter().zip(cell.z.named()) {
                nearest = nearest.min(distance(gate.activation, z, clip));
            }
            nearest = nearest.min(distance(layer.hidden_activation, &cell.new_c, hidden_clip));
        }
        nearest
    }

    /// The distance of the nearest value that is limited to its limit, where its derivative jumps; infinite
    /// if nothing is limited.
    pub fn clip_distance(&self, layer: &Layer) -> f64 {
        let variant = &layer.variant;
        let mut nearest = f64::INFINITY;
        let mut measure = |values: &[f64], clip: Option<f64>| {
            let Some(clip) = clip else { return };
            let distances = values.iter().map(|value| (value.abs() - clip).abs());
            nearest = distances.fold(nearest, f64::min);
        };
        for cell in self.cells.iter().flatten() {
            for (_, z) in cell.z.named() {
                measure(z, variant.gate_clip);
            }
            measure(&cell.unlimited_c, variant.cell_clip);
            measure(&cell.new_c, variant.hidden_clip());
        }
        nearest
    }
}

fn distance(activation: Activation, arguments: &[f64], clip: Option<f64>) -> f64 {
    let kinks = activation::kinks(activation);
    let pairs = kinks
        .iter()
        .flat_map(|kink| arguments.iter().map(move |&z| (limited(z, clip) - kink).abs()));
    pairs.fold(f64::INFINITY, f64::min)
}
