//! SECURITY.md names a test for each defence. It must be there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_test_that_the_security_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut tests);
    }
    let page = include_str!("../SECURITY.md");
    let named: Vec<_> = page.split('`').filter(|text| is_sentence(text)).collect();
    assert!(named.len() > 60, "{}", named.len());
    for name in named {
        assert!(tests.contains(name), "no test is called {name}");
    }
}

/// Options that read like sentences.
const OPTIONS: [&str; 3] = ["evidence_from_answers_only", "networkless_if_error", "stale_if_error"];

/// Names of tests are sentences; those of options and types are not.
fn is_sentence(text: &str) -> bool {
    let words = text.split('_').count();
    words >= 3
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !OPTIONS.contains(&text)
        && !text.starts_with('_')
}

fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in source.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(rest) = line.split_once("fn ").map(|(_, rest)| rest) {
                    if is_test {
                        tests.extend(rest.split('(').next().map(str::to_owned));
                    }
                    is_test = false;
                }
            }
        }
    }
}
