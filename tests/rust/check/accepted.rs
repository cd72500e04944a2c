//! Every form of every array, accepted and read at the places that the specification gives.

use crate::fields::{FIELDS, Field, Form, assert_elements};
use crate::model::{Descriptor, STACK, Sizes, accepted, refused, valid};
use bnns_lstm::binding::check;
use bnns_lstm::{
    Activation, ActivationFunction, DataLayout, FilterParameters, LayerFlags, NDArrayDescriptor,
};
use bnns_lstm_testkit::alloc::measure;

fn all_sizes() -> impl Iterator<Item = Sizes> {
    let both = |layers| [1, 2].map(|directions| Sizes { layers, directions, ..STACK });
    [1, 2].into_iter().flat_map(both)
}

/// Whether a descriptor without sizes is read as a full matrix although it means a diagonal.
fn is_ambiguous(field: &Field, form: &Form, sizes: &Sizes) -> bool {
    let is_diagonal = field.name.ends_with("cw_desc") && (field.axes)(sizes).len() == 3;
    let least = 2 + usize::from(sizes.layers > 1) + usize::from(sizes.directions > 1);
    let has_layout = form.layout != DataLayout::UNSPECIFIED;
    is_diagonal && !form.has_sizes && (form.kept.len() >= least || !has_layout)
}

fn forms() -> Vec<(Sizes, &'static Field, Form)> {
    let mut forms = Vec::new();
    for sizes in all_sizes() {
        for field in FIELDS {
            let usable = |form: &Form| !is_ambiguous(field, form, &sizes);
            forms.extend(
                Form::all(field, &sizes)
                    .into_iter()
                    .filter(usable)
                    .map(|form| (sizes, field, form)),
            );
        }
    }
    assert!(forms.len() > 300, "only {} forms", forms.len());
    forms
}

fn assert_accepted(sizes: &Sizes, field: &Field, desc: Descriptor, axis_strides: &[usize]) {
    let mut params = valid(sizes);
    *(field.desc)(&mut params) = desc;
    let checked = accepted(&params);
    let what = format!("{} {sizes:?}", field.name);
    let strided = (field.checked)(checked.arrays()).unwrap_or_else(|| panic!("{what} is missing"));
    let desc = &*(field.desc)(&mut params);
    assert_elements(&what, strided, desc, &(field.axes)(sizes), axis_strides);
}

#[test]
fn contiguous_and_padded_buffers_in_every_layout() {
    for (sizes, field, form) in forms() {
        let contiguous = form.strides(1, 0);
        let desc = form.in_buffer(99, form.count(&contiguous), &[]);
        assert_accepted(&sizes, field, desc, &form.by_axis(&contiguous));
        for (first, gap) in [(1, 0), (1, 2), (3, 0), (2, 5)] {
            let strides = form.strides(first, gap);
            let desc = form.in_buffer(99, form.count(&strides), &strides);
            assert_accepted(&sizes, field, desc, &form.by_axis(&strides));
        }
    }
}

#[test]
fn one_element_less_is_out_of_bounds() {
    for (sizes, field, form) in forms() {
        for (first, gap) in [(1, 0), (2, 5)] {
            let strides = form.strides(first, gap);
            let mut params = valid(&sizes);
            *(field.desc)(&mut params) = form.in_buffer(99, form.count(&strides) - 1, &strides);
            let expected = (format!("{}.data", field.name), "out_of_bounds");
            assert_eq!(refused(&params), [expected], "{sizes:?} {form:?}");
        }
    }
}

#[test]
fn elements_of_inputs_may_share_memory_and_those_of_outputs_may_not() {
    for (sizes, field, form) in forms() {
        let strides = vec![1; form.kept.len()];
        let desc = form.in_buffer(99, form.count(&strides), &strides);
        let is_shared = form.kept.iter().filter(|&&extent| extent > 1).count() > 1;
        if field.is_output && is_shared {
            let mut params = valid(&sizes);
            *(field.desc)(&mut params) = desc;
            let expected = (format!("{}.stride", field.name), "self_overlap");
            assert_eq!(refused(&params), [expected], "{sizes:?} {form:?}");
        } else {
            assert_accepted(&sizes, field, desc, &form.by_axis(&strides));
        }
    }
}

#[test]
fn arrays_with_gaps_keep_their_own_strides() {
    for (sizes, field, form) in forms() {
        for (first, gap) in [(1, 2), (2, 0), (2, 5)] {
            let strides = form.strides(first, gap);
            let desc = form.along_array(99, &strides);
            assert_accepted(&sizes, field, desc, &form.by_axis(&strides));
        }
    }
}

