//! How long encoding takes, beside the least that any encoder must do: `cargo bench --bench encode`.
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
use sse_wire::{ByteString, EncodedEvent, Encoder, Event};

/// What is encoded: an event of this name and id, if any, and this data.
struct Case {
    name: &'static str,
    event: Option<(&'static str, &'static str)>,
    data: String,
}

impl Case {
    fn event(&self) -> Event<&str> {
        let event = Event::new(&*self.data);
        let Some((name, id)) = self.event else {
            return event;
        };
        let event = event.with_name(name).expect("a name without line ends");
        event.with_id(id).expect("an id without line ends")
    }

    fn shared(&self) -> Event<ByteString> {
        self.event().to_shared()
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
    let mut encoder = Encoder::new();
    let len = encoder.encoded_len(&case.event());
    group.throughput(Throughput::Bytes(len as u64));

    group.bench_function("encode", |bencher| {
        bencher.iter(|| encoder.encode(&black_box(case).event()));
    });
    let mut memory = Vec::with_capacity(len);
    group.bench_function("encode_into", |bencher| {
        bencher.iter(|| {
            memory.clear();
            encoder.encode_into(&black_box(case).event(), &mut memory);
            black_box(&memory);
        });
    });
    into_buf(&mut group, "into_buf, chunk by chunk", case, by_chunk);
    into_buf(&mut group, "into_buf, vectored", case, vectored);

    group.bench_function("limit: memcpy", |bencher| {
        bencher.iter(|| {
            memory.clear();
            memory.extend_from_slice(black_box(&case.data).as_bytes());
            black_box(&memory);
        });
    });
    memory.clear();
    by_hand::encode(case.event, &case.data, &mut memory);
    assert_eq!(memory, encoder.encode(&case.event()), "the loop writes what the encoder writes");
    group.bench_function("limit: loop", |bencher| {
        bencher.iter(|| {
            memory.clear();
            by_hand::encode(black_box(case).event, &case.data, &mut memory);
            black_box(&memory);
        });
    });
    group.finish();
}

fn into_buf(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, case: &Case, send: fn(EncodedEvent)) {
    let event = case.shared();
    group.bench_function(name, |bencher| {
        // Prepared outside: the event, whose text is shared. The lines are looked for and the head written inside.
        bencher.iter_batched(|| event.clone(), |event| send(event.into_buf()), BatchSize::SmallInput);
    });
}

fn by_chunk(mut buf: EncodedEvent) {
    while buf.has_remaining() {
        let taken = black_box(buf.chunk()).len();
        buf.advance(taken);
    }
}

fn vectored(mut buf: EncodedEvent) {
    while buf.has_remaining() {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = buf.chunks_vectored(&mut slices);
        let taken = black_box(&slices[..filled]).iter().map(|slice| slice.len()).sum();
        buf.advance(taken);
    }
}
