//! Where the documents are that rules name as their source.

/// Documents that are at one address, by how their names begin.
const DOCUMENTS: [(&str, &str); 8] = [
    ("ELF gABI", "https://gabi.xinuos.com/elf/08-dynamic.html"),
    (
        "ELF Handling For Thread-Local Storage",
        "https://www.akkadia.org/drepper/tls.pdf",
    ),
    (
        "glibc manual, Restartable Sequences",
        "https://sourceware.org/glibc/manual/latest/html_node/Restartable-Sequences.html",
    ),
    (
        "glibc manual, Dynamic Linking Tunables",
        "https://sourceware.org/glibc/manual/latest/html_node/Dynamic-Linking-Tunables.html",
    ),
    (
        "glibc manual, tunable glibc.rtld",
        "https://sourceware.org/glibc/manual/latest/html_node/Dynamic-Linking-Tunables.html",
    ),
    (
        "glibc manual",
        "https://sourceware.org/glibc/manual/latest/html_node/Tunables.html",
    ),
    (
        "glibc NEWS",
        "https://sourceware.org/git/?p=glibc.git;a=blob;f=NEWS",
    ),
    ("librseq", "https://github.com/compudj/librseq"),
];

/// Projects whose issues are known by number, by the words before it.
const ISSUES: [(&str, &str); 4] = [
    ("google/tcmalloc issue ", "google/tcmalloc"),
    ("golang/go issue ", "golang/go"),
    ("docker-library/mongo issue ", "docker-library/mongo"),
    ("librseq issue ", "compudj/librseq"),
];

/// Returns the addresses of the documents that a rule's source names, in its order;
/// what is part of this project, or has no address, has none.
pub(crate) fn addresses(source: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in source.split("; ") {
        for address in of_part(part) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found
}

/// Returns the addresses of the documents that one part of a source names.
fn of_part(part: &str) -> Vec<String> {
    let issue = ISSUES.iter().find_map(|(words, project)| {
        let number = part.strip_prefix(words)?;
        Some(format!("https://github.com/{project}/issues/{number}"))
    });
    if let Some(issue) = issue {
        return vec![issue];
    }
    let files: Vec<_> = words(part).filter_map(kernel_file).collect();
    if !files.is_empty() && !part.starts_with("librseq") && !part.starts_with("glibc") {
        return files;
    }
    let document = DOCUMENTS.iter().find(|(name, _)| part.starts_with(name));
    if let Some((_, address)) = document {
        return vec![(*address).to_owned()];
    }
    words(part).filter_map(manual_page).collect()
}

fn words(part: &str) -> impl Iterator<Item = &str> {
    part.split([' ', ',']).filter(|word| !word.is_empty())
}

/// Returns the address of a file of the kernel's sources.
fn kernel_file(word: &str) -> Option<String> {
    let is_file = ["kernel/", "include/", "Documentation/"]
        .iter()
        .any(|folder| word.starts_with(folder));
    is_file.then(|| {
        format!("https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/{word}")
    })
}

/// Returns the address of a page of the manual, such as `rseq(2)`.
fn manual_page(word: &str) -> Option<String> {
    let (name, section) = word.strip_suffix(')')?.split_once('(')?;
    let is_page = section.len() == 1 && section.bytes().all(|byte| byte.is_ascii_digit());
    is_page.then(|| format!("https://man7.org/linux/man-pages/man{section}/{name}.{section}.html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_model::rules::RULES;

    #[test]
    fn sources_have_addresses() {
        let rows: [(&str, &[&str]); 4] = [
            (
                "rseq(2), EINVAL; google/tcmalloc issue 144",
                &[
                    "https://man7.org/linux/man-pages/man2/rseq.2.html",
                    "https://github.com/google/tcmalloc/issues/144",
                ],
            ),
            (
                "Linux, kernel/rseq.c, sys_rseq; include/uapi/linux/rseq.h, struct rseq",
                &[
                    "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/kernel/rseq.c",
                    "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi/linux/rseq.h",
                ],
            ),
            (
                "librseq, doc and include/rseq/pseudocode.h",
                &["https://github.com/compudj/librseq"],
            ),
            ("patches-glibc/README.md", &[]),
        ];
        for (source, wanted) in rows {
            assert_eq!(addresses(source), wanted, "{source}");
        }
    }

    /// A part that names neither an address nor a page of ours is a mistake.
    #[test]
    fn every_source_can_be_found() {
        let ours = [
            "docs/",
            "patches-glibc/",
            "the decoders'",
            "glibc, ",
            "Linux ",
        ];
        for rule in RULES {
            for part in rule.source.split("; ") {
                let is_ours = ours.iter().any(|start| part.starts_with(start));
                assert!(
                    is_ours || !of_part(part).is_empty(),
                    "{}: {part}",
                    rule.name
                );
            }
        }
    }
}
