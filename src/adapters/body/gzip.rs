//! A body that is compressed, frame by frame.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::future::Future;
use std::time::Duration;

use ::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use ::http::{HeaderMap, HeaderValue, Response};
use bytes::{Buf, Bytes};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};

use super::{BodyItem, EventBody};

/// Method: deflate; no flags; no time; no name; unknown system ([RFC 1952, 2.3](https://www.rfc-editor.org/rfc/rfc1952#section-2.3)).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// How much room there is at least for compressed bytes.
const ROOM: usize = 64;

pin_project_lite::pin_project! {
    /// An [`EventBody`] that is compressed if the client asks for it. [`EventBody::into_gzip_response`] makes it.
    ///
    /// Each frame is compressed and flushed by itself, so that no event is held back; the frames of a connection share one
    /// gzip stream ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)), so that what events have in common is sent once.
    #[derive(Debug)]
    #[must_use = "bodies do nothing unless polled"]
    pub struct GzipBody<B> {
        #[pin]
        body: B,
        // None: not compressed.
        gzip: Option<Gzip>,
    }
}

impl<S, F, M> EventBody<S, F, M> {
    /// As [`into_response`](EventBody::into_response), and compressed by gzip if the headers of the request say that the
    /// client prefers it ([`accept-encoding`](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)). The response has
    /// `vary: accept-encoding` either way.
    ///
    /// Compression holds 320 KiB for each connection. Measured with 1,000 events of 300 bytes, each flushed, in the form of the
    /// chunks of a chat completion, with one word of an English text in each: 304 KB became 28 KB, which is 10 times smaller.
    ///
    /// Do not compress secrets together with text that an attacker chooses: the length tells how alike they are.
    pub fn into_gzip_response(self, request: &HeaderMap) -> Response<GzipBody<Self>> {
        let gzip = accepts_gzip(request).then(Gzip::new);
        let mut response = self.into_response();
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        if gzip.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response.map(|body| GzipBody { body, gzip })
    }
}

impl<S, F, M> Body for GzipBody<EventBody<S, F, M>>
where
    S: Stream<Item: BodyItem>,
    F: Future,
    M: FnMut(Duration) -> F,
{
    type Data = Bytes;
    type Error = <S::Item as BodyItem>::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.project();
        let Some(gzip) = this.gzip else { return this.body.poll_frame(cx) };
        if gzip.is_finished {
            return Poll::Ready(None);
        }
        let compressed = match ready!(this.body.poll_piece(cx)) {
            Some(Ok(piece)) => gzip.frame(piece),
            Some(Err(error)) => {
                // Without a trailer clients see that the stream was cut.
                gzip.is_finished = true;
                return Poll::Ready(Some(Err(error)));
            }
            None => gzip.finish(),
        };
        Poll::Ready(Some(Ok(Frame::data(compressed))))
    }

    fn is_end_stream(&self) -> bool {
        self.gzip.as_ref().map_or(self.body.is_end_stream(), |gzip| gzip.is_finished)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

/// One gzip stream.
#[derive(Debug)]
struct Gzip {
    deflate: Compress,
    /// Of what was compressed.
    checksum: Crc,
    has_header: bool,
    is_finished: bool,
}

impl Gzip {
    fn new() -> Self {
        Gzip {
            deflate: Compress::new(Compression::default(), false),
            checksum: Crc::new(),
            has_header: false,
            is_finished: false,
        }
    }

    /// The bytes from which a client can read all of this piece. Empty if the piece is.
    fn frame(&mut self, mut piece: impl Buf) -> Bytes {
        if !piece.has_remaining() {
            return Bytes::new();
        }
        let mut out = self.start(piece.remaining() / 4);
        while piece.has_remaining() {
            let chunk = piece.chunk();
            let len = chunk.len();
            self.checksum.update(chunk);
            let flush = if len == piece.remaining() { FlushCompress::Sync } else { FlushCompress::None };
            self.compress(chunk, flush, &mut out);
            piece.advance(len);
        }
        out.into()
    }

    fn finish(&mut self) -> Bytes {
        self.is_finished = true;
        let mut out = self.start(0);
        self.compress(&[], FlushCompress::Finish, &mut out);
        out.extend_from_slice(&self.checksum.sum().to_le_bytes());
        out.extend_from_slice(&self.checksum.amount().to_le_bytes());
        out.into()
    }

    fn start(&mut self, room: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(ROOM + room);
        if !std::mem::replace(&mut self.has_header, true) {
            out.extend_from_slice(&HEADER);
        }
        out
    }

    fn compress(&mut self, mut bytes: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        loop {
            if out.capacity() - out.len() < ROOM {
                out.reserve(out.capacity());
            }
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(bytes, out, flush);
            #[expect(clippy::cast_possible_truncation, reason = "it is at most the length of `bytes`")]
            let read = (self.deflate.total_in() - before) as usize;
            bytes = &bytes[read..];
            let is_done = match flush {
                FlushCompress::Finish => matches!(status, Ok(Status::StreamEnd)),
                // If there is room left, everything was written.
                _ => bytes.is_empty() && out.len() < out.capacity(),
            };
            // An error would mean that `deflate` is used after its end. Clients would see that the stream is damaged.
            if is_done || status.is_err() {
                return;
            }
        }
    }
}

/// Whether a request prefers gzip to no compression.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for value in request.get_all(ACCEPT_ENCODING) {
        for member in value.as_bytes().split(|&byte| byte == b',') {
            let mut parts = member.splitn(2, |&byte| byte == b';').map(<[u8]>::trim_ascii);
            let (coding, weight) = (parts.next().unwrap_or_default(), parts.next());
            let quality = weight.map_or(1000, quality);
            match &*coding.to_ascii_lowercase() {
                b"gzip" | b"x-gzip" => gzip = Some(quality),
                b"*" => any = Some(quality),
                b"identity" => identity = Some(quality),
                _ => {}
            }
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// The thousandths of a weight ([RFC 9110, 12.4.2](https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2)), such as `q=0.5`;
/// 0 if it is invalid.
fn quality(weight: &[u8]) -> u16 {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), rest @ ..] = weight else { return 0 };
    let digits = match rest {
        [] | [b'.'] => &[],
        [b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return 0,
    };
    let places = [100, 10, 1];
    let thousandths: u16 = digits.iter().zip(places).map(|(digit, place)| u16::from(digit - b'0') * place).sum();
    (u16::from(whole - b'0') * 1000 + thousandths).min(1000)
}
