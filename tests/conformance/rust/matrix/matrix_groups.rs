//! Consumer groups: their life, who owns what, and turns.

use crate::desk::{Desk, MISSING, Poll, messages, named, numbered, refused};
use crate::generation;
use futures_util::StreamExt;
use iggy::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const GROUP: &str = "readers";
const SETTLE_SECONDS: u64 = 40;

/// A topic with a group that has nobody in it.
async fn group(desk: &Desk, what: &str, partitions: u32) -> (Identifier, Identifier) {
    let place = desk.topic(what, partitions).await;
    let made = desk.root.create_consumer_group(&place.0, &place.1, GROUP).await.expect("create");
    assert_eq!((made.name.as_str(), made.partitions_count), (GROUP, partitions));
    place
}

async fn details(desk: &Desk, place: &(Identifier, Identifier)) -> ConsumerGroupDetails {
    let found = desk.root.get_consumer_group(&place.0, &place.1, &named(GROUP)).await;
    found.expect("get").expect("found")
}

/// How many partitions each member owns, sorted; fails if one is owned twice.
async fn shares(desk: &Desk, place: &(Identifier, Identifier)) -> Vec<usize> {
    let found = details(desk, place).await;
    let owned: Vec<u32> = found.members.iter().flat_map(|each| each.partitions.clone()).collect();
    let distinct: BTreeSet<u32> = owned.iter().copied().collect();
    assert_eq!(distinct.len(), owned.len(), "a partition with two owners");
    let mut shares: Vec<usize> = found.members.iter().map(|each| each.partitions.len()).collect();
    shares.sort();
    shares
}

