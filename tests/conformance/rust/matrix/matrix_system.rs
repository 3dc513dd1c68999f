//! The server itself, its clients, logins and tokens.

use crate::desk::{Desk, MISSING, PASSWORD, refused, stranger};
use crate::generation;
use iggy::prelude::*;
use std::sync::Arc;

const STATS_TRIES: usize = 1000;

pub async fn ping(desk: Arc<Desk>) {
    let client = stranger(&desk.address).await;
    client.ping().await.expect("a ping before login");
    desk.root.ping().await.expect("a ping after login");
    desk.nobody().ping().await.expect("a ping without permissions");
}

pub async fn login(desk: Arc<Desk>) {
    let client = stranger(&desk.address).await;
    refused(42, client.login_user("iggy", "wrong").await);
    refused(42, client.login_user("nobody", "iggy").await);
    refused(40, client.get_streams().await);
    let identity = client.login_user("iggy", "iggy").await.expect("log in");
    assert_eq!(identity.user_id, 0);
    client.get_streams().await.expect("a read after logging in");
    let name = desk.name("inactive");
    let inactive = desk.root.create_user(&name, PASSWORD, UserStatus::Inactive, None).await;
    inactive.expect("create an inactive user");
    refused(generation::INACTIVE, stranger(&desk.address).await.login_user(&name, PASSWORD).await);
    let wrong = stranger(&desk.address).await.login_user(&name, "wrong").await;
    refused(generation::INACTIVE, wrong);
}

pub async fn logout(desk: Arc<Desk>) {
    let client = desk.another().await;
    client.logout_user().await.expect("log out");
    refused(40, client.get_streams().await);
    client.login_user("iggy", "iggy").await.expect("log in again");
    client.get_streams().await.expect("a read after logging in again");
}

/// The statistics, and the streams as they were before and after: others are at work meanwhile.
async fn stats_of_a_moment(client: &IggyClient) -> (Vec<Stream>, Stats) {
    let sums = |streams: &[Stream]| -> Vec<_> {
        streams.iter().map(|each| (each.id, each.topics_count, each.messages_count)).collect()
    };
    for _ in 0..STATS_TRIES {
        let before = client.get_streams().await.expect("streams");
        let stats = client.get_stats().await.expect("stats");
        let after = client.get_streams().await.expect("streams");
        if sums(&before) == sums(&after) {
            return (after, stats);
        }
    }
    panic!("the streams never stayed as they were");
}

pub async fn get_stats(desk: Arc<Desk>) {
    let place = desk.topic("stats", 2).await;
    desk.send(&place, 0, 4).await;
    let (streams, stats) = stats_of_a_moment(&desk.root).await;
    let topics: u32 = streams.iter().map(|each| each.topics_count).sum();
    assert_eq!((stats.streams_count as usize, stats.topics_count), (streams.len(), topics));
    assert_eq!(stats.messages_count, streams.iter().map(|each| each.messages_count).sum::<u64>());
    let size: u64 = streams.iter().map(|each| each.size.as_bytes_u64()).sum();
    assert_eq!(stats.messages_size_bytes.as_bytes_u64(), size);
    assert!(stats.partitions_count >= 2 && stats.segments_count >= stats.partitions_count);
    assert!(stats.process_id > 0 && stats.clients_count > 0 && stats.threads_count > 0);
    assert!(stats.total_memory.as_bytes_u64() >= stats.available_memory.as_bytes_u64());
    assert!(stats.total_disk_space.as_bytes_u64() >= stats.free_disk_space.as_bytes_u64());
    for text in [&stats.hostname, &stats.os_name, &stats.os_version, &stats.kernel_version] {
        assert!(!text.is_empty());
    }
    assert!(stats.iggy_server_version.starts_with("0."));
    assert!(stats.iggy_server_semver.is_some_and(|number| number > 0));
    let age = IggyTimestamp::now().as_micros() - stats.start_time.as_micros();
    assert!(age < 3600 * 1_000_000, "started {age} us ago");
    refused(41, desk.nobody().get_stats().await);
}

pub async fn get_snapshot(desk: Arc<Desk>) {
    for compression in [SnapshotCompression::Stored, SnapshotCompression::Deflated] {
        let kinds = vec![SystemSnapshotType::Test, SystemSnapshotType::ServerConfig];
        let archive = desk.root.snapshot(compression, kinds).await.expect("a snapshot").0;
        assert_eq!(&archive[..4], b"PK\x03\x04", "not a ZIP archive");
        for name in ["test.txt", "server_config.txt"] {
            assert!(archive.windows(name.len()).any(|each| each == name.as_bytes()), "no {name}");
        }
    }
    let all = vec![SystemSnapshotType::All];
    let archive = desk.root.snapshot(SnapshotCompression::Deflated, all).await;
    assert!(archive.expect("a snapshot of all").0.len() > 500);
    let mixed = vec![SystemSnapshotType::All, SystemSnapshotType::Test];
    refused(3, desk.root.snapshot(SnapshotCompression::Deflated, mixed).await);
    let asked = desk.nobody().snapshot(SnapshotCompression::Deflated, vec![]).await;
    if generation::SNAPSHOT_NEEDS_PERMISSION {
        refused(41, asked);
    } else {
        asked.expect("a snapshot with a login only");
    }
}

