//! How the area is accessed, where no relocation says it.

use tls_model::critical::Critical;
use tls_model::facts::{Facts, ModelEvidence, TlsModel};

use crate::area::{Area, X86_64};
use crate::search::Searched;

/// Returns what the code shows, where the tables only assume it.
pub(crate) fn refined(
    facts: &Facts,
    area: &Area,
    critical: &Critical,
    searched: Searched,
) -> Option<(Option<TlsModel>, ModelEvidence)> {
    if facts.access.evidence != Some(ModelEvidence::Assumed) || !searched.done {
        return None;
    }
    let is_used = critical.uses != 0 || critical.uses_inside != 0;
    // that there is no use takes all of the code to say
    if !is_used && !searched.whole {
        return None;
    }
    match facts.access.model {
        Some(TlsModel::LocalExec) if area.offset.is_some() => {
            if critical.proved_uses != 0 && !critical.found {
                Some((Some(TlsModel::LocalExec), ModelEvidence::Proved))
            } else {
                let model = is_used.then_some(TlsModel::LocalExec);
                Some((model, ModelEvidence::Likely))
            }
        }
        Some(TlsModel::LocalDynamic) if facts.machine == X86_64 && area.module.is_some() => {
            // the words are the same where the area is the first variable; the
            // instructions are not
            let general = searched.asked.general_dynamic && !searched.asked.local_dynamic;
            let model = if general {
                TlsModel::GeneralDynamic
            } else {
                TlsModel::LocalDynamic
            };
            Some((is_used.then_some(model), ModelEvidence::Likely))
        }
        _ => None,
    }
}
