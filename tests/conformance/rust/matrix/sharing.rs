//! One member of a group that clients of both generations share.
//!
//! Joins, says `joined`, and tells of each message as `shared PARTITION OFFSET` until its standard
//! input ends; then it leaves. It commits what it polls.

use crate::desk::{Poll, client, named};
use iggy::prelude::*;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const GROUP: &str = "shared";
const IDLE: Duration = Duration::from_millis(5);

/// True once standard input has ended.
fn end_of_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let told = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Relaxed);
    });
    ended
}

pub async fn share(address: &str, stream: &str) {
    let client = client(address).await;
    let place = (named(stream), named("t"));
    client.join_consumer_group(&place.0, &place.1, &named(GROUP)).await.expect("join");
    println!("joined");
    let ended = end_of_input();
    while !ended.load(Ordering::Relaxed) {
        let poll = Poll::of(&place, PollingStrategy::next(), 7).in_group(GROUP).committing();
        let polled = poll.ask(&client).await.expect("poll");
        for message in &polled.messages {
            println!("shared\t{}\t{}", polled.partition_id, message.header.offset);
        }
        if polled.messages.is_empty() {
            tokio::time::sleep(IDLE).await;
        }
    }
    client.leave_consumer_group(&place.0, &place.1, &named(GROUP)).await.expect("leave");
}
