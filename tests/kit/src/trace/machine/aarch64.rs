//! AArch64.
//!
//! An exclusive load and the store that belongs to it cannot be executed one by one: each
//! stop clears the processor's monitor, and the store fails for ever. From the load on the
//! task runs to where the store, or a jump between them, leads.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;

use super::super::instruction::{Instruction, LONGEST};
use super::{Lead, Step};
use crate::sys::ptrace;

/// Instructions between an exclusive load and its store.
const MOST: u64 = 16;

/// `brk #0`.
const BREAKPOINT: [u8; LONGEST] = 0xd420_0000_u32.to_le_bytes();

/// Returns the address behind an instruction, and where it leads.
pub(in crate::trace) fn lead(here: &Instruction) -> (u64, Lead) {
    let word = u32::from_le_bytes(here.code);
    let after = here.address.wrapping_add(LONGEST as u64);
    // Arm Architecture Reference Manual, C4.1.65 (branches)
    let target = |low: u32, count: u32| {
        let by = i64::from(word >> low) << (64 - count) >> (64 - count);
        here.address.wrapping_add_signed(by << 2)
    };
    let lead = match word >> 24 {
        0x14..=0x17 => Lead::Jump(target(0, 26)),
        0x94..=0x97 => Lead::Call(Some(target(0, 26))),
        0x54 | 0x34 | 0x35 | 0xb4 | 0xb5 => Lead::Branch(target(5, 19)),
        0x36 | 0x37 | 0xb6 | 0xb7 => Lead::Branch(target(5, 14)),
        0xd6 | 0xd7 => match word >> 21 & 3 {
            0 => Lead::Anywhere,
            1 => Lead::Call(None),
            _ => Lead::Return,
        },
        // what was not executed one by one: see `step`
        _ if is_exclusive(word, true) => Lead::Anywhere,
        _ => Lead::After,
    };
    (after, lead)
}

/// Returns whether it is an exclusive load or store (C4.1.66).
fn is_exclusive(word: u32, loads: bool) -> bool {
    let is_one = word & 0x3f80_0000 == 0x0800_0000;
    // of two registers below 32 bits: compare and swap
    let is_swap = word & 0x8020_0000 == 0x0020_0000;
    is_one && !is_swap && (word >> 22 & 1 == 1) == loads
}

/// Lets a stopped task execute one instruction, or what hangs together.
pub(in crate::trace) fn step(task: i32) -> io::Result<Step> {
    let here = ptrace::next_instruction(task)?;
    if !is_exclusive(ptrace::word(task, here)?, true) {
        return ptrace::single_step(task).map(|()| Step::Begun);
    }
    let memory = memory(task)?;
    let mut ends = ends(&memory, here)?;
    ends.sort_unstable();
    ends.dedup();
    let at = run_to(task, &memory, &ends)?;
    // out of a jump between them: as many as stand before it is not known, and not needed
    let count = at.checked_sub(here).filter(|count| *count < MOST * 4 * 2);
    Ok(Step::Done(count.unwrap_or(8) / LONGEST as u64))
}

/// Lets a stopped task run to an address that it comes to; returns whether that was done: a
/// step is dear where the machine is emulated.
pub(in crate::trace) fn go_to(task: i32, address: u64) -> io::Result<bool> {
    run_to(task, &memory(task)?, &[address])?;
    Ok(true)
}

fn memory(task: i32) -> io::Result<File> {
    let name = format!("/proc/{task}/mem");
    OpenOptions::new().read(true).write(true).open(name)
}

/// Lets a stopped task run to the first of these addresses; returns which that was.
fn run_to(task: i32, memory: &File, ends: &[u64]) -> io::Result<u64> {
    let mut kept = Vec::new();
    for end in ends {
        let mut code = [0; LONGEST];
        memory.read_exact_at(&mut code, *end)?;
        memory.write_all_at(&BREAKPOINT, *end)?;
        kept.push(code);
    }
    ptrace::go_on(task, 0)?;
    let stopped = ptrace::wait(task)?;
    for (end, code) in ends.iter().zip(kept) {
        memory.write_all_at(&code, *end)?;
    }
    let at = ptrace::next_instruction(task)?;
    if stopped.is_none() || !ends.contains(&at) {
        let found = format!("at {at:#x} instead of {ends:x?}");
        return Err(io::Error::other(found));
    }
    Ok(at)
}

/// Returns where the code from an exclusive load to its store may lead.
fn ends(memory: &File, load: u64) -> io::Result<Vec<u64>> {
    let mut ends = Vec::new();
    let mut at = load;
    for _ in 0..MOST {
        at += LONGEST as u64;
        let mut code = [0; LONGEST];
        memory.read_exact_at(&mut code, at)?;
        let here = Instruction { address: at, code };
        if is_exclusive(u32::from_le_bytes(code), false) {
            ends.push(at + LONGEST as u64);
            return Ok(ends);
        }
        if let (_, Lead::Branch(target)) = lead(&here) {
            ends.push(target);
        }
    }
    let found = format!("no exclusive store after the load at {load:#x}");
    Err(io::Error::other(found))
}
