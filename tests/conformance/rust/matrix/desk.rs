//! What every row of the matrix stands on: three connections, names of its own, and a verdict.
//!
//! A row is one command, tried right and wrong, by name and by number. It prints one line,
//! `ok <seconds> s  <command>` or `FAILED ...`; the reason of a failure is on standard error.

use crate::generation;
use iggy::prelude::*;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CHECK_SECONDS: u64 = 270;
pub const MISSING: u32 = 4_000_000;
pub const PASSWORD: &str = "a long password";

/// Connected only.
pub async fn stranger(address: &str) -> IggyClient {
    let client = IggyClient::builder()
        .with_tcp()
        .with_server_address(address.to_owned())
        .with_reconnection_max_retries(Some(2))
        .with_no_delay()
        .build()
        .expect("build a client");
    client.connect().await.expect("connect");
    client
}

/// Connected and logged in as root.
pub async fn client(address: &str) -> IggyClient {
    let client = stranger(address).await;
    client.login_user("iggy", "iggy").await.expect("log in");
    client
}

pub fn named(name: &str) -> Identifier {
    Identifier::named(name).expect("a valid name")
}

pub fn numbered(number: u32) -> Identifier {
    Identifier::numeric(number).expect("a valid number")
}

/// The server must refuse with exactly this number.
#[track_caller]
pub fn refused<T: Debug>(number: u32, result: Result<T, IggyError>) {
    match result {
        Ok(value) => panic!("accepted with {value:?}, expected error {number}"),
        Err(error) => assert_eq!(error.as_code(), number, "wrong error: {error}"),
    }
}

pub struct Report {
    pub failed: u32,
}

impl Report {
    /// Runs one check to its end, its panic, or the deadline.
    pub async fn check<F>(&mut self, sentence: &str, check: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let begin = Instant::now();
        let deadline = Duration::from_secs(CHECK_SECONDS);
        let verdict = match tokio::time::timeout(deadline, tokio::spawn(check)).await {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => {
                eprintln!("({sentence})");
                "FAILED"
            }
            Err(_) => {
                eprintln!("no end after {CHECK_SECONDS} s ({sentence})");
                "FAILED"
            }
        };
        self.failed += u32::from(verdict == "FAILED");
        println!("{verdict:7} {:6.2} s  {sentence}", begin.elapsed().as_secs_f64());
    }
}

/// Root, and a user who may do nothing; both stay connected from row to row.
pub struct Desk {
    pub address: String,
    pub root: IggyClient,
    nobody: Option<IggyClient>,
}

impl Desk {
    pub async fn open(address: &str) -> Arc<Desk> {
        let root = client(address).await;
        let nobody = Desk::open_nobody(address, &root).await;
        if let Err(error) = &nobody {
            eprintln!("a user without permissions cannot be had: {error}");
        }
        Arc::new(Desk { address: address.to_owned(), root, nobody: nobody.ok() })
    }

    async fn open_nobody(address: &str, root: &IggyClient) -> Result<IggyClient, IggyError> {
        let name = format!("{} nobody", generation::NAME);
        root.create_user(&name, PASSWORD, UserStatus::Active, None).await?;
        let nobody = stranger(address).await;
        nobody.login_user(&name, PASSWORD).await?;
        Ok(nobody)
    }

    /// Logged in, without any permission.
    pub fn nobody(&self) -> &IggyClient {
        self.nobody.as_ref().expect("a user without permissions")
    }

    /// Another connection of root.
    pub async fn another(&self) -> IggyClient {
        client(&self.address).await
    }

    /// A name no other client of the matrix uses.
    pub fn name(&self, what: &str) -> String {
        format!("{} {what}", generation::NAME)
    }

    /// A stream of this name with topic `t`.
    pub async fn topic(&self, what: &str, partitions: u32) -> (Identifier, Identifier) {
        let name = self.name(what);
        self.root.create_stream(&name).await.expect("create a stream");
        generation::create_topic(&self.root, &named(&name), "t", partitions)
            .await
            .expect("create a topic");
        (named(&name), named("t"))
    }

    pub async fn send(&self, place: &(Identifier, Identifier), partition: u32, count: usize) {
        let where_to = Partitioning::partition_id(partition);
        generation::send(&self.root, place, &where_to, &mut messages(count)).await.expect("send");
    }
}

pub fn messages(count: usize) -> Vec<IggyMessage> {
    let payload = |number| format!("message {number}").into_bytes().into();
    (0..count).map(|n| IggyMessage::builder().payload(payload(n)).build().unwrap()).collect()
}

/// What to poll and how; `partition` is None for a group's turn.
pub struct Poll<'a> {
    pub place: &'a (Identifier, Identifier),
    pub partition: Option<u32>,
    pub consumer: Consumer,
    pub strategy: PollingStrategy,
    pub count: u32,
    pub commit: bool,
}

impl<'a> Poll<'a> {
    pub fn of(place: &'a (Identifier, Identifier), strategy: PollingStrategy, count: u32) -> Self {
        let consumer = Consumer::new(numbered(1));
        Poll { place, partition: Some(0), consumer, strategy, count, commit: false }
    }

    pub fn at(self, partition: u32) -> Self {
        Poll { partition: Some(partition), ..self }
    }

    pub fn by(self, consumer: Consumer) -> Self {
        Poll { consumer, ..self }
    }

    pub fn committing(self) -> Self {
        Poll { commit: true, ..self }
    }

    /// As a member of a group, whichever partition's turn it is.
    pub fn in_group(self, group: &str) -> Self {
        Poll { partition: None, consumer: Consumer::group(named(group)), ..self }
    }

    pub async fn ask(&self, client: &IggyClient) -> Result<PolledMessages, IggyError> {
        let (stream, topic) = self.place;
        client
            .poll_messages(
                stream,
                topic,
                self.partition,
                &self.consumer,
                &self.strategy,
                self.count,
                self.commit,
            )
            .await
    }

    pub async fn offsets(&self, client: &IggyClient) -> Vec<u64> {
        let polled = self.ask(client).await.expect("poll");
        polled.messages.iter().map(|message| message.header.offset).collect()
    }
}
