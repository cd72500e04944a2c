//! The numbers at the head of the structure, and how a call is to be run.
//!
//! In: the five sizes, dropout, flags, filter parameters. Out: [`Sizes`] with the directions, and findings.
//! It does not look at arrays.

use super::issues::Issues;
use super::outputs::{Outputs, check_outputs};
use crate::desc::{Checkpoints, FilterParameters, LayerFlags, LayerParametersLSTM};
use crate::error::{Code, Path};

/// The most threads that one call may ask for.
const MAX_THREADS: usize = 1024;

/// Floats by which anything is padded later: those of a cache line and of the widest vector.
const PADDING: usize = 16;

/// The sizes of a layer. 0 stands for a size that is not known because something was reported about it;
/// what depends on it is not checked. Where none is 0, every product that is needed later fits `isize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) input: usize,
    /// Elements of a cell state: hidden units.
    pub(super) units: usize,
    pub(super) batch: usize,
    pub(super) layers: usize,
    pub(super) steps: usize,
    pub(super) directions: usize,
    /// Elements of a hidden state, which is the output of one direction.
    pub(super) outputs: Outputs,
}

impl Sizes {
    /// Nothing is known of a layer whose outputs are projected or not.
    fn unknown(are_projected: bool) -> Self {
        let outputs = Outputs { count: 0, are_projected };
        Self { input: 0, units: 0, batch: 0, layers: 0, steps: 0, directions: 0, outputs }
    }

    /// Values that a layer gives at each step, of all directions.
    pub(super) fn layer_outputs(&self) -> usize {
        self.directions.saturating_mul(self.outputs.count)
    }

    /// What gives the extent of a hidden state.
    pub(super) fn outputs_name(&self) -> &'static str {
        if self.outputs.are_projected { "projection_size" } else { "hidden_size" }
    }

    /// What gives the number of values that a layer gives at each step.
    pub(super) fn layer_outputs_name(&self) -> &'static str {
        if self.outputs.are_projected {
            "directions * projection_size"
        } else {
            "directions * hidden_size"
        }
    }
}

/// Check sizes, dropout and flags.
pub(super) fn check_scalars(issues: &mut Issues, params: &LayerParametersLSTM<'_>) -> Sizes {
    if !(params.dropout >= 0.0 && params.dropout < 1.0) {
        let actual = params.dropout.to_string();
        issues.push(issues.field("dropout"), Code::InvalidDropout, "a ratio in [0, 1)", actual);
    }
    check_flags(issues, params.lstm_flags);
    check_sizes(issues, params)
}

/// Report flags that do not exist.
pub(super) fn check_flags(issues: &mut Issues, flags: LayerFlags) {
    let known = LayerFlags::LSTM_BIDIRECTIONAL.union(LayerFlags::LSTM_DEFAULT_ACTIVATIONS);
    if !known.contains(flags) {
        let actual = format!("0x{:x}", flags.0);
        let expected = "a combination of 0x1 (bidirectional) and 0x2 (default activations)";
        issues.push(issues.field("lstm_flags"), Code::UnknownFlag, expected, actual);
    }
}

fn check_sizes(issues: &mut Issues, params: &LayerParametersLSTM<'_>) -> Sizes {
    let mut known = |name: &'static str, size: usize| {
        let path = issues.field(name);
        let is_unknown = size == 0 || issues.is_reported(&path);
        if size == 0 {
            issues.push(path, Code::ZeroSize, "at least 1", "0");
        }
        if is_unknown { 0 } else { size }
    };
    let input = known("input_size", params.input_size);
    let units = known("hidden_size", params.hidden_size);
    let batch = known("batch_size", params.batch_size);
    let layers = known("num_layers", params.num_layers);
    let steps = known("seq_len", params.seq_len);
    let outputs = check_outputs(issues, params, units);
    let mut sizes = Sizes { input, units, batch, layers, steps, directions: 0, outputs };
    if !issues.is_reported(&issues.field("lstm_flags")) {
        let is_bidirectional = params.lstm_flags.contains(LayerFlags::LSTM_BIDIRECTIONAL);
        sizes.directions = if is_bidirectional { 2 } else { 1 };
    }
    if largest_bytes(&sizes).is_some() {
        return sizes;
    }
    let named = [
        ("input_size", sizes.input),
        ("hidden_size", sizes.units),
        ("batch_size", sizes.batch),
        ("num_layers", sizes.layers),
        ("seq_len", sizes.steps),
    ];
    // The largest is the likeliest to be wrong; of equal ones, the first.
    let largest = named.iter().rev().max_by_key(|&&(_, size)| size);
    let all: Vec<String> = named.iter().map(|(name, size)| format!("{name} = {size}")).collect();
    issues.push(
        issues.field(largest.map_or("hidden_size", |&(name, _)| name)),
        Code::SizeOverflow,
        "sizes whose products fit the address space",
        all.join(", "),
    );
    Sizes::unknown(outputs.are_projected)
}

