/* Copies a file through a topic, exactly once, however often it is killed and started again.
 *
 *     exactly_once_copy ADDRESS SOURCE TARGET
 *
 * Exactly once needs both ends to know how far they came, from what they did and not from a note
 * beside it, which a crash can separate from it:
 *
 *   - the sender asks the topic for its last message, whose id is the number of its block plus one;
 *   - the receiver looks at its target: its length says which block comes next, and it passes over
 *     every other one.
 *
 * In between the producer sees to it that no block of one run is stored twice or out of order. What
 * a killed run had on its way may still arrive when the next one has asked: those blocks are stored
 * twice, and passed over. One copy at a time, into a topic of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <levriero.h>

#define BLOCK_BYTES 4096u

static const char *const stream = "examples";
static const char *const topic = "copy";

static int make_topic(struct lv_client *client)
{
    int error = lv_stream_create(client, stream, NULL);
    if (error == LV_OK || error == LV_ERROR_STREAM_EXISTS) {
        error = lv_topic_create(client, stream, topic, NULL, NULL);
    }
    return error == LV_ERROR_TOPIC_EXISTS ? LV_OK : error;
}

/* How many blocks the topic has already. */
static int blocks_sent(struct lv_client *client, uint64_t *count)
{
    struct lv_place place = LV_PLACE_INIT;
    struct lv_poll_options poll = LV_POLL_OPTIONS_INIT;
    struct lv_result *result = lv_result_create();
    uint64_t high = 0;
    place.stream = stream;
    place.topic = topic;
    poll.strategy = LV_POLL_LAST;
    poll.count = 1;
    *count = 0;
    int error = lv_poll(client, &place, &poll, result);
    if (error == LV_OK && lv_result_next(result) == LV_ROW_MESSAGE) {
        lv_message_id(lv_result_message(result), count, &high);
    }
    lv_result_destroy(result);
    return error;
}

static int send_blocks(struct lv_producer *producer, FILE *source, uint64_t first)
{
    static unsigned char block[BLOCK_BYTES];
    uint64_t number = first;
    size_t size = 0;
    if (fseek(source, (long)(first * BLOCK_BYTES), SEEK_SET) != 0) {
        return LV_ERROR_INVALID;
    }
    while ((size = fread(block, 1, sizeof(block), source)) > 0) {
        struct lv_record record = LV_RECORD_INIT;
        int fate = LV_OK;
        record.payload = block;
        record.payload_size = size;
        record.partition = 0;
        record.id_low = ++number;
        int error = lv_producer_send(producer, &record);
        while (error == LV_OK && lv_producer_take(producer, NULL, &fate, NULL, NULL) == 1) {
            error = fate; /* without this block those behind it are worth nothing */
        }
        if (error != LV_OK) {
            return error;
        }
    }
    return lv_producer_flush(producer, 60000);
}

static int send_file(struct lv_client *client, const char *path)
{
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    uint64_t first = 0;
    FILE *source = fopen(path, "rb");
    int fate = LV_OK;
    options.stream = stream;
    options.topic = topic;
    int error = source == NULL ? LV_ERROR_INVALID : blocks_sent(client, &first);
    if (error == LV_OK) {
        error = lv_producer_open(client, &options, &producer);
    }
    if (error == LV_OK) {
        error = send_blocks(producer, source, first);
    }
    while (error == LV_OK && lv_producer_take(producer, NULL, &fate, NULL, NULL) == 1) {
        error = fate;
    }
    lv_producer_close(producer);
    if (source != NULL) {
        fclose(source);
    }
    return error;
}

/* A block that was written in part before a crash is written again, whole. */
static int receive_blocks(struct lv_consumer *consumer, FILE *target, uint64_t done, uint64_t all)
{
    if (fseek(target, (long)(done * BLOCK_BYTES), SEEK_SET) != 0) {
        return LV_ERROR_INVALID;
    }
    while (done < all) {
        const struct lv_message *message = NULL;
        size_t size = 0;
        int error = lv_consumer_next(consumer, 30000, &message);
        if (error != LV_OK) {
            return error;
        }
        const void *block = lv_message_payload(message, &size);
        uint64_t number = 0;
        uint64_t high = 0;
        lv_message_id(message, &number, &high);
        if (number <= done) {
            continue;
        }
        if (number != done + 1 || fwrite(block, 1, size, target) != size || fflush(target) != 0) {
            return LV_ERROR_INVALID;
        }
        done++;
    }
    return LV_OK;
}

static int receive_file(struct lv_client *client, const char *path)
{
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    struct lv_consumer *consumer = NULL;
    struct stat status = {0};
    uint64_t all = 0;
    FILE *target = fopen(path, "r+b");
    target = target == NULL ? fopen(path, "w+b") : target;
    if (target == NULL || fstat(fileno(target), &status) != 0) {
        return LV_ERROR_INVALID;
    }
    uint64_t done = (uint64_t)status.st_size / BLOCK_BYTES;
    options.stream = stream;
    options.topic = topic;
    options.partition = 0;
    options.start = LV_START_OFFSET;
    options.start_value = done;
    options.ignore_stored = 1;
    options.commit = LV_COMMIT_NEVER;
    int error = blocks_sent(client, &all);
    if (error == LV_OK) {
        error = lv_consumer_open(client, &options, &consumer);
    }
    if (error == LV_OK) {
        error = receive_blocks(consumer, target, done, all);
    }
    lv_consumer_close(consumer);
    return fclose(target) == 0 ? error : LV_ERROR_INVALID;
}

int main(int count, char **words)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    if (count != 4) {
        fprintf(stderr, "exactly_once_copy ADDRESS SOURCE TARGET\n");
        return 2;
    }
    options.addresses = words[1];
    options.username = "iggy";
    options.password = "iggy";
    int error = lv_client_create(&options, &client);
    if (error == LV_OK) {
        error = make_topic(client);
    }
    if (error == LV_OK) {
        error = send_file(client, words[2]);
    }
    if (error == LV_OK) {
        error = receive_file(client, words[3]);
    }
    if (error != LV_OK) {
        fprintf(stderr, "%s: %s\n", lv_error_text(error),
                client == NULL ? "" : lv_client_failure(client));
    }
    lv_client_destroy(client);
    return error == LV_OK ? 0 : 1;
}
