//! Requests that no well-behaved client sends, byte by byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends these bytes and gives what comes back until the server closes the connection.
pub(crate) async fn http1(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// How a server ended an HTTP/2 stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an answer, whatever it says.
    Answered,
    /// With RST_STREAM, GOAWAY or the end of the connection.
    Cut,
}

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const GOAWAY: u8 = 0x7;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// Sends one request with exactly these header fields over a connection of its own (RFC 9113), and a body.
pub(crate) async fn http2(addr: SocketAddr, fields: &[(&str, &[u8])], body: &[u8]) -> Ended {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    request.extend(frame(SETTINGS, 0, 0, &[]));
    request.extend(frame(HEADERS, END_HEADERS, 1, &header_block(fields)));
    request.extend(frame(DATA, END_STREAM, 1, body));
    let _ = stream.write_all(&request).await;

    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let [l0, l1, l2, kind, flags, _, _, _, _] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            break;
        }
        match kind {
            HEADERS => return Ended::Answered,
            RST_STREAM | GOAWAY => return Ended::Cut,
            SETTINGS if flags & ACK == 0 => {
                let _ = stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await;
            }
            _ => {}
        }
    }
    Ended::Cut
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, l0, l1, l2] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![l0, l1, l2, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Literal fields without indexing (RFC 7541 §6.2.2), nothing compressed.
fn header_block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_bytes(), value] {
            push_length(&mut block, text.len());
            block.extend(text);
        }
    }
    block
}

/// An integer with a 7-bit prefix (RFC 7541 §5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        return block.push(u8::try_from(length).unwrap());
    };
    block.push(127);
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}
