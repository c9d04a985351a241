//! Who may do what, by role, by permission and by a rule of one's own: `cargo run --all-features --example roles`
//!
//! Without `CLERK_SECRET_KEY` it runs on an emulator of Clerk's API and prints a token of an admin, of a reader and of somebody who is
//! in no organization.

#[expect(dead_code, reason = "the other examples use more of it")]
mod demo;

use std::{error::Error, process::ExitCode};

use axum::{
    Router,
    routing::{MethodRouter, get, post},
};
use demo::Clerk;
use tower_clerk::{
    Authorization, Claims, ConfigError, RequireAuthorization,
    testing::{Membership, SessionsApi},
};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3005").await?;
    if let Some(emulator) = &clerk.emulator {
        print_tokens(emulator);
    }
    let app = routes()?.layer(clerk.layer()?);
    axum::serve(listener, app).with_graceful_shutdown(demo::stopped()).await?;
    Ok(())
}

/// Each route with who may use it. A typo in a rule ends the process here.
fn routes() -> Result<Router, ConfigError> {
    let admins = RequireAuthorization::new(Authorization::role("org:admin")?);
    let readers = RequireAuthorization::new(Authorization::permission("org:reports:read")?);
    // Whatever the claims say: here, that nobody acts in the user's place.
    let in_person = RequireAuthorization::by(|claims| claims.actor().is_none());
    Ok(Router::new()
        .merge(of("/members", post(done), admins))
        .merge(of("/reports", get(done), readers))
        .merge(of("/account", get(done), in_person)))
}

fn of(path: &str, methods: MethodRouter, who: RequireAuthorization) -> Router {
    Router::new().route(path, methods).route_layer(who)
}

async fn done(claims: Claims) -> String {
    format!("{} may\n", claims.user_id())
}

fn print_tokens(emulator: &SessionsApi) {
    let member = || "org_example".parse().ok().map(Membership::new);
    let admin = demo::sign_in_with(emulator, |it| {
        it.organization = member().map(|it| it.with_role("org:admin"));
    });
    let reader = demo::sign_in_with(emulator, |it| {
        it.organization = member().map(|it| it.with_permissions(["org:reports:read"]));
    });
    println!("admin: {admin}");
    println!("reader: {reader}");
    println!("outsider: {}", demo::sign_in_with(emulator, |_| {}));
}
