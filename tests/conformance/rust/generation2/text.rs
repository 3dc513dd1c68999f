//! A real text through the server: sent by four producers, read back by every strategy.
//!
//! Producer p sends the p-th quarter of the lines to partition p % 2. Each message is a line with
//! its line break, and its user headers say who sent it and which line it is. In a partition two
//! producers interleave as they like, but each one's lines come in order, and all of them come.

use crate::desk::{Report, client, named};
use iggy::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

const STREAM: &str = "text-rust";
const TOPIC: &str = "lines";
const PARTITIONS: u32 = 2;
const PRODUCERS: usize = 4;
const LINES_PER_SEND: usize = 1000;
const STORED_OFFSET: u64 = 1234;
const LAST_COUNT: u32 = 1000;

struct Text {
    bytes: Vec<u8>,
    lines: Vec<Range<usize>>,
}

impl Text {
    fn read(path: &str) -> Arc<Text> {
        let bytes = std::fs::read(path).expect("read the text");
        let mut lines = Vec::new();
        let mut start = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            lines.push(start..start + line.len());
            start += line.len();
        }
        Arc::new(Text { bytes, lines })
    }

    fn line(&self, number: usize) -> &[u8] {
        &self.bytes[self.lines[number].clone()]
    }

    fn quarter(&self, producer: usize) -> Range<usize> {
        let count = self.lines.len();
        count * producer / PRODUCERS..count * (producer + 1) / PRODUCERS
    }

    fn count_in(&self, partition: u32) -> usize {
        let is_here = |producer: &usize| *producer as u32 % PARTITIONS == partition;
        (0..PRODUCERS).filter(is_here).map(|producer| self.quarter(producer).len()).sum()
    }
}

fn key(name: &str) -> HeaderKey {
    HeaderKey::try_from(name).expect("a valid key")
}

fn message_of(text: &Text, producer: usize, line: usize) -> IggyMessage {
    let headers = BTreeMap::from([
        (key("producer"), HeaderValue::from(producer as u32)),
        (key("line"), HeaderValue::from(line as u64)),
        (key("kind"), HeaderValue::try_from("text").expect("a valid value")),
    ]);
    IggyMessage::builder()
        .payload(text.line(line).to_vec().into())
        .user_headers(headers)
        .build()
        .expect("a valid message")
}

/// One producer, on its own connection. Every send is confirmed with a rising offset.
async fn produce(address: String, text: Arc<Text>, producer: usize) {
    let client = client(&address).await;
    let partition = producer as u32 % PARTITIONS;
    let lines: Vec<usize> = text.quarter(producer).collect();
    let mut next_offset = 0;
    for chunk in lines.chunks(LINES_PER_SEND) {
        let mut messages: Vec<IggyMessage> =
            chunk.iter().map(|line| message_of(&text, producer, *line)).collect();
        let place = Partitioning::partition_id(partition);
        let reply = client
            .send_messages(&named(STREAM), &named(TOPIC), &place, &mut messages)
            .await
            .expect("send");
        let confirmation = reply.confirmations.first().expect("a confirmation");
        assert_eq!(confirmation.partition_id, partition);
        assert!(confirmation.base_offset >= next_offset, "offsets of a producer rise");
        next_offset = confirmation.base_offset + chunk.len() as u64;
    }
}

/// What must come next in a partition; `take` is told every message read.
struct Reader {
    text: Arc<Text>,
    next_offset: u64,
    next_line: Vec<usize>,
}

impl Reader {
    fn new(text: &Arc<Text>) -> Reader {
        let next_line = (0..PRODUCERS).map(|producer| text.quarter(producer).start).collect();
        Reader { text: text.clone(), next_offset: 0, next_line }
    }

    fn take(&mut self, message: &IggyMessage) {
        assert_eq!(message.header.offset, self.next_offset, "a gap or a repeat");
        let headers = message.user_headers_map().expect("readable headers").expect("headers");
        let producer = headers[&key("producer")].as_uint32().expect("a u32") as usize;
        let line = headers[&key("line")].as_uint64().expect("a u64") as usize;
        assert_eq!(headers[&key("kind")].as_str().expect("a string"), "text");
        assert_eq!(headers.len(), 3);
        assert_eq!(line, self.next_line[producer], "lines of a producer out of order");
        assert!(message.payload == self.text.line(line), "line {line} differs");
        self.next_offset += 1;
        self.next_line[producer] += 1;
    }

