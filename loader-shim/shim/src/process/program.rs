//! Who defines `__rseq_abi` among the objects that the program started with.

use core::ffi::CStr;

use tls_model::elf::{Object, ReadError, Source};
use tls_model::facts;
use tls_model::rseq::{ABI_SYMBOL, ORIGINAL_ALIGN, ORIGINAL_LENGTH};

use super::{Loaded, each_object, image};
use crate::{arch, kernel};

/// The library whose definition is that of last resort.
const ABI_LIBRARY: &[u8] = b"librseq_abi.so";

/// What the objects say.
#[derive(Default)]
pub struct Program {
    /// `st_size` of the winning definition, where an adopter has it.
    pub adopter_size: Option<u64>,
    /// Some object defines the symbol where the dynamic linker cannot see it.
    pub hidden: bool,
}

/// Looks through them. Hidden definitions cost a look at files, so they are
/// searched only when asked for.
pub fn definitions(search_hidden: bool) -> Program {
    let mut program = Program::default();
    let winner = arch::abi_area().addr();
    each_object(|loaded| {
        let Some(tls) = loaded
            .headers()
            .iter()
            .find(|header| header.p_type == libc::PT_TLS)
        else {
            return false;
        };
        if tls.p_memsz < u64::from(ORIGINAL_LENGTH) {
            return false;
        }
        let Some(object) = image::object(loaded) else {
            return false;
        };
        let block = loaded.info.dlpi_tls_data.addr();
        if block != 0 && winner.wrapping_sub(block) < tls.p_memsz as usize {
            let mut buffer = [0; 64];
            let soname = object.soname(&mut buffer).ok().flatten();
            if soname != Some(ABI_LIBRARY) {
                let symbol = object.dynamic_symbol(ABI_SYMBOL.as_bytes()).ok().flatten();
                // a winner without a symbol of its own cannot be; its area then
                // has at least no size that we could use
                program.adopter_size = Some(symbol.map_or(0, |symbol| symbol.size));
            }
        } else if search_hidden
            && !program.hidden
            && tls.p_align >= u64::from(ORIGINAL_ALIGN)
            && object
                .dynamic_symbol(ABI_SYMBOL.as_bytes())
                .ok()
                .flatten()
                .is_none()
        {
            program.hidden = file_hides_a_definition(loaded);
        }
        false
    });
    program
}

/// Critical sections in a file whose TLS could hold an area: it brings its own.
/// The sections' names survive strip, and finding them costs no look at the
/// symbol table.
fn file_hides_a_definition(loaded: &Loaded<'_>) -> bool {
    let path: &CStr = match loaded.path() {
        path if path.is_empty() => c"/proc/self/exe",
        path => path,
    };
    let descriptor = kernel::open(path, libc::O_RDONLY, 0);
    if descriptor < 0 {
        return false;
    }
    let file = File(descriptor as i32);
    Object::open(&file).is_ok_and(|object| facts::has_critical_sections(&object))
}

struct File(i32);

impl Source for File {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let result = kernel::pread(self.0, buf, offset);
        usize::try_from(result).map_err(|_| ReadError {
            errno: -result as i32,
        })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        kernel::close(self.0);
    }
}
