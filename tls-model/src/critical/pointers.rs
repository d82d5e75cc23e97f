//! Descriptors that only `__rseq_cs_ptr_array` leads to.

use crate::elf::{Error, MOST_WINDOWS, Object, Section, Source, Window};
use crate::facts::SectionName;

use super::visit::SIZE;
use super::{CriticalSection, MOST_DESCRIPTORS, Place, Visited};

/// The range of a section in memory.
#[derive(Clone, Copy, Default)]
struct Range {
    start: u64,
    size: u64,
}

impl Range {
    /// Returns whether a descriptor of the section starts at `address`.
    fn has_descriptor(self, address: u64) -> bool {
        let inside = address.wrapping_sub(self.start);
        inside < self.size && inside.is_multiple_of(SIZE)
    }
}

/// Descriptors that are still to be read, together.
struct Targets {
    windows: [Window; MOST_WINDOWS],
    len: usize,
}

impl Targets {
    const NONE: Self = Self {
        windows: [Window::EMPTY; MOST_WINDOWS],
        len: 0,
    };

    fn add(&mut self, at: u64) {
        if let Some(slot) = self.windows.get_mut(self.len) {
            *slot = Window {
                at,
                ..Window::EMPTY
            };
            self.len = self.len.saturating_add(1);
        }
    }

    fn is_full(&self) -> bool {
        self.len == MOST_WINDOWS
    }

    fn take(&mut self) -> &mut [Window] {
        let len = core::mem::take(&mut self.len);
        self.windows.get_mut(..len).unwrap_or_default()
    }
}

impl<S: Source> Object<S> {
    /// Visits the descriptors outside `__rseq_cs`.
    pub(super) fn pointed_sections(
        &self,
        visited: &mut Visited,
        visit: &mut impl FnMut(&CriticalSection),
    ) -> Result<(), Error> {
        let mut own = Range::default();
        self.named_sections(SectionName::Descriptors, |_, section| {
            own = Range {
                start: section.address,
                size: section.size,
            };
            Ok(())
        })?;
        let mut targets = Targets::NONE;
        self.named_sections(SectionName::Pointers, |_, section| {
            self.pointers(section, |array_entry, target| {
                if own.has_descriptor(target) {
                    return Ok(());
                }
                let there = self.contents(Place {
                    section: 0,
                    address: target,
                });
                if !there.is_ok_and(|there| there.rest >= SIZE) {
                    visited.astray = visited.astray.saturating_add(1);
                    visited.first_astray.get_or_insert(array_entry);
                    return Ok(());
                }
                targets.add(target);
                if targets.is_full() {
                    self.read_targets(&mut targets, visited, visit)?;
                }
                Ok(())
            })
        })?;
        self.read_targets(&mut targets, visited, visit)
    }

    /// Calls `visit` with what stands at each address, as if it was a descriptor;
    /// addresses without 32 bytes of the file are left out.
    ///
    /// # Errors
    ///
    /// The object cannot be read, or its relocations are damaged.
    pub fn critical_sections_at(
        &self,
        addresses: &[u64],
        mut visit: impl FnMut(&CriticalSection),
    ) -> Result<Visited, Error> {
        let mut visited = Visited::default();
        let mut targets = Targets::NONE;
        for &address in addresses {
            let there = self.contents(Place {
                section: 0,
                address,
            });
            if there.is_ok_and(|there| there.rest >= SIZE) {
                targets.add(address);
            }
            if targets.is_full() {
                self.read_targets(&mut targets, &mut visited, &mut visit)?;
            }
        }
        self.read_targets(&mut targets, &mut visited, &mut visit)?;
        Ok(visited)
    }

    fn read_targets(
        &self,
        targets: &mut Targets,
        visited: &mut Visited,
        visit: &mut impl FnMut(&CriticalSection),
    ) -> Result<(), Error> {
        let windows = targets.take();
        if windows.is_empty() {
            return Ok(());
        }
        self.fill(windows)?;
        self.report(0, windows, true, visited, visit);
        Ok(())
    }

    /// Calls `visit` with every pointer of an array that is not null: where it
    /// stands, and where it leads.
    fn pointers(
        &self,
        section: &Section,
        mut visit: impl FnMut(Place, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let layout = self.layout();
        let width = layout.class.address_size();
        let bytes = section
            .size
            .min(u64::from(MOST_DESCRIPTORS).saturating_mul(width));
        let mut done = 0;
        while done < bytes {
            let mut windows = [Window::EMPTY; MOST_WINDOWS];
            let mut count = 0_usize;
            for window in &mut windows {
                let rest = bytes.saturating_sub(done).min(SIZE);
                if rest == 0 {
                    break;
                }
                window.at = section.address.wrapping_add(done);
                window.len = rest as usize;
                done = done.saturating_add(rest);
                count = count.saturating_add(1);
            }
            let windows = windows.get_mut(..count).unwrap_or_default();
            self.fill(windows)?;
            for window in windows.iter().filter(|window| !window.unresolved) {
                for inside in (0..window.len).step_by(width as usize) {
                    let target = window.uint(layout, inside, width as usize);
                    let address = window.at.wrapping_add(inside as u64);
                    if target != 0 {
                        visit(
                            Place {
                                section: 0,
                                address,
                            },
                            target,
                        )?;
                    }
                }
            }
        }
        Ok(())
    }
}
