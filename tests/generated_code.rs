//! The tonic example's generated code is committed, so that nobody needs a build script for it. This
//! generates it again, without `protoc`, and compares. `BLESS=1` writes it.

use std::{env, fs, path::Path};

#[test]
fn the_committed_code_is_what_the_proto_file_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = root.join("examples/proto");
    let committed = proto.join("identity.rs");

    let files = protox::compile(["identity.proto"], [&proto]).unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tonic_prost_build::configure().out_dir(out).compile_fds(files).unwrap();
    let generated = fs::read_to_string(out.join("tower_clerk.example.v1.rs")).unwrap();

    if env::var_os("BLESS").is_some() {
        fs::write(&committed, &generated).unwrap();
    }
    let committed = fs::read_to_string(&committed).unwrap();
    assert!(committed == generated, "run `BLESS=1 cargo test --test generated_code`");
    assert!(generated.contains("fn who_am_i"));
}
