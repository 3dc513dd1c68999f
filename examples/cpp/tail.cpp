// The library from C++: sends its words to a topic, then prints the topic from its start.
//
//     tail ADDRESS STREAM TOPIC [WORD...]
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include <levriero.h>

namespace
{

template <auto destroy> struct Destroy {
    template <typename T> void operator()(T *handle) const
    {
        destroy(handle);
    }
};

using Client = std::unique_ptr<lv_client, Destroy<lv_client_destroy>>;
using Producer = std::unique_ptr<lv_producer, Destroy<lv_producer_close>>;
using Consumer = std::unique_ptr<lv_consumer, Destroy<lv_consumer_close>>;

void must(int error)
{
    if (error != LV_OK) {
        throw std::runtime_error(lv_error_text(error));
    }
}

Client connect(const char *address)
{
    lv_client_options options = LV_CLIENT_OPTIONS_INIT;
    options.addresses = address;
    options.username = "iggy";
    options.password = "iggy";
    lv_client *client = nullptr;
    must(lv_client_create(&options, &client));
    return Client(client);
}

void send(lv_client *client, char **words, int count)
{
    lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    options.stream = words[2];
    options.topic = words[3];
    lv_producer *opened = nullptr;
    must(lv_producer_open(client, &options, &opened));
    Producer producer(opened);
    for (int i = 4; i < count; i++) {
        std::string word = words[i];
        lv_record record = LV_RECORD_INIT;
        record.payload = word.data();
        record.payload_size = word.size();
        must(lv_producer_send(producer.get(), &record));
    }
    must(lv_producer_flush(producer.get(), 30000));
}

void print(lv_client *client, char **words)
{
    lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    options.stream = words[2];
    options.topic = words[3];
    options.ignore_stored = 1;
    options.commit = LV_COMMIT_NEVER;
    lv_consumer *opened = nullptr;
    must(lv_consumer_open(client, &options, &opened));
    Consumer consumer(opened);
    const lv_message *message = nullptr;
    while (lv_consumer_next(consumer.get(), 500, &message) == LV_OK) {
        size_t size = 0;
        const char *payload = static_cast<const char *>(lv_message_payload(message, &size));
        std::printf("%s\n", std::string(payload, size).c_str());
    }
}

} // namespace

int main(int count, char **words)
{
    if (count < 4) {
        std::fprintf(stderr, "tail ADDRESS STREAM TOPIC [WORD...]\n");
        return 2;
    }
    try {
        Client client = connect(words[1]);
        send(client.get(), words, count);
        print(client.get(), words);
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
    return 0;
}
