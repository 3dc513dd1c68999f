//! Messages and stored offsets.

use crate::desk::{Desk, MISSING, Poll, messages, named, numbered, refused};
use crate::generation;
use iggy::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

pub async fn send_messages(desk: Arc<Desk>) {
    let place = desk.topic("send", 3).await;
    desk.send(&place, 1, 3).await;
    desk.send(&place, 1, 2).await;
    for where_to in [
        Partitioning::balanced(),
        Partitioning::messages_key_str("k-100").unwrap(),
        Partitioning::messages_key_u128(u128::MAX),
    ] {
        let sent = generation::send(&desk.root, &place, &where_to, &mut messages(1)).await;
        sent.expect("send");
    }
    let found = desk.root.get_stream(&place.0).await.expect("get").expect("found");
    assert_eq!(found.messages_count, 8);
    let partition = Partitioning::partition_id(0);
    let nobody = generation::send(desk.nobody(), &place, &partition, &mut messages(1)).await;
    refused(41, nobody);
    let (stream, topic) = place.clone();
    for (where_to, at, errors) in [
        ((numbered(MISSING), topic.clone()), 0, generation::NO_STREAM_TO_SEND_TO),
        ((stream, numbered(MISSING)), 0, generation::NO_TOPIC_TO_SEND_TO),
        (place.clone(), 9, generation::NO_PARTITION_TO_SEND_TO),
    ] {
        let at = Partitioning::partition_id(at);
        refused(errors, generation::send(&desk.root, &where_to, &at, &mut messages(1)).await);
    }
    let found = desk.root.get_stream(&place.0).await.expect("get").expect("found");
    assert_eq!(found.messages_count, 8, "something refused was stored");
}

/// One key, one partition: whoever computes it.
pub async fn send_by_key(desk: Arc<Desk>) {
    let place = desk.topic("keys", 5).await;
    for _ in 0..2 {
        for key in 0..20 {
            let key = Partitioning::messages_key_str(&format!("key-{key}")).unwrap();
            generation::send(&desk.root, &place, &key, &mut messages(1)).await.expect("send");
        }
    }
    let found = desk.root.get_topic(&place.0, &place.1).await.expect("get").expect("found");
    let counts: Vec<u64> = found.partitions.iter().map(|each| each.messages_count).collect();
    // XXH32 of the key, seed 0, modulo 5.
    assert_eq!(counts, [4, 12, 6, 8, 10]);
}

pub fn header_of_every_kind() -> BTreeMap<HeaderKey, HeaderValue> {
    let key = |name: &str| HeaderKey::try_from(name).expect("a valid key");
    BTreeMap::from([
        (key("raw"), HeaderValue::try_from([0u8, 1, 255].as_slice()).unwrap()),
        (key("string"), HeaderValue::try_from("string \u{1f980}").unwrap()),
        (key("bool"), HeaderValue::from(true)),
        (key("int8"), HeaderValue::from(i8::MIN)),
        (key("int16"), HeaderValue::from(i16::MIN)),
        (key("int32"), HeaderValue::from(i32::MIN)),
        (key("int64"), HeaderValue::from(i64::MIN)),
        (key("int128"), HeaderValue::from(i128::MIN)),
        (key("uint8"), HeaderValue::from(u8::MAX)),
        (key("uint16"), HeaderValue::from(u16::MAX)),
        (key("uint32"), HeaderValue::from(u32::MAX)),
        (key("uint64"), HeaderValue::from(u64::MAX)),
        (key("uint128"), HeaderValue::from(u128::MAX)),
        (key("float32"), HeaderValue::from(1.5f32)),
        (key("float64"), HeaderValue::from(-0.1f64)),
    ])
}

pub async fn headers_and_ids(desk: Arc<Desk>) {
    let place = desk.topic("headers", 1).await;
    let headers = header_of_every_kind();
    let message = |id: u128, payload: Vec<u8>| {
        let message = IggyMessage::builder().id(id).payload(payload.into());
        message.user_headers(headers.clone()).build().unwrap()
    };
    let mut sent = [message(1, vec![0, 255]), message(u128::MAX, vec![7; 5000])];
    let origins: Vec<u64> = sent.iter().map(|each| each.header.origin_timestamp).collect();
    let partition = Partitioning::partition_id(0);
    generation::send(&desk.root, &place, &partition, &mut sent).await.expect("send");
    generation::send(&desk.root, &place, &partition, &mut messages(1)).await.expect("send");
    let polled = Poll::of(&place, PollingStrategy::first(), 9).ask(&desk.root).await.expect("poll");
    assert_eq!((polled.partition_id, polled.current_offset, polled.messages.len()), (0, 2, 3));
    for (got, sent) in polled.messages.iter().zip(&sent) {
        assert_eq!((got.header.id, &got.payload), (sent.header.id, &sent.payload));
        assert_eq!(got.user_headers_map().expect("headers").as_ref(), Some(&headers));
    }
    let got: Vec<u64> = polled.messages.iter().map(|each| each.header.origin_timestamp).collect();
    assert_eq!(got[..2], origins);
    assert_ne!(polled.messages[2].header.id, 0, "no id was made");
    let now = IggyTimestamp::now().as_micros();
    assert!(polled.messages.iter().all(|each| now.abs_diff(each.header.timestamp) < 60_000_000));
}

