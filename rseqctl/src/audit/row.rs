//! One object's line in machine formats.
//!
//! The schema in `schema/audit.schema.json` is made from these types.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::facts::{Evidence, Facts, SymbolFact};
use tls_model::rules::{self, Finding, Level};

use super::Baseline;
use super::program::ProgramRow;
use crate::report::text;

/// What the audit says about one ELF object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl audit, one line of ndjson")]
pub struct Row {
    /// The path as it was given or met. Bytes that are no UTF-8 are shown as
    /// `\xNN`; `path_bytes` then has the path itself.
    path: String,
    /// The path's bytes in hexadecimal digits, where it is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^([0-9a-f]{2})+$"))]
    path_bytes: Option<String>,
    /// The GNU build id in hexadecimal digits.
    #[schemars(extend("pattern" = "^([0-9a-f]{2})*$"))]
    build_id: Option<String>,
    /// The machine by the name that Linux uses, such as `x86_64`, or
    /// `em-NUMBER`.
    pub(super) machine: String,
    /// Width of addresses.
    #[schemars(extend("enum" = ["elf32", "elf64"]))]
    class: &'static str,
    /// What the object is for. `debug` is debugging information split from
    /// another object, whose symbols it repeats.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["executable", "shared", "relocatable", "core", "debug", "other"]))]
    pub(super) kind: &'static str,
    /// What it does with the rseq symbols.
    pub(super) symbols: Vec<SymbolRow>,
    /// How it gets at `__rseq_abi`; null where it does not use it.
    #[schemars(extend("enum" = [
        "initial-exec", "local-exec", "general-dynamic", "local-dynamic", "tlsdesc", "unknown",
        null,
    ]))]
    pub(super) tls_model: Option<&'static str>,
    /// How that is known: `proved` by a relocation or by an access in a critical
    /// section, `likely` after a search of the code, or `assumed` where the code
    /// was not looked at or could not be read. With null above: no use was seen.
    /// Null where the object has nothing to do with `__rseq_abi`, and where the
    /// model is unknown.
    #[schemars(extend("enum" = ["proved", "likely", "assumed", null]))]
    pub(super) tls_model_evidence: Option<&'static str>,
    /// Further models in which it gets at `__rseq_abi`, each proved by a relocation:
    /// `tls_model` is the one furthest from initial-exec.
    #[schemars(extend("items" = {"type": "string", "enum": [
        "initial-exec", "local-exec", "general-dynamic", "local-dynamic", "tlsdesc",
    ]}))]
    pub(super) other_tls_models: Vec<&'static str>,
    /// Number of critical section descriptors.
    pub(super) critical_sections: u64,
    /// How they are known: `proved` by the object's sections, `likely` where
    /// there are no section headers and they were looked for; null where there
    /// are none.
    #[schemars(extend("enum" = ["proved", "likely", null]))]
    pub(super) critical_sections_evidence: Option<&'static str>,
    /// The rseq sections it has.
    pub(super) sections: Vec<SectionRow>,
    /// What the rules say about it.
    pub(super) findings: Vec<FindingRow>,
    /// The parts that could not be used; the rest still holds.
    damage: Vec<&'static str>,
    /// The whole program, for the file that was named with `--program`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) program: Option<ProgramRow>,
    /// The path itself, for sorting.
    #[serde(skip)]
    #[schemars(skip)]
    raw: PathBuf,
    #[serde(skip)]
    #[schemars(skip)]
    exports_area: bool,
}

/// What an object does with one symbol.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Symbol")]
pub(super) struct SymbolRow {
    /// The symbol.
    #[schemars(extend("enum" = [
        "__rseq_abi", "__rseq_offset", "__rseq_size", "__rseq_flags", "__rseq_handled",
    ]))]
    pub(super) name: &'static str,
    /// `copies` is a reference that a copy relocation makes look like a
    /// definition.
    #[schemars(extend("enum" = ["defines", "references", "copies"]))]
    pub(super) role: &'static str,
    #[schemars(extend("enum" = ["local", "global", "weak", "unique", "other"]))]
    pub(super) binding: &'static str,
    #[schemars(extend("enum" = ["default", "internal", "hidden", "protected"]))]
    pub(super) visibility: &'static str,
    /// Where it was found: `dynsym` is what the dynamic linker sees.
    #[schemars(extend("enum" = ["dynsym", "symtab"]))]
    pub(super) table: &'static str,
    /// Size in bytes, 0 where the object does not say.
    pub(super) size: u64,
}

/// A section of the object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Section")]
pub(super) struct SectionRow {
    #[schemars(extend("enum" = [
        "__rseq_cs", "__rseq_cs_ptr_array", "__rseq_exit_point_array", "__rseq_failure",
        "rseq_trampoline",
    ]))]
    pub(super) name: &'static str,
    /// Size in bytes.
    pub(super) size: u64,
}

