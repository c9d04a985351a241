//! What a request costs when the cache is large, and what the cache costs in memory.
//!
//! `RUSTFLAGS="--cfg tower_clerk_benchmarks" cargo bench --all-features --bench large_cache`

#![cfg_attr(
    tower_clerk_benchmarks,
    expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")
)]

#[cfg(tower_clerk_benchmarks)]
mod scene;

#[cfg(not(tower_clerk_benchmarks))]
fn main() {
    println!("set RUSTFLAGS=\"--cfg tower_clerk_benchmarks\", which lets large caches be filled");
}

#[cfg(tower_clerk_benchmarks)]
fn main() {
    filled::main();
}

#[cfg(tower_clerk_benchmarks)]
mod filled {
    use std::{fs, thread};

    use criterion::Criterion;
    use http::{HeaderValue, header::AUTHORIZATION};
    use serde_json::json;
    use tower::Layer;
    use tower_clerk::{AuthenticateLayer, Session, SessionCheck, SessionResolver};

    use super::scene::{Scene, bearer, inner, request};

    pub(super) fn main() {
        memory();
        let mut criterion = Criterion::default().configure_from_args();
        hot_among_many(&mut criterion);
        uniform(&mut criterion);
        two_threads(&mut criterion);
        criterion.final_summary();
    }

    fn session(number: u64) -> Session {
        let session = json!({
            "object": "session", "id": format!("sess_2b7Fz1Qm9xT4kLw8vNc3{number:08}"),
            "user_id": format!("user_2b7Fz1Qm9xT4kLw8vNc3{number:08}"),
            "client_id": format!("client_2b7Fz1Qm9xT4kLw8vNc3{number:08}"), "status": "active",
            "last_active_at": 1_700_000_000_000_u64, "expire_at": 4_000_000_000_000_u64,
            "abandon_at": 4_000_000_000_000_u64, "updated_at": 1_700_000_000_000_u64,
            "created_at": 1_700_000_000_000_u64,
        });
        serde_json::from_value(session).unwrap()
    }

    fn payload(number: u64) -> String {
        json!({
            "iss": "https://clerk.example.com", "iat": 1_700_000_000, "exp": 4_000_000_000_u64,
            "sid": session(number).id(), "sub": session(number).user_id(), "v": 2,
            "custom": "x".repeat(300),
        })
        .to_string()
    }

    /// As long as a token, and as different from others in its tail.
    fn token(number: u64) -> String {
        let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{}.{}.{}{spread:016x}A", "h".repeat(120), "p".repeat(580), "s".repeat(325))
    }

    fn fill(scene: &Scene, sessions: u64, with_tokens: bool) -> (SessionResolver, String) {
        let resolver = scene.resolver(SessionCheck::Get, sessions + 1);
        let genuine = scene.token("user_genuine");
        scene.warm(&resolver, &genuine);
        for number in 0..sessions {
            resolver.preload_session(session(number));
            if with_tokens {
                let token = token(number);
                resolver.preload_token(token.as_bytes(), &payload(number), genuine.as_bytes());
            }
        }
        (resolver, genuine)
    }

    fn resident_bytes() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn memory() {
        const SESSIONS: u64 = 200_000;
        let scene = Scene::new();
        let bytes_each = |what, before| {
            let bytes = (resident_bytes() - before) / SESSIONS;
            println!("memory: {bytes} bytes for {what}");
            bytes
        };
        // All are kept, lest one be given the memory of another.
        let before = resident_bytes();
        let _alone: Vec<Session> = (0..SESSIONS).map(session).collect();
        let alone = bytes_each("a session by itself", before);
        let before = resident_bytes();
        let _without_tokens = fill(&scene, SESSIONS, false);
        let cached = bytes_each("a cached session, itself included", before);
        let before = resident_bytes();
        let _with_tokens = fill(&scene, SESSIONS, true);
        let with_token =
            bytes_each("a cached session with a token of 1 KB, itself included", before);
        println!("memory: {} and {} bytes beside itself", cached - alone, with_token - alone);
    }

    fn hot_among_many(criterion: &mut Criterion) {
        let scene = Scene::new();
        let mut group = criterion.benchmark_group("one hot session");
        for sessions in [1, 1_000, 1_000_000] {
            let (resolver, hot) = fill(&scene, sessions - 1, true);
            let mut service = AuthenticateLayer::new(resolver).unwrap().layer(inner());
            let value = bearer(&hot);
            group.bench_function(format!("among {sessions}"), |b| {
                b.iter(|| scene.call(&mut service, request(AUTHORIZATION, &value)));
            });
        }
        group.finish();
    }

    fn uniform(criterion: &mut Criterion) {
        let scene = Scene::new();
        let mut group = criterion.benchmark_group("uniform access");
        for sessions in [100_000_u64, 1_000_000] {
            let (resolver, _) = fill(&scene, sessions, true);
            let mut service = AuthenticateLayer::new(resolver).unwrap().layer(inner());
            let values: Vec<HeaderValue> = (0..sessions).map(|n| bearer(&token(n))).collect();
            let mut next = 0_usize;
            group.bench_function(format!("over {sessions}"), |b| {
                b.iter(|| {
                    next = (next + 7_919) % values.len();
                    scene.call(&mut service, request(AUTHORIZATION, &values[next]));
                });
            });
        }
        group.finish();
    }

    fn two_threads(criterion: &mut Criterion) {
        const REQUESTS: u64 = 20_000;
        let scene = Scene::new();
        let (resolver, hot) = fill(&scene, 0, false);
        let layer = AuthenticateLayer::new(resolver).unwrap();
        let value = bearer(&hot);
        let mut group = criterion.benchmark_group("one hot session, 20,000 requests");
        group.sample_size(20);
        for threads in [1, 2] {
            group.bench_function(format!("on each of {threads} threads"), |b| {
                b.iter(|| {
                    thread::scope(|scope| {
                        for _ in 0..threads {
                            scope.spawn(|| {
                                let mut service = layer.layer(inner());
                                for _ in 0..REQUESTS {
                                    scene.call(&mut service, request(AUTHORIZATION, &value));
                                }
                            });
                        }
                    });
                });
            });
        }
        group.finish();
    }
}
