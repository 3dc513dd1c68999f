//! Every command the server offers, as the released client calls it: by name, by number, and wrong.
//!
//! The numbers of errors are the contract; texts are the client's own.

use crate::{Report, client, named, numbered, refused, stranger};
use futures_util::StreamExt;
use iggy::prelude::*;
use std::collections::BTreeMap;

const MISSING: u32 = 4_000_000;

fn partitions(count: u32) -> TopicCreateOptions {
    TopicCreateOptions { partitions_count: Some(count), ..Default::default() }
}

fn raw(key: &str, value: &str) -> TopicCreateOptions {
    let raw = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    TopicCreateOptions { raw, ..partitions(1) }
}

fn messages(count: usize) -> Vec<IggyMessage> {
    let payload = |number| format!("message {number}").into_bytes().into();
    (0..count).map(|n| IggyMessage::builder().payload(payload(n)).build().unwrap()).collect()
}

/// A stream `name` with topic `t`.
async fn topic(client: &IggyClient, name: &str, count: u32) -> (Identifier, Identifier) {
    client.create_stream(name).await.expect("create a stream");
    client.create_topic(&named(name), "t", &partitions(count)).await.expect("create a topic");
    (named(name), named("t"))
}

async fn send(client: &IggyClient, name: &str, partition: u32, count: usize) -> u64 {
    let place = Partitioning::partition_id(partition);
    let reply = client
        .send_messages(&named(name), &named("t"), &place, &mut messages(count))
        .await
        .expect("send");
    reply.confirmations.first().expect("a confirmation").base_offset
}

async fn poll(
    client: &IggyClient,
    name: &str,
    partition: u32,
    strategy: PollingStrategy,
    count: u32,
) -> Vec<u64> {
    let consumer = Consumer::new(numbered(1));
    let (stream, topic) = (named(name), named("t"));
    let polled = client
        .poll_messages(&stream, &topic, Some(partition), &consumer, &strategy, count, false)
        .await
        .expect("poll");
    polled.messages.iter().map(|message| message.header.offset).collect()
}

async fn logins(address: String) {
    let client = stranger(&address).await;
    client.ping().await.expect("a ping before login");
    refused(42, client.login_user("iggy", "wrong").await);
    refused(42, client.login_user("nobody", "iggy").await);
    let identity = client.login_user("iggy", "iggy").await.expect("log in");
    assert_eq!(identity.user_id, 0);
    client.ping().await.expect("a ping after login");
    client.logout_user().await.expect("log out");
    client.login_user("iggy", "iggy").await.expect("log in again");
    client.get_streams().await.expect("a read after logging in again");
}

async fn streams(address: String) {
    let client = client(&address).await;
    let made = client.create_stream("streams").await.expect("create");
    assert_eq!((made.name.as_str(), made.topics_count, made.messages_count), ("streams", 0, 0));
    refused(1012, client.create_stream("streams").await);
    for id in [named("streams"), numbered(made.id)] {
        let found = client.get_stream(&id).await.expect("get").expect("found");
        assert_eq!((found.id, found.name.as_str()), (made.id, "streams"));
        assert_eq!(found.created_at, made.created_at);
    }
    let listed = client.get_streams().await.expect("list");
    assert_eq!(listed.iter().filter(|each| each.name == "streams").count(), 1);
    let nothing = StreamUpdateOptions::default();
    client.update_stream(&numbered(made.id), "renamed", &nothing).await.expect("rename");
    assert!(client.get_stream(&named("streams")).await.expect("get").is_none());
    client.purge_stream(&named("renamed")).await.expect("purge");
    client.delete_stream(&named("renamed")).await.expect("delete");
    for missing in [named("renamed"), numbered(MISSING)] {
        assert!(client.get_stream(&missing).await.expect("get").is_none());
        refused(1009, client.update_stream(&missing, "x", &nothing).await);
        refused(1009, client.purge_stream(&missing).await);
        refused(1009, client.delete_stream(&missing).await);
        refused(1009, client.create_topic(&missing, "t", &partitions(1)).await);
    }
}