pub async fn get_cluster_metadata(desk: Arc<Desk>) {
    for client in [&desk.root, desk.nobody()] {
        let cluster = client.get_cluster_metadata().await.expect("cluster");
        assert_eq!(cluster.nodes.len(), 1);
        let port = desk.address.rsplit(':').next().unwrap();
        assert_eq!(cluster.nodes[0].endpoints.tcp.to_string(), port);
        assert_eq!(cluster.nodes[0].role, ClusterNodeRole::Leader);
        assert_eq!(cluster.nodes[0].status, ClusterNodeStatus::Healthy);
    }
}

pub async fn get_me(desk: Arc<Desk>) {
    let me = desk.root.get_me().await.expect("get_me");
    assert_eq!((me.user_id, me.transport.as_str()), (Some(0), "TCP"));
    assert!(me.address.starts_with("127.0.0.1:"), "{}", me.address);
    let other = desk.nobody().get_me().await.expect("get_me without permissions");
    assert_ne!(me.client_id, other.client_id);
    assert!(other.user_id.is_some_and(|user| user > 0));
}

pub async fn get_client(desk: Arc<Desk>) {
    let me = desk.root.get_me().await.expect("get_me");
    let found = desk.root.get_client(me.client_id).await.expect("get_client").expect("found");
    assert_eq!((found.address, found.user_id), (me.address, Some(0)));
    assert!(desk.root.get_client(MISSING).await.expect("get_client").is_none());
    refused(41, desk.nobody().get_client(me.client_id).await);
}

pub async fn get_clients(desk: Arc<Desk>) {
    let other = desk.another().await;
    let id = other.get_me().await.expect("get_me").client_id;
    let listed = desk.root.get_clients().await.expect("get_clients");
    assert_eq!(listed.iter().filter(|each| each.client_id == id).count(), 1);
    other.shutdown().await.expect("shut down");
    for attempt in 0.. {
        let listed = desk.root.get_clients().await.expect("get_clients");
        if listed.iter().all(|each| each.client_id != id) {
            break;
        }
        assert!(attempt < 1000, "a client that went is still listed");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    refused(41, desk.nobody().get_clients().await);
}

pub async fn create_token(desk: Arc<Desk>) {
    let name = desk.name("create");
    let never = PersonalAccessTokenExpiry::NeverExpire;
    let made = desk.root.create_personal_access_token(&name, never).await.expect("create");
    assert!(made.token.len() >= 20, "a token of {} characters", made.token.len());
    refused(51, desk.root.create_personal_access_token(&name, never).await);
    let other = desk.nobody().create_personal_access_token(&name, never).await;
    assert_ne!(other.expect("the same name for another user").token, made.token);
}

pub async fn get_tokens(desk: Arc<Desk>) {
    let (lasting, ending) = (desk.name("lasting"), desk.name("ending"));
    let never = PersonalAccessTokenExpiry::NeverExpire;
    desk.root.create_personal_access_token(&lasting, never).await.expect("create");
    let hour = PersonalAccessTokenExpiry::ExpireDuration(IggyDuration::from(3_600_000_000));
    desk.root.create_personal_access_token(&ending, hour).await.expect("create");
    let listed = desk.root.get_personal_access_tokens().await.expect("list");
    let expiry_of =
        |name: &str| listed.iter().find(|each| each.name == name).map(|each| each.expiry_at);
    assert_eq!(expiry_of(&lasting), Some(None));
    let end = expiry_of(&ending).expect("listed").expect("an end").as_micros();
    let left = end as i64 - IggyTimestamp::now().as_micros() as i64;
    assert!((3_500_000_000..=3_600_000_000).contains(&left), "it ends in {left} us");
    let theirs = desk.nobody().get_personal_access_tokens().await.expect("list");
    assert!(theirs.iter().all(|each| each.name != lasting), "a token of another user");
}

pub async fn delete_token(desk: Arc<Desk>) {
    let name = desk.name("delete");
    let never = PersonalAccessTokenExpiry::NeverExpire;
    desk.root.create_personal_access_token(&name, never).await.expect("create");
    refused(20, desk.nobody().delete_personal_access_token(&name).await);
    desk.root.delete_personal_access_token(&name).await.expect("delete");
    refused(20, desk.root.delete_personal_access_token(&name).await);
}

pub async fn login_with_token(desk: Arc<Desk>) {
    let name = desk.name("login");
    let never = PersonalAccessTokenExpiry::NeverExpire;
    let made = desk.root.create_personal_access_token(&name, never).await.expect("create");
    let client = stranger(&desk.address).await;
    let unknown = client.login_with_personal_access_token("no such token").await;
    refused(generation::NO_SUCH_TOKEN, unknown);
    let identity = client.login_with_personal_access_token(&made.token).await.expect("log in");
    assert_eq!(identity.user_id, 0);
    client.get_streams().await.expect("a read");
    let moment = PersonalAccessTokenExpiry::ExpireDuration(IggyDuration::from(1));
    let made = desk.root.create_personal_access_token(&desk.name("moment"), moment).await;
    let token = made.expect("create").token;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let client = stranger(&desk.address).await;
    let expired = client.login_with_personal_access_token(&token).await;
    refused(generation::EXPIRED_TOKEN, expired);
}
