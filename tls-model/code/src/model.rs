//! How the area is accessed, where no relocation says it.

use tls_model::critical::Critical;
use tls_model::facts::{Facts, ModelEvidence, TlsModel};

use crate::area::{Area, X86_64};
use crate::search::Searched;

/// Puts what the code shows in the place of what was assumed.
pub(crate) fn refine(facts: &mut Facts, area: &Area, critical: &Critical, searched: Searched) {
    if facts.tls_evidence != Some(ModelEvidence::Assumed) || !searched.done {
        return;
    }
    let is_used = critical.uses != 0 || critical.uses_inside != 0;
    // that there is no use takes all of the code to say
    if !is_used && !searched.whole {
        return;
    }
    let (model, evidence) = match facts.tls_model {
        Some(TlsModel::LocalExec) if area.offset.is_some() => {
            if critical.proved_uses != 0 && !critical.found {
                (Some(TlsModel::LocalExec), ModelEvidence::Proved)
            } else {
                let model = is_used.then_some(TlsModel::LocalExec);
                (model, ModelEvidence::Likely)
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
            (is_used.then_some(model), ModelEvidence::Likely)
        }
        _ => return,
    };
    facts.tls_model = model;
    facts.tls_evidence = Some(evidence);
}
