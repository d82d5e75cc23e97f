//! What registers and stack slots hold that may lead to the area.

use std::fmt::Debug;
use std::hash::Hash;

/// Registers of a machine, and what functions agree on about them.
pub(crate) trait Abi: Copy + Debug + Default + Eq + Hash {
    /// How code names a register.
    type Register: Copy + PartialEq + 'static;
    /// Values of the general registers, by number.
    type Values: AsRef<[Value]> + AsMut<[Value]> + Clone + Debug + Default + Eq + Hash;

    /// The stack pointer.
    const STACK: Self::Register;
    /// The frame pointer.
    const FRAME: Self::Register;
    /// Registers that a called function leaves as they were, by number.
    const KEPT: &'static [usize];
    /// Registers with the arguments of a call, in order.
    const ARGUMENTS: &'static [Self::Register];
    /// The register with what a function returns. A second result is not looked
    /// at: what is left there by chance is more common.
    const RESULT: Self::Register;

    /// Returns the number of the general register that `register` is, or is a part of.
    fn index(register: Self::Register) -> Option<usize>;
}

/// What a register is known to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    #[default]
    Unknown,
    /// The thread pointer and this many bytes.
    Thread(i64),
    /// The area's offset from the thread pointer and this many bytes.
    Offset {
        at: i64,
        /// It comes from the slot that the dynamic linker fills: it cannot be
        /// another constant that happens to be the same.
        sure: bool,
    },
    /// The area's address and this many bytes.
    Area(i64),
    /// The address of the pair with which `__tls_get_addr` is asked for the
    /// object's own storage.
    Module,
    /// The address of the area's descriptor (TLSDESC): the function that it leads to
    /// gives the area's offset back and leaves all other registers as they were.
    Descriptor,
    /// The start of the object's own storage and this many bytes.
    Storage(i64),
    /// The number of the system call that registers an area.
    RseqNumber,
    /// A constant that may be added to the thread pointer.
    Constant(i64),
    /// The address of a page of the object with a word that is looked for.
    Page(u64),
}

impl Value {
    /// Returns whether code that holds it can access the area.
    pub(crate) fn is_pointer(self) -> bool {
        matches!(self, Self::Area(0..32) | Self::Offset { sure: true, .. })
    }

    /// Returns whether it may become a pointer to the area.
    pub(crate) fn is_lead(self) -> bool {
        !matches!(
            self,
            Self::Unknown | Self::RseqNumber | Self::Constant(_) | Self::Page(_)
        )
    }

    /// Returns the value this many bytes further on.
    pub(crate) fn moved(self, by: i64) -> Self {
        match self {
            Self::Thread(at) => Self::Thread(at.wrapping_add(by)),
            Self::Offset { at, sure } => Self::Offset {
                at: at.wrapping_add(by),
                sure,
            },
            Self::Area(at) => Self::Area(at.wrapping_add(by)),
            Self::Storage(at) => Self::Storage(at.wrapping_add(by)),
            Self::Unknown
            | Self::Module
            | Self::Descriptor
            | Self::RseqNumber
            | Self::Constant(_)
            | Self::Page(_) => Self::Unknown,
        }
    }
}

/// A place in the stack frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    /// This many bytes from where the stack pointer was when following began.
    Stack(i64),
    /// This many bytes from the frame pointer, where it is not known how far that is
    /// from the stack pointer.
    Frame(i64),
}

impl Slot {
    /// Returns whether an object that starts here may reach to `other`.
    fn may_reach(self, other: Self) -> bool {
        match (self, other) {
            (Self::Stack(from), Self::Stack(to)) | (Self::Frame(from), Self::Frame(to)) => {
                from <= to
            }
            _ => true,
        }
    }
}

/// Slots that are remembered at a time.
const MOST_SLOTS: usize = 8;

