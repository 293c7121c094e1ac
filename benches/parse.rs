//! How long parsing takes, beside the work that no parser can leave out: `cargo bench -p benches --bench parse`.
//!
//! The limits are over the same chunks: a copy of them (`memcpy`), a search for every line end in them (`scan`), a
//! check of every line that it is UTF-8 (`utf8`), and the last two together (`scan+utf8`).
//!
//! With `--features stream`, also with `EventStream`.

mod corpora;

use std::hint::black_box;
use std::str;
use std::time::Duration;

use bytes::Bytes;
use corpora::{Corpus, Cut};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use memchr::memchr2;
use sse_wire::{LineParser, Parser};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .configure_from_args();
    for corpus in Corpus::all() {
        measure(&mut criterion, &corpus);
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, corpus: &Corpus) {
    let mut group = criterion.benchmark_group(format!("parse/{}", corpus.name));
    group.throughput(Throughput::Bytes(corpus.stream.len() as u64));
    for cut in corpus.cuts() {
        let chunks = corpus.chunks(cut);
        on_chunks(&mut group, "borrowed", cut, &chunks, borrowed);
        let chunks = corpus.shared_chunks(cut);
        group.bench_function(BenchmarkId::new("owned", cut.name()), |bencher| {
            // Prepared outside of the timing: the chunks. Dropping them is measured.
            bencher.iter_batched(|| chunks.clone(), owned, BatchSize::PerIteration);
        });
        #[cfg(feature = "stream")]
        group.bench_function(BenchmarkId::new("EventStream", cut.name()), |bencher| {
            bencher.iter_batched(|| chunks.clone(), streamed, BatchSize::PerIteration);
        });
    }
    for cut in [Cut::Bytes(64 * 1024), Cut::Bytes(1400)] {
        let chunks = corpus.chunks(cut);
        on_chunks(&mut group, "next_block", cut, &chunks, blocks);
        on_chunks(&mut group, "LineParser", cut, &chunks, lines);
    }
    let cut = Cut::Bytes(64 * 1024);
    let chunks = corpus.chunks(cut);
    let mut memory = Vec::with_capacity(cut_size(&chunks));
    on_chunks(&mut group, "limit: memcpy", cut, &chunks, |chunks| {
        for chunk in chunks {
            memory.clear();
            memory.extend_from_slice(chunk);
            black_box(&memory);
        }
    });
    on_chunks(&mut group, "limit: scan", cut, &chunks, |chunks| each_line(chunks, <[u8]>::len));
    let lines: Vec<_> = lines_of(&chunks);
    group.bench_function(BenchmarkId::new("limit: utf8", cut.name()), |bencher| {
        bencher.iter(|| {
            for line in &lines {
                black_box(str::from_utf8(line).is_ok());
            }
        });
    });
    on_chunks(&mut group, "limit: scan+utf8", cut, &chunks, |chunks| {
        each_line(chunks, |line| str::from_utf8(line).is_ok());
    });
    group.finish();
}

fn on_chunks<'c>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    cut: Cut,
    chunks: &[&'c [u8]],
    mut parse: impl FnMut(&[&'c [u8]]),
) {
    group.bench_function(BenchmarkId::new(name, cut.name()), |bencher| bencher.iter(|| parse(chunks)));
}

fn borrowed(chunks: &[&[u8]]) {
    let mut parser = Parser::new();
    for chunk in chunks {
        let mut events = parser.feed(chunk);
        while let Ok(Some(event)) = events.next_event() {
            black_box((event.name(), event.data(), event.last_event_id()));
        }
    }
}

fn owned(chunks: Vec<Bytes>) {
    let mut parser = Parser::new();
    for chunk in chunks {
        for event in parser.feed_bytes(&chunk).flatten() {
            black_box((event.name(), event.data(), event.last_event_id()));
        }
    }
}

/// The same with the adapter, which should cost almost nothing.
#[cfg(feature = "stream")]
fn streamed(chunks: Vec<Bytes>) {
    use futures_util::{Stream, stream};
    use sse_wire::stream::TransportExt;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    let mut events = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>)).events();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut events).poll_next(&mut context) {
            Poll::Ready(Some(Ok(event))) => {
                black_box((event.name(), event.data(), event.last_event_id()));
            }
            Poll::Ready(None) => break,
            // `Pending`: now and then it lets other tasks run.
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
    }
}

fn blocks(chunks: &[&[u8]]) {
    let mut parser = Parser::new();
    for chunk in chunks {
        let mut blocks = parser.feed(chunk);
        while let Ok(Some(block)) = blocks.next_block() {
            black_box(&block);
        }
    }
}

fn lines(chunks: &[&[u8]]) {
    let mut parser = LineParser::new();
    for chunk in chunks {
        let mut lines = parser.feed(chunk);
        while let Ok(Some(line)) = lines.next_line() {
            black_box(&line);
        }
    }
}

/// Searches for line ends as a parser must, from one to the next. A chunk's end ends a line here.
fn each_line<'c, T>(chunks: &[&'c [u8]], mut look: impl FnMut(&'c [u8]) -> T) {
    for mut chunk in chunks.iter().copied() {
        while let Some(end) = memchr2(b'\r', b'\n', chunk) {
            black_box(look(&chunk[..end]));
            chunk = &chunk[end + 1..];
        }
        black_box(look(chunk));
    }
}

fn lines_of<'c>(chunks: &[&'c [u8]]) -> Vec<&'c [u8]> {
    let mut lines = Vec::new();
    each_line(chunks, |line| lines.push(line));
    lines
}

fn cut_size(chunks: &[&[u8]]) -> usize {
    chunks.iter().map(|chunk| chunk.len()).max().unwrap_or(0)
}
