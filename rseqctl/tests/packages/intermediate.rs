//! Object files whose symbols and code are elsewhere: intermediate code of compilers.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rseq_kit::needs::{Need, Tool};
use serde_json::Value;
use tempfile::TempDir;

const CODE: &str = "\
__attribute__((aligned(32))) __thread unsigned __rseq_abi[8];
extern const long __rseq_offset __attribute__((weak));
long offset(void) { return &__rseq_offset ? __rseq_offset : __rseq_abi[1]; }
";

struct Folder(TempDir);

impl Folder {
    /// With `a.c`, and what these commands make of it.
    fn new(script: &str) -> Self {
        let folder = Self(TempDir::new().expect("a temporary folder"));
        fs::write(folder.path("a.c"), CODE).expect("a temporary file");
        let status = Command::new("sh")
            .args(["-euc", script])
            .current_dir(&folder.0)
            .status();
        assert!(status.expect("sh starts").success(), "{script}");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The symbols that are found, each as `PATH: ROLE NAME TABLE SIZE`, the exit status
    /// and whether something was said to be intermediate code.
    fn audit(&self, name: &str) -> (Vec<String>, Option<i32>, bool) {
        let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
            .args(["audit", "--format", "ndjson", name])
            .current_dir(&self.0)
            .output()
            .expect("the command starts");
        let mut symbols = Vec::new();
        for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            let path = row["path"].as_str().expect("a path");
            let text = |symbol: &Value, key: &str| symbol[key].as_str().map(str::to_owned);
            for symbol in row["symbols"].as_array().expect("a list") {
                let words = ["role", "name", "table"].map(|key| text(symbol, key));
                let words = words.map(|word| word.expect("a word")).join(" ");
                symbols.push(format!("{path}: {words} {}", symbol["size"]));
            }
            if symbols.iter().any(|symbol| symbol.contains(" lto ")) {
                assert_eq!(row["tls_model"], "unknown", "{line}");
                assert_eq!(row["tls_model_evidence"], Value::Null, "{line}");
            }
        }
        symbols.sort();
        let complaints = String::from_utf8(output.stderr).expect("UTF-8");
        let is_told = complaints.contains("intermediate code for link-time optimisation");
        assert!(is_told || complaints.is_empty(), "{complaints}");
        (symbols, output.status.code(), is_told)
    }
}

#[rseq_kit::test(Need::new(&Tool("gcc")), Need::new(&Tool("ar")))]
fn slim_objects_of_gcc() {
    let folder = Folder::new(
        "gcc -O2 -fPIC -c -flto -fno-fat-lto-objects a.c -o slim.o; \
         echo 'int other;' > b.c; gcc -c -flto -fno-fat-lto-objects b.c -o other.o; \
         ar rc liba.a slim.o other.o; \
         gcc -O2 -fPIC -c -flto -ffat-lto-objects a.c -o fat.o; \
         gcc -c -flto -ffat-lto-objects b.c -o fat-data.o",
    );
    let lto = |path: &str| {
        vec![
            // GCC leaves out the sizes of what is not a common symbol
            format!("{path}: defines __rseq_abi lto 0"),
            format!("{path}: references __rseq_offset lto 0"),
        ]
    };
    assert_eq!(folder.audit("slim.o"), (lto("slim.o"), Some(3), true));
    assert_eq!(
        folder.audit("liba.a"),
        (lto("liba.a(slim.o)"), Some(3), true)
    );
    assert_eq!(folder.audit("other.o"), (vec![], Some(3), true));
    // machine code stands beside it: all is as without
    let fat = vec![
        "fat.o: defines __rseq_abi symtab 32".to_owned(),
        "fat.o: references __rseq_offset symtab 0".to_owned(),
    ];
    assert_eq!(folder.audit("fat.o"), (fat, Some(0), false));
    assert_eq!(folder.audit("fat-data.o"), (vec![], Some(0), false));
}

#[rseq_kit::test(Need::new(&Tool("clang-19")), Need::new(&Tool("ar")))]
fn bitcode_of_llvm() {
    let folder = Folder::new(
        "clang-19 -O2 -fPIC -c -flto a.c -o full.o; clang-19 -O2 -fPIC -c -flto=thin a.c -o thin.o; \
         ar rc liba.a full.o thin.o; \
         printf '\\336\\300\\027\\013\\0\\0\\0\\0\\024\\0\\0\\0' > wrapped.o; cat full.o >> wrapped.o; \
         mkdir tree; cp full.o tree; cp full.o tree/gpu.bc; \
         clang-19 -O2 -fPIC -c -flto -ffat-lto-objects a.c -o fat.o",
    );
    for name in ["full.o", "thin.o", "liba.a", "wrapped.o", "tree"] {
        assert_eq!(folder.audit(name), (vec![], Some(3), true), "{name}");
    }
    let fat = vec![
        "fat.o: defines __rseq_abi symtab 32".to_owned(),
        "fat.o: references __rseq_offset symtab 0".to_owned(),
    ];
    assert_eq!(folder.audit("fat.o"), (fat, Some(0), false));
}
