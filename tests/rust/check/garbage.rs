//! Random structures: valid ones are accepted, absurd ones never panic, and whatever is accepted lies inside
//! of its memory.

use crate::fields::{DIAGONAL_PEEPHOLE, FIELDS, FULL_PEEPHOLE, Field, Form, assert_elements};
use crate::model::{Descriptor, Params, Sizes, accepted, outcome, valid};
use bnns_lstm::binding::{Checked, Lent, Memory};
use bnns_lstm::{
    Activation, ActivationFunction, Data, DataLayout, DataType, FilterParameters, Integers,
    LayerFlags, NDArrayDescriptor, Path,
};
use ndarray::{ArrayViewD, Ix3, Ix4, IxDyn, ShapeBuilder};
use proptest::prelude::*;

/// Decisions, taken from a list of numbers; 0 when it is used up.
pub struct Choices<'c>(pub std::slice::Iter<'c, u32>);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |&number| number as usize % bound)
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) + 1 == one_in
    }
}

pub fn sizes(choices: &mut Choices<'_>) -> Sizes {
    Sizes {
        input: 1 + choices.below(4),
        hidden: 1 + choices.below(4),
        batch: 1 + choices.below(3),
        layers: 1 + choices.below(3),
        steps: 1 + choices.below(4),
        directions: 1 + choices.below(2),
    }
}

/// Describe a field in some other way; the strides by axis say where its elements then are.
fn redescribe(
    choices: &mut Choices<'_>,
    place: usize,
    field: &Field,
    sizes: &Sizes,
) -> Option<(Descriptor, Vec<usize>)> {
    let forms = Form::all(field, sizes);
    let form = forms.get(choices.below(forms.len().max(1)))?;
    let strides = form.strides(1 + choices.below(2), choices.below(3));
    let desc = if choices.chance(3) {
        form.along_array(place, &strides)
    } else {
        form.in_buffer(place, form.count(&strides) + choices.below(2), &strides)
    };
    Some((desc, form.by_axis(&strides)))
}

const SIZES: &[usize] = &[
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    64,
    1 << 20,
    1 << 31,
    1 << 32,
    1 << 40,
    1 << 53,
    1 << 62,
    usize::MAX / 2,
    usize::MAX / 2 + 1,
    usize::MAX - 3,
    usize::MAX,
];

const LAYOUTS: &[u32] = &[
    0,
    1,
    0x10000,
    0x18000,
    0x18001,
    0x20000,
    0x20001,
    0x28000,
    0x28001,
    0x30000,
    0x30001,
    0x30002,
    0x38000,
    0x38001,
    0x40000,
    0x40010,
    0x48000,
    0x48001,
    0x58001,
    0x88000,
    0x88001,
    0x98001,
    0x8001,
    0xffff_8000,
    0xffff_8001,
    u32::MAX,
];

const TYPES: &[u32] =
    &[0, 0x10010, 0x10020, 0x18010, 0x20008, 0x40040, 0x80004, 0x10_0008, 77, u32::MAX];

fn corrupt_memory(choices: &mut Choices<'_>, memory: &mut Memory) {
    match choices.below(9) {
        0 => memory.address = choices.of(SIZES),
        1 => memory.address = memory.address.wrapping_add(choices.below(64)),
        2 => memory.element_bytes = choices.of(SIZES),
        3 => memory.data_type = DataType(choices.of(TYPES)),
        4 => memory.writable = false,
        5 => drop(memory.byte_strides.pop()),
        6 => memory.shape.push(choices.of(SIZES)),
        7 => {
            let axis = choices.below(memory.byte_strides.len().max(1));
            let stride = choices.of(SIZES).cast_signed();
            let stride = if choices.chance(2) { stride } else { stride.wrapping_neg() };
            memory.byte_strides.iter_mut().skip(axis).take(1).for_each(|slot| *slot = stride);
        }
        _ => {
            let axis = choices.below(memory.shape.len().max(1));
            let extent = choices.of(SIZES);
            memory.shape.iter_mut().skip(axis).take(1).for_each(|slot| *slot = extent);
        }
    }
}

fn corrupt_array(choices: &mut Choices<'_>, desc: &mut Descriptor) {
    match choices.below(10) {
        0 | 1 => desc.size[choices.below(4)] = choices.of(SIZES),
        2 | 3 => desc.stride[choices.below(4)] = choices.of(SIZES),
        4 => desc.layout = DataLayout(choices.of(LAYOUTS)),
        5 => desc.data_type = DataType(choices.of(TYPES)),
        6 => desc.table_data = Data::InPlace,
        7 => {
            *desc = match choices.below(4) {
                0 => NDArrayDescriptor::absent(),
                1 => NDArrayDescriptor::in_place(),
                2 => NDArrayDescriptor::sequence(Integers::I8(&[2, 2, 1, -1])),
                _ => NDArrayDescriptor::sequence(Integers::U64(&[1, 1, 1, u64::MAX])),
            }
        }
        _ => {
            if let Data::Lent(memory) = &mut desc.data {
                corrupt_memory(choices, memory);
            }
        }
    }
}

