//! x86-64.

use std::io;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic};

use super::super::instruction::Instruction;
use super::{Lead, Step};
use crate::sys::ptrace;

/// Returns the address behind an instruction, and where it leads.
pub(in crate::trace) fn lead(here: &Instruction) -> (u64, Lead) {
    let mut decoder = Decoder::with_ip(64, &here.code, here.address, DecoderOptions::NONE);
    let instruction = decoder.decode();
    let target = instruction.near_branch_target();
    let lead = match instruction.flow_control() {
        FlowControl::UnconditionalBranch => Lead::Jump(target),
        FlowControl::ConditionalBranch => Lead::Branch(target),
        FlowControl::IndirectBranch => Lead::Anywhere,
        FlowControl::Return => Lead::Return,
        FlowControl::IndirectCall => Lead::Call(None),
        FlowControl::Call if instruction.mnemonic() != Mnemonic::Syscall => {
            Lead::Call(Some(target))
        }
        // a repeated string instruction stops after each repetition
        FlowControl::Next | FlowControl::Interrupt | FlowControl::Call
            if instruction.has_rep_prefix() || instruction.has_repne_prefix() =>
        {
            Lead::AfterOrAgain
        }
        FlowControl::Next | FlowControl::Interrupt | FlowControl::Call => Lead::After,
        FlowControl::XbeginXabortXend | FlowControl::Exception => Lead::Nowhere,
    };
    (instruction.next_ip(), lead)
}

/// Lets a stopped task execute one instruction.
pub(in crate::trace) fn step(task: i32) -> io::Result<Step> {
    ptrace::single_step(task).map(|()| Step::Begun)
}

/// Lets a stopped task run to an address that it comes to; returns whether that was done: a
/// step is quick.
#[expect(clippy::unnecessary_wraps, reason = "it may fail on other machines")]
pub(in crate::trace) fn go_to(_: i32, _: u64) -> io::Result<bool> {
    Ok(false)
}
