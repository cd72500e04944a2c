//! Error bounds and special points of exp, sigmoid, tanh and their relatives.

use super::super::differentiable::Differentiable;
use super::super::exp::{exp, expm1};
use super::super::functions::{LogSigmoid, SiLU, Sigmoid, Softplus, Tanh, TanhShrink};
use super::cases::{exact_sigmoid, exact_softplus};
use super::levels::{Elementwise, levels, replace, value};
use super::ulps::{check_all, check_sampled, sampled};
use fearless_simd::Simd;

/// e^x
struct Exp;

impl Elementwise for Exp {
    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        exp(simd, x)
    }
}

/// e^x - 1
struct Expm1;

impl Elementwise for Expm1 {
    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        expm1(simd, x)
    }
}

/// log(1 + e^x)
struct PlainSoftplus;

impl Elementwise for PlainSoftplus {
    #[inline(always)]
    fn at<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        Softplus::at(simd, x, (1.0, 1.0))
    }
}

// The bounds that the functions document, in ULP.
const EXP: f64 = 1.1;
const EXPM1: f64 = 1.8;
const SIGMOID: f64 = 2.5;
const TANH: f64 = 2.7;
const LOGARITHM: f64 = 2.9;
const SILU: f64 = 2.5;
const TANH_SHRINK: f64 = 5.4;

fn exact_log_sigmoid(x: f64) -> f64 {
    -exact_softplus(-x)
}

/// x - tanh x, near 0 from its series.
fn exact_tanh_shrink(x: f64) -> f64 {
    if x.abs() >= 0.03 {
        return x - x.tanh();
    }
    let w = x * x;
    x * w * (1.0 / 3.0 - w * (2.0 / 15.0 - w * (17.0 / 315.0 - w * (62.0 / 2835.0))))
}

/// x sigmoid(x), with its limit at minus infinity.
fn exact_silu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * exact_sigmoid(x) }
}

#[test]
fn sampled_errors_stay_within_the_documented_bounds() {
    check_sampled::<Exp>(f64::exp, EXP);
    check_sampled::<Expm1>(f64::exp_m1, EXPM1);
    check_sampled::<Sigmoid>(exact_sigmoid, SIGMOID);
    check_sampled::<Tanh>(f64::tanh, TANH);
    check_sampled::<PlainSoftplus>(exact_softplus, LOGARITHM);
    check_sampled::<LogSigmoid>(exact_log_sigmoid, LOGARITHM);
    check_sampled::<SiLU>(exact_silu, SILU);
    check_sampled::<TanhShrink>(exact_tanh_shrink, TANH_SHRINK);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_exp() {
    check_all::<Exp>(f64::exp, EXP);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_expm1() {
    check_all::<Expm1>(f64::exp_m1, EXPM1);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_sigmoid() {
    check_all::<Sigmoid>(exact_sigmoid, SIGMOID);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_tanh() {
    check_all::<Tanh>(f64::tanh, TANH);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_softplus() {
    check_all::<PlainSoftplus>(exact_softplus, LOGARITHM);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_log_sigmoid() {
    check_all::<LogSigmoid>(exact_log_sigmoid, LOGARITHM);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_silu() {
    check_all::<SiLU>(exact_silu, SILU);
}

#[test]
#[ignore = "all 2^32 inputs: minutes, in a release build"]
fn every_tanh_shrink() {
    check_all::<TanhShrink>(exact_tanh_shrink, TANH_SHRINK);
}

#[test]
fn exp_has_exact_special_values() {
    for (name, level) in levels() {
        for (x, expected) in [
            (0.0, 1.0),
            (-0.0, 1.0),
            (f32::INFINITY, f32::INFINITY),
            (89.0, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, 0.0),
            (-104.0, 0.0),
            (f32::MIN, 0.0),
        ] {
            assert_eq!(value::<Exp>(level, x).to_bits(), f32::to_bits(expected), "{name}: {x}");
        }
        assert!(value::<Exp>(level, -103.0).is_subnormal(), "{name}: flushed");
        assert!(value::<Exp>(level, 88.722).is_finite(), "{name}: overflows early");
    }
}

#[test]
fn sigmoid_has_exact_special_values() {
    for (name, level) in levels() {
        for (x, expected) in [
            (0.0, 0.5),
            (-0.0, 0.5),
            (18.0, 1.0),
            (f32::MAX, 1.0),
            (f32::INFINITY, 1.0),
            (-104.0, 0.0),
            (f32::MIN, 0.0),
            (f32::NEG_INFINITY, 0.0),
        ] {
            assert_eq!(value::<Sigmoid>(level, x).to_bits(), f32::to_bits(expected), "{name}: {x}");
        }
        assert!(value::<Sigmoid>(level, -103.0).is_subnormal(), "{name}: flushed");
    }
}

#[test]
fn tanh_has_exact_special_values() {
    for (name, level) in levels() {
        for (x, expected) in [
            (0.0, 0.0),
            (1.0e-45, 1.0e-45),
            (1.0e-30, 1.0e-30),
            (9.1, 1.0),
            (f32::MAX, 1.0),
            (f32::INFINITY, 1.0),
        ] {
            assert_eq!(value::<Tanh>(level, x).to_bits(), f32::to_bits(expected), "{name}: {x}");
        }
    }
}

#[test]
fn tanh_is_odd_bit_for_bit_and_bounded() {
    for (name, level) in levels() {
        let inputs = sampled();
        let mut values = inputs.clone();
        replace::<Tanh>(level, &mut values);
        let mut mirrored: Vec<f32> = inputs.iter().map(|x| -x).collect();
        replace::<Tanh>(level, &mut mirrored);
        for ((&x, &y), &mirror) in inputs.iter().zip(&values).zip(&mirrored) {
            assert!(x.is_nan() || y.abs() <= 1.0, "{name}: {x}");
            assert!(x.is_nan() || (-y).to_bits() == mirror.to_bits(), "{name}: {x}");
        }
    }
}

#[test]
fn exp_sigmoid_and_tanh_fall_by_no_more_than_two_units() {
    for (name, level) in levels() {
        let mut inputs: Vec<f32> = sampled().into_iter().filter(|x| x.is_finite()).collect();
        inputs.sort_by(f32::total_cmp);
        inputs.truncate(inputs.len() / 16 * 16);
        assert_rises(name, &inputs, |values| replace::<Exp>(level, values));
        assert_rises(name, &inputs, |values| replace::<Sigmoid>(level, values));
        assert_rises(name, &inputs, |values| replace::<Tanh>(level, values));
    }
}

/// Panic where a value is less than one before, by more than two units in the last place.
fn assert_rises(name: &str, inputs: &[f32], replace: impl Fn(&mut [f32])) {
    let mut values = inputs.to_vec();
    replace(&mut values);
    for (x, y) in inputs.windows(2).zip(values.windows(2)) {
        assert!(
            y[0] <= y[1].next_up().next_up() || x[1] - x[0] < x[1].abs() * 1.0e-6,
            "{name}: {x:?} gives {y:?}"
        );
    }
}