/// Waits until the shares are these: a partition may be handed over a little later.
async fn settles(desk: &Desk, place: &(Identifier, Identifier), expected: &[usize]) {
    let end = Instant::now() + Duration::from_secs(SETTLE_SECONDS);
    loop {
        let now = shares(desk, place).await;
        if now == expected {
            return;
        }
        assert!(Instant::now() < end, "shares are {now:?}, expected {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn join(client: &IggyClient, place: &(Identifier, Identifier)) {
    client.join_consumer_group(&place.0, &place.1, &named(GROUP)).await.expect("join");
}

pub async fn get_consumer_group(desk: Arc<Desk>) {
    let place = group(&desk, "get-group", 3).await;
    let (stream, topic) = &place;
    let by_name = details(&desk, &place).await;
    let by_number = desk.root.get_consumer_group(stream, topic, &numbered(by_name.id)).await;
    for found in [by_name, by_number.expect("get").expect("found")] {
        assert_eq!((found.name.as_str(), found.partitions_count), (GROUP, 3));
        assert_eq!((found.members_count, found.members.len()), (0, 0));
    }
    for missing in [named("no such group"), numbered(MISSING)] {
        let found = desk.root.get_consumer_group(stream, topic, &missing).await;
        assert!(found.expect("get").is_none());
    }
    let nowhere = desk.root.get_consumer_group(&numbered(MISSING), topic, &named(GROUP)).await;
    generation::nothing_or_refused(1009, nowhere.map(|found| found.is_none()));
    let nowhere = desk.root.get_consumer_group(stream, &numbered(MISSING), &named(GROUP)).await;
    generation::nothing_or_refused(2010, nowhere.map(|found| found.is_none()));
    refused(41, desk.nobody().get_consumer_group(stream, topic, &named(GROUP)).await);
}

pub async fn get_consumer_groups(desk: Arc<Desk>) {
    let (stream, topic) = group(&desk, "get-groups", 1).await;
    desk.root.create_consumer_group(&stream, &topic, "more").await.expect("create");
    let listed = desk.root.get_consumer_groups(&stream, &topic).await.expect("list");
    let names: Vec<_> = listed.iter().map(|each| (each.id, each.name.as_str())).collect();
    assert_eq!(names, [(0, GROUP), (1, "more")]);
    let nowhere = desk.root.get_consumer_groups(&numbered(MISSING), &topic).await;
    generation::nothing_or_refused(1009, nowhere.map(|found| found.is_empty()));
    refused(41, desk.nobody().get_consumer_groups(&stream, &topic).await);
}

pub async fn create_consumer_group(desk: Arc<Desk>) {
    let (stream, topic) = group(&desk, "create-group", 2).await;
    refused(5004, desk.root.create_consumer_group(&stream, &topic, GROUP).await);
    let nowhere = numbered(MISSING);
    refused(1009, desk.root.create_consumer_group(&nowhere, &topic, "x").await);
    refused(2010, desk.root.create_consumer_group(&stream, &nowhere, "x").await);
    refused(41, desk.nobody().create_consumer_group(&stream, &topic, "x").await);
}

pub async fn delete_consumer_group(desk: Arc<Desk>) {
    let place = group(&desk, "delete-group", 1).await;
    let (stream, topic) = &place;
    desk.send(&place, 0, 3).await;
    let member = desk.another().await;
    join(&member, &place).await;
    let consumer = || Consumer::group(named(GROUP));
    member.store_consumer_offset(&consumer(), stream, topic, Some(0), 1).await.expect("store");
    refused(41, desk.nobody().delete_consumer_group(stream, topic, &named(GROUP)).await);
    desk.root.delete_consumer_group(stream, topic, &named(GROUP)).await.expect("delete");
    let found = desk.root.get_consumer_group(stream, topic, &named(GROUP)).await;
    assert!(found.expect("get").is_none());
    assert!(member.get_me().await.expect("get_me").consumer_groups.is_empty());
    for missing in [named(GROUP), numbered(MISSING)] {
        refused(5000, desk.root.delete_consumer_group(stream, topic, &missing).await);
    }
    desk.root.create_consumer_group(stream, topic, GROUP).await.expect("create again");
    let stored = desk.root.get_consumer_offset(&consumer(), stream, topic, Some(0)).await;
    assert!(stored.expect("get").is_none(), "offsets of a group that is gone");
}

pub async fn join_consumer_group(desk: Arc<Desk>) {
    let place = group(&desk, "join-group", 3).await;
    let (stream, topic) = &place;
    let members = [desk.another().await, desk.another().await, desk.another().await];
    for (member, expected) in members.iter().zip([&[3][..], &[1, 2], &[1, 1, 1]]) {
        join(member, &place).await;
        join(member, &place).await;
        settles(&desk, &place, expected).await;
    }
    let me = members[1].get_me().await.expect("get_me");
    assert_eq!((me.consumer_groups_count, me.consumer_groups.len()), (1, 1));
    let listed = desk.root.get_client(me.client_id).await.expect("get").expect("found");
    assert_eq!(listed.consumer_groups[0].group_id, details(&desk, &place).await.id);
    refused(5000, desk.root.join_consumer_group(stream, topic, &numbered(MISSING)).await);
    refused(2010, desk.root.join_consumer_group(stream, &numbered(MISSING), &named(GROUP)).await);
    refused(1009, desk.root.join_consumer_group(&numbered(MISSING), topic, &named(GROUP)).await);
    refused(41, desk.nobody().join_consumer_group(stream, topic, &named(GROUP)).await);
    let [first, second, third] = members;
    third.shutdown().await.expect("shut down");
    settles(&desk, &place, &[1, 2]).await;
    second.shutdown().await.expect("shut down");
    settles(&desk, &place, &[3]).await;
    first.shutdown().await.expect("shut down");
    settles(&desk, &place, &[]).await;
}

pub async fn leave_consumer_group(desk: Arc<Desk>) {
    let place = group(&desk, "leave-group", 2).await;
    let (stream, topic) = &place;
    let members = [desk.another().await, desk.another().await];
    let leave = |client, group| {
        let (client, stream, topic): (&IggyClient, _, _) = (client, stream.clone(), topic.clone());
        async move { client.leave_consumer_group(&stream, &topic, &group).await }
    };
    refused(5006, leave(&members[0], named(GROUP)).await);
    join(&members[0], &place).await;
    join(&members[1], &place).await;
    settles(&desk, &place, &[1, 1]).await;
    leave(&members[0], named(GROUP)).await.expect("leave");
    settles(&desk, &place, &[2]).await;
    assert!(members[0].get_me().await.expect("get_me").consumer_groups.is_empty());
    refused(5006, leave(&members[0], named(GROUP)).await);
    refused(5000, leave(&members[1], numbered(MISSING)).await);
    refused(41, leave(desk.nobody(), named(GROUP)).await);
}

/// A member reads its partitions in turn; who is not a member is told so.
pub async fn poll_in_turn(desk: Arc<Desk>) {
    let place = group(&desk, "group-turns", 3).await;
    for partition in 0..3 {
        desk.send(&place, partition, 4).await;
    }
    let member = desk.another().await;
    let poll = || Poll::of(&place, PollingStrategy::next(), 2).in_group(GROUP).committing();
    refused(5006, poll().ask(&member).await);
    join(&member, &place).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let polled = poll().ask(&member).await.expect("poll");
        for message in &polled.messages {
            seen.push((polled.partition_id, message.header.offset));
        }
    }
    let turns: Vec<u32> = seen.iter().step_by(2).map(|each| each.0).collect();
    assert_eq!(turns[..3], turns[3..], "not in turn: {seen:?}");
    seen.sort();
    let all: Vec<_> = (0..3).flat_map(|p| (0..4).map(move |offset| (p, offset))).collect();
    assert_eq!(seen, all);
    assert!(poll().ask(&member).await.expect("poll").messages.is_empty());
}

/// Two members; a second one joins while the first reads: each message comes once.
pub async fn poll_while_members_change(desk: Arc<Desk>) {
    let place = group(&desk, "group-changes", 4).await;
    for partition in 0..4 {
        desk.send(&place, partition, 20).await;
    }
    let (first, second) = (desk.another().await, desk.another().await);
    let poll = || Poll::of(&place, PollingStrategy::next(), 3).in_group(GROUP).committing();
    let mut seen = Vec::new();
    join(&first, &place).await;
    let end = Instant::now() + Duration::from_secs(SETTLE_SECONDS);
    for turn in 0.. {
        if turn == 5 {
            join(&second, &place).await;
        }
        let client = if turn > 5 && turn % 2 == 1 { &second } else { &first };
        let polled = poll().ask(client).await.expect("poll");
        for message in &polled.messages {
            seen.push((polled.partition_id, message.header.offset));
        }
        if seen.len() >= 80 {
            break;
        }
        assert!(Instant::now() < end, "only {} of 80 messages came", seen.len());
    }
    seen.sort();
    let all: Vec<_> = (0..4).flat_map(|p| (0..20).map(move |offset| (p, offset))).collect();
    assert_eq!(seen, all, "not each message once");
    settles(&desk, &place, &[2, 2]).await;
}

pub async fn offsets_of_a_group(desk: Arc<Desk>) {
    let place = group(&desk, "group-offsets", 2).await;
    let (stream, topic) = &place;
    desk.send(&place, 0, 5).await;
    desk.send(&place, 1, 5).await;
    let members = [desk.another().await, desk.another().await];
    for member in &members {
        join(member, &place).await;
    }
    settles(&desk, &place, &[1, 1]).await;
    let consumer = Consumer::group(named(GROUP));
    let mut refusals = 0;
    for member in &members {
        for partition in 0..2 {
            let at = Some(partition);
            let stored = member.store_consumer_offset(&consumer, stream, topic, at, 3).await;
            if let Err(error) = stored {
                assert_eq!(error.as_code(), generation::NOT_OWNED, "wrong error: {error}");
                refusals += 1;
            }
        }
    }
    assert_eq!(refusals, 2, "each member stores for its own partition only");
    for partition in 0..2 {
        let stored = desk.root.get_consumer_offset(&consumer, stream, topic, Some(partition)).await;
        assert_eq!(stored.expect("get").expect("stored").stored_offset, 3);
    }
    let missing = Consumer::group(named("no such group"));
    let found = desk.root.get_consumer_offset(&missing, stream, topic, Some(0)).await;
    assert!(found.expect("get").is_none());
}

/// The producer and the consumer that applications use, with a group made by the way.
pub async fn high_level(desk: Arc<Desk>) {
    let name = desk.name("high-level");
    let producer = generation::producer(&desk.root, &name);
    producer.init().await.expect("init the producer");
    producer.send(messages(1000)).await.expect("send");
    let client = desk.another().await;
    let mut consumer = client
        .consumer_group(GROUP, &name, "t")
        .expect("a consumer")
        .auto_commit(AutoCommit::When(AutoCommitWhen::PollingMessages))
        .create_consumer_group_if_not_exists()
        .auto_join_consumer_group()
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
