//! No link of the documents leads nowhere: in the repository, on the package's page, on docs.rs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

/// The documents that the package holds, beside the guides.
const PACKAGED: [&str; 3] = ["CHANGELOG.md", "SECURITY.md", "docs/performance.md"];
/// Those that stay in the repository.
const KEPT: [&str; 3] = ["CONTRIBUTING.md", "compare/README.md", "fuzz/README.md"];

const PAGES: &str = "https://docs.rs/tower-clerk/latest/tower_clerk/";
const FILES: &str = "https://docs.rs/crate/tower-clerk/latest/source/";

#[test]
fn the_packages_page_has_no_link_that_breaks_there() {
    let readme = read("README.md");
    let links = links(&readme);
    assert!(links.len() > 20, "{links:?}");
    let broken: Vec<_> =
        links.into_iter().filter(|link| !leads_from_anywhere(link, &readme)).collect();
    assert_eq!(broken, [""; 0], "relative links have nothing to be relative to there");
}

#[test]
fn every_relative_link_leads_to_a_file_and_in_the_package_to_one_of_the_package() {
    let mut followed = 0;
    for document in PACKAGED.into_iter().chain(KEPT) {
        let text = read(document);
        for link in links(&text) {
            let is_packaged = PACKAGED.contains(&document);
            assert!(leads_from(document, link, &text, is_packaged), "{document}: {link}");
            followed += 1;
        }
    }
    assert!(followed > 2, "{followed}");
}

#[test]
fn a_guide_links_to_items_to_other_guides_and_to_the_web() {
    for entry in fs::read_dir(root().join("src/guide")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&text) {
            // rustdoc itself refuses an item that is not there.
            let is_item = link.contains("::") || link.starts_with("Self::");
            assert!(is_item || link.starts_with("https://"), "{}: {link}", path.display());
        }
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let text =
        "# A heading\n[a](https://example.com)\n```\n[no](link)\n```\n[b]: docs/nowhere.md\n";
    assert_eq!(links(text), ["https://example.com", "docs/nowhere.md"]);
    for link in [
        "docs/nowhere.md",
        "docs/performance.md",
        "#another-heading",
        "https://docs.rs/tower-clerk/latest/tower_clerk/guide/nothing/",
        "https://docs.rs/crate/tower-clerk/latest/source/CONTRIBUTING.md",
    ] {
        assert!(!leads_from_anywhere(link, text), "{link}");
    }
    assert!(leads_from_anywhere("#a-heading", text));
    assert!(
        !leads_from("docs/performance.md", "../CONTRIBUTING.md", text, true),
        "not in the package"
    );
    assert!(leads_from("docs/performance.md", "../CONTRIBUTING.md", text, false));
}

/// Whether a link leads somewhere whatever it is read from.
fn leads_from_anywhere(link: &str, text: &str) -> bool {
    if let Some(page) = link.strip_prefix(PAGES) {
        let page = page.trim_end_matches('/');
        let guide = root().join("src").join(page).with_extension("md");
        return guide.exists() || declares(page);
    }
    if let Some(file) = link.strip_prefix(FILES) {
        return is_packaged(Path::new(file));
    }
    link.starts_with("https://") || link.starts_with("http://") || is_heading(link, text)
}

/// Whether a link leads somewhere from this document.
fn leads_from(document: &str, link: &str, text: &str, in_package: bool) -> bool {
    if link.starts_with("https://") || is_heading(link, text) {
        return true;
    }
    let (file, _) = link.split_once('#').unwrap_or((link, ""));
    let file = root().join(document).parent().unwrap().join(file);
    let Ok(file) = file.canonicalize() else { return false };
    !in_package || is_packaged(file.strip_prefix(root().canonicalize().unwrap()).unwrap())
}

/// Whether it is a module: `testing` is one of the root, `guide/performance` of the guide.
fn declares(page: &str) -> bool {
    let (parent, module) = page.rsplit_once('/').unwrap_or(("lib", page));
    read(&format!("src/{parent}.rs")).contains(&format!("pub mod {module}"))
}

fn is_packaged(file: &Path) -> bool {
    let manifest = read("Cargo.toml");
    let (_, list) = manifest.split_once("include = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let mut included =
        list.split('"').skip(1).step_by(2).map(|entry| entry.trim_start_matches('/'));
    root().join(file).exists() && included.any(|entry| file.starts_with(entry))
}

/// Whether it is a heading of the same document, as GitHub names them.
fn is_heading(link: &str, text: &str) -> bool {
    let Some(wanted) = link.strip_prefix('#') else { return false };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim()).any(|heading| {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).eq(wanted.chars())
    })
}

/// What is linked to, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let definition = line.strip_prefix('[').and_then(|line| line.split_once("]: "));
            links.extend(definition.map(|(_, target)| target).filter(|it| !it.contains(' ')));
            links.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        }
    }
    links
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_default()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
