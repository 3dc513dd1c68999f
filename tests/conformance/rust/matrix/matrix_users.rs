//! Users and what they may do.

use crate::desk::{Desk, MISSING, PASSWORD, named, numbered, refused, stranger};
use crate::generation;
use iggy::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn everything() -> GlobalPermissions {
    GlobalPermissions {
        manage_servers: true,
        read_servers: true,
        manage_users: true,
        read_users: true,
        manage_streams: true,
        read_streams: true,
        manage_topics: true,
        read_topics: true,
        poll_messages: true,
        send_messages: true,
    }
}

/// Rights of every level, each a different set.
fn some_permissions() -> Permissions {
    let topic = TopicPermissions {
        manage_topic: false,
        read_topic: true,
        poll_messages: false,
        send_messages: true,
    };
    let stream = StreamPermissions {
        manage_stream: false,
        read_stream: true,
        manage_topics: false,
        read_topics: true,
        poll_messages: false,
        send_messages: true,
        topics: Some(BTreeMap::from([(0, topic.clone()), (7, TopicPermissions::default())])),
    };
    let global = GlobalPermissions { read_servers: true, ..Default::default() };
    Permissions { global, streams: Some(BTreeMap::from([(3, stream.clone()), (900, stream)])) }
}

struct Made {
    id: u32,
    username: String,
    created_at: IggyTimestamp,
    permissions: Option<Permissions>,
}

async fn create(desk: &Desk, what: &str, permissions: Option<Permissions>) -> Made {
    let (name, active) = (desk.name(what), UserStatus::Active);
    let made = desk.root.create_user(&name, PASSWORD, active, permissions).await;
    let made = made.expect("create a user");
    assert_eq!((made.username, made.status), (name.clone(), active));
    let (id, created_at, permissions) = (made.id, made.created_at, made.permissions);
    Made { id, username: name, created_at, permissions }
}

async fn logged_in(desk: &Desk, what: &str) -> IggyClient {
    let client = stranger(&desk.address).await;
    client.login_user(&desk.name(what), PASSWORD).await.expect("log in");
    client
}

pub async fn get_user(desk: Arc<Desk>) {
    let made = create(&desk, "get-user", Some(some_permissions())).await;
    for id in [named(&made.username), numbered(made.id)] {
        let found = desk.root.get_user(&id).await.expect("get").expect("found");
        assert_eq!((found.id, &found.username), (made.id, &made.username));
        assert_eq!(found.created_at, made.created_at);
        assert_eq!(found.permissions, Some(some_permissions()));
    }
    let root = desk.root.get_user(&numbered(0)).await.expect("get").expect("found");
    assert_eq!(root.permissions.expect("root's permissions").global, everything());
    for missing in [named("no such user"), numbered(MISSING)] {
        assert!(desk.root.get_user(&missing).await.expect("get").is_none());
    }
    let me = named(&desk.name("nobody"));
    let mine = desk.nobody().get_user(&me).await.expect("one's own record").expect("found");
    assert_eq!(mine.permissions, None);
    refused(41, desk.nobody().get_user(&numbered(made.id)).await);
}

pub async fn get_users(desk: Arc<Desk>) {
    let made = create(&desk, "get-users", None).await;
    let listed = desk.root.get_users().await.expect("list");
    assert_eq!((listed[0].id, listed[0].username.as_str()), (0, "iggy"));
    let found = listed.iter().find(|each| each.id == made.id).expect("listed");
    assert_eq!((&found.username, found.status), (&made.username, UserStatus::Active));
    assert!(listed.is_sorted_by_key(|each| each.id));
    refused(41, desk.nobody().get_users().await);
}

pub async fn create_user(desk: Arc<Desk>) {
    let made = create(&desk, "create-user", Some(some_permissions())).await;
    assert!(made.id > 0);
    assert_eq!(made.permissions, Some(some_permissions()));
    assert_eq!(create(&desk, "create-user-2", None).await.permissions, None);
    let active = UserStatus::Active;
    refused(46, desk.root.create_user(&made.username, PASSWORD, active, None).await);
    refused(46, desk.root.create_user("iggy", PASSWORD, active, None).await);
    refused(41, desk.nobody().create_user("anyone", PASSWORD, active, None).await);
    logged_in(&desk, "create-user").await.ping().await.expect("a ping");
}

pub async fn delete_user(desk: Arc<Desk>) {
    let made = create(&desk, "delete-user", None).await;
    let session = logged_in(&desk, "delete-user").await;
    refused(41, desk.nobody().delete_user(&numbered(made.id)).await);
    desk.root.delete_user(&named(&made.username)).await.expect("delete");
    assert!(desk.root.get_user(&numbered(made.id)).await.expect("get").is_none());
    assert!(session.get_me().await.is_err(), "a session of a user who is gone goes on");
    let again = stranger(&desk.address).await.login_user(&made.username, PASSWORD).await;
    refused(42, again);
    for missing in [named(&made.username), numbered(MISSING)] {
        refused(20, desk.root.delete_user(&missing).await);
    }
    refused(48, desk.root.delete_user(&numbered(0)).await);
    refused(48, desk.root.delete_user(&named("iggy")).await);
}

