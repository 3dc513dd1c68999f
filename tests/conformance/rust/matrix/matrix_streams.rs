//! Streams, topics, partitions, segments.

use crate::desk::{Desk, MISSING, Poll, named, numbered, refused};
use crate::generation;
use iggy::prelude::*;
use std::sync::Arc;

pub async fn get_stream(desk: Arc<Desk>) {
    let place = desk.topic("get-stream", 2).await;
    desk.send(&place, 1, 3).await;
    let made = desk.root.get_stream(&place.0).await.expect("get").expect("found");
    let by_number = desk.root.get_stream(&numbered(made.id)).await.expect("get").expect("found");
    for found in [made, by_number] {
        assert_eq!(found.name, desk.name("get-stream"));
        assert_eq!((found.topics_count, found.messages_count), (1, 3));
        assert_eq!((found.topics[0].name.as_str(), found.topics[0].partitions_count), ("t", 2));
        assert_eq!(found.topics[0].messages_count, 3);
        assert!(found.size.as_bytes_u64() > 3 * 48);
    }
    for missing in [named("no such stream"), numbered(MISSING)] {
        assert!(desk.root.get_stream(&missing).await.expect("get").is_none());
        assert!(desk.nobody().get_stream(&missing).await.expect("get").is_none());
    }
    refused(41, desk.nobody().get_stream(&place.0).await);
}

pub async fn get_streams(desk: Arc<Desk>) {
    desk.topic("get-streams", 1).await;
    let listed = desk.root.get_streams().await.expect("list");
    let name = desk.name("get-streams");
    assert_eq!(listed.iter().filter(|each| each.name == name).count(), 1);
    assert!(listed.is_sorted_by_key(|each| each.id));
    refused(41, desk.nobody().get_streams().await);
}

pub async fn create_stream(desk: Arc<Desk>) {
    let name = desk.name("create-stream");
    let made = desk.root.create_stream(&name).await.expect("create");
    assert_eq!((made.name.as_str(), made.topics_count, made.messages_count), (&*name, 0, 0));
    refused(1012, desk.root.create_stream(&name).await);
    refused(41, desk.nobody().create_stream(&desk.name("forbidden")).await);
    let long = format!("{name} {}", "x".repeat(254 - name.len()));
    let made = desk.root.create_stream(&long).await.expect("a name of 255 bytes");
    assert_eq!(desk.root.get_stream(&numbered(made.id)).await.unwrap().unwrap().name, long);
    desk.root.delete_stream(&numbered(made.id)).await.expect("delete");
}

pub async fn delete_stream(desk: Arc<Desk>) {
    let place = desk.topic("delete-stream", 1).await;
    desk.send(&place, 0, 1).await;
    refused(41, desk.nobody().delete_stream(&place.0).await);
    desk.root.delete_stream(&place.0).await.expect("delete");
    assert!(desk.root.get_stream(&place.0).await.expect("get").is_none());
    for missing in [place.0, numbered(MISSING)] {
        refused(1009, desk.root.delete_stream(&missing).await);
        refused(1009, desk.nobody().delete_stream(&missing).await);
    }
}

pub async fn update_stream(desk: Arc<Desk>) {
    let (name, renamed) = (desk.name("update-stream"), desk.name("renamed-stream"));
    let made = desk.root.create_stream(&name).await.expect("create");
    let other = desk.name("update-stream-2");
    desk.root.create_stream(&other).await.expect("create");
    let id = numbered(made.id);
    generation::update_stream(&desk.root, &id, &renamed).await.expect("rename");
    generation::update_stream(&desk.root, &id, &renamed).await.expect("rename to the same");
    assert!(desk.root.get_stream(&named(&name)).await.expect("get").is_none());
    let found = desk.root.get_stream(&named(&renamed)).await.expect("get").expect("found");
    assert_eq!((found.id, found.created_at), (made.id, made.created_at));
    refused(1012, generation::update_stream(&desk.root, &id, &other).await);
    refused(1009, generation::update_stream(&desk.root, &numbered(MISSING), "x").await);
    refused(41, generation::update_stream(desk.nobody(), &id, "x").await);
}

pub async fn purge_stream(desk: Arc<Desk>) {
    let place = desk.topic("purge-stream", 2).await;
    desk.send(&place, 0, 3).await;
    refused(41, desk.nobody().purge_stream(&place.0).await);
    desk.root.purge_stream(&place.0).await.expect("purge");
    let found = desk.root.get_stream(&place.0).await.expect("get").expect("found");
    assert_eq!((found.messages_count, found.size.as_bytes_u64(), found.topics_count), (0, 0, 1));
    desk.send(&place, 0, 1).await;
    assert_eq!(Poll::of(&place, PollingStrategy::first(), 9).offsets(&desk.root).await, [0]);
    refused(1009, desk.root.purge_stream(&numbered(MISSING)).await);
}

