//! The tables of the guides say what the crate does. (Their programs are run as doctests.)

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use tower_clerk::{
    Credential, Policy,
    testing::{Fault, Operation, SessionsApi},
};

const ANSWERS: &str = include_str!("../src/guide/answers.md");
const OUTAGES: &str = include_str!("../src/guide/outages.md");

#[tokio::test]
async fn when_clerk_is_in_trouble_the_answers_are_those_of_the_table() {
    let mut rows = table(OUTAGES, "Clerk says").into_iter();
    let heads = rows.next().unwrap();
    let (mut cells, mut starred) = (0, 0);
    for row in rows {
        for (knows, told) in heads.iter().zip(&row).skip(1) {
            let given = answer(row[0], knows).await;
            assert_eq!(given, *told, "Clerk says: {}; cache: {knows}", row[0]);
            cells += 1;
            starred += usize::from(told.ends_with('*'));
        }
    }
    assert_eq!((cells, starred), (20, 8));
}

/// What a request is answered, with a star where Clerk was not asked for it.
async fn answer(says: &str, knows: &str) -> String {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
    let stale = if knows.contains("stale_if_error") { 60 } else { 0 };
    let resolver =
        clerk.resolver_builder().stale_if_error(Duration::from_secs(stale)).build().unwrap();
    let policy = Policy::new();
    let resolve = || resolver.resolve(Credential::session_token(token.as_bytes()), &policy);

    match knows {
        "nothing known" => {}
        "active, age < `ttl`" => drop(resolve().await.unwrap()),
        "active, older" | "active, older, within `stale_if_error`" => {
            resolve().await.unwrap();
            clerk.clock().advance(Duration::from_secs(61));
        }
        "ended" => {
            clerk.set_status(&session, "ended");
            resolve().await.unwrap_err();
            clerk.set_status(&session, "active");
        }
        other => panic!("what does the cache know? {other}"),
    }
    match says {
        "it is active" => {}
        "it is not active" => clerk.set_status(&session, "replaced"),
        "there is no such session" => clerk.remove(&session),
        "nothing: 429, 5xx, time-out, nonsense" => clerk.fail(Operation::Get, Fault::status(503)),
        other => panic!("what does Clerk say? {other}"),
    }
    clerk.forget_requests();
    let mut answer = match resolve().await {
        Ok(resolved) if resolved.freshness().unwrap().is_stale() => "200, stale".to_owned(),
        Ok(_) => "200".to_owned(),
        Err(rejection) => rejection.status().as_u16().to_string(),
    };
    if clerk.requests().count(Operation::Get) == 0 {
        answer.push_str(" *");
    }
    answer
}

#[test]
fn every_reason_in_the_table_is_one_that_the_source_gives() {
    let source = source(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let mut reasons = 0;
    for row in table(ANSWERS, "Case").iter().skip(1) {
        for reason in row[4].split(", ").map(|reason| reason.trim_matches('`')) {
            assert!(source.contains(&format!("\"{reason}\"")), "{reason}");
            reasons += 1;
        }
    }
    assert!(reasons > 20, "{reasons}");
    assert!(!source.contains("\"token-made-up\""));
}

/// Whatever begins so and is no misconfiguration may be told to callers.
#[test]
fn every_reason_that_the_source_gives_to_callers_is_on_the_page() {
    const BEGINNINGS: [&str; 7] = [
        "authorization-",
        "clerk-unavailable",
        "credential-",
        "jwk-",
        "reverification-",
        "session-",
        "token-",
    ];
    const FOR_OPERATORS: &str = "jwk-kid-mismatch";
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let source = ["middleware", "resolve", "token"].map(|name| source(&folder.join(name))).concat();
    let is_reason = |text: &&str| {
        BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
            && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())
            && *text != FOR_OPERATORS
            && !source.contains(&format!("misconfigured(\"{text}\")"))
    };
    let reasons: BTreeSet<_> = source.split('"').filter(is_reason).collect();
    assert!(reasons.len() > 20, "{reasons:?}");
    for reason in reasons {
        assert!(ANSWERS.contains(&format!("`{reason}`")), "{reason}");
    }
}

#[test]
fn each_page_has_a_program_that_ends_in_an_assertion() {
    let pages = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide")).unwrap();
    let mut read = 0;
    for page in pages.map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&page).unwrap();
        let blocks = text.split("\n```").skip(1).step_by(2);
        let is_run = |block: &&str| block.starts_with('\n') || block.starts_with("rust\n");
        let mut programs = blocks.filter(is_run);
        assert!(programs.any(|program| program.contains("assert")), "{}", page.display());
        read += 1;
    }
    assert!(read > 12, "{read}");
}

/// Whoever copies a program from a page copies what can be seen of it.
#[test]
fn nothing_of_a_program_is_hidden_but_what_any_main_has() {
    const OF_MAIN: [&str; 8] = [
        "# #[tokio::main]",
        "# async fn main() ",
        "# fn main() ",
        "# tokio::runtime::Builder::",
        "# Ok",
        "# })?;",
        "# }",
        "# let _ = ",
    ];
    let pages = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide")).unwrap();
    let mut hidden = 0;
    for page in pages.map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&page).unwrap();
        for line in text.split("\n```").skip(1).step_by(2).flat_map(str::lines) {
            if line.starts_with("# ") {
                let is_of_main = OF_MAIN.iter().any(|beginning| line.starts_with(beginning));
                assert!(is_of_main, "{}: {line}", page.display());
                hidden += 1;
            }
        }
    }
    assert!(hidden > 60, "{hidden}");
}

/// The cells of the table whose first column has this head, without the line below the heads.
fn table(page: &'static str, head: &str) -> Vec<Vec<&'static str>> {
    let start = format!("| {head} |");
    let lines = page.lines().skip_while(|line| !line.starts_with(&start));
    let lines = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| -> Vec<_> {
        line.trim_matches('|').split('|').map(str::trim).collect()
    };
    lines.filter(|line| !line.starts_with("| ---")).map(cells).collect()
}

fn source(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = files
        .map(|path| if path.is_dir() { source(&path) } else { fs::read_to_string(path).unwrap() });
    texts.collect()
}
