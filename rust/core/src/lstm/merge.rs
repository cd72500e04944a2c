//! The two directions of the last layer in the form that the caller wants them in, [`Merge`].
//!
//! In: the output of the structure, `[steps, rows, layer size]`, both directions side by side, or the gradient of
//! what was made of it. Out: what the caller knows; and the gradient of the structure's output. It knows neither the
//! caller's order of axes nor any weight.

use super::config::Merge;
use crate::error::Broken;
use ndarray::{Array3, ArrayView3, Axis, CowArray, Ix3};

/// What becomes of an output.
pub(super) fn merged(merge: Merge, y: Array3<f32>) -> Array3<f32> {
    let (forward, backward) = halves(y.view());
    match merge {
        Merge::Concat => y,
        Merge::Sum => &forward + &backward,
        Merge::Average => (&forward + &backward) / 2.0,
        Merge::Product => &forward * &backward,
    }
}

/// The gradient of an output `y`, from that of what [`merged`] made of it. Only products need `y`.
pub(super) fn separated<'a>(
    merge: Merge,
    dy: CowArray<'a, f32, Ix3>,
    y: Option<&Array3<f32>>,
) -> Result<CowArray<'a, f32, Ix3>, Broken> {
    let mut dy = dy;
    if merge == Merge::Concat {
        return Ok(dy);
    }
    if merge == Merge::Average {
        dy = CowArray::from(&dy / 2.0);
    }
    let (steps, rows, half) = dy.dim();
    let mut both = Array3::zeros((steps, rows, 2 * half));
    let (mut d_forward, mut d_backward) = both.view_mut().split_at(Axis(2), half);
    if merge == Merge::Product {
        let (forward, backward) = halves(y.ok_or(Broken("an output was not kept"))?.view());
        d_forward.assign(&(&dy * &backward));
        d_backward.assign(&(&dy * &forward));
    } else {
        d_forward.assign(&dy);
        d_backward.assign(&dy);
    }
    Ok(CowArray::from(both))
}

/// Both directions.
fn halves(y: ArrayView3<'_, f32>) -> (ArrayView3<'_, f32>, ArrayView3<'_, f32>) {
    let half = y.len_of(Axis(2)) / 2;
    y.split_at(Axis(2), half)
}
