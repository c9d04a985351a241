//! Much, old and odd.

use std::{
    io,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use super::{Proxy, RedisLog, RedisServer, SOON, server_or_return};
use crate::{
    dns::Resolver,
    fleet::RevocationLog,
    follow::tests::{Process, revoked, suite::acknowledged, within},
};

const KEY: &str = "tower-clerk:revocations";

fn length(server: &RedisServer, key: &str) -> usize {
    redis::from_redis_value(server.ask(&["XLEN", key])).unwrap()
}

fn entries(from: usize, to: usize) -> Vec<crate::fleet::LogEntry> {
    (from..to).map(|n| revoked(&format!("sess_{n}"))).collect()
}

#[tokio::test]
async fn a_hundred_thousand_entries_at_the_start_are_caught_up_with() {
    let server = server_or_return!();
    let log = RedisLog::new(&server.url()).unwrap();
    for n in 0..100 {
        log.append(entries(n * 1_000, (n + 1) * 1_000)).await.unwrap();
    }
    let began = Instant::now();
    let process = Process::start(RedisLog::new(&server.url()).unwrap());
    within(Duration::from_secs(60), "caught up", || process.refused() == 100_000).await;
    println!("100,000 entries in {:?}", began.elapsed());
}

#[tokio::test]
async fn what_others_write_under_the_key_harms_nobody() {
    let server = server_or_return!();
    let process = Process::start(RedisLog::new(&server.url()).unwrap());
    let long = "a".repeat(1 << 20);
    for fields in [
        ["s", "../../etc/passwd"],
        ["s", "sess_1\r\nFLUSHALL"],
        ["u", "user_1"],
        ["h", &long],
        ["colour", "blue"],
    ] {
        server.ask(&["XADD", KEY, "*", fields[0], fields[1]]);
        server.ask(&["XADD", &format!("{KEY}:beats"), "*", fields[0], fields[1]]);
    }
    server.ask(&["XADD", KEY, "*", "s", "sess_2", "t", "active"]);
    server.ask(&["XADD", KEY, "*", "s", "sess_3", "t", "revoked", "e", "soon", "x", "y"]);
    within(SOON, "the good one", || process.refuses("sess_3")).await;
    within(SOON, "usable", || process.is_usable()).await;
    assert_eq!(process.refused(), 1);
    assert!(process.facts().forgotten.contains("sess_2"), "asked about anew");
}

#[tokio::test]
async fn old_entries_are_let_go_of_by_the_servers_clock() {
    let server = server_or_return!();
    let log = || RedisLog::new(&server.url()).unwrap().keep_for(Duration::from_secs(1));
    log().append(entries(0, 500)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(length(&server, KEY), 500, "nobody has trimmed yet");
    log().append(entries(500, 501)).await.unwrap();
    // Whole blocks of entries go.
    assert!(length(&server, KEY) <= 101, "{}", length(&server, KEY));
    let ttl: i64 = redis::from_redis_value(server.ask(&["TTL", KEY])).unwrap();
    assert!((1..=60).contains(&ttl), "and in the end the key does: {ttl}");
}

#[tokio::test]
async fn of_signs_of_life_some_thousand_are_kept() {
    let server = server_or_return!();
    let log = RedisLog::new(&server.url()).unwrap();
    let beat = |number| crate::fleet::LogEntry::Beat(format!("name.{number}").into());
    log.append((0..3_000).map(beat).collect()).await.unwrap();
    let kept = length(&server, &format!("{KEY}:beats"));
    assert!((1_000..=1_200).contains(&kept), "{kept}");
}

#[tokio::test]
async fn entries_that_are_gone_before_they_were_read_are_told_of() {
    let server = server_or_return!();
    let log = RedisLog::new(&server.url()).unwrap();
    log.append(entries(0, 10)).await.unwrap();
    let read = log.read(None, Duration::from_millis(10)).await.unwrap();
    assert!(read.complete && read.entries.len() == 10);

    log.append(entries(10, 20)).await.unwrap();
    log.reconnect();
    let next = log.read(read.next.clone(), Duration::from_millis(10)).await.unwrap();
    assert!(next.complete && next.entries.len() == 10 && !next.lost);

    server.ask(&["XTRIM", KEY, "MAXLEN", "5"]);
    log.reconnect();
    let page = log.read(read.next, Duration::from_millis(10)).await.unwrap();
    assert!(!page.complete && page.entries.len() == 5 && !page.lost);
    // A process that starts has missed nothing that it could know of.
    log.reconnect();
    assert!(log.read(None, Duration::from_millis(10)).await.unwrap().complete);
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_connections() {
    let server = server_or_return!();
    let process = Process::start(RedisLog::new(&server.url()).unwrap());
    within(SOON, "usable", || process.is_usable()).await;
    assert_eq!(server.clients().len(), 2, "one reads and one writes: {:?}", server.clients());
    drop(process);
    within(SOON, "closed", || server.clients().is_empty()).await;
}

#[tokio::test]
async fn a_read_that_is_dropped_takes_its_connection_along() {
    let server = server_or_return!();
    let log = RedisLog::new(&server.url()).unwrap();
    {
        let mut reading = pin!(log.read(None, Duration::from_secs(60)));
        let timeout = tokio::time::timeout(Duration::from_millis(200), &mut reading);
        timeout.await.unwrap_err();
        assert_eq!(server.clients().len(), 1);
    }
    within(SOON, "closed", || server.clients().is_empty()).await;
    log.append(entries(0, 1)).await.unwrap();
    assert_eq!(log.read(None, Duration::from_millis(10)).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn processes_with_keys_of_their_own_do_not_hear_of_each_other() {
    let server = server_or_return!();
    let log = |key: &str| RedisLog::new(&server.url()).unwrap().key(key);
    let fleet = ["staging", "production", "production"].map(|key| Process::start(log(key)));
    for process in &fleet {
        within(SOON, "usable", || process.is_usable()).await;
    }
    acknowledged(&fleet[1], "sess_1").await;
    within(SOON, "production", || fleet[2].refuses("sess_1")).await;
    assert_eq!(fleet[0].refused(), 0);
}

#[tokio::test]
async fn a_resolver_of_hosts_that_hangs_takes_two_threads_however_often_the_log_is_tried() {
    let asked = Arc::<AtomicUsize>::default();
    let (open, door) = mpsc::channel::<()>();
    let (counter, door) = (Arc::clone(&asked), Mutex::new(door));
    let hanging = Resolver::new(move |host: &str| {
        assert_eq!(host, "log.example");
        counter.fetch_add(1, Ordering::SeqCst);
        let _ = door.lock().unwrap().recv();
        Err(io::ErrorKind::NotFound.into())
    });
    let log = RedisLog::new("redis://log.example").unwrap().resolved_by(hanging);
    for _ in 0..2 {
        let tries: tokio::task::JoinSet<_> =
            (0..20).map(|n| log.append(entries(n, n + 1))).collect();
        let began = Instant::now();
        assert!(tries.join_all().await.iter().all(Result::is_err));
        assert!(began.elapsed() < SOON);
    }
    assert!((1..=2).contains(&asked.load(Ordering::SeqCst)));
    drop(open);
}

#[tokio::test]
async fn what_it_finds_is_asked_at_the_port_of_the_log() {
    let server = server_or_return!();
    let proxy = Proxy::start(server.socket());
    let resolver = Resolver::new(|_: &str| Ok(vec![([127, 0, 0, 1], 0).into()]));
    let url = proxy.url().replace("127.0.0.1", "log.example");
    RedisLog::new(&url).unwrap().resolved_by(resolver).append(entries(0, 1)).await.unwrap();
    assert_eq!(length(&server, KEY), 1);
}