pub async fn a_large_message(desk: Arc<Desk>) {
    let place = desk.topic("large", 1).await;
    let payload: Vec<u8> = (0..10_000_000u32).map(|each| (each % 251) as u8).collect();
    let value = |i: u32| HeaderValue::try_from(vec![i as u8; 250].as_slice()).unwrap();
    let key = |i: u32| HeaderKey::try_from(format!("key-{i:05}").as_str()).unwrap();
    let headers: BTreeMap<_, _> = (0..370).map(|i| (key(i), value(i))).collect();
    let message = IggyMessage::builder().id(42).payload(payload.clone().into());
    let message = message.user_headers(headers.clone()).build().unwrap();
    let partition = Partitioning::partition_id(0);
    generation::send(&desk.root, &place, &partition, &mut [message]).await.expect("send");
    let polled = Poll::of(&place, PollingStrategy::last(), 1).ask(&desk.root).await.expect("poll");
    assert_eq!(polled.messages[0].header.id, 42);
    assert!(polled.messages[0].payload == payload, "the payload is another");
    assert_eq!(polled.messages[0].user_headers_map().unwrap().unwrap(), headers);
}

pub async fn poll_messages(desk: Arc<Desk>) {
    let place = desk.topic("poll", 2).await;
    let root = &desk.root;
    for strategy in [PollingStrategy::first(), PollingStrategy::last(), PollingStrategy::next()] {
        assert!(Poll::of(&place, strategy, 10).offsets(root).await.is_empty());
    }
    for _ in 0..5 {
        desk.send(&place, 0, 10).await;
    }
    for (strategy, count, offsets) in [
        (PollingStrategy::first(), 3, vec![0, 1, 2]),
        (PollingStrategy::last(), 2, vec![48, 49]),
        (PollingStrategy::offset(18), 4, vec![18, 19, 20, 21]),
        (PollingStrategy::offset(48), 9, vec![48, 49]),
        (PollingStrategy::offset(50), 4, vec![]),
        (PollingStrategy::next(), 2, vec![0, 1]),
        (PollingStrategy::timestamp(IggyTimestamp::from(1)), 2, vec![0, 1]),
    ] {
        assert_eq!(Poll::of(&place, strategy, count).offsets(root).await, offsets, "{strategy:?}");
    }
    let later = IggyTimestamp::from(IggyTimestamp::now().as_micros() + 60_000_000);
    assert!(Poll::of(&place, PollingStrategy::timestamp(later), 4).offsets(root).await.is_empty());
    let polled = Poll::of(&place, PollingStrategy::offset(30), 1).ask(root).await.expect("poll");
    let moment = IggyTimestamp::from(polled.messages[0].header.timestamp);
    let since = Poll::of(&place, PollingStrategy::timestamp(moment), 50).offsets(root).await;
    assert!(since[0] <= 30 && since.len() as u64 == 50 - since[0], "{since:?}");
    let first = PollingStrategy::first;
    assert!(Poll::of(&place, first(), 4).at(1).offsets(root).await.is_empty());
    for (number, stream, topic, partition) in [
        (1009, numbered(MISSING), place.1.clone(), 0),
        (2010, place.0.clone(), numbered(MISSING), 0),
        (3007, place.0.clone(), place.1.clone(), 2),
    ] {
        let elsewhere = (stream, topic);
        refused(number, Poll::of(&elsewhere, first(), 1).at(partition).ask(root).await);
    }
    refused(41, Poll::of(&place, first(), 1).ask(desk.nobody()).await);
}

pub async fn auto_commit(desk: Arc<Desk>) {
    let place = desk.topic("auto-commit", 1).await;
    desk.send(&place, 0, 10).await;
    let me = || Consumer::new(named("reader"));
    let next = || Poll::of(&place, PollingStrategy::next(), 4).by(me()).committing();
    for offsets in [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9], vec![]] {
        assert_eq!(next().offsets(&desk.root).await, offsets);
    }
    let stored = desk.root.get_consumer_offset(&me(), &place.0, &place.1, Some(0)).await;
    let stored = stored.expect("get").expect("stored");
    assert_eq!((stored.stored_offset, stored.current_offset, stored.partition_id), (9, 9, 0));
}

