//! What one generation writes and the other reads, told in lines that every client can be asked for.
//!
//!     stream NAME
//!     message TOPIC PARTITION OFFSET ID ORIGIN PAYLOAD HEADERS
//!     stored CONSUMER OFFSET
//!
//! Fields are parted by tabs, bytes are hexadecimal, headers are `kind:key=kind:value` in order,
//! parted by `;`. The stream has topics `t` (one partition) and `keyed` (five).

use crate::desk::{Poll, client, named, numbered};
use crate::generation;
use crate::matrix_messages::header_of_every_kind;
use iggy::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;

const LARGE_BYTES: usize = 1_500_000;
const KEYS: usize = 12;
const STORED: [(&str, u64); 2] = [("7", 2), ("crossing", 1)];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn headers_of(message: &IggyMessage) -> String {
    let headers = message.user_headers_map().expect("headers").unwrap_or_default();
    let mut fields: Vec<String> = headers
        .iter()
        .map(|(key, value)| {
            let (key_kind, kind) = (key.kind().as_code(), value.kind().as_code());
            let (key, value) = (hex(key.as_bytes()), hex(value.as_bytes()));
            format!("{key_kind}:{key}={kind}:{value}")
        })
        .collect();
    fields.sort();
    fields.join(";")
}

fn line_of(message: &IggyMessage, topic: &str, partition: u32) {
    let header = &message.header;
    let (payload, headers) = (hex(&message.payload), headers_of(message));
    let (offset, id, origin) = (header.offset, header.id, header.origin_timestamp);
    println!("message\t{topic}\t{partition}\t{offset}\t{id}\t{origin}\t{payload}\t{headers}");
}

/// Keys of other kinds than text.
fn odd_keys() -> BTreeMap<HeaderKey, HeaderValue> {
    BTreeMap::from([
        (HeaderKey::from(7u32), HeaderValue::from(1u8)),
        (HeaderKey::try_from([0u8, 255].as_slice()).unwrap(), HeaderValue::from(2u8)),
        (HeaderKey::from(-1i128), HeaderValue::from(false)),
    ])
}

fn many_headers() -> BTreeMap<HeaderKey, HeaderValue> {
    let key = |i: usize| HeaderKey::try_from(format!("key-{i:05}").as_str()).unwrap();
    let value = |i: usize| HeaderValue::try_from(vec![i as u8; 250].as_slice()).unwrap();
    (0..350).map(|i| (key(i), value(i))).collect()
}

fn written() -> Vec<IggyMessage> {
    let build = |id: u128, payload: Vec<u8>, headers: BTreeMap<HeaderKey, HeaderValue>| {
        let message = IggyMessage::builder().id(id).payload(payload.into());
        message.user_headers(headers).build().expect("a valid message")
    };
    let bytes: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..LARGE_BYTES).map(|each| (each % 251) as u8).collect();
    let mut empty = IggyMessage::builder().id(1).payload(vec![0].into()).build().unwrap();
    // The builder refuses what the protocol allows.
    empty.payload = Vec::new().into();
    empty.header.payload_length = 0;
    let mut all = vec![
        empty,
        build(u128::MAX, bytes, header_of_every_kind()),
        build(1 << 64, b"odd keys".to_vec(), odd_keys()),
        build(42, large, many_headers()),
    ];
    all[2].header.origin_timestamp -= generation::ORIGIN_SPREAD_US;
    all
}

pub async fn write(address: &str, stream: &str) {
    let client = client(address).await;
    let place = |topic| (named(stream), named(topic));
    let mut messages = written();
    let partition = Partitioning::partition_id(0);
    generation::send(&client, &place("t"), &partition, &mut messages).await.expect("send");
    for (offset, message) in messages.iter_mut().enumerate() {
        message.header.offset = offset as u64;
        line_of(message, "t", 0);
    }
    let keyed = place("keyed");
    for number in 0..KEYS {
        let key = format!("key-{number}");
        let message = IggyMessage::builder().payload(key.clone().into_bytes().into()).build();
        let key = Partitioning::messages_key_str(&key).unwrap();
        let mut message = [message.expect("a valid message")];
        generation::send(&client, &keyed, &key, &mut message).await.expect("send by key");
    }
    for (consumer, offset) in STORED {
        let consumer = Consumer::new(consumer.try_into().unwrap());
        let (stream, topic) = place("t");
        let stored = client.store_consumer_offset(&consumer, &stream, &topic, Some(0), offset);
        stored.await.expect("store an offset");
    }
    for (consumer, offset) in STORED {
        println!("stored\t{consumer}\t{offset}");
    }
}

pub async fn read(address: &str, streams: &[&str]) {
    let client = client(address).await;
    for stream in streams {
        println!("stream\t{stream}");
        read_one(&client, stream).await;
    }
}

async fn read_one(client: &IggyClient, stream: &str) {
    for (topic, partitions) in [("t", 1), ("keyed", 5)] {
        let place = (named(stream), named(topic));
        for partition in 0..partitions {
            let poll = Poll::of(&place, PollingStrategy::first(), 1000).at(partition);
            let polled = poll.by(Consumer::new(numbered(1000))).ask(client).await.expect("poll");
            for message in &polled.messages {
                line_of(message, topic, partition);
            }
        }
    }
    for (consumer, _) in STORED {
        let who = Consumer::new(consumer.try_into().unwrap());
        let found = client.get_consumer_offset(&who, &named(stream), &named("t"), Some(0)).await;
        if let Some(found) = found.expect("get an offset") {
            println!("stored\t{consumer}\t{}", found.stored_offset);
        }
    }
}
