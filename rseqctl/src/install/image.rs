//! The shim's file as it is installed for every program of a host: nothing that can be
//! missing, truncated or of another time keeps a program from starting.
//!
//! Four things differ from the file as it is built:
//!
//! - the program headers stand at the very end, and nothing else does. The dynamic
//!   linker reads them before it maps anything, so a truncated file is one that it
//!   cannot read: it says so and goes on. Otherwise it would map what is not there, and
//!   every program would end with SIGBUS;
//! - `librseq_abi.so` is not needed. Where a library that is preloaded needs another one
//!   that is missing, no program starts; and `$ORIGIN`, by which it is found, is
//!   forbidden in programs with privileges. The file has thread-local storage of its own
//!   ([`installed`](tls_model::protocol::installed));
//! - the reference to `__rseq_abi` is weak: where nobody brings one, that storage is used;
//! - a block says where that reference stands, for which kernel programs may be started
//!   once more, and holds a digest of the file.

use std::fmt;
use std::mem::offset_of;

use libc::{PF_R, PT_DYNAMIC, PT_LOAD, PT_PHDR, PT_TLS};
use sha2::{Digest as _, Sha256};
use tls_model::protocol::ABI_LIBRARY;
use tls_model::protocol::installed::{
    ALIGN, Block, DIGEST_BYTES, KERNEL_BYTES, MARK, TLS_BYTES, TLS_IMAGE,
};

/// Why a file is not one that could be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit(&'static str);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is not librseq_shim.so as it is built: {}", self.0)
    }
}

impl std::error::Error for Unfit {}

// gABI, "ELF Header", "Program Header", "Dynamic Section", for 64 bits.
const PHOFF: usize = 32;
const PHNUM: usize = 56;
const HEADER: usize = 56;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const RELA: usize = 24;
const SYMBOL: usize = 24;
/// `e_machine`, and the relocation that asks for an offset from the thread pointer, of
/// each machine that the shim is built for (psABI of x86-64, "ELF for the Arm 64-bit
/// Architecture").
const MACHINE: usize = 18;
const THREAD_OFFSETS: [(u64, u32); 2] = [(62, 18), (183, 1030)];
const STB_WEAK: u8 = 2;

/// The names that the shim refers to.
const AREA: &[u8] = b"__rseq_abi";
const ROOM: &[u8] = b"rseq_shim_thread";

/// Returns the file to install, made of the shim as it is built. Programs may be started
/// once more on the kernel that `kernel` describes (`RELEASE VERSION`, or
/// [`NO_KERNEL`](tls_model::protocol::installed::NO_KERNEL)).
///
/// # Errors
///
/// The file is another one.
pub fn installable(shim: &[u8], kernel: &[u8]) -> Result<Vec<u8>, Unfit> {
    let mut file = File(shim.to_vec());
    if file.get(0, 6)? != b"\x7fELF\x02\x01" {
        return Err(Unfit("no ELF file of 64 bits"));
    }
    let segments = file.segments()?;
    file.forget_need(&segments)?;
    let slots = file.weaken(&segments)?;
    let block = file.block()?;
    let at = block + offset_of!(Block, slots);
    file.put(at, slots.map(u64::to_le_bytes).as_flattened())?;
    let place = kernel.get(..kernel.len().min(KERNEL_BYTES - 1));
    file.put(block + offset_of!(Block, kernel), place.unwrap_or_default())?;
    file.move_headers(segments, block)?;
    let digest = digest(&file.0, block);
    file.put(block + offset_of!(Block, digest), &digest)?;
    Ok(file.0)
}

/// What an installed file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Nothing has changed in it since.
    pub is_whole: bool,
    /// The kernel on which programs may be started once more.
    pub kernel: Vec<u8>,
}

impl Installed {
    /// Reads it; nothing where the file is another one.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let file = File(bytes.to_vec());
        let block = file.block().ok()?;
        let told = file.get(block + offset_of!(Block, digest), DIGEST_BYTES);
        let kernel = file.get(block + offset_of!(Block, kernel), KERNEL_BYTES);
        let kernel = kernel.ok()?.split(|&byte| byte == 0).next()?;
        Some(Self {
            is_whole: told.ok()? == digest(bytes, block),
            kernel: kernel.to_vec(),
        })
    }
}

