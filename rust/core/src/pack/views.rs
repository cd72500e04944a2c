//! The caller's weights, with the axes that packing expects.
//!
//! In: the arrays that were checked. Out: for each gate views with the axes `[layers, directions, ...]`, or
//! the name of an array that is not the planned one.

use crate::check::{Checked, GateArrays, Peephole, Strided};
use crate::error::{Error, Path};
use crate::gate::{Gate, Gates};
use crate::place::Place;
use ndarray::{ArrayView, ArrayView1, ArrayView2, ArrayView3, ArrayView4, ArrayViewD, Dimension};

/// The weight arrays of one gate, as they were checked.
#[derive(Debug, Clone)]
pub struct GateViews<'a> {
    /// `iw_desc[0]`.
    pub iw: ArrayViewD<'a, f32>,
    /// `iw_desc[1]`, in the split form.
    pub iw_upper: Option<ArrayViewD<'a, f32>>,
    /// `hw_desc`.
    pub hw: ArrayViewD<'a, f32>,
    /// `cw_desc`.
    pub cw: Option<ArrayViewD<'a, f32>>,
    /// `b_desc`.
    pub b: Option<ArrayViewD<'a, f32>>,
}

/// The weight arrays of all gates.
pub type WeightViews<'a> = Gates<GateViews<'a>>;

/// Views of one gate's weights with canonical axes.
#[derive(Debug)]
pub(super) struct Canonical<'a> {
    iw: ArrayView4<'a, f32>,
    iw_upper: Option<ArrayView4<'a, f32>>,
    hw: ArrayView4<'a, f32>,
    cw: Option<ArrayViewD<'a, f32>>,
    b: Option<ArrayView3<'a, f32>>,
    peephole: Peephole,
}

impl Canonical<'_> {
    /// `[hidden, layer input]`.
    pub(super) fn input(&self, place: Place) -> ArrayView2<'_, f32> {
        match &self.iw_upper {
            Some(upper) if place.layer > 0 => {
                Place { layer: place.layer - 1, ..place }.part_of(upper.view())
            }
            _ => place.part_of(self.iw.view()),
        }
    }

    /// `[hidden, hidden]`.
    pub(super) fn hidden(&self, place: Place) -> ArrayView2<'_, f32> {
        place.part_of(self.hw.view())
    }

    /// `[hidden]`.
    pub(super) fn bias(&self, place: Place) -> Option<ArrayView1<'_, f32>> {
        Some(place.part_of(self.b.as_ref()?.view()))
    }

    /// The diagonal peephole, `[hidden]`, if the gate has one.
    pub(super) fn diagonal(&self, place: Place) -> Option<ArrayView1<'_, f32>> {
        self.peephole(Peephole::Diagonal, place)?.into_dimensionality().ok()
    }

    /// The full peephole, `[hidden, hidden]`, if the gate has one.
    pub(super) fn full(&self, place: Place) -> Option<ArrayView2<'_, f32>> {
        self.peephole(Peephole::Full, place)?.into_dimensionality().ok()
    }

    fn peephole(&self, kind: Peephole, place: Place) -> Option<ArrayViewD<'_, f32>> {
        let cw = self.cw.as_ref().filter(|_| self.peephole == kind)?;
        Some(place.part_of(cw.view()))
    }
}

/// All gates with canonical axes.
pub(super) fn canonical<'a>(
    checked: &Checked,
    views: &WeightViews<'a>,
) -> Result<Gates<Canonical<'a>>, Error> {
    let one = |gate: Gate| {
        let arrays = checked.arrays().gates.get(gate);
        let peephole = *checked.config().layer.peepholes.get(gate);
        bind_gate(gate, arrays, views.get(gate), peephole)
    };
    Ok(Gates {
        input: one(Gate::Input)?,
        forget: one(Gate::Forget)?,
        candidate: one(Gate::Candidate)?,
        output: one(Gate::Output)?,
    })
}

fn bind_gate<'a>(
    gate: Gate,
    arrays: &GateArrays,
    views: &GateViews<'a>,
    peephole: Peephole,
) -> Result<Canonical<'a>, Error> {
    let path = Path::field(gate.field());
    let iw = path.then("iw_desc");
    Ok(Canonical {
        iw: arrays.iw.bind(|| iw.at(0), views.iw.clone())?,
        iw_upper: optional(&iw.at(1), arrays.iw_upper.as_ref(), views.iw_upper.as_ref())?,
        hw: arrays.hw.bind(|| path.then("hw_desc"), views.hw.clone())?,
        cw: optional(&path.then("cw_desc"), arrays.cw.as_ref(), views.cw.as_ref())?,
        b: optional(&path.then("b_desc"), arrays.b.as_ref(), views.b.as_ref())?,
        peephole,
    })
}

/// An array that may be absent; it must be there exactly when it was planned.
fn optional<'a, D: Dimension>(
    path: &Path,
    planned: Option<&Strided>,
    view: Option<&ArrayViewD<'a, f32>>,
) -> Result<Option<ArrayView<'a, f32, D>>, Error> {
    match (planned, view) {
        (Some(planned), Some(view)) => planned.bind(|| path.clone(), view.clone()).map(Some),
        (None, None) => Ok(None),
        (planned, view) => Err(Error::ArrayMismatch {
            path: path.clone(),
            expected: planned.map_or("none".to_owned(), |planned| format!("{:?}", planned.shape())),
            actual: view.map_or("none".to_owned(), |view| format!("{:?}", view.shape())),
        }),
    }
}
