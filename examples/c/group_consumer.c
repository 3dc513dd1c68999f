/* A member of a consumer group: prints what its partitions bring, and stores offsets when the work
 * is done. Start it several times: the partitions are shared out.
 *
 *     group_consumer ADDRESS STREAM TOPIC GROUP [SECONDS OF SILENCE AFTER WHICH IT ENDS] */
#include <stdio.h>
#include <stdlib.h>

#include <levriero.h>

static void print(const struct lv_message *message)
{
    size_t size = 0;
    const char *payload = lv_message_payload(message, &size);
    printf("%u/%llu %.*s\n", lv_message_partition(message),
           (unsigned long long)lv_message_offset(message), (int)size, payload);
}

/* Offsets are stored by hand after every hundredth message: until then a crash brings the messages
 * again, to this member or another. */
static int work(struct lv_consumer *consumer, uint32_t silence_ms)
{
    const struct lv_message *message = NULL;
    unsigned since_commit = 0;
    for (;;) {
        int error = lv_consumer_next(consumer, silence_ms, &message);
        if (error == LV_OK) {
            print(message);
            since_commit++;
        }
        if (since_commit == 100 || (error == LV_ERROR_TIMEOUT && since_commit > 0)) {
            int stored = lv_consumer_commit(consumer);
            if (stored == LV_ERROR_GROUP_PARTITION_NOT_OWNED) {
                fprintf(stderr, "a partition went to another member\n");
            } else if (stored != LV_OK) {
                return stored;
            }
            since_commit = 0;
        }
        if (error == LV_ERROR_TIMEOUT) {
            return LV_OK;
        }
        if (error != LV_OK && !lv_error_may_retry(error)) {
            return error;
        }
    }
}

int main(int count, char **words)
{
    struct lv_client_options client_options = LV_CLIENT_OPTIONS_INIT;
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    struct lv_client *client = NULL;
    struct lv_consumer *consumer = NULL;
    if (count < 5) {
        fprintf(stderr, "group_consumer ADDRESS STREAM TOPIC GROUP [SECONDS]\n");
        return 2;
    }
    client_options.addresses = words[1];
    client_options.username = "iggy";
    client_options.password = "iggy";
    options.stream = words[2];
    options.topic = words[3];
    options.group = words[4];
    options.create_group = 1;
    options.commit = LV_COMMIT_BY_HAND;
    uint32_t silence_ms = count > 5 ? (uint32_t)(strtod(words[5], NULL) * 1000.0) : 60000;
    int error = lv_client_create(&client_options, &client);
    if (error == LV_OK) {
        error = lv_consumer_open(client, &options, &consumer);
    }
    if (error == LV_OK) {
        error = work(consumer, silence_ms);
    }
    if (error != LV_OK) {
        fprintf(stderr, "%s\n", client == NULL ? lv_error_text(error) : lv_client_failure(client));
    }
    lv_consumer_close(consumer);
    lv_client_destroy(client);
    return error == LV_OK ? 0 : 1;
}
