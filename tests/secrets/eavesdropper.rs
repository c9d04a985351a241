//! Hears everything that this process tells of itself.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Display},
    io,
    panic::{set_hook, take_hook},
    sync::{Arc, Mutex},
};

use tracing::level_filters::LevelFilter;

/// Everything that was told, and what ought not to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Eavesdropper {
    heard: Arc<Mutex<Vec<u8>>>,
    secrets: BTreeSet<String>,
}

impl Eavesdropper {
    /// Listens to events of `tracing` and `log` at every level, and to panics, for the rest of the
    /// process.
    pub(crate) fn listen() -> Self {
        let listener = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer({
                let listener = listener.clone();
                move || listener.clone()
            })
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log::set_logger(Box::leak(Box::new(listener.clone()))).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let print = take_hook();
        set_hook(Box::new({
            let listener = listener.clone();
            move |panic| {
                listener.hear(&panic.to_string());
                print(panic);
            }
        }));
        listener
    }

    pub(crate) fn hear(&self, text: &str) {
        self.heard.lock().unwrap().extend_from_slice(format!("{text}\n").as_bytes());
    }

    /// Hears what a value looks like in a log.
    pub(crate) fn look(&self, value: &impl Debug) {
        self.hear(&format!("{value:?} {value:#?}"));
    }

    /// Hears an error with everything it came from.
    pub(crate) fn consider(&self, error: &dyn std::error::Error) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.hear(&format!("{error} {error:?} {error:#?}"));
            next = error.source();
        }
    }

    pub(crate) fn read(&self, text: &impl Display) {
        self.hear(&text.to_string());
    }

    pub(crate) fn mind(&mut self, secret: &str) {
        assert!(secret.len() >= 8, "`{secret}` could turn up by chance");
        self.secrets.insert(secret.to_owned());
    }

    /// A token is secret as a whole; its signature is what makes it so, and its claims are private.
    pub(crate) fn mind_token(&mut self, token: &str) {
        self.mind(token);
        for part in token.split('.').skip(1).filter(|part| part.len() >= 8) {
            self.mind(&part[..part.len().min(40)]);
            self.mind(&part[part.len() - part.len().min(40)..]);
        }
    }

    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }

    /// The lines in which something secret was told.
    pub(crate) fn betrayals(&self) -> Vec<String> {
        let heard = self.heard();
        let betrays = |line: &&str| self.secrets.iter().any(|secret| line.contains(secret));
        heard.lines().filter(betrays).map(str::to_owned).collect()
    }
}

impl io::Write for Eavesdropper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.heard.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl log::Log for Eavesdropper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.hear(&format!("log {} {}: {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}