/// Registers and stack slots at one place of the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State<A: Abi> {
    registers: A::Values,
    slots: Vec<(Slot, Value)>,
    /// Where the stack pointer is, seen from where following began or it was
    /// last set to something new.
    stack: i64,
    /// The same for the frame pointer, where that is known.
    frame: Option<i64>,
    /// The lowest places of the frame whose address may be known elsewhere: from the
    /// stack pointer, and from the frame pointer.
    shown: [Option<i64>; 2],
}

impl<A: Abi> State<A> {
    /// Returns the state in which nothing is known.
    pub(crate) fn unknown() -> Self {
        Self::default()
    }

    pub(crate) fn get(&self, register: A::Register) -> Value {
        A::index(register)
            .and_then(|index| self.registers.as_ref().get(index))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn set(&mut self, register: A::Register, value: Value) {
        let slot = A::index(register).and_then(|index| self.registers.as_mut().get_mut(index));
        if let Some(slot) = slot {
            *slot = value;
        }
    }

    /// Returns whether anything in it may lead to the area.
    pub(crate) fn has_lead(&self) -> bool {
        self.all().any(Value::is_lead)
    }

    /// Returns whether a pointer to the area is in it.
    pub(crate) fn has_pointer(&self) -> bool {
        self.all().any(Value::is_pointer)
    }

    /// Returns whether an argument of a call is a pointer to the area.
    pub(crate) fn passes_pointer(&self) -> bool {
        A::ARGUMENTS
            .iter()
            .any(|register| self.get(*register).is_pointer())
    }

    /// Returns whether a pointer to the area lies where the stack pointer points: there a
    /// called function finds the first argument that is not in a register.
    pub(crate) fn has_pointer_on_top(&self) -> bool {
        self.load(A::STACK, 0).is_pointer()
    }

    /// Returns whether a function that returns here gives a pointer to the area away.
    pub(crate) fn returns_pointer(&self) -> bool {
        self.get(A::RESULT).is_pointer()
    }

    /// Forgets registers that hold another place of the thread's storage than in `first`.
    pub(crate) fn forget_moved(&mut self, first: &Self) {
        let pairs = self.registers.as_mut().iter_mut();
        for (value, first) in pairs.zip(first.registers.as_ref()) {
            let has_moved = match (*value, *first) {
                (Value::Thread(now), Value::Thread(then))
                | (Value::Storage(now), Value::Storage(then)) => now != then,
                _ => false,
            };
            if has_moved {
                *value = Value::Unknown;
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = Value> {
        let slots = self.slots.iter().map(|(_, value)| *value);
        self.registers.as_ref().iter().copied().chain(slots)
    }

    /// Returns the state in which a called function starts.
    pub(crate) fn entered(&self) -> Self {
        let mut entered = Self::unknown();
        for register in A::ARGUMENTS {
            entered.set(*register, self.get(*register));
        }
        entered
    }

    /// Notes that a function was called and has returned.
    pub(crate) fn called(&mut self) {
        for (number, value) in self.registers.as_mut().iter_mut().enumerate() {
            if !A::KEPT.contains(&number) {
                *value = Value::Unknown;
            }
        }
        self.move_stack(0);
    }

    /// Adds to the stack pointer.
    pub(crate) fn move_stack(&mut self, by: i64) {
        self.stack = self.stack.wrapping_add(by);
        // what is below it is nobody's
        let top = self.stack;
        self.slots
            .retain(|(slot, _)| !matches!(slot, Slot::Stack(at) if *at < top));
    }

    /// Notes that the stack pointer is somewhere else; returns whether a pointer is lost with it.
    pub(crate) fn lose_stack(&mut self) -> bool {
        self.stack = 0;
        self.frame = None;
        self.shown[0] = None;
        self.forget(|slot| matches!(slot, Slot::Stack(_)))
    }

    /// Notes that the frame pointer is now this many bytes above the stack pointer.
    pub(crate) fn start_frame(&mut self, above: i64) {
        self.frame = Some(self.stack.wrapping_add(above));
        self.forget(|slot| matches!(slot, Slot::Frame(_)));
    }

    /// Notes that the frame pointer is something else now; returns whether a pointer is
    /// lost with it.
    pub(crate) fn lose_frame(&mut self) -> bool {
        self.frame = None;
        self.shown[1] = None;
        self.forget(|slot| matches!(slot, Slot::Frame(_)))
    }

    /// Does what `leave` does, but for what it pops.
    pub(crate) fn end_frame(&mut self) {
        match self.frame {
            Some(frame) => {
                self.stack = frame;
                self.move_stack(0);
            }
            None => {
                self.lose_stack();
            }
        }
    }

    fn forget(&mut self, which: impl Fn(&Slot) -> bool) -> bool {
        let lost = self
            .slots
            .iter()
            .any(|(slot, value)| which(slot) && value.is_pointer());
        self.slots.retain(|(slot, _)| !which(slot));
        lost
    }

    fn slot(&self, base: A::Register, displacement: i64) -> Option<Slot> {
        if base == A::STACK {
            Some(Slot::Stack(self.stack.wrapping_add(displacement)))
        } else if base != A::FRAME || self.get(base).is_lead() {
            None
        } else {
            Some(self.frame.map_or(Slot::Frame(displacement), |frame| {
                Slot::Stack(frame.wrapping_add(displacement))
            }))
        }
    }

    /// Returns what is in the frame at `displacement` from `base`.
    pub(crate) fn load(&self, base: A::Register, displacement: i64) -> Value {
        let wanted = self.slot(base, displacement);
        self.slots
            .iter()
            .find(|(slot, _)| Some(*slot) == wanted)
            .map(|(_, value)| *value)
            .unwrap_or_default()
    }

    /// Puts a value there; returns false where that is no place that can be followed.
    pub(crate) fn store(&mut self, base: A::Register, displacement: i64, value: Value) -> bool {
        let Some(wanted) = self.slot(base, displacement) else {
            return false;
        };
        self.slots.retain(|(slot, _)| *slot != wanted);
        if !value.is_lead() {
            return true;
        }
        let has_room = self.slots.len() < MOST_SLOTS;
        if has_room {
            self.slots.push((wanted, value));
        }
        has_room && !(value.is_pointer() && self.is_shown(wanted))
    }

    /// Notes that the address of this place of the frame is given away; returns whether a
    /// pointer to the area may be found there.
    pub(crate) fn show(&mut self, base: A::Register, displacement: i64) -> bool {
        let (which, at) = match self.slot(base, displacement) {
            Some(Slot::Stack(at)) => (0, at),
            Some(Slot::Frame(at)) => (1, at),
            None => return false,
        };
        if let Some(lowest) = self.shown.get_mut(which) {
            *lowest = Some(lowest.map_or(at, |lowest| lowest.min(at)));
        }
        self.exposes_pointer(base, displacement)
    }

    fn is_shown(&self, slot: Slot) -> bool {
        let [stack, frame] = self.shown;
        let stack = stack.map(Slot::Stack);
        let frame = frame.map(Slot::Frame);
        stack
            .into_iter()
            .chain(frame)
            .any(|shown| shown.may_reach(slot))
    }

    /// Returns whether `size` bytes of the frame at this place overlap a pointer to the
    /// area.
    pub(crate) fn overlaps_pointer(&self, base: A::Register, displacement: i64, size: i64) -> bool {
        let Some(read) = self.slot(base, displacement) else {
            return false;
        };
        self.slots.iter().any(|(slot, value)| {
            let overlap = match (*slot, read) {
                (Slot::Stack(slot), Slot::Stack(read)) | (Slot::Frame(slot), Slot::Frame(read)) => {
                    slot < read.saturating_add(size) && read < slot.saturating_add(8)
                }
                _ => false,
            };
            overlap && value.is_pointer()
        })
    }

    /// Returns whether code that is given the address of this place of the frame may find
    /// a pointer to the area there.
    fn exposes_pointer(&self, base: A::Register, displacement: i64) -> bool {
        self.slot(base, displacement).is_some_and(|shown| {
            self.slots
                .iter()
                .any(|(slot, value)| value.is_pointer() && shown.may_reach(*slot))
        })
    }
}
