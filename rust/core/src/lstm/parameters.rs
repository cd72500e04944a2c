//! The weights of an LSTM: a few arrays, seen as `PyTorch` names them and as the gates of a structure want them.
//!
//! In: a configuration. Out: [`Parameters`], arrays by name, whose blocks along the first axis are input, forget,
//! candidate and output gate (`PyTorch`'s i, f, g, o) without one that another gate gives; and the arrays of each
//! gate. It computes nothing but the sum of the two biases that `PyTorch` has and BNNS has not.

use super::config::LstmConfig;
use super::memory::zeros;
use crate::check::{Lent, LentMut, Peephole};
use crate::error::{Code, Error, Issue, Path};
use crate::fields::{GateField, GateFields, WeightFields};
use crate::gate::{Gate, Gates};
use crate::pack::WeightViews;
use ndarray::{
    ArrayBase, ArrayD, ArrayView, ArrayViewD, ArrayViewMutD, Axis, Dimension, IxDyn, RawData,
};

/// What memory is asked for, in errors.
const WHAT: &str = "weights";

/// The axis of the gates' blocks in every array.
const BLOCKS: Axis = Axis(2);

/// An array for each field of a gate, if there is one.
type Arrays = GateFields<Option<ArrayD<f32>>>;

/// All weights of an LSTM, or gradients of them, by name.
///
/// For each layer, and with `_reverse` at the end of the name for its backward direction, where G gates of H units
/// have weights, and hidden states have P values, `proj_size` or else H:
///
/// | name | shape |
/// | --- | --- |
/// | `weight_ih_l0` | `[G * H, input_size]`; of layers above `[G * H, directions * P]` |
/// | `weight_hh_l0` | `[G * H, P]` |
/// | `bias_ih_l0`, `bias_hh_l0` | `[G * H]` each; gates add both |
/// | `weight_hr_l0` | the projection, `[P, H]`, if there is one |
/// | `weight_ch_l0` | peepholes: `[G * H]` if diagonal, `[G * H, H]` if full |
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    slots: Vec<Slot>,
    gates: Vec<Gate>,
    /// Those of all gates: with one more axis than a gate's, after layers and directions. `b` is the first bias.
    arrays: Arrays,
    second_bias: Option<ArrayD<f32>>,
    /// `[layers, directions, P, H]`
    projection: Option<ArrayD<f32>>,
}

/// Where the array of a name is.
#[derive(Debug, Clone, PartialEq)]
struct Slot {
    name: String,
    kind: Kind,
    layer: usize,
    direction: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Hidden,
    Bias,
    SecondBias,
    Projection,
    Peephole,
}

impl Slot {
    /// The one of all arrays that it is in, and which layer of that array.
    fn of<T>(
        &self,
        arrays: GateFields<Option<T>>,
        second_bias: Option<T>,
        projection: Option<T>,
    ) -> (Option<T>, usize) {
        match (self.kind, self.layer) {
            (Kind::Input, 0) => (arrays.iw, 0),
            (Kind::Input, layer) => (arrays.iw_upper, layer - 1),
            (Kind::Hidden, layer) => (arrays.hw, layer),
            (Kind::Bias, layer) => (arrays.b, layer),
            (Kind::SecondBias, layer) => (second_bias, layer),
            (Kind::Projection, layer) => (projection, layer),
            (Kind::Peephole, layer) => (arrays.cw, layer),
        }
    }

    /// Its part of that array: of `[layers, directions, gates, units, ..]` with gates and units as one axis, of the
    /// projections' `[layers, directions, P, H]` as it is.
    fn named<S: RawData>(&self, array: ArrayBase<S, IxDyn>, layer: usize) -> ArrayBase<S, IxDyn> {
        let mut part =
            array.index_axis_move(Axis(0), layer).index_axis_move(Axis(0), self.direction);
        if self.kind == Kind::Projection {
            return part;
        }
        part.merge_axes(Axis(0), Axis(1));
        part.index_axis_move(Axis(0), 0)
    }
}

impl Parameters {
    /// Zeros.
    pub(super) fn zeros(config: &LstmConfig) -> Result<Self, Error> {
        let gates = config.gates();
        let shapes = gate_shapes(config);
        let arrays = shapes.try_map(|_, shape| {
            let all = shape.map(|mut shape| {
                shape.insert(BLOCKS.index(), gates.len());
                zeros(IxDyn(&shape), WHAT)
            });
            all.transpose()
        })?;
        let second_bias = arrays.b.as_ref().map(|bias| zeros(bias.raw_dim(), WHAT)).transpose()?;
        let projection = projection(config, WHAT)?;
        Ok(Self { slots: slots(config), gates, arrays, second_bias, projection })
    }

