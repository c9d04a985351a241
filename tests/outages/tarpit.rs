//! A server that answers, after a fashion.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What it does once it has promised JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tarpit {
    /// A space now and then, for ever.
    Drip,
    /// Spaces as fast as they are taken, for ever.
    Pour,
    /// Nothing, for ever.
    Rest,
}

impl Tarpit {
    /// Where it listens. It ends when what is returned is dropped.
    pub(crate) async fn start(self) -> (String, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(self.answer(stream));
            }
        });
        (origin, tasks)
    }

    async fn answer(self, mut stream: TcpStream) {
        const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        let spaces: Arc<[u8]> = vec![b' '; 64 << 10].into();
        let mut request = [0; 4096];
        if stream.read(&mut request).await.is_err() || stream.write_all(HEAD).await.is_err() {
            return;
        }
        loop {
            let sent = match self {
                Self::Drip => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    stream.write_all(b" ").await
                }
                Self::Pour => stream.write_all(&spaces).await,
                Self::Rest => std::future::pending().await,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}
