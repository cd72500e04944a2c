//! The caller's weights, with the axes that packing expects.
//!
//! In: a checked layer and its arrays. Out: [`BoundWeights`], views with the axes `[layers, directions, ...]`, or
//! the name of an array that is not the one that was checked. It needs no plan.

use crate::check::{Checked, LayerConfig, Lent, Peephole, Strided, bind, bind_required};
use crate::error::{Error, Path};
use crate::fields::{GateField, GateFields, WeightField, WeightFields};
use crate::gate::{Gate, Gates};
use crate::place::Place;
use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayView4, ArrayViewD, IxDyn};
use std::sync::OnceLock;

/// All weight arrays, as they were checked; `None` for what is absent.
pub type WeightViews<'a> = WeightFields<Option<Lent<'a>>>;

/// Those of one gate.
type GateViews<'a> = GateFields<Option<Lent<'a>>>;

/// The weights of a checked layer, bound to its axes.
#[derive(Debug)]
pub struct BoundWeights<'a> {
    pub(super) layer: LayerConfig,
    /// `None` for a gate that another one gives.
    gates: Gates<Option<BoundGate<'a>>>,
    /// Of the projection, `[layers, directions, outputs, units]`, if there is one.
    projection: Option<ArrayView4<'a, f32>>,
    /// Which weights these are, computed when it is needed first. The arrays are borrowed, so it stays true.
    pub(super) fingerprint: OnceLock<u64>,
}

impl<'a> BoundWeights<'a> {
    /// Bind the caller's weights to what was checked.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] for an array that is not the one that was checked.
    pub fn bind(checked: &Checked, views: &'a WeightViews<'_>) -> Result<Self, Error> {
        let WeightFields { gates: planned, projection } = &checked.arrays().weights;
        let gates = planned.as_ref().zip(views.gates.as_ref());
        let gates = gates.try_map(|gate, (planned, views)| {
            let layer = &checked.config().layer;
            if layer.variant.derives(gate) {
                return refuse_any(gate, views).map(|()| None);
            }
            let peephole = *layer.peepholes.get(gate);
            BoundGate::bind(gate, planned, views, peephole).map(Some)
        })?;
        let path = || WeightField::Projection.path(&Path::default());
        let view = views.projection.as_ref().map(Lent::view);
        let projection = bind(path, projection.as_ref(), view)?;
        let (layer, fingerprint) = (checked.config().layer, OnceLock::new());
        Ok(Self { layer, gates, projection, fingerprint })
    }

    /// Those of the projection, `[outputs, units]`, if there is one.
    pub(super) fn projection(&self, place: Place) -> Option<ArrayView2<'_, f32>> {
        Some(place.part_of(self.projection.as_ref()?.view()))
    }

    /// Those of each gate that has weights, in the order of the BNNS structure.
    pub(super) fn each(&self) -> impl Iterator<Item = (Gate, &BoundGate<'a>)> {
        Gate::ALL.into_iter().filter_map(|gate| Some((gate, self.gates.get(gate).as_ref()?)))
    }
}

/// A gate that another one gives has no arrays.
fn refuse_any(gate: Gate, views: &GateViews<'_>) -> Result<(), Error> {
    let views = views.as_ref().map(|_, array| array.as_ref().map(Lent::view));
    let absent = views.try_map(|field, array| {
        let path = || field.path(&Path::default(), gate);
        bind::<IxDyn>(path, None, array).map(|_| ())
    });
    absent.map(|_| ())
}

/// The weights of one gate.
#[derive(Debug)]
pub(super) struct BoundGate<'a> {
    iw: ArrayView4<'a, f32>,
    iw_upper: Option<ArrayView4<'a, f32>>,
    hw: ArrayView4<'a, f32>,
    cw: Option<ArrayViewD<'a, f32>>,
    b: Option<ArrayView3<'a, f32>>,
    peephole: Peephole,
}

impl<'a> BoundGate<'a> {
    fn bind(
        gate: Gate,
        checked: &GateFields<Option<Strided>>,
        views: &'a GateViews<'_>,
        peephole: Peephole,
    ) -> Result<Self, Error> {
        let path = |field: GateField| move || field.path(&Path::default(), gate);
        let views = views.as_ref().map(|_, array| array.as_ref().map(Lent::view));
        let GateFields { iw, iw_upper, hw, cw, b } =
            checked.as_ref().map(|_, array| array.as_ref());
        Ok(Self {
            iw: bind_required(path(GateField::Iw), iw, views.iw)?,
            iw_upper: bind(path(GateField::IwUpper), iw_upper, views.iw_upper)?,
            hw: bind_required(path(GateField::Hw), hw, views.hw)?,
            cw: bind(path(GateField::Cw), cw, views.cw)?,
            b: bind(path(GateField::B), b, views.b)?,
            peephole,
        })
    }

    /// `[hidden, layer input]`.
    pub(super) fn input(&self, place: Place) -> ArrayView2<'_, f32> {
        match &self.iw_upper {
            Some(upper) if place.layer > 0 => {
                Place { layer: place.layer - 1, ..place }.part_of(upper.view())
            }
            _ => place.part_of(self.iw.view()),
        }
    }

    /// `[hidden, outputs]`.
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
