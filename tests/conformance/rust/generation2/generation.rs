//! What is particular to the clients of 0.9.

use crate::desk::refused;
use iggy::prelude::*;

pub const NAME: &str = "rust-0.11";
pub const SNAPSHOT_NEEDS_PERMISSION: bool = true;
pub const HAS_FLUSH: bool = false;
pub const NO_STREAM_TO_SEND_TO: u32 = 20;
pub const NO_TOPIC_TO_SEND_TO: u32 = 20;
pub const NO_PARTITION_TO_SEND_TO: u32 = 20;
/// What an inactive user is told.
pub const INACTIVE: u32 = 42;
pub const NO_SUCH_TOKEN: u32 = 53;
pub const EXPIRED_TOKEN: u32 = 53;
pub const NOT_OWNED: u32 = 5009;
/// An hour: what one batch can hold.
pub const ORIGIN_SPREAD_US: u64 = 3_600_000_000;

/// How a topic is wished to be.
pub struct Wish {
    pub partitions: u32,
    pub compression: CompressionAlgorithm,
    pub expiry: IggyExpiry,
    pub size: MaxTopicSize,
}

pub async fn create_topic(
    client: &IggyClient,
    stream: &Identifier,
    name: &str,
    partitions: u32,
) -> Result<TopicDetails, IggyError> {
    let options = TopicCreateOptions { partitions_count: Some(partitions), ..Default::default() };
    client.create_topic(stream, name, &options).await
}

pub async fn create_topic_as(
    client: &IggyClient,
    stream: &Identifier,
    name: &str,
    wish: &Wish,
) -> Result<TopicDetails, IggyError> {
    let options = TopicCreateOptions {
        partitions_count: Some(wish.partitions),
        compression_algorithm: Some(wish.compression),
        message_expiry: Some(wish.expiry),
        max_topic_size: Some(wish.size),
        ..Default::default()
    };
    client.create_topic(stream, name, &options).await
}

pub async fn update_topic(
    client: &IggyClient,
    stream: &Identifier,
    topic: &Identifier,
    (name, wish): (&str, &Wish),
) -> Result<(), IggyError> {
    let options = TopicUpdateOptions {
        compression_algorithm: Some(wish.compression),
        message_expiry: Some(wish.expiry),
        max_topic_size: Some(wish.size),
        ..Default::default()
    };
    client.update_topic(stream, topic, name, &options).await
}

pub async fn update_stream(
    client: &IggyClient,
    stream: &Identifier,
    name: &str,
) -> Result<(), IggyError> {
    client.update_stream(stream, name, &StreamUpdateOptions::default()).await
}

pub async fn update_user(
    client: &IggyClient,
    user: &Identifier,
    name: Option<&str>,
    status: Option<UserStatus>,
) -> Result<(), IggyError> {
    client.update_user(user, name, status, &UserUpdateOptions::default()).await
}

/// Every accepted send must be confirmed.
pub async fn send(
    client: &IggyClient,
    (stream, topic): &(Identifier, Identifier),
    partitioning: &Partitioning,
    messages: &mut [IggyMessage],
) -> Result<(), IggyError> {
    let reply = client.send_messages(stream, topic, partitioning, messages).await?;
    assert_eq!(reply.confirmations.len(), 1, "a send without a confirmation");
    Ok(())
}

/// A question about something in a stream or topic that is missing: 0.9 refuses it.
#[track_caller]
pub fn nothing_or_refused(number: u32, is_nothing: Result<bool, IggyError>) {
    refused(number, is_nothing);
}

/// The producer that applications use; it makes the stream and the topic.
pub fn producer(client: &IggyClient, stream: &str) -> IggyProducer {
    client
        .producer(stream, "t")
        .expect("a producer")
        .direct(DirectConfig::builder().batch_length(100).build())
        .partitioning(Partitioning::balanced())
        .create_topic_if_not_exists(1, IggyExpiry::NeverExpire, MaxTopicSize::Unlimited)
        .build()
}
