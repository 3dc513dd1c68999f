//! What is particular to the clients of 0.8.

use iggy::prelude::*;

pub const NAME: &str = "rust-0.10";
pub const SNAPSHOT_NEEDS_PERMISSION: bool = false;
pub const HAS_FLUSH: bool = true;
pub const NO_STREAM_TO_SEND_TO: u32 = 1009;
pub const NO_TOPIC_TO_SEND_TO: u32 = 2010;
pub const NO_PARTITION_TO_SEND_TO: u32 = 3007;
/// What an inactive user is told.
pub const INACTIVE: u32 = 47;
pub const NO_SUCH_TOKEN: u32 = 20;
pub const EXPIRED_TOKEN: u32 = 54;
pub const NOT_OWNED: u32 = 3022;
/// A day: more than one batch of 0.9 can hold, so the server must part it.
pub const ORIGIN_SPREAD_US: u64 = 86_400_000_000;

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
    let wish = Wish {
        partitions,
        compression: CompressionAlgorithm::None,
        expiry: IggyExpiry::NeverExpire,
        size: MaxTopicSize::Unlimited,
    };
    create_topic_as(client, stream, name, &wish).await
}

pub async fn create_topic_as(
    client: &IggyClient,
    stream: &Identifier,
    name: &str,
    wish: &Wish,
) -> Result<TopicDetails, IggyError> {
    let Wish { partitions, compression, expiry, size } = *wish;
    client.create_topic(stream, name, partitions, compression, None, expiry, size).await
}

pub async fn update_topic(
    client: &IggyClient,
    stream: &Identifier,
    topic: &Identifier,
    (name, wish): (&str, &Wish),
) -> Result<(), IggyError> {
    let Wish { compression, expiry, size, .. } = *wish;
    client.update_topic(stream, topic, name, compression, None, expiry, size).await
}

pub async fn update_stream(
    client: &IggyClient,
    stream: &Identifier,
    name: &str,
) -> Result<(), IggyError> {
    client.update_stream(stream, name).await
}

pub async fn update_user(
    client: &IggyClient,
    user: &Identifier,
    name: Option<&str>,
    status: Option<UserStatus>,
) -> Result<(), IggyError> {
    client.update_user(user, name, status).await
}

pub async fn send(
    client: &IggyClient,
    (stream, topic): &(Identifier, Identifier),
    partitioning: &Partitioning,
    messages: &mut [IggyMessage],
) -> Result<(), IggyError> {
    client.send_messages(stream, topic, partitioning, messages).await
}

/// A question about something in a stream or topic that is missing: 0.8 answers with nothing.
#[track_caller]
pub fn nothing_or_refused(_number: u32, is_nothing: Result<bool, IggyError>) {
    assert!(is_nothing.expect("an empty answer"), "something was found");
}

/// The producer that applications use; it makes the stream and the topic.
pub fn producer(client: &IggyClient, stream: &str) -> IggyProducer {
    client
        .producer(stream, "t")
        .expect("a producer")
        .direct(DirectConfig::builder().batch_length(100).build())
        .partitioning(Partitioning::balanced())
        .create_topic_if_not_exists(1, None, IggyExpiry::NeverExpire, MaxTopicSize::Unlimited)
        .build()
}
