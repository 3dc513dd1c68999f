//! Programs as users would write them, with the released Rust client of Apache Iggy 0.9.
//!
//!     rust-0-11 ADDRESS send TEXT         four producers send the lines of a file, half is read
//!     rust-0-11 ADDRESS verify TEXT       after a restart: all of it is read, by every strategy
//!     rust-0-11 ADDRESS matrix            every command, by name and by number, right and wrong
//!     rust-0-11 ADDRESS write STREAM      for the crossing: what other clients must read
//!     rust-0-11 ADDRESS share STREAM      a member of a group of both generations
//!     rust-0-11 ADDRESS read STREAM...    what others wrote, as lines

#[path = "../matrix/crossing.rs"]
mod crossing;
#[path = "../matrix/desk.rs"]
mod desk;
mod generation;
#[path = "../matrix/matrix.rs"]
mod matrix;
#[path = "../matrix/matrix_groups.rs"]
mod matrix_groups;
#[path = "../matrix/matrix_messages.rs"]
mod matrix_messages;
#[path = "../matrix/matrix_streams.rs"]
mod matrix_streams;
#[path = "../matrix/matrix_system.rs"]
mod matrix_system;
#[path = "../matrix/matrix_users.rs"]
mod matrix_users;
mod newer;
#[path = "../matrix/sharing.rs"]
mod sharing;
mod text;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let mut report = desk::Report { failed: 0 };
    match words[..] {
        [address, "send", path] => text::send(&mut report, address, path).await,
        [address, "verify", path] => text::verify(&mut report, address, path).await,
        [address, "matrix"] => {
            let desk = desk::Desk::open(address).await;
            matrix::run(&mut report, &desk).await;
            newer::run(&mut report, &desk).await;
        }
        [address, "write", stream] => crossing::write(address, stream).await,
        [address, "share", stream] => sharing::share(address, stream).await,
        [address, "read", ref streams @ ..] => crossing::read(address, streams).await,
        _ => panic!(
            "usage: rust-0-11 ADDRESS send|verify TEXT | matrix | write|share STREAM | read STREAM"
        ),
    }
    std::process::exit(i32::from(report.failed > 0));
}
