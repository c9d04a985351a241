//! One of the processes, as it sees itself.

use std::env;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::mpsc,
    task::yield_now,
};
use tower_clerk::{Instance, SessionResolver, SessionsClient, client::Quota};

use super::{
    ADDRESS,
    load::{Asked, ask_on_and_on},
    served,
};

/// Is a process of a fleet, where that is what it was started as, and tells whether it was.
pub(crate) async fn serve_if_told() -> bool {
    let Ok(address) = env::var(ADDRESS) else { return false };
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (lines, mut answers) = stream.into_split();
    let resolver = resolver();
    while !resolver.readiness().revocation_log().unwrap().is_usable() {
        yield_now().await;
    }
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    say.send(format!("usable {}", served::serve(resolver.clone()).await)).unwrap();
    tokio::spawn(async move {
        while let Some(line) = said.recv().await {
            answers.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    });
    let (know, known) = mpsc::unbounded_channel();
    let load = tokio::spawn(ask_on_and_on(resolver.clone(), known, say.clone()));
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match *line.split(' ').collect::<Vec<_>>() {
            ["know", number, token] => {
                let _ = know.send(Asked { number: number.into(), token: token.into() });
            }
            ["revoke", number, session] => {
                let (say, number) = (say.clone(), number.to_owned());
                let revoking = resolver.revoke(&session.parse().unwrap());
                tokio::spawn(async move {
                    let told = match revoking.await {
                        Ok(_) => format!("revoked {number}"),
                        Err(error) => format!("wrong: {number} is not revoked, {error}"),
                    };
                    let _ = say.send(told);
                });
            }
            ["end"] => break,
            _ => panic!("{line}"),
        }
    }
    drop(know);
    let answered = load.await.unwrap();
    let _ = say.send(format!("answered {answered}"));
    // Whoever started it has heard so, and is gone or ends it.
    while let Ok(Some(_)) = lines.next_line().await {}
    true
}

/// As `from_env` makes it, without a limit on how often Clerk is asked.
fn resolver() -> SessionResolver {
    let instance = Instance::from_env().unwrap();
    let client = SessionsClient::builder(&instance).quota(Quota::Unlimited).build().unwrap();
    let builder = SessionResolver::builder(&instance).client(client);
    builder.join_fleet_from_env().unwrap().build().unwrap()
}
