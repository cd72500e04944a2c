//! Full matrix or diagonal: every form of both, for all small layers.

use crate::fields::{DIAGONAL_PEEPHOLE, FULL_PEEPHOLE, Form, assert_elements};
use crate::model::{STACK, Sizes, accepted, valid};

fn small_layers() -> Vec<Sizes> {
    let mut all = Vec::new();
    for layers in 1..=3 {
        for directions in 1..=2 {
            for hidden in 1..=3 {
                all.push(Sizes { hidden, layers, directions, ..STACK });
            }
        }
    }
    all
}

#[test]
fn sizes_that_are_given_decide() {
    for sizes in small_layers() {
        for (field, expected) in [(&FULL_PEEPHOLE, 4), (&DIAGONAL_PEEPHOLE, 3)] {
            for form in Form::all(field, &sizes).into_iter().filter(|form| form.has_sizes) {
                let strides = form.strides(2, 3);
                let mut params = valid(&sizes);
                params.input_gate.cw_desc = form.in_buffer(99, form.count(&strides), &strides);
                let checked = accepted(&params);
                let cw = checked.arrays().weights.gates.input.cw.as_ref().unwrap();
                let what = format!("{sizes:?} {form:?}");
                // With one hidden unit a diagonal is a matrix.
                assert_eq!(cw.shape().len(), if sizes.hidden > 1 { expected } else { 4 }, "{what}");
                if cw.shape().len() == expected {
                    let (axes, axis_strides) = ((field.axes)(&sizes), form.by_axis(&strides));
                    assert_elements(&what, cw, &params.input_gate.cw_desc, &axes, &axis_strides);
                }
            }
        }
    }
}

#[test]
fn a_diagonal_read_as_a_matrix_is_the_same_number_for_each_layer_and_direction() {
    use bnns_lstm::{Data, Lent, Path};
    use ndarray::{Array1, Ix4};
    for sizes in small_layers().into_iter().filter(|sizes| sizes.hidden == 1) {
        for form in Form::all(&DIAGONAL_PEEPHOLE, &sizes).into_iter().filter(|form| form.has_sizes)
        {
            let strides = form.strides(2, 3);
            let mut params = valid(&sizes);
            params.input_gate.cw_desc = form.in_buffer(99, form.count(&strides), &strides);
            let checked = accepted(&params);
            let cw = checked.arrays().weights.gates.input.cw.as_ref().unwrap();
            let Data::Lent(memory) = &params.input_gate.cw_desc.data else { unreachable!() };
            let backing: Array1<f32> = (0..memory.shape[0]).map(|index| index as f32).collect();
            let view = cw
                .bind::<Ix4>(|| Path::field("seed"), Lent::Strided(backing.view().into_dyn()))
                .unwrap();
            // The axes of a diagonal form that are longer than 1 are layers and directions.
            let long: Vec<usize> =
                [sizes.layers, sizes.directions].into_iter().filter(|&extent| extent > 1).collect();
            let axis_strides: Vec<usize> = form
                .kept
                .iter()
                .zip(form.by_axis(&strides))
                .filter(|(extent, _)| **extent > 1)
                .map(|(_, stride)| stride)
                .collect();
            assert_eq!(long.len(), axis_strides.len());
            for ((layer, direction, _, _), &value) in view.indexed_iter() {
                let index = [(layer, sizes.layers), (direction, sizes.directions)];
                let expected: usize = index
                    .into_iter()
                    .filter(|&(_, extent)| extent > 1)
                    .zip(&axis_strides)
                    .map(|((index, _), stride)| index * stride)
                    .sum();
                assert_eq!(value.to_bits(), (expected as f32).to_bits(), "{sizes:?} {form:?}");
            }
        }
    }
}
