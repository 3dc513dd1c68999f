//! A program as a user would write it, with the released Rust client of Apache Iggy 0.9.
//!
//!     conformance ADDRESS send TEXT       four producers send the lines of a file, half is read
//!     conformance ADDRESS verify TEXT     after a restart: all of it is read, by every strategy
//!     conformance ADDRESS commands        every command, by name and by number, right and wrong
//!
//! One line a check: `ok <sentence>` or `FAILED <sentence>`; the story is on standard error.

mod commands;
mod text;

use iggy::prelude::*;
use std::future::Future;
use std::time::{Duration, Instant};

const CHECK_SECONDS: u64 = 90;

/// Connected and logged in. A lost connection is retried once, so that a test of a restart works.
pub async fn client(address: &str) -> IggyClient {
    let client = stranger(address).await;
    client.login_user("iggy", "iggy").await.expect("log in");
    client
}

/// Connected only.
pub async fn stranger(address: &str) -> IggyClient {
    let client = IggyClient::builder()
        .with_tcp()
        .with_server_address(address.to_owned())
        .with_reconnection_max_retries(Some(2))
        .with_no_delay()
        .build()
        .expect("build a client");
    client.connect().await.expect("connect");
    client
}

pub fn named(name: &str) -> Identifier {
    Identifier::named(name).expect("a valid name")
}

pub fn numbered(number: u32) -> Identifier {
    Identifier::numeric(number).expect("a valid number")
}

/// The server must refuse with exactly this number.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(number: u32, result: Result<T, IggyError>) {
    match result {
        Ok(value) => panic!("accepted with {value:?}, expected error {number}"),
        Err(error) => assert_eq!(error.as_code(), number, "wrong error: {error}"),
    }
}

pub struct Report {
    failed: u32,
}

impl Report {
    /// Runs one check to its end, its panic, or the deadline.
    pub async fn check<F>(&mut self, sentence: &str, check: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let begin = Instant::now();
        let deadline = Duration::from_secs(CHECK_SECONDS);
        let verdict = match tokio::time::timeout(deadline, tokio::spawn(check)).await {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => "FAILED",
            Err(_) => {
                eprintln!("no end after {CHECK_SECONDS} s");
                "FAILED"
            }
        };
        self.failed += u32::from(verdict == "FAILED");
        println!("{verdict:7} {:6.2} s  {sentence}", begin.elapsed().as_secs_f64());
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let mut report = Report { failed: 0 };
    match words[..] {
        [address, "send", path] => text::send(&mut report, address, path).await,
        [address, "verify", path] => text::verify(&mut report, address, path).await,
        [address, "commands"] => commands::run(&mut report, address).await,
        _ => panic!("usage: conformance ADDRESS send|verify TEXT, or conformance ADDRESS commands"),
    }
    std::process::exit(i32::from(report.failed > 0));
}