async fn topics(address: String) {
    let client = client(&address).await;
    client.create_stream("topics").await.expect("create");
    let stream = named("topics");
    let options = TopicCreateOptions {
        partitions_count: Some(3),
        compression_algorithm: Some(CompressionAlgorithm::Gzip),
        message_expiry: Some(IggyExpiry::ExpireDuration(IggyDuration::from(3_600_000_000))),
        max_topic_size: Some(MaxTopicSize::Custom(IggyByteSize::from(2 << 30))),
        segment_size: Some(IggyByteSize::from(1 << 20)),
        durability: Durability::Persisted,
        messages_required_to_save: Some(7),
        preallocate_segments: Some(true),
        ..Default::default()
    };
    let made = client.create_topic(&stream, "t", &options).await.expect("create");
    assert_eq!((made.id, made.partitions_count), (0, 3));
    for (s, t) in [(stream.clone(), named("t")), (stream.clone(), numbered(0))] {
        let found = client.get_topic(&s, &t).await.expect("get").expect("found");
        assert_eq!(found.compression_algorithm, CompressionAlgorithm::Gzip);
        assert_eq!(found.message_expiry, options.message_expiry.unwrap());
        assert_eq!(found.max_topic_size, options.max_topic_size.unwrap());
        assert_eq!(found.options, made.options);
        let ids: Vec<u32> = found.partitions.iter().map(|each| each.id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }
    refused(2013, client.create_topic(&stream, "t", &partitions(1)).await);
    assert_eq!(client.get_topics(&stream).await.expect("list").len(), 1);
    let update = TopicUpdateOptions {
        message_expiry: Some(IggyExpiry::NeverExpire),
        ..Default::default()
    };
    client.update_topic(&stream, &named("t"), "renamed", &update).await.expect("update");
    let found = client.get_topic(&stream, &named("renamed")).await.expect("get").expect("found");
    assert_eq!(found.message_expiry, IggyExpiry::NeverExpire);
    assert_eq!(found.compression_algorithm, CompressionAlgorithm::Gzip);
    client.delete_topic(&stream, &numbered(0)).await.expect("delete");
    for missing in [named("renamed"), numbered(MISSING)] {
        assert!(client.get_topic(&stream, &missing).await.expect("get").is_none());
        refused(2010, client.update_topic(&stream, &missing, "x", &update).await);
        refused(2010, client.purge_topic(&stream, &missing).await);
        refused(2010, client.delete_topic(&stream, &missing).await);
    }
    assert!(client.get_topics(&stream).await.expect("list").is_empty());
}

async fn topic_options(address: String) {
    let client = client(&address).await;
    client.create_stream("options").await.expect("create");
    let stream = named("options");
    refused(4041, client.create_topic(&stream, "t", &raw("colour", "red")).await);
    refused(4041, client.create_topic(&stream, "t", &raw("enforce_fsync", "true")).await);
    refused(4042, client.create_topic(&stream, "t", &raw("segment_size", "1000")).await);
    refused(4042, client.create_topic(&stream, "t", &raw("compression_algorithm", "lz4")).await);
    refused(1019, client.create_topic(&stream, "t", &raw("max_topic_size", "1 MiB")).await);
    refused(2015, client.create_topic(&stream, "t", &partitions(1001)).await);
    let made = client.create_topic(&stream, "t", &raw("message_expiry", "7 days")).await;
    let week = IggyExpiry::ExpireDuration(IggyDuration::from(7 * 86_400_000_000));
    assert_eq!(made.expect("an expiry in words").message_expiry, week);
    let described = client.describe_options(OptionsScope::Topic).await.expect("describe");
    assert_eq!(described.len(), 9);
    assert!(client.describe_options(OptionsScope::Stream).await.expect("describe").is_empty());
}

async fn partitions_and_segments(address: String) {
    let client = client(&address).await;
    client.create_stream("parts").await.expect("create");
    let (stream, topic) = (named("parts"), named("t"));
    let options = TopicCreateOptions {
        segment_size: Some(IggyByteSize::from(1 << 20)),
        ..partitions(1)
    };
    client.create_topic(&stream, "t", &options).await.expect("create");
    client.create_partitions(&stream, &topic, 2).await.expect("add");
    client.delete_partitions(&stream, &topic, 1).await.expect("remove");
    let found = client.get_topic(&stream, &topic).await.expect("get").expect("found");
    assert_eq!(found.partitions_count, 2);
    refused(2019, client.delete_partitions(&stream, &topic, 3).await);
    refused(2010, client.create_partitions(&stream, &numbered(MISSING), 1).await);
    refused(1009, client.delete_partitions(&numbered(MISSING), &topic, 1).await);
    for _ in 0..4 {
        let message = IggyMessage::builder().payload(vec![7u8; 700_000].into()).build().unwrap();
        let place = Partitioning::partition_id(1);
        client.send_messages(&stream, &topic, &place, &mut [message]).await.expect("send");
    }
    let segments = |found: &TopicDetails| found.partitions[1].segments_count;
    let found = client.get_topic(&stream, &topic).await.expect("get").expect("found");
    let before = segments(&found);
    client.delete_segments(&stream, &topic, 1, 1).await.expect("delete a segment");
    let found = client.get_topic(&stream, &topic).await.expect("get").expect("found");
    assert_eq!(segments(&found), before - 1);
    assert!(poll(&client, "parts", 1, PollingStrategy::first(), 1).await[0] > 0);
    refused(3007, client.delete_segments(&stream, &topic, 9, 1).await);
}

async fn sends(address: String) {
    let client = client(&address).await;
    let (stream, topic) = topic(&client, "sends", 3).await;
    assert_eq!(send(&client, "sends", 1, 3).await, 0);
    assert_eq!(send(&client, "sends", 1, 2).await, 3);
    for place in [Partitioning::balanced(), Partitioning::messages_key_str("k-100").unwrap()] {
        let reply = client.send_messages(&stream, &topic, &place, &mut messages(1)).await;
        assert!(reply.expect("send").confirmations[0].partition_id < 3);
    }
    refused(20, {
        let place = Partitioning::partition_id(9);
        client.send_messages(&stream, &topic, &place, &mut messages(1)).await
    });
    let total = client.get_stream(&stream).await.expect("get").expect("found").messages_count;
    assert_eq!(total, 7);
    client.purge_topic(&stream, &topic).await.expect("purge");
    assert_eq!(send(&client, "sends", 1, 1).await, 0, "offsets start again");
}

async fn a_large_message(address: String) {
    let client = client(&address).await;
    let (stream, topic) = topic(&client, "large", 1).await;
    let payload: Vec<u8> = (0..10_000_000u32).map(|each| (each % 251) as u8).collect();
    let value = |i: u32| HeaderValue::try_from(vec![i as u8; 250].as_slice()).unwrap();
    let key = |i: u32| HeaderKey::try_from(format!("key-{i:05}").as_str()).unwrap();
    let headers: BTreeMap<_, _> = (0..370).map(|i| (key(i), value(i))).collect();
    let message = IggyMessage::builder()
        .id(42)
        .payload(payload.clone().into())
        .user_headers(headers.clone())
        .build()
        .unwrap();
    let place = Partitioning::partition_id(0);
    client.send_messages(&stream, &topic, &place, &mut [message]).await.expect("send");
    let polled = client
        .poll_messages(
            &stream,
            &topic,
            None,
            &Consumer::new(numbered(1)),
            &PollingStrategy::last(),
            1,
            false,
        )
        .await
        .expect("poll");
    assert_eq!(polled.messages[0].header.id, 42);
    assert!(polled.messages[0].payload == payload);
    assert_eq!(polled.messages[0].user_headers_map().unwrap().unwrap(), headers);
}

async fn polls(address: String) {
    let client = client(&address).await;
    let (stream, topic) = topic(&client, "polls", 2).await;
    for strategy in [PollingStrategy::first(), PollingStrategy::last(), PollingStrategy::next()] {
        assert!(poll(&client, "polls", 0, strategy, 10).await.is_empty());
    }
    for _ in 0..5 {
        send(&client, "polls", 0, 10).await;
    }
    assert_eq!(poll(&client, "polls", 0, PollingStrategy::first(), 3).await, [0, 1, 2]);
    assert_eq!(poll(&client, "polls", 0, PollingStrategy::last(), 2).await, [48, 49]);
    assert_eq!(poll(&client, "polls", 0, PollingStrategy::offset(18), 4).await, [18, 19, 20, 21]);
    assert!(poll(&client, "polls", 0, PollingStrategy::offset(50), 4).await.is_empty());
    assert!(poll(&client, "polls", 1, PollingStrategy::first(), 4).await.is_empty());
    let later = IggyTimestamp::from(IggyTimestamp::now().as_micros() + 60_000_000);
    assert!(poll(&client, "polls", 0, PollingStrategy::timestamp(later), 4).await.is_empty());
    let (me, first) = (Consumer::new(numbered(1)), PollingStrategy::first());
    for (number, stream, topic, partition) in [
        (1009, &numbered(MISSING), &topic, 0),
        (2010, &stream, &numbered(MISSING), 0),
        (3007, &stream, &topic, 2),
    ] {
        let polled =
            client.poll_messages(stream, topic, Some(partition), &me, &first, 1, false).await;
        refused(number, polled);
    }
}

async fn offsets(address: String) {
    let client = client(&address).await;
    let (stream, topic) = topic(&client, "offsets", 1).await;
    for consumer in [Consumer::new(numbered(9)), Consumer::new(named("by-name"))] {
        let get = || client.get_consumer_offset(&consumer, &stream, &topic, Some(0));
        let store = |at| client.store_consumer_offset(&consumer, &stream, &topic, Some(0), at);
        let delete = || client.delete_consumer_offset(&consumer, &stream, &topic, Some(0));
        assert!(get().await.expect("get").is_none());
        refused(3021, delete().await);
        send(&client, "offsets", 0, 10).await;
        store(5).await.expect("store");
        assert_eq!(get().await.expect("get").expect("stored").stored_offset, 5);
        store(2).await.expect("store an earlier one");
        assert_eq!(get().await.expect("get").expect("stored").stored_offset, 2);
        refused(4100, store(1000).await);
        delete().await.expect("delete");
        assert!(get().await.expect("get").is_none());
    }
}

async fn questions(address: String) {
    let client = client(&address).await;
    let me = client.get_me().await.expect("get_me");
    assert_eq!((me.user_id, me.transport.as_str()), (Some(0), "TCP"));
    let found = client.get_client(me.client_id).await.expect("get_client").expect("found");
    assert_eq!(found.address, me.address);
    assert!(client.get_client(MISSING).await.expect("get_client").is_none());
    let listed = client.get_clients().await.expect("get_clients");
    assert!(listed.iter().any(|each| each.client_id == me.client_id));
    let cluster = client.get_cluster_metadata().await.expect("cluster");
    assert_eq!(cluster.nodes.len(), 1);
    assert_eq!(cluster.nodes[0].endpoints.tcp.to_string(), address.rsplit(':').next().unwrap());
    topic(&client, "questions", 2).await;
    send(&client, "questions", 0, 4).await;
    let stats = client.get_stats().await.expect("stats");
    let streams = client.get_streams().await.expect("streams");
    assert_eq!(stats.streams_count as usize, streams.len());
    assert_eq!(stats.messages_count, streams.iter().map(|each| each.messages_count).sum::<u64>());
    let size: u64 = streams.iter().map(|each| each.size.as_bytes_u64()).sum();
    assert_eq!(stats.messages_size_bytes.as_bytes_u64(), size);
    assert!(stats.process_id > 0 && stats.total_memory.as_bytes_u64() > 0);
    assert!(!stats.hostname.is_empty() && !stats.iggy_server_version.is_empty());
    refused(5, client.flush_unsaved_buffer(&named("questions"), &named("t"), 0, true).await);
}

async fn high_level(address: String) {
    let client = client(&address).await;
    let producer = client
        .producer("high-level", "t")
        .expect("a producer")
        .direct(DirectConfig::builder().batch_length(100).build())
        .partitioning(Partitioning::balanced())
        .create_topic_if_not_exists(1, IggyExpiry::NeverExpire, MaxTopicSize::Unlimited)
        .build();
    producer.init().await.expect("init the producer");
    producer.send(messages(1000)).await.expect("send");
    let mut consumer = client
        .consumer("reader", "high-level", "t", 0)
        .expect("a consumer")
        .auto_commit(AutoCommit::When(AutoCommitWhen::PollingMessages))
        .polling_strategy(PollingStrategy::next())
        .poll_interval(IggyDuration::from(1000))
        .batch_length(70)
        .build();
    consumer.init().await.expect("init the consumer");
    for expected in 0..1000 {
        let received = consumer.next().await.expect("a message").expect("no error");
        assert_eq!(received.message.header.offset, expected);
        let payload = format!("message {expected}");
        assert_eq!(&received.message.payload[..], payload.as_bytes());
    }
}

pub async fn run(report: &mut Report, address: &str) {
    macro_rules! check {
        ($sentence:expr, $function:ident) => {
            report.check($sentence, $function(address.to_owned())).await;
        };
    }
    check!("log in, wrongly too, log out, log in again", logins);
    check!("streams: create, get, list, update, purge, delete", streams);
    check!("topics: create with options, get, list, update, purge, delete", topics);
    check!("options of topics: in words, unknown, out of range, described", topic_options);
    check!("partitions: create, delete; segments: delete", partitions_and_segments);
    check!("send to a partition, by key, balanced; confirmed offsets", sends);
    check!("a message of 10 MB with 100 KB of headers", a_large_message);
    check!("poll by every strategy, and what does not exist", polls);
    check!("consumer offsets: store, get, delete", offsets);
    check!("clients, statistics, cluster, and the flush that is not offered", questions);
    check!("the high-level producer and consumer", high_level);
}
