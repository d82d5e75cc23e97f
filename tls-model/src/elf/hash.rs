//! Looking dynamic symbols up by name, as a dynamic linker does: through the
//! GNU hash table, else through the System V one.

use core::ops::ControlFlow;

use goblin::elf::header::EM_S390;

use super::symbols::SymbolTable;
use super::table::{CHUNK, Table};
use super::{Class, Dynamic, Error, Object, Source, Symbol};

/// Entries of one hash chain that are followed. Chains of sound tables have a
/// handful.
const LONGEST_CHAIN: u64 = 1 << 16;

/// Bytes of the GNU hash table's header: four 32-bit words.
const GNU_HEADER: u64 = 16;

fn gnu_hash_of(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

/// Returns the hash of a name (gABI, chapter 5, "Hash Table").
fn system_v_hash_of(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, &byte| {
        let hash = hash.wrapping_shl(4).wrapping_add(u32::from(byte));
        let top = hash & 0xf000_0000;
        (hash ^ (top >> 24)) & !top
    })
}

/// The GNU hash table, by file offsets.
struct GnuHash {
    bloom: u64,
    bloom_words: u64,
    bloom_shift: u32,
    buckets: u64,
    bucket_count: u64,
    chains: u64,
    /// The first symbol that is in the table; those before are undefined or
    /// local.
    first_symbol: u64,
}

/// The System V hash table, by file offsets.
struct SystemVHash {
    buckets: u64,
    bucket_count: u64,
    chains: u64,
    /// Also the number of symbols.
    chain_count: u64,
    /// Bytes of one entry.
    width: u64,
}

fn place(start: u64, index: u64, width: u64) -> Result<u64, Error> {
    index
        .checked_mul(width)
        .and_then(|bytes| bytes.checked_add(start))
        .ok_or(Error::Damaged)
}

impl<S: Source> Object<S> {
    /// Returns the definition that an unversioned reference to `name` finds in this
    /// object alone: a defined symbol of any type, in its default version.
    ///
    /// # Errors
    ///
    /// A table on the way is damaged or cannot be read.
    pub fn dynamic_symbol(&self, name: &[u8]) -> Result<Option<Symbol>, Error> {
        let Some(&dynamic) = self.dynamic()? else {
            return Ok(None);
        };
        if let Some(address) = dynamic.gnu_hash {
            let hash = self.gnu_hash(address)?;
            return self.find_in_gnu_hash(&hash, name);
        }
        if let Some(address) = dynamic.hash {
            let hash = self.system_v_hash(address)?;
            return self.find_in_system_v_hash(&hash, name);
        }
        Ok(None)
    }

    /// Returns the number of dynamic symbols, from whichever hash table there is. A GNU
    /// hash table without a symbol does not say.
    pub(super) fn hashed_symbol_count(&self) -> Result<Option<u64>, Error> {
        let dynamic: &Dynamic = self.dynamic()?.ok_or(Error::Damaged)?;
        if let Some(address) = dynamic.hash {
            return Ok(Some(self.system_v_hash(address)?.chain_count));
        }
        let Some(address) = dynamic.gnu_hash else {
            return Ok(None);
        };
        let hash = self.gnu_hash(address)?;
        let layout = self.layout;
        let mut last = 0;
        let buckets = Table::new(hash.buckets, hash.bucket_count, 4, 4)?;
        self.records::<CHUNK, _>(buckets, |_, record| {
            last = layout.uint(record).max(last);
            ControlFlow::<()>::Continue(())
        })?;
        if last < hash.first_symbol {
            // no symbol is hashed: only those before the table are left, of which lld
            // writes the number, and GNU ld 1, however many there are
            return Ok(Some(hash.first_symbol).filter(|&count| count > 1));
        }
        for index in (last..).take(LONGEST_CHAIN as usize) {
            if self.gnu_chain(&hash, index)? & 1 == 1 {
                return index.checked_add(1).map(Some).ok_or(Error::Damaged);
            }
        }
        Err(Error::Damaged)
    }

    fn gnu_hash(&self, address: u64) -> Result<GnuHash, Error> {
        let (offset, _) = self.offset_of(address)?;
        let word = |index| self.read_uint::<4>(place(offset, index, 4)?);
        let bucket_count = word(0)?;
        let bloom_words = word(2)?;
        let bloom = place(offset, 1, GNU_HEADER)?;
        let buckets = place(bloom, bloom_words, self.layout.class.address_size())?;
        if bucket_count == 0 || bloom_words == 0 {
            return Err(Error::Damaged);
        }
        Ok(GnuHash {
            bloom,
            bloom_words,
            bloom_shift: word(3)? as u32,
            buckets,
            bucket_count,
            chains: place(buckets, bucket_count, 4)?,
            first_symbol: word(1)?,
        })
    }

