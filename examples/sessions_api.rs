//! The emulator of Clerk's Sessions API, alone, for any program in any language.
//!
//! ```sh
//! cargo run --all-features --example sessions_api -- \
//!     --addr 127.0.0.1:0 --secret-key sk_test_1 --user user_1 --template hasura \
//!     --webhook-url http://127.0.0.1:3000/webhooks/clerk --webhook-secret whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX
//! ```
//!
//! When it is ready it prints one line of JSON with its `base_url`, `secret_key`, `publishable_key` and `issuer`. It
//! keeps Clerk's rate limit, and stops on SIGTERM and Ctrl-C.

use std::{
    ffi::OsString,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use serde_json::json;
use tower_clerk::testing::{SessionsApi, SessionsApiBuilder};

const USAGE: &str = "usage: sessions_api [--addr 127.0.0.1:PORT] [--secret-key sk_test_…|sk_live_…] \
                     [--user user_…]… [--template NAME]… [--webhook-url URL --webhook-secret whsec_…]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match read_arguments(std::env::args_os().skip(1)) {
        Ok(settings) => settings,
        Err(why) => return misused(&why),
    };
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => misused(&error.to_string()),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn misused(why: &str) -> ExitCode {
    eprintln!("{why}\n{USAGE}");
    ExitCode::from(2)
}

fn read_arguments(arguments: impl Iterator<Item = OsString>) -> Result<SessionsApiBuilder, String> {
    let mut arguments =
        arguments.map(|it| it.into_string().map_err(|_| "arguments must be Unicode".to_owned()));
    let mut settings = SessionsApi::builder().enforce_quota(true);
    let (mut webhook_url, mut webhook_secret) = (None, None);
    while let Some(name) = arguments.next().transpose()? {
        let mut value = || arguments.next().unwrap_or_else(|| Err(format!("{name} needs a value")));
        settings = match name.as_str() {
            "--addr" => settings.addr(address(&value()?)?),
            "--secret-key" => settings.secret_key(&value()?),
            "--user" => settings.user(&value()?),
            "--template" => settings.template(&value()?),
            "--webhook-url" => {
                webhook_url = Some(value()?);
                settings
            }
            "--webhook-secret" => {
                webhook_secret = Some(value()?);
                settings
            }
            _ => return Err(format!("{name} is no argument of this program")),
        };
    }
    match (webhook_url, webhook_secret) {
        (Some(url), Some(secret)) => Ok(settings.webhooks(&url, &secret)),
        (None, None) => Ok(settings),
        _ => Err("--webhook-url and --webhook-secret belong together".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text} is no address: write it like 127.0.0.1:0"))
}

async fn run(settings: SessionsApiBuilder) -> io::Result<()> {
    // Listened for before anybody is told that we are ready.
    let stop = stop_signal()?;
    let api = settings.start().await?;
    let ready = json!({
        "base_url": api.base_url(),
        "secret_key": api.secret_key(),
        "publishable_key": api.publishable_key(),
        "issuer": api.issuer(),
    });
    writeln!(io::stdout(), "{ready}")?;
    stop.await
}

#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
