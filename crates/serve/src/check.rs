//! A probe for places that have no HTTP client of their own, such as an empty container image.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Time for connecting, asking and answering, each.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server at `address`, which speaks plain HTTP, says that it is ready.
///
/// # Errors
/// When nobody listens there, or does not answer in time.
pub fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(start == *b"HTTP/1.1 200")
}
