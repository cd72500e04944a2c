//! States in place, and arrays that share memory or nearly do.

use crate::model::{ONE, Params, STACK, accepted, described, edit_memory, lent, refused, valid};
use bnns_lstm::binding::InputArray;
use bnns_lstm::{DataLayout, NDArrayDescriptor};

fn overlap(field: &str) -> Vec<(String, &'static str)> {
    vec![(format!("output_descriptor.{field}.data"), "overlap")]
}

#[test]
fn the_very_same_memory_carries_a_state_on() {
    let mut params = valid(&STACK);
    params.output_descriptor.hidden_desc = lent(1, &[2, 2, 5, 7]);
    params.output_descriptor.cell_state_desc = lent(2, &[2, 2, 5, 7]);
    let checked = accepted(&params);
    assert_eq!(checked.arrays().input.hidden, InputArray::InPlace);
    assert_eq!(checked.arrays().input.cell, InputArray::InPlace);
}

#[test]
fn the_same_memory_may_be_described_in_another_way() {
    let mut params = valid(&ONE);
    for (layout, size) in [
        (DataLayout::ROW_MAJOR_MATRIX, &[64, 2][..]),
        (DataLayout::FIRST_MAJOR_3D, &[1, 2, 64]),
        (DataLayout::LAST_MAJOR_4D, &[64, 2, 1, 1]),
        (DataLayout::UNSPECIFIED, &[]),
    ] {
        params.output_descriptor.hidden_desc = described(1, 128, layout, size);
        let checked = accepted(&params);
        assert_eq!(checked.arrays().input.hidden, InputArray::InPlace, "{layout:?}");
    }
}

#[test]
fn the_same_memory_in_another_order_is_refused() {
    let mut params = valid(&ONE);
    params.output_descriptor.hidden_desc =
        described(1, 128, DataLayout::COLUMN_MAJOR_MATRIX, &[2, 64]);
    assert_eq!(refused(&params), overlap("hidden_desc"));
}

#[test]
fn a_state_over_the_other_state_or_beside_its_own_start_is_refused() {
    let mut params = valid(&ONE);
    params.output_descriptor.hidden_desc = lent(2, &[1, 1, 2, 64]);
    assert_eq!(refused(&params), overlap("hidden_desc"));
    let mut params = valid(&ONE);
    params.output_descriptor.hidden_desc = lent(1, &[1, 1, 2, 64]);
    edit_memory(&mut params.output_descriptor.hidden_desc, |memory| memory.address += 4);
    assert_eq!(refused(&params), overlap("hidden_desc"));
}

#[test]
fn the_mark_of_a_rust_caller_reads_from_the_final_state() {
    let mut params = valid(&ONE);
    params.input_descriptor.hidden_desc = NDArrayDescriptor::in_place();
    assert_eq!(accepted(&params).arrays().input.hidden, InputArray::InPlace);
    // A final state that is wrong itself is reported once.
    params.output_descriptor.hidden_desc.size[3] = 63;
    let expected = ("output_descriptor.hidden_desc.size[3]".to_owned(), "size_mismatch");
    assert_eq!(refused(&params), [expected]);
}

#[test]
fn absent_states_are_zero() {
    let mut params = valid(&ONE);
    params.input_descriptor.hidden_desc = NDArrayDescriptor::absent();
    assert_eq!(accepted(&params).arrays().input.hidden, InputArray::Zero);
    assert!(matches!(accepted(&params).arrays().input.cell, InputArray::Given(_)));
}

/// Final hidden and final cell state side by side in the rows of one array.
fn side_by_side(offset: usize) -> Params {
    let mut params = valid(&ONE);
    let state = |start: usize| {
        let mut desc = lent(99, &[1, 1, 2, 64]);
        edit_memory(&mut desc, |memory| {
            memory.address += start;
            memory.byte_strides[2] = 2 * 64 * 4;
        });
        desc
    };
    params.output_descriptor.hidden_desc = state(0);
    params.output_descriptor.cell_state_desc = state(offset);
    params
}

#[test]
fn columns_of_one_array_are_told_apart() {
    accepted(&side_by_side(64 * 4));
    assert_eq!(refused(&side_by_side(63 * 4)), overlap("cell_state_desc"));
    assert_eq!(refused(&side_by_side(65 * 4)), overlap("cell_state_desc"));
}

#[test]
fn inputs_may_share_memory() {
    let mut params = valid(&ONE);
    params.forget_gate.hw_desc = described(12, 4096, DataLayout::COLUMN_MAJOR_MATRIX, &[64, 64]);
    params.input_descriptor.cell_state_desc = lent(1, &[1, 1, 2, 64]);
    accepted(&params);
}

#[test]
fn an_upper_descriptor_that_is_not_used_is_not_looked_at() {
    let mut params = valid(&ONE);
    params.input_gate.iw_desc[1] = lent(7, &[3, 1, 4]);
    params.input_gate.iw_desc[1].layout = DataLayout(99);
    params.output_descriptor.data_desc = described(7, 5 * 2 * 64, DataLayout::NSE, &[64, 5, 2]);
    assert_eq!(accepted(&params).arrays().weights.gates.input.iw_upper, None);
}

#[test]
fn the_joint_form_is_meant_by_null_and_by_the_same_pointer() {
    let sizes = crate::model::Sizes { input: 14, ..STACK };
    for second in [NDArrayDescriptor::absent(), lent(10, &[2, 2, 7, 14])] {
        let mut params = valid(&sizes);
        params.input_gate.iw_desc = [lent(10, &[2, 2, 7, 14]), second];
        let checked = accepted(&params);
        assert_eq!(
            checked.arrays().weights.gates.input.iw.as_ref().unwrap().shape(),
            [2, 2, 7, 14]
        );
        assert_eq!(checked.arrays().weights.gates.input.iw_upper, None);
        assert_eq!(
            checked.arrays().weights.gates.forget.iw.as_ref().unwrap().shape(),
            [1, 2, 7, 14]
        );
    }
}
