//! What cannot be trusted is not kept. Alone in its process, whose memory it weighs. With `LONG_TESTS` the flood is a million.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, time::Duration};

use tower_clerk::{
    Clock, Credential, Policy, RejectionKind, SessionResolver,
    testing::{Operation, SessionsApi},
};

#[tokio::test]
async fn a_flood_of_unsigned_credentials_costs_no_memory_evicts_nobody_and_reaches_clerk_once() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let good = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
    // However long it takes, it happens within one moment.
    let moment = Clock::fixed(clerk.clock().now());
    let resolver = clerk.resolver_builder().capacity(1).clock(moment).build().unwrap();
    assert_eq!(kind_of(&resolver, &good).await, None);
    let calls = clerk.requests().total();

    let (signed, _) = good.rsplit_once('.').unwrap();
    let foreign = clerk.mint(&session).kid("ins_elsewhere").sign();
    let memory = resident_bytes();
    let flood = if env::var_os("LONG_TESTS").is_some() { 1_000_000 } else { 60_000 };
    for number in 0..flood {
        let credential = match number % 4 {
            // Of our key, and not by it.
            0 => format!("{signed}.{number:0>342}"),
            // Of a key that nobody has.
            1 => format!("{foreign}{number}"),
            2 => format!("{number}.{signed}"),
            _ => format!("sess_{number}"),
        };
        let refused = kind_of(&resolver, &credential).await;
        assert_eq!(refused, Some(RejectionKind::InvalidCredential), "{credential}");
    }
    let grown = resident_bytes().saturating_sub(memory);
    assert!(grown < 16 << 20, "{} KiB", grown >> 10);
    assert!(clerk.requests().total() <= calls + 1);
    assert_eq!(kind_of(&resolver, &good).await, None);
    assert_eq!(clerk.requests().count(Operation::Get), 1, "nobody was evicted");
}

async fn kind_of(resolver: &SessionResolver, token: &str) -> Option<RejectionKind> {
    let credential = Credential::session_token(token.as_bytes());
    let resolved = resolver.resolve(credential, &Policy::new()).await;
    resolved.err().map(|rejection| rejection.kind())
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes.map_or(0, |kibibytes| kibibytes.trim().parse::<usize>().unwrap() << 10)
}