pub async fn get_topic(desk: Arc<Desk>) {
    let place = desk.topic("get-topic", 3).await;
    desk.send(&place, 2, 4).await;
    let stream = desk.root.get_stream(&place.0).await.expect("get").expect("found").id;
    for (stream, topic) in [place.clone(), (numbered(stream), numbered(0))] {
        let found = desk.root.get_topic(&stream, &topic).await.expect("get").expect("found");
        assert_eq!((found.id, found.name.as_str(), found.partitions_count), (0, "t", 3));
        let partitions: Vec<_> = found
            .partitions
            .iter()
            .map(|each| (each.id, each.segments_count, each.current_offset, each.messages_count))
            .collect();
        assert_eq!(partitions, [(0, 1, 0, 0), (1, 1, 0, 0), (2, 1, 3, 4)]);
    }
    for (stream, topic) in [(place.0.clone(), numbered(MISSING)), (numbered(MISSING), numbered(0))]
    {
        assert!(desk.root.get_topic(&stream, &topic).await.expect("get").is_none());
    }
    refused(41, desk.nobody().get_topic(&place.0, &place.1).await);
}

pub async fn get_topics(desk: Arc<Desk>) {
    let place = desk.topic("get-topics", 1).await;
    generation::create_topic(&desk.root, &place.0, "u", 2).await.expect("create");
    let listed = desk.root.get_topics(&place.0).await.expect("list");
    let names: Vec<_> = listed.iter().map(|each| (each.id, each.name.as_str())).collect();
    assert_eq!(names, [(0, "t"), (1, "u")]);
    assert!(desk.root.get_topics(&numbered(MISSING)).await.expect("list").is_empty());
    refused(41, desk.nobody().get_topics(&place.0).await);
}

