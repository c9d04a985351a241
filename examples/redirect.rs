//! A browser without a session goes to the sign-in page, and from there back to where it wanted to go; everybody else is answered
//! 401: `cargo run --all-features --example redirect`
//!
//! `SIGN_IN_URL` is Clerk's sign-in page (`https://accounts.example.com/sign-in`) or one of your own, `PUBLIC_ORIGIN` is where browsers
//! see this service. Without `CLERK_SECRET_KEY` it runs on an emulator, and a page of its own signs in whoever opens it.

mod demo;

use std::{env, error::Error, process::ExitCode, sync::Arc};

use axum::{
    Router,
    extract::{Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use demo::Clerk;
use reqwest::Url;
use serde::Deserialize;
use tower_clerk::{Rejection, RejectionKind, Session, testing::SessionsApi};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3004").await?;
    let here = format!("http://{}", listener.local_addr()?);
    let origin: Url = env::var("PUBLIC_ORIGIN").unwrap_or(here).parse()?;
    let sign_in = match env::var("SIGN_IN_URL") {
        Ok(url) => url.parse()?,
        Err(_) => origin.join("/sign-in")?,
    };
    let pages = Pages { sign_in, origin: origin.clone() };

    let app = Router::new()
        .route("/dashboard", get(dashboard))
        .route_layer(clerk.layer()?)
        .route_layer(from_fn_with_state(Arc::new(pages), send_to_sign_in)); // outside of the layer
    let app = match clerk.emulator {
        Some(emulator) => app.merge(demonstration(emulator, origin)),
        None => app,
    };
    axum::serve(listener, app).with_graceful_shutdown(demo::stopped()).await?;
    Ok(())
}

async fn dashboard(session: Session) -> String {
    format!("hello, {}\n", session.user_id())
}

struct Pages {
    sign_in: Url,
    origin: Url,
}

/// The layer left its refusal in the response's extensions. That Clerk cannot be asked is none that signing in would help with.
async fn send_to_sign_in(
    State(pages): State<Arc<Pages>>,
    request: Request,
    next: Next,
) -> Response {
    let wanted = is_navigation(&request).then(|| request.uri().clone());
    let response = next.run(request).await;
    let refusal = response.extensions().get::<Rejection>().map(Rejection::kind);
    let is_signed_out = matches!(
        refusal,
        Some(
            RejectionKind::MissingCredential
                | RejectionKind::InvalidCredential
                | RejectionKind::InactiveSession
        )
    );
    let Some(wanted) = wanted.filter(|_| is_signed_out) else { return response };
    // Below our own origin, whatever the request says.
    let mut back = pages.origin.clone();
    back.set_path(wanted.path());
    back.set_query(wanted.query());
    let mut sign_in = pages.sign_in.clone();
    sign_in.query_pairs_mut().append_pair("redirect_url", back.as_str());
    Redirect::to(sign_in.as_str()).into_response()
}

/// A page that somebody opens, and no call that a script makes.
fn is_navigation(request: &Request) -> bool {
    let has = |name, wanted| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value: &str| value.contains(wanted))
    };
    request.method() == Method::GET && has(header::ACCEPT, "text/html")
}

/// What Clerk's sign-in page does: it signs a person in, sets the cookie, and sends the browser back.
fn demonstration(emulator: SessionsApi, origin: Url) -> Router {
    #[derive(Deserialize)]
    struct Wanted {
        redirect_url: String,
    }

    async fn sign_in(
        State((emulator, origin)): State<(Arc<SessionsApi>, Url)>,
        Query(wanted): Query<Wanted>,
    ) -> Result<(HeaderMap, Redirect), StatusCode> {
        // A page that sends people wherever a link says is a gift to those who phish.
        let back: Url = wanted.redirect_url.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
        if back.origin() != origin.origin() {
            return Err(StatusCode::BAD_REQUEST);
        }
        let cookie = format!("__session={}; Path=/; SameSite=Lax", demo::sign_in(&emulator));
        let cookie = cookie.parse().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let headers = HeaderMap::from_iter([(header::SET_COOKIE, cookie)]);
        Ok((headers, Redirect::to(back.as_str())))
    }
    Router::new().route("/sign-in", get(sign_in)).with_state((Arc::new(emulator), origin))
}
