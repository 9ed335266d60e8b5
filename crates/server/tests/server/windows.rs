//! What comes before anybody has read what came before it (RFC 9113, section 5.2).

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::house::House;

/// Frames and settings of HTTP/2.
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The window that each connection has at first.
const USUAL: u32 = 65_535;

/// The kind of the next frame of the connection as a whole, and what it holds.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.unwrap();
    let [high, middle, low, kind, _flags, number @ ..] = header;
    assert_eq!(u32::from_be_bytes(number), 0);
    let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

#[tokio::test]
async fn a_connection_holds_256_kib_that_nobody_has_read_and_a_call_half_of_that() {
    let house = House::new().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.unwrap();
    let (mut of_call, mut of_connection) = (USUAL, USUAL);
    while of_call == USUAL || of_connection == USUAL {
        let (kind, payload) = frame(&mut stream).await;
        match kind {
            SETTINGS => {
                for setting in payload.chunks(6) {
                    let (id, value) = setting.split_at(2);
                    if u16::from_be_bytes(id.try_into().unwrap()) == INITIAL_WINDOW_SIZE {
                        of_call = u32::from_be_bytes(value.try_into().unwrap());
                    }
                }
            }
            WINDOW_UPDATE => {
                of_connection += u32::from_be_bytes(payload.try_into().unwrap());
            }
            _ => {}
        }
    }
    assert_eq!((of_call, of_connection), (128 * 1024, 256 * 1024));
}
