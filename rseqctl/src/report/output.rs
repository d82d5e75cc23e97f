//! Where a report goes: the one place that handles a broken pipe.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

/// An output whose reader may leave: from then on everything is discarded,
/// without an error. A reader that has seen enough is no failure.
///
/// ```
/// use std::io::Write;
/// use rseqctl::report::Output;
///
/// let (reader, writer) = std::io::pipe()?;
/// let mut out = Output::new(writer);
/// drop(reader);
/// out.write_all(b"nobody reads this")?;
/// assert!(out.is_closed());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Output<W: Write> {
    out: W,
    is_closed: bool,
}

/// Standard output, written in large pieces.
pub type StandardOutput = Output<BufWriter<Stdout>>;

impl StandardOutput {
    /// Returns this process's standard output. It is not locked: other threads
    /// may write to it.
    #[must_use]
    pub fn standard() -> Self {
        Self::new(BufWriter::new(io::stdout()))
    }
}

impl<W: Write> Output<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            is_closed: false,
        }
    }

    /// Returns whether the reader has left.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    ///
    /// Those of the output, but not that its reader has left.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }

    fn unless_closed<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Ok(buf.len());
        }
        let written = self.out.write(buf);
        self.unless_closed(written, buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.unless_closed(flushed, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails in one way.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn only_a_reader_that_left_is_no_error() {
        let mut left = Output::new(Failing(ErrorKind::BrokenPipe));
        assert!(left.write_all(b"text").is_ok() && left.is_closed());
        let mut full = Output::new(Failing(ErrorKind::StorageFull));
        assert!(full.write_all(b"text").is_err() && !full.is_closed());
        assert!(full.finish().is_err());
    }
}
