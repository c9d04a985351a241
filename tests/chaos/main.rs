//! Clerk breaks in every way it can while a crowd makes requests, and an oracle judges each answer.
//!
//! It lasts two seconds, ten with `LONG_TESTS`, or so many as it is told:
//! `CHAOS_SECONDS=60 cargo test --release --all-features --test chaos -- --nocapture` soaks it;
//! `CHAOS_SEED` repeats the draws of a run that failed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abroad;
mod crowd;
mod oracle;
mod people;
mod random;
#[expect(dead_code, reason = "the other tests ask for more")]
#[path = "../authenticate/stacks.rs"]
mod stacks;
mod weather;
mod wire;

use std::{
    env, fs,
    panic::{set_hook, take_hook},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use crowd::World;
use random::Random;

/// How long what is known of sessions is used.
#[derive(Debug, Clone, Copy)]
struct Lifetimes {
    ttl: Duration,
    stale_if_error: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_clerk_does_nobody_is_admitted_or_signed_out_wrongly() {
    let is_long = env::var_os("LONG_TESTS").is_some();
    let seconds = from_env("CHAOS_SECONDS").unwrap_or(if is_long { 10 } else { 2 });
    let seed = from_env("CHAOS_SEED").unwrap_or_else(now_in_nanos);
    let panics = count_panics();
    let mut random = Random::new(seed);
    let world = Arc::new(World::new(&mut random).await);
    let memory = resident_bytes();

    let end = Instant::now() + Duration::from_secs(seconds);
    world.live(&mut random, end).await;
    let grown = resident_bytes().saturating_sub(memory);
    world.calm_down().await;

    println!("seed {seed}, {seconds} s, {} MiB more than at the start", grown >> 20);
    println!("{}", world.tally());
    let violations = world.violations();
    assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
    assert_eq!(panics.load(Ordering::SeqCst), 0, "seed {seed}");
    assert!(grown < 128 << 20, "seed {seed}: {} MiB", grown >> 20);
    assert!(world.requests() > 100 * seconds, "seed {seed}: too few for a storm");
}

fn from_env(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

fn now_in_nanos() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_nanos() as u64
}

/// Panics in any task or thread, which would otherwise go by unseen.
fn count_panics() -> Arc<AtomicUsize> {
    let panics = Arc::new(AtomicUsize::new(0));
    let (counter, print) = (Arc::clone(&panics), take_hook());
    set_hook(Box::new(move |panic| {
        counter.fetch_add(1, Ordering::SeqCst);
        print(panic);
    }));
    panics
}

/// How much memory this process has, emulator, servers and clients included.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes.map_or(0, |kibibytes| kibibytes.trim().parse::<usize>().unwrap() << 10)
}
