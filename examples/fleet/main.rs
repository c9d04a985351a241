//! Three processes that act as one: `cargo run --all-features --example fleet`
//!
//! It starts a Redis or Valkey server, the emulator of Clerk's API and three axum processes, signs somebody out at the
//! first and prints when the others refuse. Then it does so while the server stands still. It ends by itself.

mod log_server;

use std::{
    env,
    error::Error,
    process::Stdio,
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use log_server::LogServer;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::sleep,
};
use tower_clerk::{
    AuthenticateLayer, Readiness, RevokeSession, Session, SessionResolver, testing::SessionsApi,
};

/// Set in the processes that serve.
const IS_SERVICE: &str = "FLEET_SERVICE";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if env::var_os(IS_SERVICE).is_some() {
        return serve().await;
    }
    let Some(log) = LogServer::start().await? else {
        println!(
            "there is no Redis here: install redis-server or valkey-server (on Debian: apt-get install redis-server)"
        );
        return Ok(());
    };
    let clerk = SessionsApi::start().await;
    let mut fleet = Vec::new();
    for number in 1..=3 {
        fleet.push(Service::start(number, &clerk, &log).await?);
    }
    for service in &fleet {
        service.log_becomes(true).await?;
    }
    println!("three processes share a log on {}\n", log.program());
    sign_out(&clerk, &fleet).await?;
    sign_out_while_the_log_stands_still(&clerk, &fleet, &log).await
}

async fn sign_out(clerk: &SessionsApi, fleet: &[Service]) -> Result<(), Box<dyn Error>> {
    let token = sign_in(clerk, fleet, "user_ada").await?;
    let took = fleet[0].signs_out(&token).await?;
    let signed_out = Instant::now();
    println!("ada signed out at process 1, which took {took:.1?}");
    all_refuse(fleet, &token, signed_out).await
}

async fn sign_out_while_the_log_stands_still(
    clerk: &SessionsApi,
    fleet: &[Service],
    log: &LogServer,
) -> Result<(), Box<dyn Error>> {
    log.signal("STOP").await?;
    println!("\nthe log's server stands still (SIGSTOP)");
    let token = sign_in(clerk, fleet, "user_eve").await?;
    println!("eve signed in, and all processes admit her: the log's trouble refuses nobody");
    let took = fleet[0].signs_out(&token).await?;
    println!("eve signed out at process 1, which took {took:.1?}");
    for service in fleet {
        service.log_becomes(false).await?;
        let does = if service.admits(&token).await? { "still admits" } else { "refuses" };
        println!(
            "process {} {does} her, and its readiness says that the log is down",
            service.number
        );
    }
    log.signal("CONT").await?;
    let continued = Instant::now();
    println!("\nthe server goes on (SIGCONT)");
    all_refuse(fleet, &token, continued).await
}

/// Signs somebody in, and has all processes know the session.
async fn sign_in(
    clerk: &SessionsApi,
    fleet: &[Service],
    user: &str,
) -> Result<String, Box<dyn Error>> {
    let token = clerk.token(&clerk.sign_in(user));
    for service in fleet {
        if !service.admits(&token).await? {
            return Err(format!("process {} does not admit {user}", service.number).into());
        }
    }
    Ok(token)
}

async fn all_refuse(fleet: &[Service], token: &str, since: Instant) -> Result<(), Box<dyn Error>> {
    for service in fleet {
        while service.admits(token).await? {
            if since.elapsed() > PATIENCE {
                return Err(format!("process {} never refused", service.number).into());
            }
            sleep(Duration::from_millis(1)).await;
        }
        println!("process {} refuses, seen after {:.1?}", service.number, since.elapsed());
    }
    Ok(())
}

/// One of the processes, as this one sees it. It ends with this one.
struct Service {
    number: usize,
    url: String,
    http: reqwest::Client,
    _process: Child,
}

impl Service {
    async fn start(
        number: usize,
        clerk: &SessionsApi,
        log: &LogServer,
    ) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(env::current_exe()?)
            .env(IS_SERVICE, "1")
            .env("CLERK_SECRET_KEY", clerk.secret_key())
            .env("CLERK_PUBLISHABLE_KEY", clerk.publishable_key())
            .env("CLERK_API_URL", clerk.base_url())
            .env_remove("CLERK_JWT_KEY")
            .env("TOWER_CLERK_REDIS_URL", log.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the process has no output")?;
        let url = BufReader::new(stdout).lines().next_line().await?;
        Ok(Self {
            number,
            url: url.ok_or("the process ended at once")?,
            http: reqwest::Client::builder().no_proxy().build()?,
            _process: process,
        })
    }

    async fn admits(&self, token: &str) -> Result<bool, Box<dyn Error>> {
        let answer = self.http.get(format!("{}/me", self.url)).bearer_auth(token).send().await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::UNAUTHORIZED => Ok(false),
            status => Err(format!("process {} answers {status}", self.number).into()),
        }
    }

    async fn signs_out(&self, token: &str) -> Result<Duration, Box<dyn Error>> {
        let began = Instant::now();
        let request = self.http.post(format!("{}/sign-out", self.url)).bearer_auth(token);
        request.send().await?.error_for_status()?;
        Ok(began.elapsed())
    }

    /// Waits until its readiness says so.
    async fn log_becomes(&self, usable: bool) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let health: Value =
                self.http.get(format!("{}/healthz", self.url)).send().await?.json().await?;
            if health["revocation_log"]["usable"] == usable {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(format!("process {}: the log's state does not change", self.number).into())
    }
}

/// What a process of the fleet does, until whoever started it is gone.
async fn serve() -> Result<(), Box<dyn Error>> {
    let resolver = SessionResolver::from_env()?;
    let app = Router::new()
        .route("/me", get(async |session: Session| session.user_id().to_string()))
        .route_service("/sign-out", RevokeSession::new(resolver.clone()))
        .layer(AuthenticateLayer::new(resolver.clone())?)
        .route("/healthz", get(health))
        .with_state(resolver);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let parent_is_gone = async { drop(tokio::io::stdin().read_u8().await) };
    tokio::select! {
        ended = axum::serve(listener, app) => Ok(ended?),
        () = parent_is_gone => std::process::exit(0),
    }
}

async fn health(State(resolver): State<SessionResolver>) -> Json<Readiness> {
    Json(resolver.readiness())
}