    fn must_be_complete(&self, partition: u32) {
        assert_eq!(self.next_offset as usize, self.text.count_in(partition));
        for producer in (0..PRODUCERS).filter(|each| *each as u32 % PARTITIONS == partition) {
            assert_eq!(self.next_line[producer], self.text.quarter(producer).end);
        }
    }
}

async fn poll(
    client: &IggyClient,
    partition: u32,
    consumer: &str,
    strategy: PollingStrategy,
    count: usize,
    auto_commit: bool,
) -> Vec<IggyMessage> {
    let consumer = Consumer::new(named(consumer));
    let polled = client
        .poll_messages(
            &named(STREAM),
            &named(TOPIC),
            Some(partition),
            &consumer,
            &strategy,
            count as u32,
            auto_commit,
        )
        .await
        .expect("poll");
    assert_eq!(polled.partition_id, partition);
    assert!(polled.messages.len() <= count, "more than was asked for");
    polled.messages
}

/// Reads with Next and auto-commit until `until` messages have passed.
async fn read_next(client: &IggyClient, partition: u32, until: usize, reader: &mut Reader) {
    while (reader.next_offset as usize) < until {
        let count = (until - reader.next_offset as usize).min(5000);
        let messages =
            poll(client, partition, "next-reader", PollingStrategy::next(), count, true).await;
        assert!(!messages.is_empty(), "nothing at {}", reader.next_offset);
        messages.iter().for_each(|message| reader.take(message));
    }
}

pub async fn send(report: &mut Report, address: &str, path: &str) {
    let text = Text::read(path);
    let (at, lines) = (address.to_owned(), text.clone());
    report
        .check("four producers send a text of 50 MB as lines with headers", async move {
            let client = client(&at).await;
            client.create_stream(STREAM).await.expect("create the stream");
            let options =
                TopicCreateOptions { partitions_count: Some(PARTITIONS), ..Default::default() };
            client.create_topic(&named(STREAM), TOPIC, &options).await.expect("create the topic");
            let producers: Vec<_> = (0..PRODUCERS)
                .map(|producer| tokio::spawn(produce(at.clone(), lines.clone(), producer)))
                .collect();
            for producer in producers {
                producer.await.expect("a producer failed");
            }
        })
        .await;
    let at = address.to_owned();
    report
        .check(
            "half of it is read with Next and auto-commit, and an offset is stored",
            async move {
                let client = client(&at).await;
                for partition in 0..PARTITIONS {
                    let half = text.count_in(partition) / 2;
                    read_next(&client, partition, half, &mut Reader::new(&text)).await;
                    let consumer = Consumer::new(named("keeper"));
                    client
                        .store_consumer_offset(
                            &consumer,
                            &named(STREAM),
                            &named(TOPIC),
                            Some(partition),
                            STORED_OFFSET + u64::from(partition),
                        )
                        .await
                        .expect("store an offset");
                }
            },
        )
        .await;
}

async fn offsets_survived(client: &IggyClient, text: &Arc<Text>) {
    for partition in 0..PARTITIONS {
        let half = text.count_in(partition) as u64 / 2;
        let kept = STORED_OFFSET + u64::from(partition);
        for (name, expected) in [("keeper", kept), ("next-reader", half - 1)] {
            let stored = client
                .get_consumer_offset(
                    &Consumer::new(named(name)),
                    &named(STREAM),
                    &named(TOPIC),
                    Some(partition),
                )
                .await
                .expect("get an offset")
                .expect("a stored offset");
            assert_eq!(stored.stored_offset, expected, "{name}");
            assert_eq!(stored.current_offset as usize, text.count_in(partition) - 1);
        }
        let after = poll(client, partition, "keeper", PollingStrategy::next(), 1, false).await;
        assert_eq!(after[0].header.offset, kept + 1);
    }
}

/// The second half: a reader that has seen the first one without checking it again.
async fn next_goes_on(client: &IggyClient, text: &Arc<Text>) {
    for partition in 0..PARTITIONS {
        let half = text.count_in(partition) / 2;
        let mut reader = Reader::new(text);
        while (reader.next_offset as usize) < half {
            let count = (half - reader.next_offset as usize).min(5000);
            let strategy = PollingStrategy::offset(reader.next_offset);
            let messages = poll(client, partition, "plain", strategy, count, false).await;
            messages.iter().for_each(|message| reader.take(message));
        }
        read_next(client, partition, text.count_in(partition), &mut reader).await;
        reader.must_be_complete(partition);
        let more = poll(client, partition, "next-reader", PollingStrategy::next(), 9, true).await;
        assert!(more.is_empty(), "something behind the end");
    }
}

