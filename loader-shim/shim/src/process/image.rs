//! A loaded object as `tls-model` reads it: file offsets, answered from the
//! segments in memory.

use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::{copy_nonoverlapping, with_exposed_provenance, with_exposed_provenance_mut};

use tls_model::elf::{Object, ReadError, Source};

use super::Loaded;

const STT_GNU_IFUNC: u8 = 10;

/// Reads the parts of a file that its loadable segments have put into memory.
pub struct Image<'a>(pub &'a Loaded<'a>);

impl Source for Image<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        for header in self.0.headers() {
            let into = offset.wrapping_sub(header.p_offset);
            if header.p_type != libc::PT_LOAD
                || header.p_flags & libc::PF_R == 0
                || into >= header.p_filesz
            {
                continue;
            }
            let rest = header.p_filesz - into;
            let length = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
            let address = self
                .0
                .info
                .dlpi_addr
                .wrapping_add(header.p_vaddr)
                .wrapping_add(into);
            // SAFETY: the dynamic linker has mapped `p_filesz` readable bytes
            // there, of which `length` are left, and the object stays loaded
            // for the time of the visit.
            unsafe {
                copy_nonoverlapping(
                    with_exposed_provenance::<u8>(address as usize),
                    buf.as_mut_ptr(),
                    length,
                );
            }
            return Ok(length);
        }
        // not in memory: as behind the end of a file
        Ok(0)
    }
}

/// The loaded object, read through its own tables.
pub fn object<'a>(loaded: &'a Loaded<'a>) -> Option<Object<Image<'a>>> {
    Object::open_loaded(Image(loaded), loaded.info.dlpi_addr).ok()
}

impl Loaded<'_> {
    /// Calls `find` with something that answers the address of the function or
    /// variable that this object defines under a name (in its default version).
    pub fn with_symbols(&self, mut find: impl FnMut(&dyn Fn(&[u8]) -> Option<*mut c_void>)) {
        if let Some(object) = object(self) {
            find(&|name| address_of(self, &object, name));
        }
    }
}

fn address_of(loaded: &Loaded<'_>, object: &Object<Image<'_>>, name: &[u8]) -> Option<*mut c_void> {
    let symbol = object.dynamic_symbol(name).ok().flatten()?;
    let address = loaded.info.dlpi_addr.wrapping_add(symbol.value) as usize;
    if symbol.kind == STT_GNU_IFUNC {
        // SAFETY: an indirect function's value is its resolver, which takes no
        // arguments on x86_64 (psABI); objects are relocated by now.
        let resolver = unsafe { transmute::<usize, extern "C" fn() -> usize>(address) };
        return Some(with_exposed_provenance_mut(resolver()));
    }
    Some(with_exposed_provenance_mut(address))
}