pub async fn create_topic(desk: Arc<Desk>) {
    let name = desk.name("create-topic");
    desk.root.create_stream(&name).await.expect("create");
    let stream = named(&name);
    let wish = generation::Wish {
        partitions: 3,
        compression: CompressionAlgorithm::Gzip,
        expiry: IggyExpiry::ExpireDuration(IggyDuration::from(3_600_000_000)),
        size: MaxTopicSize::Custom(IggyByteSize::from(2 << 30)),
    };
    let made = generation::create_topic_as(&desk.root, &stream, "t", &wish).await.expect("create");
    let found = desk.root.get_topic(&stream, &named("t")).await.expect("get").expect("found");
    for topic in [made, found] {
        assert_eq!((topic.id, topic.partitions_count), (0, 3));
        assert_eq!(topic.compression_algorithm, wish.compression);
        assert_eq!((topic.message_expiry, topic.max_topic_size), (wish.expiry, wish.size));
        let ids: Vec<u32> = topic.partitions.iter().map(|each| each.id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }
    refused(2013, generation::create_topic(&desk.root, &stream, "t", 1).await);
    refused(2015, generation::create_topic(&desk.root, &stream, "many", 1001).await);
    refused(1009, generation::create_topic(&desk.root, &numbered(MISSING), "t", 1).await);
    refused(41, generation::create_topic(desk.nobody(), &stream, "u", 1).await);
    let small = MaxTopicSize::Custom(IggyByteSize::from(1 << 20));
    let small = generation::Wish { size: small, ..wish };
    refused(1019, generation::create_topic_as(&desk.root, &stream, "small", &small).await);
    assert_eq!(desk.root.get_topics(&stream).await.expect("list").len(), 1);
}

pub async fn delete_topic(desk: Arc<Desk>) {
    let place = desk.topic("delete-topic", 1).await;
    desk.send(&place, 0, 1).await;
    refused(41, desk.nobody().delete_topic(&place.0, &place.1).await);
    desk.root.delete_topic(&place.0, &place.1).await.expect("delete");
    assert!(desk.root.get_topic(&place.0, &place.1).await.expect("get").is_none());
    let stream = desk.root.get_stream(&place.0).await.expect("get").expect("found");
    assert_eq!((stream.topics_count, stream.messages_count), (0, 0));
    refused(2010, desk.root.delete_topic(&place.0, &place.1).await);
    refused(2010, desk.root.delete_topic(&place.0, &numbered(MISSING)).await);
    refused(1009, desk.root.delete_topic(&numbered(MISSING), &place.1).await);
}

pub async fn update_topic(desk: Arc<Desk>) {
    let (stream, topic) = desk.topic("update-topic", 2).await;
    generation::create_topic(&desk.root, &stream, "other", 1).await.expect("create");
    let wish = generation::Wish {
        partitions: 2,
        compression: CompressionAlgorithm::Gzip,
        expiry: IggyExpiry::NeverExpire,
        size: MaxTopicSize::Unlimited,
    };
    let root = &desk.root;
    generation::update_topic(root, &stream, &topic, ("renamed", &wish)).await.expect("update");
    let found = root.get_topic(&stream, &named("renamed")).await.expect("get").expect("found");
    assert_eq!((found.id, found.partitions_count), (0, 2));
    assert_eq!(found.compression_algorithm, wish.compression);
    assert_eq!((found.message_expiry, found.max_topic_size), (wish.expiry, wish.size));
    assert!(root.get_topic(&stream, &topic).await.expect("get").is_none());
    let taken = generation::update_topic(root, &stream, &numbered(0), ("other", &wish)).await;
    refused(2013, taken);
    refused(2010, generation::update_topic(root, &stream, &topic, ("x", &wish)).await);
    let nowhere = numbered(MISSING);
    refused(1009, generation::update_topic(root, &nowhere, &topic, ("x", &wish)).await);
    let nobody = desk.nobody();
    refused(41, generation::update_topic(nobody, &stream, &numbered(0), ("x", &wish)).await);
}

pub async fn purge_topic(desk: Arc<Desk>) {
    let place = desk.topic("purge-topic", 1).await;
    let consumer = Consumer::new(numbered(5));
    desk.send(&place, 0, 3).await;
    let (stream, topic) = &place;
    let root = &desk.root;
    root.store_consumer_offset(&consumer, stream, topic, Some(0), 2).await.expect("store");
    refused(41, desk.nobody().purge_topic(stream, topic).await);
    root.purge_topic(stream, topic).await.expect("purge");
    let stored = root.get_consumer_offset(&consumer, stream, topic, Some(0)).await.expect("get");
    assert!(stored.is_none(), "a stored offset outlived the purge");
    desk.send(&place, 0, 1).await;
    assert_eq!(Poll::of(&place, PollingStrategy::first(), 9).offsets(root).await, [0]);
    refused(2010, root.purge_topic(stream, &numbered(MISSING)).await);
    refused(1009, root.purge_topic(&numbered(MISSING), topic).await);
}

async fn partitions_of(desk: &Desk, place: &(Identifier, Identifier)) -> u32 {
    let found = desk.root.get_topic(&place.0, &place.1).await.expect("get").expect("found");
    assert_eq!(found.partitions.len(), found.partitions_count as usize);
    found.partitions_count
}

pub async fn create_partitions(desk: Arc<Desk>) {
    let place = desk.topic("create-partitions", 1).await;
    let (stream, topic) = &place;
    desk.root.create_partitions(stream, topic, 2).await.expect("add");
    assert_eq!(partitions_of(&desk, &place).await, 3);
    desk.send(&place, 2, 1).await;
    refused(2010, desk.root.create_partitions(stream, &numbered(MISSING), 1).await);
    refused(1009, desk.root.create_partitions(&numbered(MISSING), topic, 1).await);
    refused(41, desk.nobody().create_partitions(stream, topic, 1).await);
}

pub async fn delete_partitions(desk: Arc<Desk>) {
    let place = desk.topic("delete-partitions", 4).await;
    let (stream, topic) = &place;
    desk.send(&place, 3, 2).await;
    desk.root.delete_partitions(stream, topic, 1).await.expect("remove");
    assert_eq!(partitions_of(&desk, &place).await, 3);
    let found = desk.root.get_stream(stream).await.expect("get").expect("found");
    assert_eq!(found.messages_count, 0, "messages of a partition that is gone");
    refused(2019, desk.root.delete_partitions(stream, topic, 4).await);
    refused(2010, desk.root.delete_partitions(stream, &numbered(MISSING), 1).await);
    refused(1009, desk.root.delete_partitions(&numbered(MISSING), topic, 1).await);
    refused(41, desk.nobody().delete_partitions(stream, topic, 1).await);
}

pub async fn delete_segments(desk: Arc<Desk>) {
    let place = desk.topic("delete-segments", 2).await;
    let (stream, topic) = &place;
    desk.send(&place, 1, 5).await;
    desk.root.delete_segments(stream, topic, 1, 10).await.expect("nothing to delete");
    let all = Poll::of(&place, PollingStrategy::first(), 9).at(1).offsets(&desk.root).await;
    assert_eq!(all, [0, 1, 2, 3, 4], "the active segment stays");
    refused(3007, desk.root.delete_segments(stream, topic, 9, 1).await);
    refused(2010, desk.root.delete_segments(stream, &numbered(MISSING), 0, 1).await);
    refused(1009, desk.root.delete_segments(&numbered(MISSING), topic, 0, 1).await);
    refused(41, desk.nobody().delete_segments(stream, topic, 0, 1).await);
}
