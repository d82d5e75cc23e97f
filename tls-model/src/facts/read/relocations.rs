//! How relocations ask for the area.

use core::ops::ControlFlow;

use super::areas::{Areas, is_area_definition};
use super::reader::{Candidate, Reader};
use crate::elf::{Error, Relocation, Section, Source};
use crate::facts::tls_access::{TlsRequest, link_access, request};
use crate::facts::{Damage, SymbolName, SymbolTable, TlsModel};

impl<S: Source> Reader<'_, S> {
    /// Reads how the code of an object file asks for the area.
    pub(super) fn link_relocations(&mut self, symtab: Option<&Section>) {
        let is_area = |candidate: &Candidate| candidate.name == SymbolName::Abi;
        if !self.candidates.iter().flatten().any(is_area) {
            return;
        }
        let object = self.object;
        let areas = Areas::new(&self.candidates, SymbolTable::Symtab);
        let symbols = symtab.map(|section| object.link_symbols(section));
        let walked = object.sections(|_, section| {
            let walked = object.section_relocations(&section, |relocation| {
                let Some(access) = link_access(self.facts.machine, relocation.kind) else {
                    return ControlFlow::Continue(());
                };
                let uses = match &symbols {
                    Some(Ok(table)) => areas.is_one(object, table, relocation.symbol),
                    _ => Ok(false),
                };
                match uses {
                    Ok(true) => self.seen.models.insert(access),
                    Ok(false) => {}
                    Err(error) => return ControlFlow::Break(error),
                }
                ControlFlow::Continue(())
            });
            let walked = walked.and_then(|error| error.map_or(Ok(()), Err));
            match walked {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        let walked = walked.and_then(|error| error.map_or(Ok(()), Err));
        self.keep(Damage::RELOCATIONS, walked);
    }

    /// Reads what the dynamic relocations say about the symbols found so far.
    pub(super) fn relocations(&mut self) {
        if self.candidates.iter().all(Option::is_none) {
            return;
        }
        let object = self.object;
        let areas = Areas::new(&self.candidates, SymbolTable::Dynsym);
        // read where there is a definition that may have other names
        let mut symbols = None;
        let walked = object.relocations(|relocation| {
            let Some(request) = request(self.facts.machine, relocation.kind) else {
                return ControlFlow::Continue(());
            };
            let noted = if relocation.symbol == 0 {
                self.note_local(request, &relocation)
            } else if request != TlsRequest::Copy && areas.has_definition() {
                let table = symbols.get_or_insert_with(|| object.all_dynamic_symbols());
                let table = table.as_ref().map_err(|error| *error);
                table
                    .and_then(|table| areas.is_one(object, table, relocation.symbol))
                    .map(|is_area| {
                        if is_area {
                            self.note_area(request, &relocation);
                        }
                    })
            } else {
                self.note_symbol(request, &relocation);
                Ok(())
            };
            match noted {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        let walked = walked.and_then(|error| error.map_or(Ok(()), Err));
        self.keep(Damage::RELOCATIONS, walked);
    }

    /// Notes a relocation against a dynamic symbol.
    fn note_symbol(&mut self, request: TlsRequest, relocation: &Relocation) {
        let candidate = self.candidates.iter_mut().flatten().find(|candidate| {
            candidate.table == SymbolTable::Dynsym && candidate.symbol.index == relocation.symbol
        });
        let Some(candidate) = candidate else {
            return;
        };
        if request == TlsRequest::Copy {
            candidate.copied = true;
        } else if candidate.name == SymbolName::Abi {
            self.note_area(request, relocation);
        }
    }

    /// Notes a relocation that asks for the area.
    fn note_area(&mut self, request: TlsRequest, relocation: &Relocation) {
        match request {
            TlsRequest::Copy => {}
            TlsRequest::ThreadOffset => {
                self.seen.models.insert(TlsModel::InitialExec);
                self.facts.area_slot.get_or_insert(relocation.offset);
            }
            TlsRequest::Module => self.seen.models.insert(TlsModel::GeneralDynamic),
            TlsRequest::Descriptor => {
                self.seen.models.insert(TlsModel::Tlsdesc);
                self.facts.descriptor_slot.get_or_insert(relocation.offset);
            }
        }
    }

    /// Notes a relocation without a symbol: it means the object's own storage, at
    /// the offset that its addend, or the word beside it, gives.
    fn note_local(&mut self, request: TlsRequest, relocation: &Relocation) -> Result<(), Error> {
        if !self.candidates.iter().flatten().any(is_area_definition) {
            return Ok(());
        }
        let width = self.facts.layout.class.address_size();
        let offset = match request {
            TlsRequest::Copy => return Ok(()),
            TlsRequest::Module => {
                let beside = relocation.offset.checked_add(width).ok_or(Error::Damaged)?;
                self.object.word_at(beside)?
            }
            TlsRequest::ThreadOffset | TlsRequest::Descriptor => match relocation.addend {
                Some(addend) => addend,
                // REL: a descriptor's addend is in its second word
                None if request == TlsRequest::Descriptor => self
                    .object
                    .word_at(relocation.offset.checked_add(width).ok_or(Error::Damaged)?)?,
                None => self.object.word_at(relocation.offset)?,
            },
        };
        let is_ours = self
            .candidates
            .iter()
            .flatten()
            .any(|candidate| is_area_definition(candidate) && candidate.symbol.value == offset);
        match request {
            // 0 stands for the module alone: the code adds the offset
            TlsRequest::Module if offset == 0 => {
                self.seen.own_module = true;
                self.facts.module_slot.get_or_insert(relocation.offset);
            }
            _ if is_ours => self.note_area(request, relocation),
            _ => {}
        }
        Ok(())
    }
}
