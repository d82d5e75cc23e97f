//! Start-up: who owns the registration is asked once, and acted upon from then on.
//! The decision itself is `tls_model::owner`'s; here is what this process shows, and
//! what follows.

use tls_model::owner::{Mode, Owner, Situation, plan};

use crate::acting;
use crate::environment::Environment;
use crate::names::area::{self, LibcArea};
use crate::names::cpu;
use crate::process::{self, Process, Program};
use crate::registration::area as registered;
use crate::{arch, installed, loading, report, restart, state};

/// Decides, the first time it is called. Whoever calls it meanwhile (a thread
/// started while the constructor runs, or before there is anything to read) finds
/// the default: do nothing.
pub fn decide_once() {
    if process::is_told() && state::begin_deciding() {
        decide();
        state::end_deciding();
    }
}

fn decide() {
    let process = Process::read();
    process.tell_machine();
    installed::use_own_storage();
    let mut environment = Environment::read(&process);
    if environment.restart.is_none() {
        environment.restart = installed::handed(&process);
    }
    process::remember_start();
    let feature_size = process.feature_size();
    let libc = LibcArea::read();
    let libc_registered =
        libc.is_some_and(|area| registered::is_registered_by_libc(area.offset, area.size));
    if environment.mode == Mode::Off || !arch::has_room() {
        let owner = if libc_registered {
            Owner::Libc
        } else {
            Owner::Client
        };
        loading::enable(&process, &environment, &Program::default());
        area::publish(owner, libc, 0, feature_size);
        cpu::enable(false);
        return;
    }
    let handed = environment
        .plan
        .filter(|plan| process::is_planned_for(&process, plan));
    // a plan has looked at the files already; what the libc has taken matters where
    // it may be taken from it
    let matters = !libc_registered || environment.restart.is_some();
    let searches = matters && handed.is_none();
    let program = process::definitions(&process, searches, libc_registered);
    let mut situation = Situation {
        mode: environment.mode,
        libc_registered,
        libc_owns_symbol: libc.is_some_and(LibcArea::is_symbol),
        adopter_size: program.adopter_size,
        hidden_definition: program.hidden,
        feature_size,
    };
    restart::where_it_helps(
        &process,
        environment.restart,
        &situation,
        handed.as_ref(),
        libc.is_some(),
    );
    state::set_yields_to_clients(environment.mode.yields_to_clients());
    report::open(environment.log);
    report::definitions(program.adopter_size, searches.then_some(program.hidden));
    if let Some(area) = libc {
        registered::set_libc_area(area.offset, area.size);
    }
    loading::enable(&process, &environment, &program);
    report::thread_started();
    let followed = handed.and_then(|handed| handed.follow(&situation));
    if handed.is_some() && followed.is_none() && !libc_registered {
        situation.hidden_definition = process::definitions(&process, true, false).hidden;
        report::definitions(program.adopter_size, Some(situation.hidden_definition));
    }
    let owner = acting::act_on(followed.unwrap_or_else(|| plan(&situation)));
    let registers = state::registers_threads();
    if registers {
        report::length(registered::length());
    }
    area::publish(owner, libc, registered::length(), feature_size);
    cpu::enable(registers);
    report::decided();
}
