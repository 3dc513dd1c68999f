//! The rows both generations have, in the order of the command numbers.

use crate::desk::{Desk, Report};
use crate::{matrix_groups as groups, matrix_messages as messages, matrix_streams as streams};
use crate::{matrix_system as system, matrix_users as users};
use std::sync::Arc;

pub async fn run(report: &mut Report, desk: &Arc<Desk>) {
    macro_rules! rows {
        ($($command:literal => $row:path,)*) => {
            $(report.check($command, $row(desk.clone())).await;)*
        };
    }
    rows! {
        "Ping" => system::ping,
        "GetStats" => system::get_stats,
        "GetSnapshot" => system::get_snapshot,
        "GetClusterMetadata" => system::get_cluster_metadata,
        "GetMe" => system::get_me,
        "GetClient" => system::get_client,
        "GetClients" => system::get_clients,
        "GetUser" => users::get_user,
        "GetUsers" => users::get_users,
        "CreateUser" => users::create_user,
        "DeleteUser" => users::delete_user,
        "UpdateUser" => users::update_user,
        "UpdatePermissions" => users::update_permissions,
        "permissions of a topic" => users::permissions_by_topic,
        "ChangePassword" => users::change_password,
        "Login" => system::login,
        "Logout" => system::logout,
        "GetPersonalAccessTokens" => system::get_tokens,
        "CreatePersonalAccessToken" => system::create_token,
        "DeletePersonalAccessToken" => system::delete_token,
        "LoginWithPersonalAccessToken" => system::login_with_token,
        "PollMessages" => messages::poll_messages,
        "auto-commit" => messages::auto_commit,
        "SendMessages" => messages::send_messages,
        "send by key" => messages::send_by_key,
        "headers, ids, times" => messages::headers_and_ids,
        "a message of 10 MB" => messages::a_large_message,
        "FlushUnsavedBuffer" => messages::flush,
        "GetConsumerOffset" => messages::get_consumer_offset,
        "StoreConsumerOffset" => messages::store_consumer_offset,
        "DeleteConsumerOffset" => messages::delete_consumer_offset,
        "GetStream" => streams::get_stream,
        "GetStreams" => streams::get_streams,
        "CreateStream" => streams::create_stream,
        "DeleteStream" => streams::delete_stream,
        "UpdateStream" => streams::update_stream,
        "PurgeStream" => streams::purge_stream,
        "GetTopic" => streams::get_topic,
        "GetTopics" => streams::get_topics,
        "CreateTopic" => streams::create_topic,
        "DeleteTopic" => streams::delete_topic,
        "UpdateTopic" => streams::update_topic,
        "PurgeTopic" => streams::purge_topic,
        "CreatePartitions" => streams::create_partitions,
        "DeletePartitions" => streams::delete_partitions,
        "DeleteSegments" => streams::delete_segments,
        "GetConsumerGroup" => groups::get_consumer_group,
        "GetConsumerGroups" => groups::get_consumer_groups,
        "CreateConsumerGroup" => groups::create_consumer_group,
        "DeleteConsumerGroup" => groups::delete_consumer_group,
        "JoinConsumerGroup" => groups::join_consumer_group,
        "LeaveConsumerGroup" => groups::leave_consumer_group,
        "group: turns of a member" => groups::poll_in_turn,
        "group: members change" => groups::poll_while_members_change,
        "group: offsets" => groups::offsets_of_a_group,
        "high-level clients" => groups::high_level,
    }
}
