//! How many outputs a direction of a layer has.
//!
//! In: the extensions of a structure, and how many hidden units there are. Out: [`Outputs`], or a finding. It looks at
//! no array.

use super::issues::Issues;
use crate::desc::LayerParametersLSTM;
use crate::error::Code;

/// The name of the field that holds what a layer has beyond BNNS.
pub(super) const EXTENSIONS: &str = "extensions";

/// The name of the field that holds how many outputs there are.
pub(super) const SIZE: &str = "projection_size";

/// Outputs of one direction of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outputs {
    /// How many; 0 where that is not known.
    pub(super) count: usize,
    /// Whether the structure asks for a projection.
    pub(super) are_projected: bool,
}

/// How many outputs a direction of so many hidden units has; 0 units are not known.
pub(super) fn check_outputs(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
    units: usize,
) -> Outputs {
    let path = issues.field(EXTENSIONS).then(SIZE);
    let asked = params.extensions.as_ref().and_then(|asked| asked.projection_size);
    let is_known = !issues.is_reported(&path);
    let Some(size) = asked.filter(|_| is_known) else {
        return Outputs { count: if is_known { units } else { 0 }, are_projected: false };
    };
    let most = if units == 0 { usize::MAX } else { units };
    let fits = (1..=most).contains(&size);
    if !fits {
        let expected = match units {
            0 => "at least 1".to_owned(),
            units => format!("a number from 1 to {units} (hidden_size), or none"),
        };
        issues.push(path, Code::InvalidNumber, expected, size.to_string());
    }
    Outputs { count: if fits { size } else { 0 }, are_projected: true }
}
