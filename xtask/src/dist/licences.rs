//! The licences of what is linked into the shipped files: most want their text to
//! go with the program.

use std::collections::BTreeMap;

use super::files::{files_of, read};
use super::linked::Crate;

/// The texts, by `CRATE-VERSION/FILE`.
pub fn of_dependencies(linked: &[Crate]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut texts = BTreeMap::new();
    for Crate {
        name,
        version,
        licence,
        folder,
    } in linked
    {
        let mut found = false;
        for path in files_of(folder)? {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let upper = file.to_uppercase();
            if ["LICEN", "COPYING", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|start| upper.starts_with(start))
            {
                texts.insert(format!("{name}-{version}/{file}"), read(&path)?);
                found = true;
            }
        }
        if !found {
            let says = format!("{name} {version}: {licence}\n");
            texts.insert(format!("{name}-{version}/LICENCE"), says.into_bytes());
        }
    }
    Ok(texts)
}
