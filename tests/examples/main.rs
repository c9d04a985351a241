//! The examples, as a stranger meets them: started as processes and asked over sockets.
#![cfg(unix)]

mod axum;
mod configuration;
mod http;
mod hyper;
mod process;
mod real_instance;
mod tonic;