    /// The names, in `PyTorch`'s order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.slots.iter().map(|slot| slot.name.as_str())
    }

    /// The arrays with their names, in this order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ArrayViewD<'_, f32>)> {
        self.slots.iter().filter_map(|slot| Some((slot.name.as_str(), self.view(slot)?)))
    }

    /// The array of a name; `None` for a name that is none.
    pub fn get(&self, name: &str) -> Option<ArrayViewD<'_, f32>> {
        self.view(self.slots.iter().find(|slot| slot.name == name)?)
    }

    /// The array of a name, to be written; `None` for a name that is none.
    pub fn get_mut(&mut self, name: &str) -> Option<ArrayViewMutD<'_, f32>> {
        let Self { slots, arrays, second_bias, projection, .. } = self;
        let slot = slots.iter().find(|slot| slot.name == name)?;
        let arrays = arrays.as_mut().map(|_, array| array.as_mut());
        let (array, layer) = slot.of(arrays, second_bias.as_mut(), projection.as_mut());
        Some(slot.named(array?.view_mut(), layer))
    }

    /// Copy an array to a name.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] for a name that is none, or another shape; nothing was changed then.
    pub fn set<D: Dimension>(
        &mut self,
        name: &str,
        given: ArrayView<'_, f32, D>,
    ) -> Result<(), Error> {
        let issue = |path: Path, code, expected: String, actual: String| {
            Err(Error::from(Issue { path, code, expected, actual }))
        };
        let listed = self.names().collect::<Vec<_>>().join(", ");
        let Some(mut own) = self.get_mut(name) else {
            let expected = format!("one of {listed}");
            let path = Path::field("parameters");
            return issue(path, Code::UnexpectedEntry, expected, format!("{name:?}"));
        };
        let given = given.into_dyn();
        if given.shape() != own.shape() {
            let (expected, actual) = (format!("{:?}", own.shape()), format!("{:?}", given.shape()));
            return issue(Path::entry(name), Code::SizeMismatch, expected, actual);
        }
        own.assign(&given);
        Ok(())
    }

    /// Add `factor` times other ones, as a step of gradient descent does.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLayer`] for those of an LSTM with other names or shapes; nothing was changed then.
    pub fn scaled_add(&mut self, factor: f32, other: &Self) -> Result<(), Error> {
        let shape = |array: &Option<ArrayD<f32>>| array.as_ref().map(|a| a.shape().to_vec());
        let shapes =
            |of: &Self| (of.arrays.as_ref().map(|_, array| shape(array)), shape(&of.projection));
        if self.slots != other.slots || shapes(self) != shapes(other) {
            return Err(Error::WrongLayer { what: "gradients" });
        }
        let pairs = self.arrays.as_mut().zip(other.arrays.as_ref());
        let add = |own: &mut Option<ArrayD<f32>>, other: &Option<ArrayD<f32>>| {
            for (own, other) in own.iter_mut().zip(other) {
                own.scaled_add(factor, other);
            }
        };
        pairs.map(|_, (own, other)| add(own, other));
        add(&mut self.second_bias, &other.second_bias);
        add(&mut self.projection, &other.projection);
        Ok(())
    }

    /// Whether these are weights of such an LSTM: those of another one may have been put in their place.
    pub(super) fn check(&self, config: &LstmConfig) -> Result<(), Error> {
        let blocks = config.gates().len();
        let fits = |array: &Option<ArrayD<f32>>, wanted: Option<Vec<usize>>| {
            let wanted = wanted.map(|mut shape| {
                shape.insert(BLOCKS.index(), blocks);
                shape
            });
            array.as_ref().map(|array| array.shape().to_vec()) == wanted
        };
        let arrays = self.arrays.as_ref().zip(gate_shapes(config));
        let arrays = arrays.map(|_, (array, wanted)| fits(array, wanted));
        let projection = self.projection.as_ref().map(ndarray::ArrayBase::shape);
        let is_right = self.gates == config.gates()
            && arrays.each() == [&true; 5]
            && projection == config.projection_shape().as_ref().map(<[usize; 4]>::as_slice);
        if is_right { Ok(()) } else { Err(Error::WrongLayer { what: "weights" }) }
    }

    /// The one bias of the structure, for all gates.
    pub(super) fn bias_sum(&self) -> Option<ArrayD<f32>> {
        Some(self.arrays.b.as_ref()? + self.second_bias.as_ref()?)
    }

    /// The weights of the structure; `bias_sum` is what [`bias_sum`](Self::bias_sum) gave.
    pub(super) fn views<'p>(&'p self, bias_sum: Option<&'p ArrayD<f32>>) -> WeightViews<'p> {
        let gates = Gates::from_fn(|gate| match self.gates.iter().position(|&own| own == gate) {
            None => GateFields::default(),
            Some(block) => self.arrays.as_ref().map(|field, array| {
                let array = if field == GateField::B { bias_sum } else { array.as_ref() };
                Some(Lent::Strided(array?.index_axis(BLOCKS, block)))
            }),
        });
        let projection = self.projection.as_ref().map(|array| Lent::Strided(array.view()));
        WeightFields { gates, projection }
    }

    /// Take gradients over; that of the one bias is that of both.
    pub(super) fn take(&mut self, room: &GradientRoom) {
        for (block, gate) in self.gates.iter().enumerate() {
            let from = room.gates.get(*gate).as_ref();
            self.arrays.as_mut().zip(from).map(|_, (own, from)| {
                for (own, from) in own.iter_mut().zip(from) {
                    own.index_axis_mut(BLOCKS, block).assign(from);
                }
            });
        }
        self.second_bias.clone_from(&self.arrays.b);
        self.projection.clone_from(&room.projection);
    }

    fn view(&self, slot: &Slot) -> Option<ArrayViewD<'_, f32>> {
        let Self { arrays, second_bias, projection, .. } = self;
        let arrays = arrays.as_ref().map(|_, array| array.as_ref());
        let (array, layer) = slot.of(arrays, second_bias.as_ref(), projection.as_ref());
        Some(slot.named(array?.view(), layer))
    }
}

