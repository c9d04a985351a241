//! Servers that crash, hang, forget, and are no longer the one that counts.
//!
//! Each test names the rule that it fails without.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{RedisLog, SOON, proxy::Proxy, server::RedisServer, server_or_return};
use crate::follow::tests::{
    Process, revoked,
    suite::{Member, RECOVERED, acknowledged, all_refuse, fleet, member},
    within,
};

/// The streams are looked at every five seconds. A machine with much else to do takes longer.
const CHECKED: Duration = Duration::from_secs(10);

const KEY: &str = "tower-clerk:revocations";
const AN_HOUR: u64 = 60 * 60 * 1000;

/// Makes the server give IDs of an hour later from now on, as if its clock were ahead. Seen from there, one that starts
/// anew has a clock that is behind.
fn put_ids_ahead(server: &RedisServer) {
    let ahead = format!("{}-0", millis_now() + AN_HOUR);
    server.ask(&["XADD", KEY, &ahead, "s", "sess_ahead", "t", "revoked"]);
    server.ask(&["XADD", &format!("{KEY}:beats"), &ahead, "h", "of nobody"]);
}

fn millis_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

async fn revoke_some(fleet: &[Member], sessions: std::ops::Range<usize>) {
    for n in sessions {
        fleet[n % fleet.len()].process.revoke(&format!("sess_{n}")).await;
    }
}

/// Rule 2: the ID given last is behind the cursor.
#[tokio::test]
async fn a_server_that_starts_anew_with_its_clock_behind_is_read_from_the_start() {
    let server = server_or_return!();
    let fleet = fleet(&server, 2).await;
    put_ids_ahead(&server);
    all_refuse(&fleet, 1, SOON).await;
    server.kill();
    server.restart();
    revoke_some(&fleet, 0..2).await;
    all_refuse(&fleet, 3, RECOVERED).await;
    for Member { process, .. } in &fleet {
        within(RECOVERED, "its own beats are read, too", || process.is_usable()).await;
    }
}

/// Rules 2 and 3 each see it.
#[tokio::test]
async fn what_a_flush_took_from_one_that_was_cut_off_is_appended_again() {
    let server = server_or_return!();
    let fleet = fleet(&server, 3).await;
    revoke_some(&fleet[..2], 0..20).await;
    all_refuse(&fleet, 20, SOON).await;
    fleet[2].link.cut();
    within(SOON, "the cut is noticed", || !fleet[2].process.is_usable()).await;
    revoke_some(&fleet[..2], 20..40).await;
    server.ask(&["FLUSHALL"]);
    fleet[2].link.mend();
    all_refuse(&fleet, 40, CHECKED + RECOVERED).await;
}

/// Rule 3: what was read last is not there. By the number of its entries and by their IDs the stream could be the same.
#[tokio::test]
async fn a_flush_that_others_entries_hide_is_noticed_all_the_same() {
    let server = server_or_return!();
    let mut fleet = fleet(&server, 1).await;
    revoke_some(&fleet, 0..3).await;
    all_refuse(&fleet, 3, SOON).await;
    server.ask(&["FLUSHALL"]);
    for n in 0..10 {
        let foreign = format!("sess_foreign{n}");
        server.ask(&["XADD", KEY, "*", "s", &foreign, "t", "ended"]);
        server.ask(&["XADD", &format!("{KEY}:beats"), "*", "h", "of nobody"]);
    }
    fleet.push(member(&server));
    all_refuse(&fleet, 13, CHECKED + RECOVERED).await;
}

/// Rule 3, where all connections were cut: what was acknowledged is appended again after each.
#[tokio::test]
async fn what_a_crash_took_is_appended_again_though_others_have_written_since() {
    let server = server_or_return!();
    let mut fleet = fleet(&server, 2).await;
    revoke_some(&fleet, 0..40).await;
    all_refuse(&fleet, 40, SOON).await;
    fleet.iter().for_each(|member| member.link.cut());
    server.kill();
    server.restart();
    server.ask(&["XADD", KEY, "*", "s", "sess_foreign", "t", "ended"]);
    fleet.iter().for_each(|member| member.link.mend());
    fleet.push(member(&server));
    all_refuse(&fleet, 41, RECOVERED).await;
}