async fn read_by_offset(client: &IggyClient, text: &Arc<Text>) {
    for partition in 0..PARTITIONS {
        let mut reader = Reader::new(text);
        loop {
            let strategy = PollingStrategy::offset(reader.next_offset);
            let messages = poll(client, partition, "plain", strategy, 7000, false).await;
            if messages.is_empty() {
                break;
            }
            messages.iter().for_each(|message| reader.take(message));
        }
        reader.must_be_complete(partition);
    }
}

/// A batch has one time, so asking for the last time seen brings that batch again: it is skipped.
async fn read_by_timestamp(client: &IggyClient, text: &Arc<Text>) {
    for partition in 0..PARTITIONS {
        let mut reader = Reader::new(text);
        let mut time = 0;
        loop {
            let strategy = PollingStrategy::timestamp(IggyTimestamp::from(time));
            let messages = poll(client, partition, "plain", strategy, 7000, false).await;
            let first = messages.first().map_or(0, |message| message.header.offset);
            assert!(first <= reader.next_offset, "the time search came too late");
            let fresh = messages.iter().filter(|each| each.header.offset >= reader.next_offset);
            let fresh: Vec<&IggyMessage> = fresh.collect();
            let Some(last) = fresh.last() else { break };
            assert!(last.header.timestamp >= time, "times of a partition rise");
            time = last.header.timestamp;
            fresh.into_iter().for_each(|message| reader.take(message));
        }
        reader.must_be_complete(partition);
    }
}

async fn read_by_first_and_last(client: &IggyClient, text: &Arc<Text>) {
    for partition in 0..PARTITIONS {
        let total = text.count_in(partition);
        let first = poll(client, partition, "plain", PollingStrategy::first(), total, false).await;
        assert!(!first.is_empty());
        let mut reader = Reader::new(text);
        first.iter().for_each(|message| reader.take(message));

        let count = LAST_COUNT as usize;
        let last = poll(client, partition, "plain", PollingStrategy::last(), count, false).await;
        assert_eq!(last.len(), count);
        assert_eq!(last[0].header.offset as usize, total - count);

        /* The last n messages of n not yet seen: a reply may end early, so n shrinks. */
        let mut reader = Reader::new(text);
        while (reader.next_offset as usize) < total {
            let count = total - reader.next_offset as usize;
            let last =
                poll(client, partition, "plain", PollingStrategy::last(), count, false).await;
            assert!(!last.is_empty());
            last.iter().for_each(|message| reader.take(message));
        }
        reader.must_be_complete(partition);
    }
}

async fn counts_are_right(client: &IggyClient, text: &Arc<Text>) {
    let topic = client.get_topic(&named(STREAM), &named(TOPIC)).await.expect("ask").expect("topic");
    assert_eq!(topic.messages_count as usize, text.lines.len());
    for partition in &topic.partitions {
        let count = text.count_in(partition.id);
        assert_eq!(partition.messages_count as usize, count);
        assert_eq!(partition.current_offset as usize, count - 1);
    }
    let stream = client.get_stream(&named(STREAM)).await.expect("ask").expect("stream");
    assert_eq!((stream.messages_count, stream.size), (topic.messages_count, topic.size));
}

pub async fn verify(report: &mut Report, address: &str, path: &str) {
    let text = Text::read(path);
    macro_rules! check {
        ($sentence:expr, $function:ident) => {
            let (address, text) = (address.to_owned(), text.clone());
            let check = async move { $function(&client(&address).await, &text).await };
            report.check($sentence, check).await;
        };
    }
    check!("after the restart all counts are right", counts_are_right);
    check!("stored and auto-committed offsets survived the restart", offsets_survived);
    check!("Next goes on where it was and reaches the end", next_goes_on);
    check!("all is read back by offset, byte for byte", read_by_offset);
    check!("all is read back by timestamp", read_by_timestamp);
    check!("all is read back by First and Last", read_by_first_and_last);
}
