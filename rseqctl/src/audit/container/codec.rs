//! Compressed streams.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::BlockDecodingStrategy;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

/// What a decompressor may keep of the text behind it, in KiB: the largest
/// window of `xz -9`, with room for its tables.
const XZ_MEMORY: u32 = 80 << 10;

/// The same for zstd, in bytes: `zstd --long` without a number.
const ZSTD_WINDOW: u64 = 128 << 20;

/// A way to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum Codec {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
    /// What xz had before: a header without a magic.
    Lzma,
}

impl Codec {
    /// Bytes that tell a codec: what .lzma has in place of a magic is longest.
    pub(super) const HEAD: usize = 13;

    /// Returns the codec whose magic `head` starts with.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let is_skippable =
            |head: &[u8]| matches!(head, [kind, 0x2a, 0x4d, 0x18, ..] if kind & 0xf0 == 0x50);
        // unknown, or below 1 TiB
        let is_size = |size: &[u8]| {
            size.starts_with(&[0xff; 8]) || matches!(size, [_, _, _, _, _, 0, 0, 0, ..])
        };
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            // the parameters that every tool writes, and a window of whole 64 KiB
            [0x5d, 0, 0, _, _, size @ ..] if is_size(size) => Some(Self::Lzma),
            _ if is_skippable(head) => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns what `input` decompresses to, all its frames or members.
    pub(super) fn decode<'a>(self, input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
            Self::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(
                BufReader::new(input),
                true,
                XZ_MEMORY,
            )),
            Self::Lzma => Box::new(lzma_rust2::LzmaReader::new_mem_limit(
                BufReader::new(input),
                XZ_MEMORY,
                None,
            )?),
            Self::Zstd => Box::new(Zstd::new(input)?),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
        })
    }
}

/// All frames of a zstd stream, one after the other.
struct Zstd<R: Read> {
    decoder: FrameDecoder,
    input: BufReader<R>,
    inside: bool,
}

impl<R: Read> Zstd<R> {
    fn new(input: R) -> io::Result<Self> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        let mut frames = Self {
            decoder,
            input: BufReader::new(input),
            inside: false,
        };
        frames.inside = frames.next_frame()?;
        Ok(frames)
    }

    /// Moves on to the next frame that holds something; false at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => super::read::skip(&mut self.input, length.into())?,
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.inside {
            if self.decoder.can_collect() != 0 {
                return self.decoder.read(buf);
            }
            if self.decoder.is_finished() {
                self.inside = self.next_frame()?;
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
        Ok(0)
    }
}
