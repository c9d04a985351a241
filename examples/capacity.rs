//! How many sessions an instance's rate limit carries: `cargo run --example capacity`
//!
//! With `SessionCheck::Get` and `Verify` each replica asks Clerk about each session that it sees once per `ttl`:
//!
//! ```text
//! calls per second ≤ active sessions × replicas / TTL
//! ```
//!
//! It is a little less, since nothing is asked when an answer runs out, but when the next request comes:
//! `active sessions × replicas / (TTL + wait for the next request)`. Both stand here beside what comes of requests
//! that arrive at random. With `SessionCheck::Networkless` nothing is asked about any session.

/// How often an active session makes a request. The load balancer sends each to any of the replicas.
const REQUESTS_PER_SECOND: f64 = 1.0;

const REPLICAS: [u32; 2] = [1, 2];

/// What Clerk lets all services of an instance ask together.
const INSTANCES: [Instance; 2] = [
    Instance { kind: "production", calls_in_ten_seconds: 1000.0 },
    Instance { kind: "development", calls_in_ten_seconds: 100.0 },
];

fn main() {
    print_loads();
    print_capacities();
}

fn print_loads() {
    println!(
        "Calls to Clerk per second with Get or Verify, when a session makes a request a second."
    );
    println!(
        "yes: within the quota that clients keep to by default, shared out among the replicas"
    );
    println!("limit: within Clerk's limit, but only with Quota::Unlimited");
    println!("no: only with a longer TTL, or with Networkless, which makes no calls\n");
    println!(
        "  sessions replicas  TTL, s     at most    expected   simulated  production  development"
    );
    let mut random = Random(2026);
    for replicas in REPLICAS {
        for ttl in [30.0, 300.0] {
            for sessions in (2..=7).map(|exponent| 10_u32.pow(exponent)) {
                let load = Load { sessions, replicas, ttl };
                let [production, development] = INSTANCES.map(|instance| instance.carries(&load));
                println!(
                    "{sessions:>10} {replicas:>8} {ttl:>7} {:>11.1} {:>11.1} {:>11.1}  {production:<10}  {development}",
                    load.at_most(),
                    load.expected(),
                    load.simulated(&mut random),
                );
            }
        }
    }
}

fn print_capacities() {
    println!("\nSessions that may be active at a time, by the way of checking.\n");
    println!("   instance replicas  TTL, s  Get, Verify  with Quota::Unlimited  Networkless");
    for instance in INSTANCES {
        for replicas in REPLICAS {
            for ttl in [30.0, 60.0, 300.0, 900.0] {
                let sessions = |calls_per_second| calls_per_second * ttl / f64::from(replicas);
                println!(
                    "{:>11} {replicas:>8} {ttl:>7} {:>12.0} {:>22.0}   any number",
                    instance.kind,
                    sessions(instance.default_quota()),
                    sessions(instance.limit()),
                );
            }
        }
    }
}

/// Sessions that are active all the time, and the caches that know them.
struct Load {
    sessions: u32,
    replicas: u32,
    /// Seconds.
    ttl: f64,
}

impl Load {
    fn at_most(&self) -> f64 {
        self.entries() / self.ttl
    }

    fn expected(&self) -> f64 {
        self.entries() / (self.ttl + self.wait())
    }

    /// Every request of a sample, over ten TTLs in which all is under way.
    fn simulated(&self, random: &mut Random) -> f64 {
        let sample = self.entries().min(300.0);
        let (start, end) = (2.0 * self.ttl, 12.0 * self.ttl);
        let mut calls = 0.0;
        for _ in 0..sample as u32 {
            let mut now = self.ttl * random.fraction();
            let mut fresh_until = now;
            while now < end {
                if now >= fresh_until {
                    fresh_until = now + self.ttl;
                    calls += if now >= start { 1.0 } else { 0.0 };
                }
                now += random.exponential(self.wait());
            }
        }
        calls / sample / (end - start) * self.entries()
    }

    /// Each replica has its own cache, and sooner or later every session in it.
    fn entries(&self) -> f64 {
        f64::from(self.sessions) * f64::from(self.replicas)
    }

    /// The mean time until a replica sees another request of the session.
    fn wait(&self) -> f64 {
        f64::from(self.replicas) / REQUESTS_PER_SECOND
    }
}

#[derive(Clone, Copy)]
struct Instance {
    kind: &'static str,
    calls_in_ten_seconds: f64,
}

impl Instance {
    fn carries(self, load: &Load) -> &'static str {
        match load.at_most() {
            calls if calls <= self.default_quota() => "yes",
            calls if calls <= self.limit() => "limit",
            _ => "no",
        }
    }

    /// Calls per second.
    fn limit(self) -> f64 {
        self.calls_in_ten_seconds / 10.0
    }

    /// 95 % of 80 % of it.
    fn default_quota(self) -> f64 {
        0.95 * 0.8 * self.limit()
    }
}

/// SplitMix64: the same requests in every run.
struct Random(u64);

impl Random {
    /// From 0 to 1, without 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The time between two events that know nothing of one another.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }
}