/// Bytes of all arrays, packed weights and temporary memory together, counted generously: `None` if they do
/// not fit `isize`. A size that is not known counts as 1.
fn largest_bytes(sizes: &Sizes) -> Option<isize> {
    let [input, units, batch, layers, steps, directions] = [
        sizes.input.max(1),
        sizes.units.max(1),
        sizes.batch.max(1),
        sizes.layers.max(1),
        sizes.steps.max(1),
        sizes.directions.max(1),
    ];
    let padded = units.checked_next_multiple_of(PADDING)?.checked_add(PADDING)?;
    let widest = input.max(directions.checked_mul(padded)?);
    // For each direction: inputs, and at most 16 vectors of hidden units (four gates twice, states, outputs).
    let row = padded.checked_mul(16)?.checked_add(input)?.checked_mul(directions)?;
    let sequence = steps.checked_mul(batch)?.checked_mul(row)?;
    // Four gates by the inputs, the hidden and the cell weights, a projection, and vectors.
    let columns = padded.checked_mul(3)?.checked_add(widest)?;
    let stack = layers.checked_mul(directions)?.checked_mul(padded)?;
    let weights = stack.checked_mul(4)?.checked_mul(columns)?;
    let states = stack.checked_mul(4)?.checked_mul(batch)?;
    let floats = sequence.checked_add(weights)?.checked_add(states)?;
    isize::try_from(floats.checked_mul(size_of::<f32>())?).ok()
}

/// Check how the call is to be run.
pub(super) fn check_filter(issues: &mut Issues, filter: &FilterParameters) {
    let path = Path::field("filter_params");
    if filter.flags > 1 {
        let actual = format!("0x{:x}", filter.flags);
        issues.push(path.then("flags"), Code::UnknownFlag, "0 or 1", actual);
    }
    if filter.n_threads > MAX_THREADS {
        let expected = format!("at most {MAX_THREADS}");
        let actual = filter.n_threads.to_string();
        issues.push(path.then("n_threads"), Code::TooManyThreads, expected, actual);
    }
    if filter.checkpoints == Checkpoints::Every(0) {
        let path = path.then("checkpoint_steps");
        issues.push(path, Code::ZeroSize, "at least 1 step", "0");
    }
}

#[cfg(test)]
mod tests {
    use super::{Sizes, check_scalars, largest_bytes};
    use crate::check::issues::Issues;
    use crate::check::outputs::Outputs;
    use crate::desc::{LayerFlags, LayerParametersLSTM};

    const SMALL: Sizes = Sizes {
        input: 3,
        units: 4,
        batch: 5,
        layers: 2,
        steps: 6,
        directions: 2,
        outputs: Outputs { count: 4, are_projected: false },
    };

    fn params() -> LayerParametersLSTM<'static> {
        LayerParametersLSTM {
            input_size: 3,
            hidden_size: 4,
            batch_size: 5,
            num_layers: 2,
            seq_len: 6,
            lstm_flags: LayerFlags::LSTM_BIDIRECTIONAL,
            ..Default::default()
        }
    }

    #[test]
    fn sizes_are_taken_over_and_directions_counted() {
        let mut issues = Issues::starting_with(Vec::new());
        assert_eq!(check_scalars(&mut issues, &params()), SMALL);
        assert_eq!(issues.into_error(), None);
    }

    #[test]
    fn one_wrong_size_leaves_the_others_known() {
        let mut issues = Issues::starting_with(Vec::new());
        let sizes = check_scalars(&mut issues, &LayerParametersLSTM { seq_len: 0, ..params() });
        assert_eq!(sizes, Sizes { steps: 0, ..SMALL });
        assert_eq!(issues.count(), 1);
    }

    #[test]
    fn the_largest_size_is_blamed_for_an_overflow() {
        let mut issues = Issues::starting_with(Vec::new());
        let wrong = LayerParametersLSTM { num_layers: usize::MAX, ..params() };
        assert_eq!(check_scalars(&mut issues, &wrong), Sizes::unknown(false));
        let error = issues.into_error().unwrap();
        assert_eq!(error.issues()[0].path.to_string(), "num_layers");
    }

    #[test]
    fn the_largest_layer_needs_half_the_address_space_at_most() {
        assert!(largest_bytes(&SMALL).is_some());
        for wrong in [
            Sizes { input: usize::MAX, ..SMALL },
            Sizes { units: usize::MAX, ..SMALL },
            Sizes { batch: usize::MAX / 2, ..SMALL },
            Sizes { layers: usize::MAX / 8, ..SMALL },
            Sizes { steps: usize::MAX / 64, ..SMALL },
        ] {
            assert_eq!(largest_bytes(&wrong), None, "{wrong:?}");
        }
    }
}