/// Returns SHA-256 of the file with zeroes where the digest stands.
fn digest(file: &[u8], block: usize) -> [u8; DIGEST_BYTES] {
    let at = block + offset_of!(Block, digest);
    let mut sum = Sha256::new();
    sum.update(file.get(..at).unwrap_or_default());
    sum.update([0; DIGEST_BYTES]);
    sum.update(file.get(at + DIGEST_BYTES..).unwrap_or_default());
    sum.finalize().into()
}

/// A program header.
#[derive(Clone, Copy, Debug)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_bytes: u64,
    memory_bytes: u64,
    align: u64,
}

impl Segment {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        for word in [self.kind, self.flags] {
            bytes.extend(word.to_le_bytes());
        }
        for word in [
            self.offset,
            self.address,
            self.address,
            self.file_bytes,
            self.memory_bytes,
            self.align,
        ] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }
}

/// A file that is being changed.
struct File(Vec<u8>);

impl File {
    fn get(&self, at: usize, length: usize) -> Result<&[u8], Unfit> {
        let end = at.checked_add(length).ok_or(Unfit("it ends early"))?;
        self.0.get(at..end).ok_or(Unfit("it ends early"))
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> Result<(), Unfit> {
        let place = self.0.get_mut(at..at.saturating_add(bytes.len()));
        place.ok_or(Unfit("it ends early"))?.copy_from_slice(bytes);
        Ok(())
    }

    fn number<const BYTES: usize>(&self, at: usize) -> Result<u64, Unfit> {
        let bytes = self.get(at, BYTES)?;
        let value = bytes.iter().rev();
        Ok(value.fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn word(&self, at: usize) -> Result<u64, Unfit> {
        self.number::<8>(at)
    }

    /// Returns the text that ends with a zero.
    fn text(&self, at: usize) -> &[u8] {
        let rest = self.0.get(at..).unwrap_or_default();
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    fn segments(&self) -> Result<Vec<Segment>, Unfit> {
        let table = self.word(PHOFF)? as usize;
        let count = self.number::<2>(PHNUM)? as usize;
        (0..count)
            .map(|index| {
                let at = table.saturating_add(index * HEADER);
                Ok(Segment {
                    kind: self.number::<4>(at)? as u32,
                    flags: self.number::<4>(at + 4)? as u32,
                    offset: self.word(at + 8)?,
                    address: self.word(at + 16)?,
                    file_bytes: self.word(at + 32)?,
                    memory_bytes: self.word(at + 40)?,
                    align: self.word(at + 48)?,
                })
            })
            .collect()
    }

    /// Returns the dynamic section: where it stands, and its entries.
    fn dynamic(&self, segments: &[Segment]) -> Result<(usize, Vec<(u64, u64)>), Unfit> {
        let dynamic = segments.iter().find(|it| it.kind == PT_DYNAMIC);
        let dynamic = dynamic.ok_or(Unfit("it has no dynamic section"))?;
        let start = dynamic.offset as usize;
        let entries = (0..dynamic.file_bytes as usize / 16)
            .map(|index| {
                let at = start + index * 16;
                Ok((self.word(at)?, self.word(at + 8)?))
            })
            .collect::<Result<_, _>>()?;
        Ok((start, entries))
    }

    /// Takes the need for `librseq_abi.so` out, which is the only one.
    fn forget_need(&mut self, segments: &[Segment]) -> Result<(), Unfit> {
        let (start, mut entries) = self.dynamic(segments)?;
        let names = offset_of(segments, value(&entries, DT_STRTAB)?)?;
        let count = entries.len();
        let needs: Vec<_> = entries
            .extract_if(.., |(tag, _)| *tag == DT_NEEDED)
            .collect();
        let is_ours = |name: u64| {
            let name = self.text(names.saturating_add(name as usize));
            name.ends_with(ABI_LIBRARY.as_bytes())
        };
        if !matches!(needs[..], [(_, name)] if is_ours(name)) {
            return Err(Unfit("it needs other libraries"));
        }
        entries.resize(count, (0, 0));
        let bytes: Vec<u8> = entries
            .iter()
            .flat_map(|(tag, value)| [*tag, *value])
            .flat_map(u64::to_le_bytes)
            .collect();
        self.put(start, &bytes)
    }

    /// Makes the reference to the area one that may lead nowhere. Returns the addresses of
    /// the words that the dynamic linker fills for it, and for the words of each thread.
    fn weaken(&mut self, segments: &[Segment]) -> Result<[u64; 2], Unfit> {
        let (_, entries) = self.dynamic(segments)?;
        let table = |tag| offset_of(segments, value(&entries, tag)?);
        let (names, symbols) = (table(DT_STRTAB)?, table(DT_SYMTAB)?);
        let relocations = table(DT_RELA)?;
        let count = value(&entries, DT_RELASZ)? as usize / RELA;
        let machine = self.number::<2>(MACHINE)?;
        let asks = THREAD_OFFSETS.iter().find(|(it, _)| *it == machine);
        let (_, asks) = asks.ok_or(Unfit("the shim is not built for its machine"))?;
        let mut found = [None; 2];
        for index in 0..count {
            let at = relocations.saturating_add(index * RELA);
            let info = self.word(at + 8)?;
            if info as u32 != *asks {
                continue;
            }
            let symbol = symbols.saturating_add((info >> 32) as usize * SYMBOL);
            let name = names.saturating_add(self.number::<4>(symbol)? as usize);
            let is_undefined = self.number::<2>(symbol + 6)? == 0;
            let which = [AREA, ROOM].iter().position(|it| *it == self.text(name));
            let place = which.and_then(|which| found.get_mut(which));
            if let (Some(place), true) = (place, is_undefined) {
                *place = Some((self.word(at)?, symbol + 4));
            }
        }
        let [Some((area, at)), Some((room, _))] = found else {
            return Err(Unfit("it does not refer to __rseq_abi"));
        };
        let kind = self.number::<1>(at)? as u8 & 0xf;
        self.put(at, &[STB_WEAK << 4 | kind])?;
        Ok([area, room])
    }

    /// Returns where the block stands.
    fn block(&self) -> Result<usize, Unfit> {
        let mut places = self.0.windows(MARK.len()).enumerate();
        let mut next = || places.find(|(_, bytes)| *bytes == MARK);
        let (Some((mark, _)), None) = (next(), next()) else {
            return Err(Unfit("its block is not found"));
        };
        let block = mark.wrapping_sub(offset_of!(Block, mark));
        let image = TLS_IMAGE.map(u32::to_le_bytes);
        if self.get(block, size_of_val(&image))? != image.as_flattened() {
            return Err(Unfit("its block is not found"));
        }
        Ok(block)
    }

    /// Puts the program headers at the end, with one for the storage.
    fn move_headers(&mut self, mut segments: Vec<Segment>, block: usize) -> Result<(), Unfit> {
        if segments.iter().any(|it| it.kind == PT_TLS) {
            return Err(Unfit("it has thread-local storage"));
        }
        let holds = |it: &&Segment| {
            it.kind == PT_LOAD && (block as u64).wrapping_sub(it.offset) < it.file_bytes
        };
        let segment = segments.iter().find(holds);
        let segment = segment.ok_or(Unfit("its block is not loaded"))?;
        let address = block as u64 - segment.offset + segment.address;
        if !address.is_multiple_of(ALIGN as u64) {
            return Err(Unfit("its block is not aligned"));
        }
        segments.retain(|it| it.kind != PT_PHDR);
        segments.push(Segment {
            kind: PT_TLS,
            flags: PF_R,
            offset: block as u64,
            address,
            file_bytes: size_of_val(&TLS_IMAGE) as u64,
            memory_bytes: TLS_BYTES as u64,
            align: ALIGN as u64,
        });
        // behind what the dynamic linker reads at first, so that it has to read again
        let start = self.0.len().next_multiple_of(8);
        self.0.resize(start, 0);
        let count = segments.len() as u16;
        self.0.extend(segments.into_iter().flat_map(Segment::bytes));
        self.put(PHOFF, &(start as u64).to_le_bytes())?;
        self.put(PHNUM, &count.to_le_bytes())
    }
}

fn value(entries: &[(u64, u64)], tag: u64) -> Result<u64, Unfit> {
    let entry = entries.iter().find(|(it, _)| *it == tag);
    entry
        .map(|(_, value)| *value)
        .ok_or(Unfit("its dynamic section lacks a table"))
}

/// Returns where in the file an address stands.
fn offset_of(segments: &[Segment], address: u64) -> Result<usize, Unfit> {
    let holds =
        |it: &&Segment| it.kind == PT_LOAD && address.wrapping_sub(it.address) < it.file_bytes;
    let segment = segments.iter().find(holds);
    let segment = segment.ok_or(Unfit("a table is not in the file"))?;
    Ok((address - segment.address + segment.offset) as usize)
}
