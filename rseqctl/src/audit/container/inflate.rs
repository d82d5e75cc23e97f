//! Deflate streams, one after the other with the same memory: a zip archive
//! may hold a hundred thousand small ones.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// Packed bytes that are read at a time, the first time and at most: of most
/// members only the first bytes are looked at.
const FIRST: usize = 1 << 10;
const MOST: usize = 16 << 10;

/// The memory.
pub(super) struct Inflater {
    state: Decompress,
    packed: Vec<u8>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            state: Decompress::new(false),
            packed: vec![0; MOST],
        }
    }

    /// Returns what `input` decompresses to.
    pub(super) fn over<R: Read>(&mut self, input: R) -> Inflating<'_, R> {
        self.state.reset(false);
        Inflating {
            input,
            inflater: self,
            start: 0,
            end: 0,
            piece: FIRST,
        }
    }
}

/// One stream.
pub(super) struct Inflating<'a, R> {
    inflater: &'a mut Inflater,
    input: R,
    /// The packed bytes that are still to be used.
    start: usize,
    end: usize,
    /// How many are read next.
    piece: usize,
}

impl<R: Read> Read for Inflating<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let Inflater { state, packed } = &mut *self.inflater;
        loop {
            let mut is_end = false;
            if self.start == self.end {
                self.start = 0;
                self.end = self.input.read(&mut packed[..self.piece])?;
                self.piece = (self.piece * 2).min(MOST);
                is_end = self.end == 0;
            }
            let (read, written) = (state.total_in(), state.total_out());
            let flush = if is_end {
                FlushDecompress::Finish
            } else {
                FlushDecompress::None
            };
            let status = state
                .decompress(&packed[self.start..self.end], buf, flush)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "bad compressed data"))?;
            let used = (state.total_in() - read) as usize;
            let given = (state.total_out() - written) as usize;
            self.start += used;
            if given != 0 || status == Status::StreamEnd {
                return Ok(given);
            }
            if is_end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if used == 0 && self.start != self.end {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "bad compressed data",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::DeflateEncoder;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        DeflateEncoder::new(text, Compression::default())
            .read_to_end(&mut packed)
            .expect("memory");
        packed
    }

    #[test]
    fn streams_one_after_the_other() {
        let mut inflater = Inflater::new();
        for len in [0, 1, 1000, 40_000, 300_000_u32] {
            let text: Vec<u8> = (0..len).map(|n| (n ^ (n >> 7)) as u8).collect();
            let packed = packed(&text);
            let mut found = Vec::new();
            let mut stream = inflater.over(&packed[..]);
            stream.read_to_end(&mut found).expect("sound");
            assert_eq!(found, text);
            assert_eq!(stream.read(&mut [0; 10]).expect("the end again"), 0);
            // only the start of it, and then the next one
            let mut start = [0; 10];
            let _ = inflater.over(&packed[..]).read(&mut start).expect("sound");
            // cut short
            let cut = &packed[..packed.len() - 1];
            let error = inflater.over(cut).read_to_end(&mut found);
            let error = error.expect_err("cut");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{len}");
        }
        let error = inflater.over(&[0xff; 100][..]).read(&mut [0; 10]);
        assert_eq!(
            error.expect_err("no stream").kind(),
            io::ErrorKind::InvalidData
        );
    }
}