pub async fn update_user(desk: Arc<Desk>) {
    let made = create(&desk, "update-user", None).await;
    let renamed = desk.name("renamed");
    let root = &desk.root;
    generation::update_user(root, &numbered(made.id), Some(&renamed), None).await.expect("rename");
    assert!(root.get_user(&named(&made.username)).await.expect("get").is_none());
    refused(46, generation::update_user(root, &named(&renamed), Some("iggy"), None).await);
    let inactive = Some(UserStatus::Inactive);
    generation::update_user(root, &named(&renamed), None, inactive).await.expect("deactivate");
    refused(
        generation::INACTIVE,
        stranger(&desk.address).await.login_user(&renamed, PASSWORD).await,
    );
    let found = root.get_user(&named(&renamed)).await.expect("get").expect("found");
    assert_eq!((found.id, found.status), (made.id, UserStatus::Inactive));
    for missing in [named("no such user"), numbered(MISSING)] {
        refused(20, generation::update_user(root, &missing, Some("anyone"), None).await);
    }
    let theirs = generation::update_user(desk.nobody(), &named(&renamed), None, inactive).await;
    refused(41, theirs);
}

pub async fn update_permissions(desk: Arc<Desk>) {
    let made = create(&desk, "permissions", None).await;
    let session = logged_in(&desk, "permissions").await;
    let id = numbered(made.id);
    refused(41, session.get_streams().await);
    let some = Some(some_permissions());
    desk.root.update_permissions(&id, some.clone()).await.expect("grant");
    session.get_stats().await.expect("allowed at once, in the open session");
    refused(41, session.get_streams().await);
    let found = desk.root.get_user(&id).await.expect("get").expect("found");
    assert_eq!(found.permissions, some);
    desk.root.update_permissions(&id, None).await.expect("take away");
    refused(41, session.get_stats().await);
    refused(20, desk.root.update_permissions(&numbered(MISSING), None).await);
    refused(49, desk.root.update_permissions(&numbered(0), some.clone()).await);
    refused(41, desk.nobody().update_permissions(&named(&desk.name("nobody")), some).await);
}

/// Rights on one topic reach neither its stream nor its neighbours.
pub async fn permissions_by_topic(desk: Arc<Desk>) {
    let place = desk.topic("rights", 1).await;
    generation::create_topic(&desk.root, &place.0, "other", 1).await.expect("create");
    let stream = desk.root.get_stream(&place.0).await.expect("get").expect("found");
    let topic = TopicPermissions { send_messages: true, ..Default::default() };
    let rights =
        StreamPermissions { topics: Some(BTreeMap::from([(0, topic)])), ..Default::default() };
    let permissions = Permissions {
        global: GlobalPermissions::default(),
        streams: Some(BTreeMap::from([(stream.id as usize, rights)])),
    };
    create(&desk, "sender", Some(permissions)).await;
    let sender = logged_in(&desk, "sender").await;
    let where_to = Partitioning::partition_id(0);
    let mut message = crate::desk::messages(1);
    generation::send(&sender, &place, &where_to, &mut message).await.expect("an allowed send");
    let other = (place.0.clone(), named("other"));
    refused(41, generation::send(&sender, &other, &where_to, &mut message).await);
    refused(41, crate::desk::Poll::of(&place, PollingStrategy::first(), 1).ask(&sender).await);
    refused(41, sender.get_topic(&place.0, &place.1).await);
    refused(41, sender.get_stream(&place.0).await);
    refused(41, sender.purge_topic(&place.0, &place.1).await);
    refused(41, sender.get_consumer_groups(&place.0, &place.1).await);
}

pub async fn change_password(desk: Arc<Desk>) {
    let made = create(&desk, "password", None).await;
    let session = logged_in(&desk, "password").await;
    let (id, next) = (numbered(made.id), "another password");
    refused(42, session.change_password(&id, "wrong", next).await);
    session.change_password(&id, PASSWORD, next).await.expect("change one's own");
    let stranger_login = |password: &'static str| {
        let (address, name) = (desk.address.clone(), made.username.clone());
        async move { stranger(&address).await.login_user(&name, password).await }
    };
    refused(42, stranger_login(PASSWORD).await);
    stranger_login(next).await.expect("log in with the new one");
    refused(42, desk.root.change_password(&id, "wrong", PASSWORD).await);
    desk.root.change_password(&id, next, PASSWORD).await.expect("change another's");
    stranger_login(PASSWORD).await.expect("log in with the newest one");
    refused(20, desk.root.change_password(&numbered(MISSING), PASSWORD, next).await);
    refused(41, desk.nobody().change_password(&id, PASSWORD, next).await);
}