/// Rule 4: the own beat must come back.
#[tokio::test]
async fn a_reader_left_with_a_server_that_no_longer_counts_follows_the_writer() {
    let (old, new) = (server_or_return!(), server_or_return!());
    let proxies: Vec<_> = (0..2).map(|_| Arc::new(Proxy::start(old.socket()))).collect();
    let start = |proxy: &Arc<Proxy>| Process::start(RedisLog::new(&proxy.url()).unwrap());
    let fleet: Vec<_> = proxies.iter().map(start).collect();
    for process in &fleet {
        within(SOON, "usable", || process.is_usable()).await;
    }
    proxies.iter().for_each(|proxy| proxy.lead_to(new.socket()));
    // The readers are blocked in a read, and stay. Nothing is wrong with their connections.
    for client in old.clients().iter().filter(|client| !client.contains("cmd=xread")) {
        let id = client.split([' ', '=']).nth(1).unwrap();
        old.ask(&["CLIENT", "KILL", "ID", id]);
    }
    fleet[0].revoke("sess_1").await;
    let next_beat_is_missed = Duration::from_secs(5 + 2);
    for process in &fleet {
        within(next_beat_is_missed + RECOVERED, "refused", || process.refuses("sess_1")).await;
    }
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_given_up() {
    let server = server_or_return!();
    let proxy = Proxy::start(server.socket());
    let here = Process::start(RedisLog::new(&proxy.url()).unwrap());
    let there = Process::start(RedisLog::new(&server.url()).unwrap());
    for process in [&here, &there] {
        within(SOON, "usable", || process.is_usable()).await;
    }
    proxy.swallow();
    within(Duration::from_secs(4), "noticed", || !here.is_usable()).await;
    acknowledged(&there, "sess_1").await;
    here.revoke("sess_2").await;
    proxy.mend();
    within(RECOVERED, "here", || here.refuses("sess_1")).await;
    within(RECOVERED, "there", || there.refuses("sess_2")).await;
}

#[tokio::test]
async fn a_connection_that_only_the_server_knows_to_be_closed_is_given_up() {
    let server = server_or_return!();
    let proxy = Proxy::start(server.socket());
    let here = Process::start(RedisLog::new(&proxy.url()).unwrap());
    let there = Process::start(RedisLog::new(&server.url()).unwrap());
    for process in [&here, &there] {
        within(SOON, "usable", || process.is_usable()).await;
    }
    proxy.half_close();
    acknowledged(&there, "sess_1").await;
    here.revoke("sess_2").await;
    // A read gives up after a second and a half, and a write after one.
    let noticed = Duration::from_secs(2);
    within(noticed + RECOVERED, "here", || here.refuses("sess_1")).await;
    within(noticed + RECOVERED, "there", || there.refuses("sess_2")).await;
}

#[tokio::test]
async fn connections_that_the_server_closes_are_made_anew() {
    let server = server_or_return!();
    let fleet = fleet(&server, 2).await;
    for round in 0..5 {
        server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        revoke_some(&fleet, round * 10..round * 10 + 10).await;
        all_refuse(&fleet, (round + 1) * 10, RECOVERED).await;
    }
}

#[tokio::test]
async fn a_restart_that_kept_its_data_repeats_nothing_wrongly() {
    let Some(server) = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    else {
        return;
    };
    let fleet = fleet(&server, 2).await;
    revoke_some(&fleet, 0..20).await;
    server.kill();
    server.restart();
    revoke_some(&fleet, 20..40).await;
    all_refuse(&fleet, 40, RECOVERED).await;
}

/// With three processes that all revoke.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_revocations_are_refused_everywhere_at_once() {
    let server = server_or_return!();
    let fleet = fleet(&server, 3).await;
    let mut delays = Vec::new();
    for n in 0..1_000 {
        let session = format!("sess_{n}");
        for (at, member) in fleet.iter().enumerate() {
            drop(member.process.follower.append(revoked(&format!("sess_load{at}_{n}"))));
        }
        acknowledged(&fleet[n % 3].process, &session).await;
        let returned = Instant::now();
        within(RECOVERED, &session, || fleet.iter().all(|it| it.process.refuses(&session))).await;
        delays.push(returned.elapsed());
    }
    all_refuse(&fleet, 4_000, SOON).await;
    delays.sort_unstable();
    println!(
        "from revoked to refused: p50 {:?}, p99 {:?}, {:?}",
        delays[500], delays[990], delays[999]
    );
}

/// Everything at once, while sessions are revoked all along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_and_forty_revocations_survive_all_of_it() {
    let server = server_or_return!();
    let fleet = fleet(&server, 3).await;
    let alone = &fleet[2];
    revoke_some(&fleet, 0..30).await;
    put_ids_ahead(&server);
    all_refuse(&fleet, 31, SOON).await;

    server.signal("STOP");
    revoke_some(&fleet, 30..60).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    server.signal("CONT");
    revoke_some(&fleet, 60..90).await;
    all_refuse(&fleet, 91, RECOVERED).await;

    alone.link.cut();
    revoke_some(&fleet, 90..120).await;
    server.ask(&["FLUSHALL"]);
    revoke_some(&fleet, 120..150).await;
    server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    revoke_some(&fleet, 150..180).await;
    server.kill();
    revoke_some(&fleet, 180..210).await;
    server.restart();
    alone.link.mend();
    revoke_some(&fleet, 210..240).await;
    all_refuse(&fleet, 241, RECOVERED).await;
    let newcomer = [member(&server)];
    // The one that was made up by the test is nobody's own.
    all_refuse(&newcomer, 240, RECOVERED).await;
}
