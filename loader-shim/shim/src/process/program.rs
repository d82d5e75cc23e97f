//! Who defines `__rseq_abi` among the objects that the program started with.

use core::ffi::CStr;

use libc::Elf64_Phdr;
use tls_model::elf::{Object, ReadError, Source};
use tls_model::facts::may_bring_an_area;
use tls_model::protocol::plan::{ExecutedName, FileNumber};
use tls_model::protocol::{HandedPlan, Settings};
use tls_model::rseq::{ORIGINAL_ALIGN, ORIGINAL_LENGTH};

use super::arguments::Process;
use super::loaded::Loaded;
use super::objects::each_object;
use crate::{arch, kernel};

/// What the objects say.
#[derive(Default)]
pub struct Program {
    /// `st_size` of the winning definition, where an adopter has it.
    pub adopter_size: Option<u64>,
    /// Some object defines the symbol where the dynamic linker cannot see it.
    pub hidden: bool,
    /// How many objects are loaded.
    pub objects: usize,
    /// How many have been loaded so far, those that are gone included.
    pub additions: u64,
}

/// Looks through them. Hidden definitions cost a look at files, so they are
/// searched only when asked for. Where the libc has registered, those that would
/// take its area are none.
pub fn definitions(process: &Process, search_hidden: bool, libc_registered: bool) -> Program {
    let mut program = Program::default();
    let winner = arch::abi_area().addr();
    let last_resort = arch::room().addr();
    each_object(|loaded| {
        program.objects += 1;
        program.additions = loaded.info.dlpi_adds;
        let Some(tls) = loaded.tls() else {
            return false;
        };
        let block = loaded.info.dlpi_tls_data.addr();
        let holds =
            |address: usize| block != 0 && address.wrapping_sub(block) < tls.p_memsz as usize;
        if holds(winner) {
            if !holds(last_resort) {
                // an area that the kernel would not take is as one without size
                let is_aligned = winner.is_multiple_of(ORIGINAL_ALIGN as usize);
                let size = loaded.area_size().filter(|_| is_aligned);
                program.adopter_size = Some(size.unwrap_or(0));
            }
        } else if search_hidden
            && !program.hidden
            && tls.p_memsz >= u64::from(ORIGINAL_LENGTH)
            && tls.p_align >= u64::from(ORIGINAL_ALIGN)
            && loaded.area_size().is_none()
        {
            program.hidden = hides_a_definition(process, loaded, tls)
                && !(libc_registered && loaded.holds_name(b"__rseq_offset"));
        }
        false
    });
    program
}

/// Returns whether a plan was made for this process. Most others have another name, which
/// costs nothing to see. Its file is asked for through /proc, which takes some 25
/// microseconds, only where the name leads somewhere else: to a script.
pub fn is_planned_for(process: &Process, plan: &HandedPlan) -> bool {
    // a program that was started once more without a name has another
    let named = process
        .executed()
        .filter(|&path| path != kernel::EXECUTABLE);
    let name = named.map(|path| ExecutedName::of(path.to_bytes()));
    let settings = || {
        let mut settings = Settings::default();
        for name in Settings::NAMES {
            process.each_variable(name.as_bytes(), |it| settings.add(it.to_bytes()));
        }
        settings
    };
    let is_at = |path: &CStr, file: FileNumber| {
        kernel::file_number(path) == Some((file.device, file.inode))
    };
    plan.is_for(name, settings, |file| {
        named.is_some_and(|path| is_at(path, file)) || is_at(kernel::EXECUTABLE, file)
    })
}

/// Returns whether a file whose TLS could hold an area has critical sections, or an owner's
/// note: it brings its own. The sections' names survive strip, and finding them costs no look
/// at the symbol table.
fn hides_a_definition(process: &Process, loaded: &Loaded<'_>, tls: &Elf64_Phdr) -> bool {
    let is_it = |path: &CStr| file_with_tls(path, tls).map(|file| may_bring_an_area(&file));
    match loaded.path() {
        // the executable, which `ld.so PROGRAM` has loaded in its own place
        path if path.is_empty() => is_it(kernel::EXECUTABLE)
            .or_else(|| is_it(process.name()?))
            .unwrap_or(false),
        path => is_it(path).unwrap_or(false),
    }
}

/// Returns the file, if it has this very TLS segment.
fn file_with_tls(path: &CStr, tls: &Elf64_Phdr) -> Option<Object<File>> {
    let descriptor = kernel::open(path, libc::O_RDONLY | libc::O_NONBLOCK, 0);
    if descriptor < 0 {
        return None;
    }
    let object = Object::open(File(descriptor as i32)).ok()?;
    let found = object.tls().ok().flatten()?;
    (found.memsz == tls.p_memsz && found.vaddr == tls.p_vaddr).then_some(object)
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
