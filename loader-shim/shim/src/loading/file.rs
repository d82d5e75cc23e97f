//! Files that might be loaded, read with few system calls.

use core::cell::RefCell;
use core::ffi::CStr;

use tls_model::elf::{ReadError, Source};

use crate::kernel;

/// Bytes read at once where a reader asks for fewer: a dynamic section, or the
/// names that it refers to.
const WINDOW: usize = 1024;

/// An open file.
pub struct File {
    descriptor: i32,
    window: RefCell<Window>,
}

struct Window {
    start: u64,
    length: usize,
    bytes: [u8; WINDOW],
}

impl File {
    /// Opens a file for reading. A FIFO that nobody writes to must not stop the
    /// program before the dynamic linker does.
    pub fn open(path: &CStr) -> Option<Self> {
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
        let descriptor = kernel::open(path, flags, 0);
        if descriptor < 0 {
            return None;
        }
        Some(Self {
            descriptor: descriptor as i32,
            window: RefCell::new(Window {
                start: 0,
                length: 0,
                bytes: [0; WINDOW],
            }),
        })
    }

    fn pread(&self, buffer: &mut [u8], offset: u64) -> Result<usize, ReadError> {
        loop {
            let result = kernel::pread(self.descriptor, buffer, offset);
            if result != -libc::EINTR as isize {
                return usize::try_from(result).map_err(|_| ReadError {
                    errno: -result as i32,
                });
            }
        }
    }
}

impl Source for File {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let window = self.window.try_borrow_mut();
        let Ok(mut window) = window else {
            return self.pread(buf, offset);
        };
        if buf.len() >= WINDOW {
            return self.pread(buf, offset);
        }
        if !window.holds(offset, buf.len()) {
            let Window {
                start,
                length,
                bytes,
            } = &mut *window;
            (*start, *length) = (offset, 0);
            *length = self.pread(bytes, offset)?;
        }
        let held = window.bytes.get(..window.length).unwrap_or_default();
        let into = usize::try_from(offset.wrapping_sub(window.start)).unwrap_or(usize::MAX);
        let mut count = 0;
        for (to, from) in buf.iter_mut().zip(held.get(into..).unwrap_or_default()) {
            *to = *from;
            count += 1;
        }
        Ok(count)
    }
}

impl Window {
    fn holds(&self, offset: u64, length: usize) -> bool {
        offset
            .checked_sub(self.start)
            .and_then(|into| into.checked_add(length as u64))
            .is_some_and(|end| end <= self.length as u64)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        kernel::close(self.descriptor);
    }
}
