//! What a request costs under this crate and under its neighbours: `cargo run --release`.
//!
//! Every layer is put around the same inner service and called in process. The README says what each of them checks,
//! and what it does not.

#[cfg(test)]
mod checks;
mod clerk_rs;
mod dioxus_clerk;
mod inner;
mod measure;
mod scenario;
mod scene;
mod signature;
mod table;
mod tower_clerk;
mod tower_sessions;

use ::tower_clerk::SessionCheck::{Get, Networkless};
use scenario::Scenario;
use scene::Scene;
use tower_clerk::Room;

const ROUNDS: usize = 60;

fn main() {
    let scene = Scene::start();
    let _context = scene.runtime.enter();
    let mut scenarios = [
        same_token_again(&scene),
        many_sessions_in_turn(&scene),
        cookie_among_five(&scene),
        new_tokens_of_a_known_session(&scene),
        no_credential(&scene),
        cookie_of_a_session_store(&scene),
    ];
    measure::rounds(&mut scenarios, ROUNDS);
    print!("{}", table::of(&scenarios));
    println!("\nMedians of {ROUNDS} rounds, with a token of {} bytes.", scene.token_length());
}

fn same_token_again(scene: &Scene) -> Scenario<'_> {
    let token = scene.bearer("user_ada");
    Scenario::again(scene, "the same token again", vec![Some(token)])
        .admits("bare", inner::UNASKED)
        .admits("tower-clerk, `Get`", tower_clerk::service(scene, Get, Room::Ample))
        .admits("tower-clerk, `Networkless`", tower_clerk::service(scene, Networkless, Room::Ample))
        .admits("clerk-rs", clerk_rs::service(scene))
        .admits("dioxus-clerk", dioxus_clerk::service(scene))
}

fn many_sessions_in_turn(scene: &Scene) -> Scenario<'_> {
    let tokens = (0..1024).map(|n| Some(scene.bearer(&format!("user_{n}")))).collect();
    Scenario::again(scene, "1,024 sessions in turn", tokens)
        .admits("bare", inner::UNASKED)
        .admits("tower-clerk, `Get`", tower_clerk::service(scene, Get, Room::Ample))
        .admits("clerk-rs", clerk_rs::service(scene))
}

fn cookie_among_five(scene: &Scene) -> Scenario<'_> {
    let cookies = scene.cookies("user_ada");
    Scenario::again(scene, "the same token, a cookie among five", vec![Some(cookies)])
        .admits("bare", inner::UNASKED)
        .admits("tower-clerk, `Get`", tower_clerk::service(scene, Get, Room::Ample))
        .admits("clerk-rs", clerk_rs::service(scene))
        .admits("dioxus-clerk", dioxus_clerk::service(scene))
}

fn new_tokens_of_a_known_session(scene: &Scene) -> Scenario<'_> {
    let session = scene.clerk.sign_in("user_ada");
    let mut number = 0;
    let mut token = move || {
        number += 1;
        Some(scene.bearer_of(&session, number))
    };
    let tokens = move || std::iter::repeat_with(&mut token).take(64).collect();
    Scenario::anew(scene, "a new token of a known session", tokens)
        .admits("bare", inner::UNASKED)
        .admits("the signature alone", signature::alone(scene))
        .admits("tower-clerk, `Get`", tower_clerk::service(scene, Get, Room::Full))
        .admits("tower-clerk, `Networkless`", tower_clerk::service(scene, Networkless, Room::Full))
        .admits("tower-clerk, `Get`, room to grow", tower_clerk::service(scene, Get, Room::Ample))
        .admits("clerk-rs", clerk_rs::service(scene))
        .admits("dioxus-clerk", dioxus_clerk::service(scene))
}

fn no_credential(scene: &Scene) -> Scenario<'_> {
    Scenario::again(scene, "no credential, refused", vec![None])
        .admits("bare", inner::UNASKED)
        .refuses("tower-clerk, `Get`", tower_clerk::service(scene, Get, Room::Ample))
        .refuses("clerk-rs", clerk_rs::service(scene))
        .refuses("dioxus-clerk", dioxus_clerk::service(scene))
        .refuses("tower-sessions", tower_sessions::Store::new().asked())
}

fn cookie_of_a_session_store(scene: &Scene) -> Scenario<'_> {
    let store = tower_sessions::Store::new();
    let cookie = scene.runtime.block_on(store.sign_in("user_ada"));
    Scenario::again(scene, "an opaque cookie of the service's own", vec![Some(cookie)])
        .admits("bare", inner::UNASKED)
        .admits("tower-sessions, never asked", store.unasked())
        .admits("tower-sessions, asked who it is", store.asked())
}