#[test]
fn the_axes_of_an_array_may_stand_in_any_order_in_memory() {
    for (sizes, field, form) in forms().into_iter().filter(|(.., form)| form.kept.len() > 1) {
        // The slowest axis of the descriptor is the fastest of the array; far enough apart for any field.
        let mut strides = form.strides(2, 1);
        let rank = strides.len();
        strides[rank - 1] = 1;
        for stride in &mut strides[..rank - 1] {
            *stride *= 16;
        }
        let desc = form.along_array(99, &strides);
        assert_accepted(&sizes, field, desc, &form.by_axis(&strides));
    }
}

#[test]
fn an_array_of_another_shape_with_gaps_is_refused() {
    for (sizes, field, form) in forms().into_iter().filter(|(.., form)| form.kept.len() > 1) {
        let mut desc = form.along_array(99, &form.strides(2, 5));
        crate::model::edit_memory(&mut desc, |memory| memory.shape.reverse());
        let mut params = valid(&sizes);
        *(field.desc)(&mut params) = desc;
        let shape: Vec<usize> = form.kept.iter().rev().copied().collect();
        if shape != form.kept {
            let expected = (format!("{}.size", field.name), "not_contiguous");
            assert_eq!(refused(&params), [expected], "{sizes:?} {form:?}");
        }
    }
}

#[test]
fn the_stride_of_an_axis_with_one_element_does_not_matter() {
    for (sizes, field, form) in forms() {
        let mut strides = form.strides(1, 0);
        let count = form.count(&strides);
        let is_single = |axis: usize| form.kept.get(axis) == Some(&1);
        // The last strides belong to the leading axes, except in this layout.
        let is_last = form.layout != DataLayout::COLUMN_MAJOR_MATRIX;
        let singles = (0..field.leading).take_while(|&axis| is_last && is_single(axis)).count();
        for stride in strides.iter_mut().rev().take(singles) {
            *stride = usize::MAX;
        }
        let axis_strides = form.by_axis(&strides).into_iter().map(|stride| stride % usize::MAX);
        let axis_strides: Vec<usize> = axis_strides.collect();
        assert_accepted(&sizes, field, form.in_buffer(99, count, &strides), &axis_strides);
    }
}

#[test]
fn default_activations_make_the_fields_irrelevant() {
    let bad = Activation {
        iscale: 3,
        ..Activation::new(ActivationFunction(4711), f32::NAN, f32::INFINITY)
    };
    let mut params = valid(&STACK);
    params.lstm_flags |= LayerFlags::LSTM_DEFAULT_ACTIVATIONS;
    params.input_gate.activation = Some(bad);
    params.forget_gate.activation = None;
    params.candidate_gate.activation = Some(Activation::identity());
    params.output_gate.activation = Some(bad);
    params.hidden_activation = Some(Activation::identity());
    let checked = accepted(&params);

    let mut explicit = valid(&STACK);
    explicit.hidden_activation = Some(Activation::tanh());
    assert_eq!(checked.config(), accepted(&explicit).config());
}

#[test]
fn parameters_that_a_function_does_not_use_may_be_anything() {
    let mut params = valid(&STACK);
    params.input_gate.activation =
        Some(Activation::new(ActivationFunction::SIGMOID, f32::NAN, f32::NAN));
    params.hidden_activation = Some(Activation::new(ActivationFunction::ELU, 1.0, f32::NAN));
    accepted(&params);
}

/// Paths and texts are made where there is something to report, and no measurement is copied.
#[test]
fn what_holds_is_checked_with_few_allocations() {
    let params = valid(&STACK);
    let count = |descs: &[&&NDArrayDescriptor<'_>]| {
        descs.iter().filter(|desc| !desc.data.is_null()).count() as u64
    };
    let (from, to) = (&params.input_descriptor, &params.output_descriptor);
    let gates = params.gates().map(|_, gate| count(&gate.fields().each()));
    let weights: u64 = gates.each().into_iter().sum();
    let arrays = weights + count(&from.fields().each()) + count(&to.fields().each());
    assert!(arrays > 20, "only {arrays} arrays");
    let (checked, counts) = measure(|| check(&params, &FilterParameters::default()));
    assert!(checked.is_ok());
    let most = 9 * arrays;
    assert!(counts.allocations <= most, "{} for {arrays} arrays", counts.allocations);
}
