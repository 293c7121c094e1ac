//! How long encoding takes, beside the work that no encoder can leave out: `cargo bench -p benches --bench encode`.
//!
//! The limits: a copy of the data into memory that is there already (`memcpy`), and a loop written by hand that gets
//! line ends right and checks name and id (`loop`).

mod by_hand;

use std::hint::black_box;
use std::io::IoSlice;
use std::time::Duration;

use bytes::Buf;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use sse_wire::{Encoder, Event};

/// How many events a batch has.
const BATCH_SIZE: usize = 16;

/// What is encoded: an event of this name and id, if any, and this data.
struct Case {
    name: &'static str,
    event: Option<(&'static str, &'static str)>,
    data: String,
}

impl Case {
    fn event(&self) -> Event<'_> {
        by_hand::event(self.event, &self.data)
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .configure_from_args();
    let line = |size: usize| "{\"delta\":\"token\"},".chars().cycle().take(size).collect::<String>();
    let cases = [
        Case { name: "line of 250 bytes", event: None, data: line(250) },
        Case { name: "name, id and data", event: Some(("content_block_delta", "1700000001")), data: line(120) },
        Case { name: "20 lines", event: None, data: vec![line(60); 20].join("\n") },
        Case { name: "line of 64 KiB", event: None, data: line(64 * 1024) },
    ];
    for case in &cases {
        measure(&mut criterion, case);
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, case: &Case) {
    let mut group = criterion.benchmark_group(format!("encode/{}", case.name));
    let len = case.event().encoded_len();
    group.throughput(Throughput::Bytes(len as u64));

    group.bench_function("encode", |bencher| {
        bencher.iter(|| black_box(case).event().encode());
    });
    let mut memory = Vec::with_capacity(len);
    group.bench_function("encode_into", |bencher| {
        bencher.iter(|| {
            memory.clear();
            black_box(case).event().encode_into(&mut memory);
            black_box(&memory);
        });
    });
    batch(&mut group, case);
    group.bench_function("as_buf, chunk by chunk", |bencher| {
        bencher.iter(|| by_chunk(black_box(case).event().as_buf()));
    });
    group.bench_function("as_buf, vectored", |bencher| {
        bencher.iter(|| vectored(black_box(case).event().as_buf()));
    });
    // Prepared outside of the timing: the event.
    let event = case.event().into_owned();
    group.bench_function("into_buf, chunk by chunk", |bencher| {
        bencher.iter_batched(|| event.clone(), |event| by_chunk(event.into_buf()), BatchSize::SmallInput);
    });
    group.bench_function("into_buf, vectored", |bencher| {
        bencher.iter_batched(|| event.clone(), |event| vectored(event.into_buf()), BatchSize::SmallInput);
    });

    group.bench_function("limit: memcpy", |bencher| {
        bencher.iter(|| {
            memory.clear();
            memory.extend_from_slice(black_box(&case.data).as_bytes());
            black_box(&memory);
        });
    });
    memory.clear();
    by_hand::encode(case.event, &case.data, &mut memory);
    assert_eq!(memory, case.event().encode(), "the loop writes what the encoder writes");
    group.bench_function("limit: loop", |bencher| {
        bencher.iter(|| {
            memory.clear();
            by_hand::encode(black_box(case).event, &case.data, &mut memory);
            black_box(&memory);
        });
    });
    group.finish();
}

/// The time of one event in a batch that is taken as one `Bytes`.
fn batch(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    let (mut encoder, mut pushed) = (Encoder::new(), 0);
    group.bench_function(format!("batch of {BATCH_SIZE}"), |bencher| {
        bencher.iter(|| {
            encoder.push(black_box(case).event());
            pushed += 1;
            if pushed == BATCH_SIZE {
                black_box(encoder.take());
                pushed = 0;
            }
        });
    });
}

fn by_chunk(mut buf: impl Buf) {
    while buf.has_remaining() {
        let taken = black_box(buf.chunk()).len();
        buf.advance(taken);
    }
}

fn vectored(mut buf: impl Buf) {
    while buf.has_remaining() {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = buf.chunks_vectored(&mut slices);
        let taken = black_box(&slices[..filled]).iter().map(|slice| slice.len()).sum();
        buf.advance(taken);
    }
}
