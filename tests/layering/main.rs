//! The house rule of the source: a module imports only from the floors below its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod imports;
mod tokens;

use std::{collections::BTreeMap, path::Path};

use imports::{Crate, Import};

/// The modules at the crate's root, from the ground up. A module may import from the rows above it in
/// this list, which are the floors below it, and from nothing in its own row.
const FLOORS: &[&[&str]] = &[
    &[
        "admitted_by",
        "config_error",
        "dns",
        "guide",
        "id",
        "json_object",
        "once_per_second",
        "pasted",
        "printable",
        "random",
        "unix_time",
        "unreadable",
    ],
    &["actor", "clock", "environment", "issuer", "keyed_hash", "origin", "secret_key"],
    &["base_url", "claims", "credential", "frontend_api", "jwk_set", "publishable_key", "session"],
    &["authorization", "instance"],
    &["fleet"],
    &["client", "extract", "follow", "for_redis", "webhook"],
    &["token"],
    &["sessions", "token_cache"],
    &["resolve"],
    &["middleware"],
    &["for_axum", "for_tonic"],
    &["testing"],
    &["fuzzing"],
];

#[test]
fn a_module_imports_only_from_floors_below_its_own() {
    let source = Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let violations = violations(&source);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn every_module_has_its_floor() {
    let source = Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut on_floors: Vec<_> = FLOORS.iter().copied().flatten().copied().collect();
    on_floors.sort_unstable();
    let modules: Vec<_> = source.modules().collect();
    assert_eq!(modules, on_floors);
    for used in ["client", "token", "sessions", "token_cache", "resolve", "middleware"] {
        assert!(source.imports().any(|import| import.to == used), "nobody imports {used}?");
    }
}

#[test]
fn contributing_tells_the_floors_as_they_are() {
    let page = include_str!("../../CONTRIBUTING.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let mut told: Vec<Vec<_>> = rows
        .map(|(modules, _)| modules.split(' ').map(|module| module.trim_matches('`')).collect())
        .collect();
    told.reverse();
    assert_eq!(told, FLOORS);
}

#[test]
fn whoever_reaches_up_or_sideways_is_found() {
    for guilty in [
        "use crate::resolve::Policy;",
        "use crate::{SessionsClient, Rejection};",
        "use crate::{client, middleware::{Protocol, ResponseBody}};",
        "pub(crate) use super::super::resolve::Policy;",
        "fn f() -> crate::Authenticate<()> { todo!() }",
        "const URL: &str = \"https://\"; fn f(_: crate::Policy) {}",
        "fn f<'a>(_: &'a str) -> char { '\"' } type T = crate::Policy; // \"",
        "mod inner { use super::super::super::resolve::Policy; }",
        "#[cfg(test)] mod tests; use crate::Policy;",
        "#[cfg(not(test))] use crate::Policy;",
        "#[cfg(test)] mod tests { fn f() { g(\"}\") } } use crate::Policy;",
    ] {
        assert!(!violations(&house(guilty)).is_empty(), "{guilty}");
    }
}

#[test]
fn whoever_keeps_to_the_rule_is_left_alone() {
    for innocent in [
        "use crate::{Session, SessionsClient, client::{self, Error}};",
        "use super::{TokenError, rules::Rules};",
        "// use crate::resolve::Policy;",
        "//! use crate::resolve::Policy;",
        "/* /* nested */ use crate::resolve::Policy; */",
        "const TEXT: &str = \"use crate::resolve::Policy;\";",
        "const TEXT: &str = r#\"\" use crate::resolve::Policy;\"#;",
        "#[cfg(test)] mod tests { use crate::resolve::Policy; }",
        "#[cfg(test)] use crate::resolve::Policy;",
        "#[cfg(test)] #[expect(dead_code, reason = \"…\")] pub(crate) fn f(_: crate::Policy) {}",
        "mod inner { use super::TokenError; }",
        "use ::resolve::Policy;",
    ] {
        assert_eq!(violations(&house(innocent)), Vec::<String>::new(), "{innocent}");
    }
}

/// A crate with the modules of this one, where `token/rules.rs` says `text`.
fn house(text: &str) -> Crate {
    let root = "mod client; mod resolve; mod middleware; mod session; mod token;
        pub use self::{client::SessionsClient, session::Session, token::TokenError,
            middleware::Authenticate, resolve::{Policy, Rejection}};";
    let files = [("", root), ("token", "mod rules;"), ("token::rules", text)];
    Crate::of(files.map(|(module, text)| (module.to_owned(), text.to_owned())))
}

fn violations(source: &Crate) -> Vec<String> {
    let floors: BTreeMap<_, _> = (0..).zip(FLOORS).flat_map(on_floor).collect();
    let floor_of = |module: &str| floors.get(module).copied();
    let is_allowed = |import: &Import| match (floor_of(&import.from), floor_of(&import.to)) {
        (Some(from), Some(to)) => to < from,
        _ => false,
    };
    let guilty = source.imports().filter(|import| import.from != import.to && !is_allowed(import));
    guilty.map(|Import { path, from, to }| format!("{path}: {from} imports {to}")).collect()
}

fn on_floor((floor, modules): (usize, &&'static [&'static str])) -> Vec<(&'static str, usize)> {
    modules.iter().map(|&module| (module, floor)).collect()
}