/// What a rule says about the object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub(super) struct FindingRow {
    /// The rule's stable name.
    pub(super) rule: &'static str,
    #[schemars(extend("enum" = ["error", "warning", "note"]))]
    pub(super) level: &'static str,
    /// What was found and what to do.
    pub(super) message: String,
    /// It is in the baseline and does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) known: bool,
    #[serde(skip)]
    #[schemars(skip)]
    rank: Level,
}

/// The bytes in digits, where they are no text.
fn path_bytes(path: &Path) -> Option<String> {
    let is_text = path.to_str().is_some();
    (!is_text).then(|| text::hex(path.as_os_str().as_bytes()))
}

impl Row {
    /// What `facts` say about the object at `path`.
    #[must_use]
    pub fn new(path: &Path, facts: &Facts) -> Self {
        let findings: Vec<_> = rules::check(facts).collect();
        Self {
            path: text::readable(path),
            path_bytes: path_bytes(path),
            build_id: facts.build_id.map(|id| text::hex(id.as_bytes())),
            machine: facts
                .machine_name()
                .map_or_else(|| format!("em-{}", facts.machine), str::to_owned),
            class: facts.class_name(),
            kind: facts.kind.name(),
            symbols: facts.symbols.iter().map(SymbolRow::new).collect(),
            tls_model: facts.tls_model.map(tls_model::facts::TlsModel::name),
            tls_model_evidence: facts
                .tls_evidence
                .map(tls_model::facts::ModelEvidence::name),
            other_tls_models: facts
                .other_tls_models
                .iter()
                .map(tls_model::facts::TlsModel::name)
                .collect(),
            critical_sections: facts.critical_sections(),
            critical_sections_evidence: facts.critical_evidence().map(|evidence| match evidence {
                Evidence::Proved => "proved",
                Evidence::Likely => "likely",
            }),
            sections: facts
                .sections
                .iter()
                .map(|(name, size)| SectionRow {
                    name: name.name(),
                    size,
                })
                .collect(),
            findings: findings.iter().map(FindingRow::new).collect(),
            damage: facts.damage.names().collect(),
            program: None,
            exports_area: facts.exported_definition().is_some(),
            raw: path.to_path_buf(),
        }
    }

    /// The same, where `from` (the object itself, or the container it is in) is `to`.
    pub(super) fn moved(&self, from: &Path, to: &Path) -> Option<Self> {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let own = bytes(&self.raw);
        let inside = own.strip_prefix(&*bytes(from))?;
        let path = PathBuf::from(OsString::from_vec([&bytes(to), inside].concat()));
        Some(Self {
            path: text::readable(&path),
            path_bytes: path_bytes(&path),
            raw: path,
            ..self.clone()
        })
    }

    /// The bytes by which rows are sorted.
    pub(super) fn order(&self) -> &[u8] {
        self.raw.as_os_str().as_bytes()
    }

    /// The path itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.raw
    }

    /// Whether the object says anything about rseq.
    #[must_use]
    pub fn mentions_rseq(&self) -> bool {
        !self.symbols.is_empty() || !self.sections.is_empty() || self.critical_sections != 0
    }

    /// Adds what only the whole program shows.
    pub(super) fn add(&mut self, finding: &Finding) {
        self.findings.push(FindingRow::new(finding));
    }

    /// Whether other objects would bind to its `__rseq_abi`.
    pub(super) fn exports_area(&self) -> bool {
        self.exports_area
    }

    /// Marks the findings that the baseline has.
    pub(super) fn mark_known(&mut self, baseline: &Baseline) {
        if !baseline.is_empty() {
            for finding in &mut self.findings {
                finding.known = baseline.has(&self.path, finding.rule);
            }
        }
    }

    /// How many findings the baseline has.
    pub(super) fn known(&self) -> u64 {
        self.findings.iter().filter(|finding| finding.known).count() as u64
    }

    /// The levels of the findings that the baseline has not.
    pub(super) fn new_levels(&self) -> impl Iterator<Item = Level> {
        self.findings
            .iter()
            .filter(|finding| !finding.known)
            .map(|finding| finding.rank)
    }

    /// The findings: rule, level and message.
    pub fn findings(&self) -> impl Iterator<Item = (&'static str, Level, &str)> {
        self.findings
            .iter()
            .map(|finding| (finding.rule, finding.rank, finding.message.as_str()))
    }
}

impl FindingRow {
    fn new(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.name,
            level: finding.rule.level.name(),
            message: finding.to_string(),
            known: false,
            rank: finding.rule.level,
        }
    }
}

impl SymbolRow {
    fn new(fact: &SymbolFact) -> Self {
        Self {
            name: fact.name.name(),
            role: fact.role.name(),
            binding: fact.binding.name(),
            visibility: fact.visibility.name(),
            table: fact.table.name(),
            size: fact.size,
        }
    }
}