    fn gnu_chain(&self, hash: &GnuHash, index: u64) -> Result<u64, Error> {
        let entry = index.checked_sub(hash.first_symbol).ok_or(Error::Damaged)?;
        self.read_uint::<4>(place(hash.chains, entry, 4)?)
    }

    fn find_in_gnu_hash(&self, hash: &GnuHash, name: &[u8]) -> Result<Option<Symbol>, Error> {
        let wanted = gnu_hash_of(name);
        let bits = u32::from(self.layout.class.bits());
        let word_index = u64::from(wanted / bits)
            .checked_rem(hash.bloom_words)
            .ok_or(Error::Damaged)?;
        let word = self.read_word(place(
            hash.bloom,
            word_index,
            self.layout.class.address_size(),
        )?)?;
        let second = wanted.checked_shr(hash.bloom_shift).unwrap_or(0);
        // both shifts are below the width of the word
        if (word >> (wanted % bits)) & (word >> (second % bits)) & 1 == 0 {
            return Ok(None);
        }

        let bucket = u64::from(wanted)
            .checked_rem(hash.bucket_count)
            .ok_or(Error::Damaged)?;
        let start = self.read_uint::<4>(place(hash.buckets, bucket, 4)?)?;
        if start < hash.first_symbol {
            return Ok(None);
        }
        let table = self.dynamic_symbol_table(u64::MAX)?;
        for index in (start..).take(LONGEST_CHAIN as usize) {
            let entry = self.gnu_chain(hash, index)?;
            // the lowest bit of an entry marks the chain's end instead
            if (entry ^ u64::from(wanted)) | 1 == 1
                && let Some(symbol) = self.default_definition(&table, index, name)?
            {
                return Ok(Some(symbol));
            }
            if entry & 1 == 1 {
                return Ok(None);
            }
        }
        Err(Error::Damaged)
    }

    fn system_v_hash(&self, address: u64) -> Result<SystemVHash, Error> {
        let (offset, _) = self.offset_of(address)?;
        // the one 64-bit ABI with 64-bit entries that Linux still has
        let wide = self.header.machine == EM_S390 && self.layout.class == Class::Elf64;
        let width = if wide { 8 } else { 4 };
        let mut hash = SystemVHash {
            buckets: place(offset, 2, width)?,
            bucket_count: 0,
            chains: 0,
            chain_count: 0,
            width,
        };
        hash.bucket_count = self.system_v_entry(&hash, offset, 0)?;
        hash.chain_count = self.system_v_entry(&hash, offset, 1)?;
        hash.chains = place(hash.buckets, hash.bucket_count, width)?;
        Ok(hash)
    }

    fn system_v_entry(&self, hash: &SystemVHash, start: u64, index: u64) -> Result<u64, Error> {
        let at = place(start, index, hash.width)?;
        if hash.width == 8 {
            self.read_uint::<8>(at)
        } else {
            self.read_uint::<4>(at)
        }
    }

    fn find_in_system_v_hash(
        &self,
        hash: &SystemVHash,
        name: &[u8],
    ) -> Result<Option<Symbol>, Error> {
        let bucket = u64::from(system_v_hash_of(name))
            .checked_rem(hash.bucket_count)
            .ok_or(Error::Damaged)?;
        let table = self.dynamic_symbol_table(hash.chain_count)?;
        let mut index = self.system_v_entry(hash, hash.buckets, bucket)?;
        for _ in 0..LONGEST_CHAIN {
            if index == 0 {
                return Ok(None);
            }
            if let Some(symbol) = self.default_definition(&table, index, name)? {
                return Ok(Some(symbol));
            }
            index = self.system_v_entry(hash, hash.chains, index)?;
        }
        Err(Error::Damaged)
    }

    /// Returns the symbol at `index`, if it is what an unversioned reference finds.
    fn default_definition(
        &self,
        table: &SymbolTable,
        index: u64,
        name: &[u8],
    ) -> Result<Option<Symbol>, Error> {
        let symbol = self.symbol(table, index)?;
        let found = symbol.is_defined()
            && self.is_named(table.strings, symbol.name, name)?
            && !self.is_hidden_version(index)?;
        Ok(found.then_some(symbol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_abi_documents() {
        assert_eq!(gnu_hash_of(b""), 0x1505);
        assert_eq!(gnu_hash_of(b"printf"), 0x156b_2bb8);
        assert_eq!(system_v_hash_of(b"printf"), 0x0779_05a6);
        assert_eq!(
            system_v_hash_of(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff") >> 28,
            0
        );
    }
}
