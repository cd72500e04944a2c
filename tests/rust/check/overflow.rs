//! Absurd numbers are refused at once, and without memory for what they claim.

use crate::model::{ONE, Params, STACK, edit_memory, valid};
use bnns_lstm::FilterParameters;
use bnns_lstm::binding::check;
use bnns_lstm_testkit::alloc::measure;

const HUGE: &[usize] = &[
    1 << 31,
    1 << 32,
    1 << 40,
    1 << 53,
    1 << 62,
    isize::MAX.cast_unsigned(),
    usize::MAX / 2 + 1,
    usize::MAX - 1,
    usize::MAX,
];

/// More than enough for the texts of all findings.
const LITTLE: u64 = 64 * 1024;

/// Whether the structure is refused.
fn check_cheaply(params: &Params) -> bool {
    let (outcome, counts) = measure(|| check(params, &FilterParameters::default()));
    assert!(counts.bytes < LITTLE, "{} bytes for {outcome:?}", counts.bytes);
    outcome.is_err()
}

fn assert_refused_cheaply(params: &Params) {
    assert!(check_cheaply(params), "absurd sizes were accepted");
}

#[test]
fn overflowing_sizes_of_the_layer() {
    let fields: [fn(&mut Params) -> &mut usize; 5] = [
        |p| &mut p.input_size,
        |p| &mut p.hidden_size,
        |p| &mut p.batch_size,
        |p| &mut p.num_layers,
        |p| &mut p.seq_len,
    ];
    for sizes in [ONE, STACK] {
        for &huge in HUGE {
            for (index, field) in fields.iter().enumerate() {
                let mut params = valid(&sizes);
                *field(&mut params) = huge;
                assert_refused_cheaply(&params);
                for other in &fields[index + 1..] {
                    let mut params = valid(&sizes);
                    *field(&mut params) = huge;
                    *other(&mut params) = huge;
                    assert_refused_cheaply(&params);
                }
            }
        }
    }
}

#[test]
fn overflowing_sizes_with_descriptors_that_leave_them_open() {
    for &huge in HUGE {
        let mut params = valid(&ONE);
        params.seq_len = huge;
        params.batch_size = 1;
        params.input_descriptor.data_desc.size = [0; 8];
        params.output_descriptor.data_desc.size = [0; 8];
        assert_refused_cheaply(&params);
        // Elements on top of each other reach no further than the sum of the extents.
        params.input_descriptor.data_desc.stride = [1; 8];
        assert_refused_cheaply(&params);
    }
}

#[test]
fn overflowing_sizes_and_strides_of_an_array() {
    for &huge in HUGE {
        for index in 0..2 {
            let mut params = valid(&ONE);
            params.input_gate.hw_desc.size[index] = huge;
            assert_refused_cheaply(&params);
            let mut params = valid(&ONE);
            params.input_gate.hw_desc.stride[index] = huge;
            assert_refused_cheaply(&params);
        }
    }
}

#[test]
fn overflowing_measurements_of_an_array() {
    for &huge in HUGE {
        let mut params = valid(&ONE);
        edit_memory(&mut params.input_descriptor.hidden_desc, |memory| {
            memory.byte_strides = vec![huge.cast_signed(); 4];
        });
        // An array that says so may be that large.
        check_cheaply(&params);
        let mut params = valid(&ONE);
        edit_memory(&mut params.input_descriptor.hidden_desc, |memory| {
            memory.shape = vec![huge; 4];
        });
        assert_refused_cheaply(&params);
    }
}

#[test]
fn an_overflowing_sequence_descriptor() {
    use bnns_lstm::{Integers, NDArrayDescriptor};
    for &huge in HUGE {
        let mut params = valid(&ONE);
        params.sequence_descriptor =
            NDArrayDescriptor::sequence(Integers::U8(&[1; 5])).with_strides(&[huge]);
        assert_refused_cheaply(&params);
        params.sequence_descriptor.stride[0] = 0;
        params.sequence_descriptor.size[0] = huge;
        assert_refused_cheaply(&params);
        params.sequence_descriptor.size[0] = 0;
        params.seq_len = huge;
        assert_refused_cheaply(&params);
    }
}
