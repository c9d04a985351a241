//! What calls leave in the log.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::level_filters::LevelFilter;

use super::*;

#[tokio::test]
async fn a_call_is_one_event_without_identifiers_and_secrets() {
    let told = json!({
        "message": "no session sess_1 of user_1",
        "long_message": "no session sess_1 of user_1",
        "code": "resource_not_found",
    });
    let (client, _server) = answering([
        Canned::ok(&session("sess_1", "active")),
        Canned::json(404, "", &json!({"errors": [told]})),
        Canned::ok(&json!({"object": "token", "jwt": "hush"})),
        Canned::Raw(Vec::new()),
    ])
    .await;

    let log = Log::default();
    let guard = log.listen();
    client.get(&id()).await.unwrap();
    client.get(&id()).await.unwrap_err();
    client.create_token(&id(), None).await.unwrap();
    client.verify_session(&id(), Some("hush")).await.unwrap_err();
    drop(guard);

    let text = log.text();
    let events: Vec<_> = text.lines().filter(|line| line.contains("tower_clerk")).collect();
    assert_eq!(events.len(), 4, "{text}");
    for (event, parts) in events.iter().zip([
        ["DEBUG", r#"operation="get""#, "status=200", "latency_ms="],
        ["DEBUG", r#"failure="refused""#, "status=404", r#"code="resource_not_found""#],
        ["DEBUG", r#"operation="create_token""#, "status=200", "latency_ms="],
        ["WARN", r#"operation="verify""#, r#"failure="transport""#, "cause="],
    ]) {
        assert!(parts.iter().all(|part| event.contains(part)), "{event}");
    }
    for private in ["hush", "sess_1", "user_1"] {
        assert!(!text.contains(private), "{text}");
    }
}

#[tokio::test]
async fn an_outage_does_not_flood_the_log() {
    let (client, _server) = answering([refusal(500, "", "x")]).await;
    let log = Log::default();
    let guard = log.listen();
    for _ in 0..20 {
        client.revoke(&id()).await.unwrap_err();
    }
    drop(guard);
    let text = log.text();
    let count = |level| text.lines().filter(|line| line.contains(level)).count();
    assert!((1..=3).contains(&count("WARN")), "{text}");
    assert!(count("DEBUG") >= 17, "{text}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        // With a single listener, tracing lets the thread that comes to an event first decide whether
        // anybody wants to hear of it, and that may be another test's.
        static ANOTHER: OnceLock<tracing::Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| {
            let subscriber = tracing_subscriber::fmt().with_writer(io::sink);
            tracing::Dispatch::new(subscriber.with_max_level(LevelFilter::TRACE).finish())
        });
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(LevelFilter::TRACE)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
