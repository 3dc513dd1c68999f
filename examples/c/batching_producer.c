/* Lines of standard input as messages, in batches, with the fate of each.
 *
 *     batching_producer ADDRESS STREAM TOPIC < lines */
#include <stdio.h>
#include <string.h>

#include <levriero.h>

struct fates {
    unsigned long long stored;
    unsigned long long failed;
};

/* Runs inside the calls that wait: count, write down, but do not wait. */
static void on_fate(void *context, uint64_t tag, int error, uint32_t partition, uint64_t offset)
{
    struct fates *fates = context;
    (void)partition;
    (void)offset;
    if (error == LV_OK) {
        fates->stored++;
        return;
    }
    fates->failed++;
    fprintf(stderr, "line %llu: %s\n", (unsigned long long)tag, lv_error_text(error));
}

/* With a full buffer lv_producer_send waits full_wait_ms; only then is it an error, and nothing was
 * taken: the same line can be sent again. */
static int send_line(struct lv_producer *producer, const char *line, uint64_t number)
{
    struct lv_record record = LV_RECORD_INIT;
    record.payload = line;
    record.payload_size = strcspn(line, "\n");
    record.tag = number;
    int error = lv_producer_send(producer, &record);
    while (error == LV_ERROR_FULL) {
        fprintf(stderr, "the server is slow: %llu messages wait\n",
                (unsigned long long)lv_producer_waiting_count(producer));
        error = lv_producer_send(producer, &record);
    }
    return error;
}

static int send_lines(struct lv_producer *producer)
{
    char line[65536];
    uint64_t number = 0;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        int error = send_line(producer, line, ++number);
        if (error != LV_OK) {
            return error;
        }
    }
    return lv_producer_flush(producer, 60000);
}

int main(int count, char **words)
{
    struct lv_client_options client_options = LV_CLIENT_OPTIONS_INIT;
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_client *client = NULL;
    struct lv_producer *producer = NULL;
    struct fates fates = {0, 0};
    if (count != 4) {
        fprintf(stderr, "batching_producer ADDRESS STREAM TOPIC < lines\n");
        return 2;
    }
    client_options.addresses = words[1];
    client_options.username = "iggy";
    client_options.password = "iggy";
    options.stream = words[2];
    options.topic = words[3];
    options.batch_messages_max = 500; /* whichever comes first: */
    options.batch_bytes_max = 256 << 10;
    options.linger_us = 5000;
    options.buffer_bytes_max = 8 << 20;
    options.on_fate = on_fate;
    options.context = &fates;
    int error = lv_client_create(&client_options, &client);
    if (error == LV_OK) {
        error = lv_producer_open(client, &options, &producer);
    }
    if (error == LV_OK) {
        error = send_lines(producer);
    }
    if (error != LV_OK) {
        fprintf(stderr, "%s\n", client == NULL ? lv_error_text(error) : lv_client_failure(client));
    }
    lv_producer_close(producer);
    lv_client_destroy(client);
    printf("%llu stored, %llu not\n", fates.stored, fates.failed);
    return error == LV_OK && fates.failed == 0 ? 0 : 1;
}
