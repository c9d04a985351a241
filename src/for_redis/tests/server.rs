use std::{
    env, fs,
    io::{Write, stderr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, Once,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use redis::{Client, Value};

/// A server of the test's own, which ends with it, however that ends.
pub(super) struct RedisServer {
    binary: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
    process: Mutex<Child>,
}

impl RedisServer {
    /// None where no server is installed, which is said once.
    pub(super) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of its own.
    pub(super) fn start_with(arguments: &[&str]) -> Option<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let binary = binary()?;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-clerk-redis-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
        let process = Mutex::new(spawn(&binary, &folder, &arguments));
        let server = Self { binary, folder, arguments, process };
        server.wait_until_it_answers();
        Some(server)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    pub(super) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Asks it something, on a connection of the test's own.
    pub(super) fn ask(&self, command: &[&str]) -> Value {
        self.try_to_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn try_to_ask(&self, command: &[&str]) -> Result<Value, redis::RedisError> {
        let mut connection = Client::open(self.url())?.get_connection()?;
        let mut asked = redis::cmd(command[0]);
        asked.arg(&command[1..]);
        asked.query(&mut connection)
    }

    /// The connections of others.
    pub(super) fn clients(&self) -> Vec<String> {
        let list: String = redis::from_redis_value(self.ask(&["CLIENT", "LIST"])).unwrap();
        let others = list.lines().filter(|line| !line.contains("cmd=client"));
        others.map(str::to_owned).collect()
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.process.lock().unwrap().id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(status.success());
    }

    /// Ends it as a crash does.
    pub(super) fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts it again. What it knows then is what it had written to disk: nothing, unless it was told to.
    pub(super) fn restart(&self) {
        let _ = fs::remove_file(self.socket());
        *self.process.lock().unwrap() = spawn(&self.binary, &self.folder, &self.arguments);
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&self) {
        let began = Instant::now();
        while let Err(error) = self.try_to_ask(&["PING"]) {
            // It answers, if only to say that it wants a password.
            if error.kind() == redis::ErrorKind::AuthenticationFailed
                || error.code() == Some("NOAUTH")
            {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the server does not start: {error}"
            );
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(|broken| broken.into_inner());
        // A stopped process ends by this, too.
        let _ = process.kill();
        let _ = process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(binary: &Path, folder: &Path, arguments: &[String]) -> Child {
    Command::new(binary)
        .args(["--port", "0", "--unixsocket", "s", "--save", "", "--logfile", "log", "--dir"])
        .arg(folder)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The server's program: what `TOWER_CLERK_TEST_REDIS` names, or what is on the path.
fn binary() -> Option<PathBuf> {
    let named = env::var("TOWER_CLERK_TEST_REDIS").ok().map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = |name: &str| {
        env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    let found = named.or_else(|| on_path("redis-server")).or_else(|| on_path("valkey-server"));
    if found.is_none() {
        let how = "install redis-server or valkey-server, or name one in TOWER_CLERK_TEST_REDIS";
        assert!(env::var_os("TOWER_CLERK_REQUIRE_REDIS").is_none(), "no server to test on: {how}");
        static SAID: Once = Once::new();
        SAID.call_once(|| left_out(&format!("the tests of the log on Redis; {how}")));
    }
    found
}

/// Says so also where the test passes, which hides what `eprintln!` says.
pub(super) fn left_out(what: &str) {
    let _ = writeln!(stderr(), "left out: {what}");
}
