//! What only clients of 0.9 have: options of topics, routing, the assignment of a member.

use crate::desk::{Desk, Report, named, refused};
use bytes::Bytes;
use iggy::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const GET_POLL_ROUTING: u32 = 103;
const ATTACH: u32 = 14;
const POLL_ON_PRIMARY: u32 = 104;
const GET_OFFSET_ROUTING: u32 = 123;
const SYNC_GROUP: u32 = 606;

fn raw(key: &str, value: &str) -> TopicCreateOptions {
    let raw = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    TopicCreateOptions { raw, partitions_count: Some(1), ..Default::default() }
}

async fn describe_options(desk: Arc<Desk>) {
    let name = desk.name("options");
    desk.root.create_stream(&name).await.expect("create");
    let stream = named(&name);
    let create =
        async |options: TopicCreateOptions| desk.root.create_topic(&stream, "t", &options).await;
    refused(4041, create(raw("colour", "red")).await);
    refused(4041, create(raw("enforce_fsync", "true")).await);
    refused(4042, create(raw("segment_size", "1000")).await);
    refused(4042, create(raw("compression_algorithm", "lz4")).await);
    refused(1019, create(raw("max_topic_size", "1 MiB")).await);
    let made = create(raw("message_expiry", "7 days")).await.expect("an expiry in words");
    let week = IggyExpiry::ExpireDuration(IggyDuration::from(7 * 86_400_000_000));
    assert_eq!(made.message_expiry, week);
    let described = desk.root.describe_options(OptionsScope::Topic).await.expect("describe");
    assert_eq!(described.len(), 9);
    let of_streams = desk.nobody().describe_options(OptionsScope::Stream).await;
    assert!(of_streams.expect("describe with a login only").is_empty());
}

/// Every option a topic has, and segments small enough to be deleted.
async fn topic_options(desk: Arc<Desk>) {
    let name = desk.name("topic-options");
    desk.root.create_stream(&name).await.expect("create");
    let (stream, topic) = (named(&name), named("t"));
    let options = TopicCreateOptions {
        partitions_count: Some(2),
        segment_size: Some(IggyByteSize::from(1 << 20)),
        durability: Durability::Persisted,
        messages_required_to_save: Some(7),
        preallocate_segments: Some(true),
        ..Default::default()
    };
    let made = desk.root.create_topic(&stream, "t", &options).await.expect("create");
    let found = desk.root.get_topic(&stream, &topic).await.expect("get").expect("found");
    assert_eq!(found.options, made.options);
    let partition = Partitioning::partition_id(1);
    for _ in 0..4 {
        let message = IggyMessage::builder().payload(vec![7u8; 700_000].into()).build().unwrap();
        desk.root.send_messages(&stream, &topic, &partition, &mut [message]).await.expect("send");
    }
    let segments = async || {
        let found = desk.root.get_topic(&stream, &topic).await.expect("get").expect("found");
        found.partitions[1].segments_count
    };
    let before = segments().await;
    desk.root.delete_segments(&stream, &topic, 1, 1).await.expect("delete a segment");
    assert_eq!(segments().await, before - 1);
    let place = (stream, topic);
    let first = crate::desk::Poll::of(&place, PollingStrategy::first(), 1).at(1);
    assert!(first.offsets(&desk.root).await[0] > 0);
}

fn identifier(name: &str) -> Vec<u8> {
    [&[2, name.len() as u8], name.as_bytes()].concat()
}

/// Consumer 1, this stream, topic `t`, partition 0.
fn place_of(stream: &str) -> Vec<u8> {
    let consumer = [&[1u8, 1, 4][..], &1u32.to_le_bytes()].concat();
    [consumer, identifier(stream), identifier("t"), vec![1, 0, 0, 0, 0]].concat()
}

/// Polls from the first message on, ten at most.
fn poll_of(stream: &str) -> Vec<u8> {
    let strategy = [&[3u8][..], &[0; 8]].concat();
    [place_of(stream), strategy, 10u32.to_le_bytes().to_vec(), vec![0]].concat()
}

async fn ask(client: &IggyClient, code: u32, body: Vec<u8>) -> Result<Bytes, IggyError> {
    client.send_binary_request(code, body.into()).await
}

/// What clients do in a cluster: ask the way, attach a second connection, poll there.
async fn routing(desk: Arc<Desk>, code: u32, body: fn(&str) -> Vec<u8>) {
    let place = desk.topic(&format!("routing-{code}"), 1).await;
    desk.send(&place, 0, 3).await;
    let stream = desk.name(&format!("routing-{code}"));
    let route = ask(&desk.root, code, body(&stream)).await.expect("a route");
    let port: u16 = desk.address.rsplit(':').next().unwrap().parse().unwrap();
    assert!(route.len() > 32 && route[..16] != [0; 16], "no client in {} bytes", route.len());
    assert!(route.windows(2).any(|each| each == port.to_le_bytes()), "our port is not there");
    let data = desk.another().await;
    ask(&data, ATTACH, route[..32].to_vec()).await.expect("attach");
    let polled = ask(&data, POLL_ON_PRIMARY, poll_of(&stream)).await.expect("poll");
    assert_eq!(PolledMessages::from_bytes(polled).expect("messages").messages.len(), 3);
    let mut wrong = route[..32].to_vec();
    wrong[0] ^= 255;
    assert!(ask(&data, ATTACH, wrong).await.is_err(), "attached to nobody");
}

async fn get_poll_routing(desk: Arc<Desk>) {
    routing(desk, GET_POLL_ROUTING, poll_of).await;
}

async fn get_offset_routing(desk: Arc<Desk>) {
    routing(desk, GET_OFFSET_ROUTING, place_of).await;
}

async fn sync_group(desk: Arc<Desk>) {
    let (stream, topic) = desk.topic("sync", 3).await;
    desk.root.create_consumer_group(&stream, &topic, "g").await.expect("create");
    let member = desk.another().await;
    let body = || [identifier(&desk.name("sync")), identifier("t"), identifier("g")].concat();
    assert!(ask(&member, SYNC_GROUP, body()).await.expect("sync").is_empty(), "not a member yet");
    member.join_consumer_group(&stream, &topic, &named("g")).await.expect("join");
    let assigned = ask(&member, SYNC_GROUP, body()).await.expect("sync");
    let partitions: Vec<u32> = [0u32, 1, 2].to_vec();
    let bytes: Vec<u8> = partitions.iter().flat_map(|each| each.to_le_bytes()).collect();
    assert!(assigned.ends_with(&bytes), "assigned: {assigned:?}");
    member.leave_consumer_group(&stream, &topic, &named("g")).await.expect("leave");
    assert!(ask(&member, SYNC_GROUP, body()).await.expect("sync").is_empty(), "still a member");
}

pub async fn run(report: &mut Report, desk: &Arc<Desk>) {
    report.check("DescribeOptions", describe_options(desk.clone())).await;
    report.check("options of a topic", topic_options(desk.clone())).await;
    report.check("GetPollRouting, Attach, Poll", get_poll_routing(desk.clone())).await;
    report.check("GetConsumerOffsetRouting", get_offset_routing(desk.clone())).await;
    report.check("SyncConsumerGroup", sync_group(desk.clone())).await;
}
