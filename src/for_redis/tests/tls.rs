//! TLS, in a process of its own: a provider is installed for the whole of one.

use std::{env, net::TcpListener, process::Command};

use super::{RedisLog, SOON, server::RedisServer};
use crate::follow::tests::{Process, suite::acknowledged, within};

const CHILD: &str = "TOWER_CLERK_TEST_TLS_PORT";

#[test]
fn tls_goes_by_the_certificates_that_the_system_trusts() {
    if let Ok(port) = env::var(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(speak_tls(&port));
    }
    let Some(certificate) = Certificate::make() else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = RedisServer::start_with(&[
        "--tls-port",
        &port,
        "--bind",
        "127.0.0.1",
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        &certificate.path("cert"),
        "--tls-key-file",
        &certificate.path("key"),
        "--tls-ca-cert-file",
        &certificate.path("cert"),
    ]);
    let Some(_server) = server else { return };
    for (trusted, goes_well) in [(certificate.path("cert"), true), ("/dev/null".to_owned(), false)]
    {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args([
            "--exact",
            "for_redis::tests::tls::tls_goes_by_the_certificates_that_the_system_trusts",
        ]);
        child.env(CHILD, &port).env("SSL_CERT_FILE", &trusted).env_remove("SSL_CERT_DIR");
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), goes_well, "trusting {trusted}: {said}");
        assert!(goes_well || said.contains("not within"), "{said}");
    }
}

async fn speak_tls(port: &str) {
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    let error = RedisLog::new(&format!("rediss://localhost:{port}#insecure")).unwrap_err();
    assert!(error.to_string().contains("#insecure"), "{error}");
    let process = Process::start(RedisLog::new(&format!("rediss://localhost:{port}")).unwrap());
    within(SOON / 2, "usable", || process.is_usable()).await;
    acknowledged(&process, "sess_1").await;
    within(SOON, "refused", || process.refuses("sess_1")).await;
}

/// One for `localhost`, and its key, as files.
struct Certificate(std::path::PathBuf);

impl Certificate {
    fn make() -> Option<Self> {
        let folder = env::temp_dir().join(format!("tower-clerk-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let certificate = Self(folder);
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &certificate.path("key"), "-out", &certificate.path("cert")])
            .output();
        match made {
            Ok(output) => {
                assert!(output.status.success(), "{output:?}");
                Some(certificate)
            }
            Err(_) => {
                super::server::left_out("TLS to Redis; install openssl");
                None
            }
        }
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
