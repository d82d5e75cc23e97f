//! One object's line in machine formats.
//!
//! The schema in `schema/audit.schema.json` is made from these types.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::elf;
use tls_model::facts::{
    Binding, Evidence, ModelEvidence, ObjectKind, Role, SectionName, SymbolFact, SymbolName,
    SymbolTable, TlsModel, Visibility,
};
use tls_model::report::ObjectReport;
use tls_model::rules::{self, Finding};

use super::program_row::ProgramRow;
use crate::report::{Filter, FindingRow, Word, text};

/// What the audit says about one ELF object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl audit, one line of ndjson")]
#[non_exhaustive]
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
    class: Class,
    /// What the object is for. `debug` is debugging information split from
    /// another object, whose symbols it repeats.
    #[serde(rename = "type")]
    pub(super) kind: Word<ObjectKind>,
    /// What it does with the rseq symbols.
    pub(super) symbols: Vec<SymbolRow>,
    /// How it accesses `__rseq_abi`; null where it does not use it.
    pub(super) tls_model: Option<Word<TlsModel>>,
    /// How that is known: `proved` by a relocation or by an access in a critical
    /// section, `likely` after a search of the code, or `assumed` where the code
    /// was not looked at or could not be read. With null above: no use was seen.
    /// Null where the object has nothing to do with `__rseq_abi`, and where the
    /// model is unknown.
    pub(super) tls_model_evidence: Option<Word<ModelEvidence>>,
    /// Further models in which it accesses `__rseq_abi`, each proved by a relocation:
    /// `tls_model` is the one furthest from initial-exec.
    pub(super) other_tls_models: Vec<Word<TlsModel>>,
    /// Number of critical section descriptors.
    pub(super) critical_sections: u64,
    /// How they are known: `proved` by the object's sections, `likely` where
    /// there are no section headers and they were looked for; null where there
    /// are none.
    pub(super) critical_sections_evidence: Option<Word<Evidence>>,
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
    /// What is to be said where it can only come by `dlopen`.
    #[serde(skip)]
    #[schemars(skip)]
    if_dlopened: Option<Finding>,
}

/// What an object does with one symbol.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Symbol")]
#[non_exhaustive]
pub struct SymbolRow {
    /// The symbol.
    pub name: Word<SymbolName>,
    /// `copies` is a reference that a copy relocation makes look like a
    /// definition.
    pub role: Word<Role>,
    /// Its binding.
    pub binding: Word<Binding>,
    /// Its visibility.
    pub visibility: Word<Visibility>,
    /// Where it was found: `dynsym` is what the dynamic linker sees.
    pub table: Word<SymbolTable>,
    /// Size in bytes, 0 where the object does not say.
    pub size: u64,
}

/// A section of the object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Section")]
#[non_exhaustive]
pub struct SectionRow {
    /// Its name.
    pub name: Word<SectionName>,
    /// Size in bytes.
    pub size: u64,
}

/// Width of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the words of the ELF specification")]
pub enum Class {
    Elf32,
    Elf64,
}

/// Returns the bytes in hexadecimal digits, where they are no text.
fn path_bytes(path: &Path) -> Option<String> {
    let is_text = path.to_str().is_some();
    (!is_text).then(|| text::hex(path.as_os_str().as_bytes()))
}

impl Row {
    /// Returns the row of the object at `path`.
    #[must_use]
    pub fn new(path: &Path, report: &ObjectReport) -> Self {
        let findings: Vec<_> = rules::check(report).collect();
        let facts = &report.facts;
        let access = report.access();
        Self {
            path: text::readable(path),
            path_bytes: path_bytes(path),
            build_id: facts.build_id.map(|id| text::hex(id.as_bytes())),
            machine: facts
                .machine_name()
                .map_or_else(|| format!("em-{}", facts.machine), str::to_owned),
            class: match facts.layout.class {
                elf::Class::Elf32 => Class::Elf32,
                elf::Class::Elf64 => Class::Elf64,
            },
            kind: Word(facts.kind),
            symbols: facts.symbols.iter().map(SymbolRow::new).collect(),
            tls_model: access.model.map(Word),
            tls_model_evidence: access.evidence.map(Word),
            other_tls_models: access.others.iter().map(Word).collect(),
            critical_sections: report.critical_sections(),
            critical_sections_evidence: report.critical_evidence().map(Word),
            sections: facts
                .sections
                .iter()
                .map(|(name, size)| SectionRow {
                    name: Word(name),
                    size,
                })
                .collect(),
            findings: findings
                .iter()
                .map(|finding| FindingRow::of(finding, None))
                .collect(),
            damage: report.damage().names().collect(),
            program: None,
            if_dlopened: rules::dlopened_definer(report),
            raw: path.to_path_buf(),
        }
    }

    /// Returns the same row, where `from` (the object itself, or the container it is in) is `to`.
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

    /// Returns the bytes by which rows are sorted.
    pub(super) fn order(&self) -> &[u8] {
        self.raw.as_os_str().as_bytes()
    }

    /// Returns the path itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.raw
    }

    /// Returns whether the object says anything about rseq.
    #[must_use]
    pub fn mentions_rseq(&self) -> bool {
        !self.symbols.is_empty() || !self.sections.is_empty() || self.critical_sections != 0
    }

    /// Adds what only the whole program shows.
    pub(super) fn add(&mut self, finding: &Finding) {
        self.findings.push(FindingRow::of(finding, None));
    }

    /// Returns the finding about an object that can only come by `dlopen`.
    pub(super) fn if_dlopened(&self) -> Option<Finding> {
        self.if_dlopened
    }

    /// Takes out the findings that are not asked for, and marks those that are known.
    pub(super) fn filter(&mut self, filter: &Filter) {
        filter.apply(&self.path, &mut self.findings);
    }

    /// Returns what it does with the rseq symbols.
    #[must_use]
    pub fn symbols(&self) -> &[SymbolRow] {
        &self.symbols
    }

    /// Returns the TLS model in which it uses `__rseq_abi`, and how that is known;
    /// see [`Row::other_tls_models`] for further ones.
    #[must_use]
    pub fn tls_model(&self) -> (Option<TlsModel>, Option<ModelEvidence>) {
        (
            self.tls_model.map(|word| word.0),
            self.tls_model_evidence.map(|word| word.0),
        )
    }

    /// Returns the further models, each proved by a relocation.
    #[must_use]
    pub fn other_tls_models(&self) -> &[Word<TlsModel>] {
        &self.other_tls_models
    }

    /// Returns the rseq sections it has.
    #[must_use]
    pub fn sections(&self) -> &[SectionRow] {
        &self.sections
    }

    /// Returns the number of its critical section descriptors.
    #[must_use]
    pub fn critical_sections(&self) -> u64 {
        self.critical_sections
    }

    /// Returns what the rules say about it.
    #[must_use]
    pub fn findings(&self) -> &[FindingRow] {
        &self.findings
    }
}

impl SymbolRow {
    fn new(fact: &SymbolFact) -> Self {
        Self {
            name: Word(fact.name),
            role: Word(fact.role),
            binding: Word(fact.binding),
            visibility: Word(fact.visibility),
            table: Word(fact.table),
            size: fact.size,
        }
    }
}
