//! What the examples share: Clerk as the environment describes it, or the emulator.

use std::{env, error::Error, process::ExitCode, time::Duration};

use tokio::{net::TcpListener, signal};
use tower_clerk::{
    AuthenticateLayer, ConfigError, SessionId, SessionResolver,
    testing::{Membership, SessionRecord, SessionsApi},
};

/// Runs an example, with its log on standard error. What keeps it from running is told in a sentence.
pub(crate) async fn run(example: impl Future<Output = Result<(), Box<dyn Error>>>) -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr)
        .init();
    match example.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) struct Clerk {
    pub(crate) resolver: SessionResolver,
    /// Where there is no `CLERK_SECRET_KEY`.
    pub(crate) emulator: Option<SessionsApi>,
}

impl Clerk {
    pub(crate) async fn from_env() -> Result<Self, ConfigError> {
        let clerk = if env::var_os("CLERK_SECRET_KEY").is_some() {
            Self { resolver: SessionResolver::from_env()?, emulator: None }
        } else {
            let emulator = SessionsApi::start().await;
            let resolver = emulator.resolver_builder().join_fleet_from_env()?.build()?;
            Self { resolver, emulator: Some(emulator) }
        };
        if clerk.resolver.readiness().revocation_log().is_some() {
            println!("revocations are shared through the log that TOWER_CLERK_REDIS_URL names");
        }
        Ok(clerk)
    }

    pub(crate) fn layer(&self) -> Result<AuthenticateLayer, ConfigError> {
        AuthenticateLayer::new(self.resolver.clone())
    }
}

/// Signs a new user in at the emulator, a plain member of an organization who may read its reports and who
/// proved an hour ago who they are.
pub(crate) fn sign_in(emulator: &SessionsApi) -> String {
    sign_in_with(emulator, |session| {
        let member = "org_example".parse().ok().map(Membership::new);
        session.organization = member.map(|it| it.with_permissions(["org:reports:read"]));
    })
}

/// The same of somebody who differs in some way.
pub(crate) fn sign_in_with(
    emulator: &SessionsApi,
    change: impl FnOnce(&mut SessionRecord),
) -> String {
    let session = emulator.sign_in_with("user_ada", |session| {
        session.first_factor_at = session.created_at.checked_sub(HOUR);
        change(session);
    });
    token(emulator, &session)
}

/// A token that is good for an hour, to leave time for trying things.
pub(crate) fn token(emulator: &SessionsApi, session: &SessionId) -> String {
    emulator.mint(session).expires_in(HOUR).sign()
}

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Listens where `ADDR` says.
pub(crate) async fn listen(default: &str) -> Result<TcpListener, Box<dyn Error>> {
    let addr = env::var("ADDR").unwrap_or_else(|_| default.to_owned());
    let listener = TcpListener::bind(&addr).await.map_err(|e| format!("ADDR {addr}: {e}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// Returns when the process is asked to stop.
pub(crate) async fn stopped() {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())
            .expect("a handler for SIGTERM can be installed");
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = signal::ctrl_c().await;
}