pub fn corrupt(choices: &mut Choices<'_>, params: &mut Params, filter: &mut FilterParameters) {
    match choices.below(16) {
        0 => params.input_size = choices.of(SIZES),
        1 => params.hidden_size = choices.of(SIZES),
        2 => params.batch_size = choices.of(SIZES),
        3 => params.num_layers = choices.of(SIZES),
        4 => params.seq_len = choices.of(SIZES),
        5 => params.lstm_flags = LayerFlags(choices.of(TYPES)),
        6 => params.dropout = choices.of(&[f32::NAN, -0.0, 1.0, f32::INFINITY]),
        7 => filter.n_threads = choices.of(SIZES),
        8 => {
            let function = ActivationFunction(choices.of(&[0, 8, 11, 31, 4000, u32::MAX]));
            params.hidden_activation = Some(Activation::new(function, f32::NAN, 0.0));
        }
        9 => params.sequence_descriptor = NDArrayDescriptor::sequence(Integers::U8(&[2, 1, 1, 0])),
        10 => corrupt_array(choices, &mut params.sequence_descriptor),
        _ => {
            let field = choices.of(FIELDS);
            corrupt_array(choices, (field.desc)(params));
        }
    }
}

/// Every array that was accepted can be seen as an array of its memory's size, which proves that no element
/// lies outside. What claims too much memory to have it here is not tried.
fn assert_inside(params: &mut Params, checked: &Checked) {
    for field in FIELDS {
        let Some(strided) = (field.checked)(checked.arrays()) else { continue };
        let Data::Lent(memory) = &(field.desc)(params).data else { continue };
        let own: Vec<usize> =
            memory.byte_strides.iter().map(|bytes| bytes.unsigned_abs() / 4).collect();
        let reach = memory.shape.iter().zip(&own).try_fold(1_usize, |sum, (&extent, &stride)| {
            sum.checked_add(extent.checked_sub(1)?.checked_mul(if extent == 1 {
                0
            } else {
                stride
            })?)
        });
        let Some(count) = reach.filter(|&count| count < 1 << 16) else { continue };
        let backing = vec![0.0; count];
        let shape = IxDyn(&memory.shape).strides(IxDyn(&own));
        let view = ArrayViewD::from_shape(shape, &backing).unwrap();
        let path = || Path::field("seed");
        match strided.shape().len() {
            3 => drop(strided.bind::<Ix3>(path, Lent::Strided(view)).unwrap()),
            _ => drop(strided.bind::<Ix4>(path, Lent::Strided(view)).unwrap()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_structures_in_any_form_are_accepted(numbers in prop::collection::vec(any::<u32>(), 80)) {
        let choices = &mut Choices(numbers.iter());
        let sizes = sizes(choices);
        let mut params = valid(&sizes);
        let mut places = Vec::new();
        for (index, field) in FIELDS.iter().enumerate() {
            // The two forms of one peephole, of which the diagonal has to be unmistakable, are tested apart.
            let is_peephole = field.name == FULL_PEEPHOLE.name;
            if is_peephole && (field.axes)(&sizes).len() == (DIAGONAL_PEEPHOLE.axes)(&sizes).len() {
                continue;
            }
            if let Some((desc, axis_strides)) = redescribe(choices, 100 + index, field, &sizes) {
                *(field.desc)(&mut params) = desc;
                places.push((field, axis_strides));
            }
        }
        let checked = accepted(&params);
        for (field, axis_strides) in places {
            let strided = (field.checked)(checked.arrays()).unwrap();
            let desc = &*(field.desc)(&mut params);
            assert_elements(field.name, strided, desc, &(field.axes)(&sizes), &axis_strides);
        }
    }

    #[test]
    fn corrupted_structures_are_refused_or_lie_inside_of_their_memory(
        numbers in prop::collection::vec(any::<u32>(), 60),
        corruptions in 1_usize..8,
    ) {
        let choices = &mut Choices(numbers.iter());
        let sizes = sizes(choices);
        let (mut params, mut filter) = (valid(&sizes), FilterParameters::default());
        for _ in 0..corruptions {
            corrupt(choices, &mut params, &mut filter);
        }
        match outcome(&params, &filter) {
            Ok(checked) => assert_inside(&mut params, &checked),
            Err(found) => prop_assert!(!found.is_empty()),
        }
    }
}
