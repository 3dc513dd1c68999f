/* One message there and back.
 *
 *     first_message [ADDRESS [TEXT]] */
#include <stdio.h>
#include <string.h>

#include <levriero.h>

static int fail(const char *what, const struct lv_client *client)
{
    fprintf(stderr, "%s: %s\n", what, lv_client_failure(client));
    return 1;
}

static int make_topic(struct lv_client *client)
{
    int error = lv_stream_create(client, "examples", NULL);
    if (error == LV_OK || error == LV_ERROR_STREAM_EXISTS) {
        error = lv_topic_create(client, "examples", "first", NULL, NULL);
    }
    return error == LV_ERROR_TOPIC_EXISTS ? LV_OK : error;
}

static int send_text(struct lv_client *client, const char *text)
{
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct lv_producer *producer = NULL;
    options.stream = "examples";
    options.topic = "first";
    int error = lv_producer_open(client, &options, &producer);
    if (error != LV_OK) {
        return error;
    }
    struct lv_record record = LV_RECORD_INIT;
    record.payload = text;
    record.payload_size = strlen(text);
    error = lv_producer_send(producer, &record);
    if (error == LV_OK) {
        error = lv_producer_flush(producer, 10000);
    }
    if (error == LV_OK) {
        lv_producer_take(producer, NULL, &error, NULL, NULL); /* its fate */
    }
    lv_producer_close(producer);
    return error;
}

static int read_text(struct lv_client *client)
{
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    struct lv_consumer *consumer = NULL;
    const struct lv_message *message = NULL;
    size_t size = 0;
    options.stream = "examples";
    options.topic = "first";
    options.name = "first";
    int error = lv_consumer_open(client, &options, &consumer);
    if (error == LV_OK) {
        error = lv_consumer_next(consumer, 10000, &message);
    }
    if (error == LV_OK) {
        const char *payload = lv_message_payload(message, &size);
        printf("%.*s\n", (int)size, payload);
    }
    lv_consumer_close(consumer);
    return error;
}

int main(int count, char **words)
{
    struct lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    struct lv_client *client = NULL;
    options.addresses = count > 1 ? words[1] : "127.0.0.1:8090";
    options.username = "iggy";
    options.password = "iggy";
    if (lv_client_create(&options, &client) != LV_OK) {
        fprintf(stderr, "%s is no address\n", options.addresses);
        return 1;
    }
    const char *failed = NULL;
    if (make_topic(client) != LV_OK) {
        failed = "topic";
    } else if (send_text(client, count > 2 ? words[2] : "hello") != LV_OK) {
        failed = "send";
    } else if (read_text(client) != LV_OK) {
        failed = "read";
    }
    int code = failed == NULL ? 0 : fail(failed, client);
    lv_client_destroy(client);
    return code;
}
