//! What an authenticated request costs, around a trivial inner service and in process.
//!
//! `cargo bench --all-features --bench request`. Compare rows of one run with one another.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod scene;

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderValue, Request, header::AUTHORIZATION, header::COOKIE};
use scene::{DAY, Scene, bearer, inner, request};
use tower::Layer;
use tower_clerk::{
    AuthenticateLayer, Authorization, PublishableKey, RequireAuthorization, Reverification,
    SessionCheck, testing::Membership,
};

const CAPACITY: u64 = 100_000;

fn requests(c: &mut Criterion) {
    let scene = Scene::new();
    let token = scene.token("user_ada");
    let value = bearer(&token);
    let resolver = scene.resolver(SessionCheck::Get, CAPACITY);
    scene.warm(&resolver, &token);
    let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
    let mut bare = inner();
    let mut service = layer.layer(inner());
    let mut group = c.benchmark_group("request");

    group.bench_function("bare", |b| {
        b.iter(|| scene.call(&mut bare, request(AUTHORIZATION, &value)));
    });
    group.bench_function("hit, one session", |b| {
        b.iter(|| scene.call(&mut service, request(AUTHORIZATION, &value)));
    });

    let member_token = {
        let session = scene.clerk.sign_in("user_eve");
        scene.clerk.edit(&session, |session| {
            let mut member = Membership::new("org_1".parse().unwrap());
            member.permissions = (0..20).map(|n| format!("org:reports:read_{n}")).collect();
            session.organization = Some(member);
        });
        scene.clerk.mint(&session).expires_in(DAY).claim("fva", vec![0, -1]).sign()
    };
    scene.warm(&resolver, &member_token);
    let member = bearer(&member_token);
    group.bench_function("hit, a member", |b| {
        b.iter(|| scene.call(&mut service, request(AUTHORIZATION, &member)));
    });
    let all = Authorization::role("org:member").unwrap();
    let all = all.and(Authorization::permission("org:reports:read_7").unwrap());
    let all = all.and(Authorization::reverification(Reverification::Lax));
    let claims = scene.claims(&resolver, &member_token);
    group.bench_function("has: a role, a permission and a fresh proof", |b| {
        b.iter(|| black_box(&claims).has(black_box(&all)));
    });
    let mut authorized = layer.layer(RequireAuthorization::new(all).layer(inner()));
    group.bench_function("hit, a member with a role, a permission and a fresh proof", |b| {
        b.iter(|| scene.call(&mut authorized, request(AUTHORIZATION, &member)));
    });

    let denying = scene.resolver(SessionCheck::Get, CAPACITY);
    scene.warm(&denying, &token);
    for number in 0..1000 {
        let user = format!("user_{number:0>27}").parse().unwrap();
        drop(denying.deny(&user, None, scene.clerk.clock().now()));
    }
    let mut denying = AuthenticateLayer::new(denying).unwrap().layer(inner());
    group.bench_function("hit, one session, a thousand others denied", |b| {
        b.iter(|| scene.call(&mut denying, request(AUTHORIZATION, &value)));
    });

    let networkless = scene.resolver(SessionCheck::Networkless, CAPACITY);
    scene.warm(&networkless, &token);
    let mut networkless = AuthenticateLayer::new(networkless).unwrap().layer(inner());
    group.bench_function("hit, networkless", |b| {
        b.iter(|| scene.call(&mut networkless, request(AUTHORIZATION, &value)));
    });

    let key: PublishableKey = scene.clerk.publishable_key().parse().unwrap();
    let suffix = key.cookie_suffix();
    let cookies: HeaderValue = format!(
        "theme=dark; __client_uat_{suffix}=1700000000; __session_{suffix}={token}; \
         _ga=GA1.1.1234567890.1700000000; locale=en"
    )
    .parse()
    .unwrap();
    let mut with_cookie = layer.layer(inner());
    group.bench_function("bare, cookie", |b| {
        b.iter(|| scene.call(&mut bare, request(COOKIE, &cookies)));
    });
    group.bench_function("hit, cookie among five", |b| {
        b.iter(|| scene.call(&mut with_cookie, request(COOKIE, &cookies)));
    });

    group.bench_function("bare, no credential", |b| {
        b.iter(|| scene.call(&mut bare, Request::new(())));
    });
    group.bench_function("refusal without a credential", |b| {
        b.iter(|| scene.call(&mut service, Request::new(())));
    });

    let values: Vec<_> = (0..1024)
        .map(|n| {
            let token = scene.token(&format!("user_{n}"));
            scene.warm(&resolver, &token);
            bearer(&token)
        })
        .collect();
    let mut turn = values.iter().cycle();
    group.bench_function("bare, 1,024 tokens in turn", |b| {
        b.iter(|| scene.call(&mut bare, request(AUTHORIZATION, turn.next().unwrap())));
    });
    let mut turn = values.iter().cycle();
    group.bench_function("hit, 1,024 sessions in turn", |b| {
        b.iter(|| scene.call(&mut service, request(AUTHORIZATION, turn.next().unwrap())));
    });

    let session = scene.clerk.sign_in("user_new");
    let mint = |n: u64| {
        // Each has a header of its own, as Clerk's have.
        let assembled_at = scene.clerk.clock().now() - Duration::from_secs(n % 3_600);
        let mint = scene.clerk.mint(&session).expires_in(DAY).assembled_at(assembled_at);
        mint.claim("n", n).claim("custom", "x".repeat(240)).sign()
    };
    scene.warm(&resolver, &mint(0));
    let mut number = 0;
    group.sample_size(20);
    group.bench_function("new token of a known session", |b| {
        let setup = || {
            number += 1;
            request(AUTHORIZATION, &bearer(&mint(number)))
        };
        let routine = |request| scene.call(&mut service, request);
        b.iter_batched(setup, routine, BatchSize::NumIterations(64));
    });
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