pub async fn get_consumer_offset(desk: Arc<Desk>) {
    let place = desk.topic("get-offset", 2).await;
    let (stream, topic) = &place;
    let me = Consumer::new(numbered(9));
    desk.send(&place, 1, 10).await;
    let get = |client, at| {
        let (me, stream, topic) = (me.clone(), stream.clone(), topic.clone());
        let client: &IggyClient = client;
        async move { client.get_consumer_offset(&me, &stream, &topic, at).await }
    };
    assert!(get(&desk.root, Some(1)).await.expect("get").is_none());
    desk.root.store_consumer_offset(&me, stream, topic, Some(1), 7).await.expect("store");
    let stored = get(&desk.root, Some(1)).await.expect("get").expect("stored");
    assert_eq!((stored.partition_id, stored.current_offset, stored.stored_offset), (1, 9, 7));
    assert!(get(&desk.root, None).await.expect("get").is_none(), "no partition means 0");
    let nowhere = numbered(MISSING);
    let found = desk.root.get_consumer_offset(&me, &nowhere, topic, Some(0)).await;
    assert!(found.expect("get").is_none());
    let found = desk.root.get_consumer_offset(&me, stream, &nowhere, Some(0)).await;
    assert!(found.expect("get").is_none());
    refused(41, get(desk.nobody(), Some(1)).await);
}

pub async fn store_consumer_offset(desk: Arc<Desk>) {
    let place = desk.topic("store-offset", 1).await;
    let (stream, topic) = &place;
    let root = &desk.root;
    for consumer in [Consumer::new(numbered(9)), Consumer::new(named("by-name"))] {
        root.purge_topic(stream, topic).await.expect("purge");
        let get = || root.get_consumer_offset(&consumer, stream, topic, Some(0));
        let store = |at| root.store_consumer_offset(&consumer, stream, topic, Some(0), at);
        refused(4100, store(0).await);
        desk.send(&place, 0, 10).await;
        store(5).await.expect("store");
        assert_eq!(get().await.expect("get").expect("stored").stored_offset, 5);
        store(2).await.expect("store an earlier one");
        assert_eq!(get().await.expect("get").expect("stored").stored_offset, 2);
        refused(4100, store(10).await);
        assert_eq!(get().await.expect("get").expect("stored").stored_offset, 2);
        let next = Poll::of(&place, PollingStrategy::next(), 1).by(consumer.clone());
        assert_eq!(next.offsets(root).await, [3]);
        let forbidden = desk.nobody().store_consumer_offset(&consumer, stream, topic, Some(0), 1);
        refused(41, forbidden.await);
    }
}

pub async fn delete_consumer_offset(desk: Arc<Desk>) {
    let place = desk.topic("delete-offset", 1).await;
    let (stream, topic) = &place;
    let root = &desk.root;
    desk.send(&place, 0, 10).await;
    let me = Consumer::new(named("somebody"));
    refused(3021, root.delete_consumer_offset(&me, stream, topic, Some(0)).await);
    root.store_consumer_offset(&me, stream, topic, Some(0), 4).await.expect("store");
    refused(41, desk.nobody().delete_consumer_offset(&me, stream, topic, Some(0)).await);
    root.delete_consumer_offset(&me, stream, topic, Some(0)).await.expect("delete");
    assert!(root.get_consumer_offset(&me, stream, topic, Some(0)).await.expect("get").is_none());
    refused(3021, root.delete_consumer_offset(&me, stream, topic, Some(0)).await);
}

pub async fn flush(desk: Arc<Desk>) {
    let (stream, topic) = desk.topic("flush", 1).await;
    let flushed = desk.root.flush_unsaved_buffer(&stream, &topic, 0, true).await;
    if !generation::HAS_FLUSH {
        return refused(5, flushed);
    }
    flushed.expect("flush");
    let nowhere = numbered(MISSING);
    refused(3007, desk.root.flush_unsaved_buffer(&stream, &topic, 9, false).await);
    refused(2010, desk.root.flush_unsaved_buffer(&stream, &nowhere, 0, false).await);
    refused(1009, desk.root.flush_unsaved_buffer(&nowhere, &topic, 0, false).await);
    refused(41, desk.nobody().flush_unsaved_buffer(&stream, &topic, 0, false).await);
}
