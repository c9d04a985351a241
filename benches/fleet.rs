//! What a log between processes costs and brings: how long after a revocation the other processes of a fleet refuse, and all of
//! them after a webhook that one has accepted, how soon streams end, how soon a process that starts has caught up, and what a
//! session that is over takes in memory.
//!
//! `cargo bench --all-features --bench fleet`
//!
//! It starts a Redis or Valkey server, the emulator of Clerk's API and, as itself, three processes that ask for sessions on and
//! on, so that all cores are busy.

#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a benchmark fails by panicking"))]

#[cfg(not(unix))]
fn main() {
    println!("left out: the log between processes, whose server is reached by a Unix socket");
}

#[cfg(unix)]
fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measured::main());
}

#[cfg(unix)]
#[expect(dead_code, reason = "nothing is stopped here")]
#[path = "../examples/fleet/log_server.rs"]
mod log_server;
#[cfg(unix)]
#[path = "../tests/fleet/process/mod.rs"]
mod process;

#[cfg(unix)]
mod measured {
    use std::{
        collections::BTreeMap,
        fs,
        time::{Duration, Instant},
    };

    use tokio::time::sleep;
    use tower_clerk::{
        Credential, Policy, SessionCheck, SessionResolver, SessionStatus,
        fleet::{LogEntry, Revocation, RevocationLog},
        for_redis::RedisLog,
        testing::SessionsApi,
    };

    use super::{
        log_server::LogServer,
        process::{self, Delay, Processes, Streams},
    };

    const REVOCATIONS: usize = 1000;
    const EVENTS: usize = 500;
    const STREAMS: usize = 100;
    const ENTRIES: usize = 100_000;
    const HOUR: Duration = Duration::from_secs(60 * 60);

    pub(super) async fn main() {
        if process::serve_if_told().await {
            return;
        }
        let Some(server) = LogServer::start().await.unwrap() else {
            println!("left out: the log between processes; install redis-server or valkey-server");
            return;
        };
        catching_up(&server).await;
        endings(&server).await;
    }

    async fn endings(server: &LogServer) {
        let clerk = SessionsApi::start().await;
        let mut fleet = Processes::start(&[], &clerk, &server.url()).await;
        let began = Instant::now();
        println!("on {}, {REVOCATIONS} revocations by three processes in turn", server.program());
        let delays = fleet.revoke(&clerk, REVOCATIONS).await;
        print_called("until another refuses, from the call of `revoke`, which asks Clerk", &delays);
        print_returned("the same, from when it has returned", &delays);
        println!("{EVENTS} webhooks, each to one of the three");
        let delays = fleet.end_by_webhook(&clerk, EVENTS).await;
        print_called("until all three refuse, from when it is sent", &delays);
        print_returned("the same, from when it is accepted", &delays);
        streams(&fleet, &clerk).await;
        let took = began.elapsed();
        let answered: u64 = fleet.end().await.iter().sum();
        let rate = answered as f64 / took.as_secs_f64() / 1e6;
        println!("meanwhile the three answered {rate:.1} million requests a second");
        println!(
            "none was admitted once refused; nobody else was refused, nor did their streams end"
        );
    }

    async fn streams(fleet: &Processes, clerk: &SessionsApi) {
        println!("{STREAMS} webhooks of sessions whose streams are open at another process");
        let stays = clerk.sign_in("user_ada");
        let mut of_one_who_stays = Streams::open(fleet, 0, clerk, &stays).await;
        let mut delays = BTreeMap::<_, Vec<_>>::new();
        for number in 0..STREAMS {
            let (here, there) = (number % 3, (number + 1) % 3);
            let session = clerk.sign_in("user_eve");
            let streams = Streams::open(fleet, there, clerk, &session).await;
            let sent = Instant::now();
            let (_, ended) = tokio::join!(fleet.deliver(here, &session), streams.end());
            for (stream, at) in ended {
                delays.entry(stream).or_default().push(at - sent);
            }
        }
        for (stream, delays) in delays {
            print(&format!("until the {stream} has ended, from when it is sent"), delays);
        }
        of_one_who_stays.go_on().await;
    }

    async fn catching_up(server: &LogServer) {
        let log = || RedisLog::new(&server.url()).unwrap().key("tower-clerk:many");
        let clerk = SessionsApi::start().await;
        let (stays, last) = (clerk.sign_in("user_ada"), clerk.sign_in("user_eve"));
        let token_of = |session| clerk.mint(session).expires_in(HOUR).sign();
        let (of_one_who_stays, of_the_last) = (token_of(&stays), token_of(&last));
        let writer = log();
        for first in (0..ENTRIES - 1).step_by(1000) {
            let sessions = first..(first + 1000).min(ENTRIES - 1);
            let session = |n| format!("sess_2b7Fz1Qm9xT4kLw8vNc3{n:08}").parse().unwrap();
            let entries = sessions.map(|n| revoked(session(n)));
            writer.append(entries.collect()).await.unwrap();
        }
        writer.append(vec![revoked(last)]).await.unwrap();

        let before = resident_bytes();
        let began = Instant::now();
        let builder = clerk.resolver_builder().check(SessionCheck::Networkless);
        let process = builder.revocation_log(log()).build().unwrap();
        assert!(admits(&process, &of_one_who_stays).await);
        let served = began.elapsed();
        // It was appended last, so it is read last.
        while admits(&process, &of_the_last).await {
            sleep(Duration::from_millis(1)).await;
        }
        let caught_up = began.elapsed();
        let bytes = resident_bytes().zip(before).map(|(now, before)| (now - before) / ENTRIES);
        assert!(admits(&process, &of_one_who_stays).await);
        let rate = ENTRIES as f64 / caught_up.as_secs_f64();
        println!("{ENTRIES} entries at the start: serves after {served:.1?}, has caught up after");
        println!("  {caught_up:.2?}: {rate:.0} entries a second");
        if let Some(bytes) = bytes {
            println!("  {bytes} bytes for each session that is over");
        }
    }

    fn revoked(session: tower_clerk::SessionId) -> LogEntry {
        Revocation::ended(session, SessionStatus::Revoked, None).into()
    }

    async fn admits(process: &SessionResolver, token: &str) -> bool {
        process.resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await.is_ok()
    }

    /// Where the system tells.
    fn resident_bytes() -> Option<usize> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
        Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
    }

    fn print_called(what: &str, delays: &[Delay]) {
        print(what, delays.iter().map(|delay| delay.since_called).collect());
    }

    fn print_returned(what: &str, delays: &[Delay]) {
        print(what, delays.iter().map(|delay| delay.since_returned).collect());
    }

    fn print(what: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("{what}: p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(0.5), at(0.99), at(1.0));
    }
}
