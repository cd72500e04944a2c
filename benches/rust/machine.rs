//! What this machine could do at best: fused multiply-adds and reads, with one thread and with more.
//!
//! In: numbers of threads as arguments (without any: 1, and 2 where there are two). Out: JSON on standard
//! output, rates of all threads together.
//!
//! `cargo run --release --locked --manifest-path rust/bench/Cargo.toml --bin machine -- 1 2`
//!
//! Multiply-adds run on registers alone, in more independent sums than their latency needs. Reads add up a
//! set of floats again and again, each thread its own set; a set that fits a cache is read from there. Every
//! figure is the best of some repeats, so that a neighbour's work does not lower it.

#![forbid(unsafe_code)]

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const REPEATS: usize = 30;
const KIB: usize = 1024;

/// Independent sums: more than the product of latency and throughput of every known CPU (4 or 5 cycles, two
/// a cycle), and they fit 16 registers together with the two factors.
const FMA_SUMS: usize = 12;
const FMA_STEPS: usize = 1_000_000;

/// Sets begin where a cache line does, so that no vector lies in two lines.
const LINE_BYTES: usize = 64;

const READ_SUMS: usize = 8;
const READ_BYTES: usize = 192 * KIB * KIB;
const SETS_KIB: [usize; 12] = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536];

/// The largest set, past the caches if they are not enormous.
const MEMORY_KIB: (usize, usize) = (256 * KIB, 1024 * KIB);

fn main() {
    let level = Level::new();
    let caches = caches();
    let measured: Vec<Value> =
        thread_counts().into_iter().map(|n| measure(level, &caches, n)).collect();
    let lanes = dispatch!(level, simd => lanes(simd));
    let report = json!({
        "simd_bits": 32 * lanes,
        "caches": caches.iter().map(|(name, kib)| json!({"name": name, "kib": kib})).collect::<Vec<_>>(),
        "measured": measured,
    });
    println!("{report:#}");
}

/// The arguments, or 1 and 2.
fn thread_counts() -> Vec<usize> {
    let given: Vec<usize> = env::args()
        .skip(1)
        .map(|word| match word.parse() {
            Ok(count) if count > 0 => count,
            _ => panic!("expected numbers of threads, found {word:?}"),
        })
        .collect();
    let available = thread::available_parallelism().map_or(1, usize::from);
    if given.is_empty() { (1..=available.min(2)).collect() } else { given }
}

/// Name and size in KiB of the data caches of the first core, where the system tells (Linux).
fn caches() -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for index in 0..8 {
        let read = |file: &str| {
            let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{file}");
            fs::read_to_string(path).map(|text| text.trim().to_owned()).ok()
        };
        let (Some(kind), Some(level), Some(size)) = (read("type"), read("level"), read("size"))
        else {
            continue;
        };
        if let (true, Ok(kib)) = (kind != "Instruction", size.trim_end_matches('K').parse()) {
            found.push((format!("L{level}"), kib));
        }
    }
    found
}

/// All rates with this number of threads.
fn measure(level: Level, caches: &[(String, usize)], threads: usize) -> Value {
    let operations = dispatch!(level, simd => lanes(simd)) * 2 * FMA_SUMS * FMA_STEPS * threads;
    let seconds = best(threads, |_| (), |()| dispatch!(level, simd => multiply_add(simd)));
    let past_caches = 2 * caches.iter().map(|cache| cache.1).max().unwrap_or(0);
    let memory_kib = past_caches.clamp(MEMORY_KIB.0, MEMORY_KIB.1);
    let reads: Vec<Value> = SETS_KIB
        .into_iter()
        .chain([memory_kib])
        .map(|set_kib| {
            let fits = caches.iter().find(|(_, kib)| *kib >= set_kib);
            json!({
                "set_kib": set_kib,
                "fits": fits.map_or("memory", |(name, _)| name),
                "gb_per_s": read_rate(level, set_kib, threads) / 1e9,
            })
        })
        .collect();
    json!({
        "threads": threads,
        "fma_gflop_per_s": operations as f64 / seconds.as_secs_f64() / 1e9,
        "reads": reads,
    })
}

/// Bytes a second of all threads together, each with a set of its own.
fn read_rate(level: Level, set_kib: usize, threads: usize) -> f64 {
    let bytes = set_kib * KIB;
    let passes = (READ_BYTES / bytes).max(1);
    let seconds = best(
        threads,
        // Written, since untouched memory would be one page of zeros.
        |thread| vec![thread as f32 + 1.0; (bytes + LINE_BYTES) / size_of::<f32>()],
        |memory| {
            let first = memory.as_ptr().align_offset(LINE_BYTES);
            let set = &memory[first..][..bytes / size_of::<f32>()];
            dispatch!(level, simd => read(simd, set, passes))
        },
    );
    (bytes * passes * threads) as f64 / seconds.as_secs_f64()
}

/// The shortest time in which all threads together did their work once, each after a round to warm up.
fn best<Data: Send>(
    threads: usize,
    make: impl Fn(usize) -> Data + Sync,
    work: impl Fn(&Data) -> f32 + Sync,
) -> Duration {
    let barrier = Barrier::new(threads);
    let run = |thread: usize| -> Vec<(Instant, Instant)> {
        let data = make(thread);
        black_box(work(&data));
        let timed = |_| {
            barrier.wait();
            let start = Instant::now();
            black_box(work(&data));
            (start, Instant::now())
        };
        (0..REPEATS).map(timed).collect()
    };
    let run = &run;
    let spans: Vec<Vec<(Instant, Instant)>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|t| scope.spawn(move || run(t))).collect();
        handles.into_iter().map(|handle| handle.join().expect("no thread panics")).collect()
    });
    let of_repeat = |repeat: usize| {
        let start = spans.iter().map(|span| span[repeat].0).min();
        let end = spans.iter().map(|span| span[repeat].1).max();
        end.zip(start).map_or(Duration::MAX, |(end, start)| end - start)
    };
    (0..REPEATS).map(of_repeat).min().unwrap_or(Duration::MAX)
}

#[inline(always)]
fn lanes<S: Simd>(_: S) -> usize {
    S::f32s::LEN
}

/// `FMA_STEPS` multiply-adds of each of the sums.
#[inline(always)]
fn multiply_add<S: Simd>(simd: S) -> f32 {
    let factor = S::f32s::splat(simd, black_box(0.5));
    let addend = S::f32s::splat(simd, black_box(0.25));
    let mut sums = [S::f32s::splat(simd, black_box(1.0)); FMA_SUMS];
    for _ in 0..FMA_STEPS {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, addend);
        }
    }
    sums.iter().map(|sum| sum.as_slice()[0]).sum()
}

/// The sum of a set, so many times, in so many independent sums that adding does not hold up reading.
#[inline(always)]
fn read<S: Simd>(simd: S, set: &[f32], passes: usize) -> f32 {
    let lanes = S::f32s::LEN;
    let mut sums = [S::f32s::splat(simd, 0.0); READ_SUMS];
    for _ in 0..passes {
        for block in black_box(set).chunks_exact(READ_SUMS * lanes) {
            for (sum, values) in sums.iter_mut().zip(block.chunks_exact(lanes)) {
                *sum += S::f32s::from_slice(simd, values);
            }
        }
    }
    sums.iter().map(|sum| sum.as_slice()[0]).sum()
}
