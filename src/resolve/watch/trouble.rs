use std::sync::atomic::{AtomicBool, Ordering};

use crate::Rejection;

/// What keeps Clerk from being asked about those who are watched, and is this service's own mistake: told once.
#[derive(Debug, Default)]
pub(in crate::resolve) struct Trouble(AtomicBool);

impl Trouble {
    pub(super) fn log(&self, rejection: &Rejection) {
        if !self.0.swap(true, Ordering::Relaxed) {
            let reason = rejection.reason();
            tracing::error!(
                reason,
                "sessions that are watched cannot be checked; they go on: {rejection}"
            );
        }
    }

    pub(super) fn is_over(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn it_is_told_once_until_it_is_over() {
        let (log, trouble) = (Log::default(), Trouble::default());
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let told = || {
                trouble.log(&Rejection::misconfigured("secret-key-invalid"));
                let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
                text.matches("secret-key-invalid").count().min(text.lines().count())
            };
            assert_eq!([told(), told()], [1, 1]);
            trouble.is_over();
            assert_eq!(told(), 2);
        });
    }
}