/// Arrays for the gradients of each gate by itself: those of a call may not interleave.
#[derive(Debug)]
pub(super) struct GradientRoom {
    gates: Gates<Arrays>,
    projection: Option<ArrayD<f32>>,
}

impl GradientRoom {
    /// Zeros.
    pub(super) fn new(config: &LstmConfig) -> Result<Self, Error> {
        let gates = config.gates();
        let of_gate = |gate| {
            if !gates.contains(&gate) {
                return Ok(Arrays::default());
            }
            gate_shapes(config).try_map(|_, shape| {
                shape.map(|shape| zeros(IxDyn(&shape), "gradients of weights")).transpose()
            })
        };
        let projection = projection(config, "gradients of weights")?;
        Ok(Self { gates: Gates::try_from_fn(of_gate)?, projection })
    }

    /// What a backward call writes.
    pub(super) fn views(&mut self) -> WeightFields<Option<LentMut<'_>>> {
        let gates = self.gates.as_mut().map(|_, arrays| {
            arrays.as_mut().map(|_, array| Some(LentMut::Strided(array.as_mut()?.view_mut())))
        });
        let projection = self.projection.as_mut();
        let projection = projection.map(|array| LentMut::Strided(array.view_mut()));
        WeightFields { gates, projection }
    }
}

/// Zeros for the projections of all layers, `[layers, directions, P, H]`, if there are any.
fn projection(config: &LstmConfig, what: &'static str) -> Result<Option<ArrayD<f32>>, Error> {
    let shape = config.projection_shape();
    shape.map(|shape| zeros(IxDyn(&shape), what)).transpose()
}

/// The shapes of a gate's arrays.
fn gate_shapes(config: &LstmConfig) -> GateFields<Option<Vec<usize>>> {
    let (layers, directions, units) = (config.num_layers, config.directions(), config.units());
    let above = layers.saturating_sub(1);
    GateFields {
        iw: Some(vec![1, directions, units, config.input_size]),
        iw_upper: (above > 0).then(|| vec![above, directions, units, config.layer_size()]),
        hw: Some(vec![layers, directions, units, config.outputs()]),
        cw: match config.peephole {
            Peephole::None => None,
            Peephole::Diagonal => Some(vec![layers, directions, units]),
            Peephole::Full => Some(vec![layers, directions, units, units]),
        },
        b: config.bias.then(|| vec![layers, directions, units]),
    }
}

/// The names in `PyTorch`'s order.
fn slots(config: &LstmConfig) -> Vec<Slot> {
    let kinds = [
        (Kind::Input, "weight_ih", true),
        (Kind::Hidden, "weight_hh", true),
        (Kind::Bias, "bias_ih", config.bias),
        (Kind::SecondBias, "bias_hh", config.bias),
        (Kind::Projection, "weight_hr", config.proj_size > 0),
        (Kind::Peephole, "weight_ch", config.peephole != Peephole::None),
    ];
    let mut found = Vec::new();
    for layer in 0..config.num_layers {
        for (direction, end) in ["", "_reverse"].into_iter().enumerate().take(config.directions()) {
            for (kind, start, is_there) in kinds {
                let name = format!("{start}_l{layer}{end}");
                found.extend(is_there.then_some(Slot { name, kind, layer, direction }));
            }
        }
    }
    found
}

/// Names and shapes in `PyTorch`'s order, without an array.
#[cfg(feature = "safetensors")]
pub(super) fn shapes(config: &LstmConfig) -> Vec<(String, Vec<usize>)> {
    let rows = config.gates().len() * config.units();
    let shape = |slot: &Slot| match (slot.kind, slot.layer) {
        (Kind::Input, 0) => vec![rows, config.input_size],
        (Kind::Input, _) => vec![rows, config.layer_size()],
        (Kind::Hidden, _) => vec![rows, config.outputs()],
        (Kind::Projection, _) => vec![config.outputs(), config.units()],
        (Kind::Peephole, _) if config.peephole == Peephole::Full => vec![rows, config.units()],
        (Kind::Bias | Kind::SecondBias | Kind::Peephole, _) => vec![rows],
    };
    slots(config).into_iter().map(|slot| (slot.name.clone(), shape(&slot))).collect()
}
