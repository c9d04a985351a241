use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::UnixStream,
    process::{Child, Command},
    time::sleep,
};

/// A Redis or Valkey server on a socket in a folder of its own. Both go with it.
pub(crate) struct LogServer {
    program: PathBuf,
    folder: PathBuf,
    process: Child,
}

impl LogServer {
    /// None where there is none on the path.
    pub(crate) async fn start() -> Result<Option<Self>, Box<dyn Error>> {
        let Some(program) = on_path("redis-server").or_else(|| on_path("valkey-server")) else {
            return Ok(None);
        };
        let folder = env::temp_dir().join(format!("tower-clerk-fleet-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let process = Command::new(&program)
            .args(["--port", "0", "--unixsocket", "s", "--save", "", "--dir"])
            .arg(&folder)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let server = Self { program, folder, process };
        for _ in 0..1000 {
            if UnixStream::connect(server.folder.join("s")).await.is_ok() {
                return Ok(Some(server));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("the log's server does not start".into())
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.folder.join("s").display())
    }

    pub(crate) fn program(&self) -> impl std::fmt::Display {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// `STOP` or `CONT`.
    pub(crate) async fn signal(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let id = self.process.id().ok_or("the log's server has ended")?.to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status().await?;
        if status.success() { Ok(()) } else { Err("the server cannot be signalled".into()) }
    }
}

impl Drop for LogServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder: PathBuf| folder.join(name))
        .find(|it: &PathBuf| Path::is_file(it))
}
