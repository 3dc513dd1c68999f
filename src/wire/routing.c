#include "wire/routing.h"

#include "wire/decode.h"

static struct session_reference read_reference(struct reader *reader)
{
    struct session_reference reference;
    reference.client = read_u128(reader);
    reference.session = read_u64(reader);
    reference.metadata_watermark = read_u64(reader);
    return reference;
}

enum wire_error attach_session_request_decode(struct span body, struct session_reference *reference)
{
    struct decoder decoder = decoder_over(body);
    struct session_reference found = read_reference(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *reference = found;
    }
    return error;
}

void attach_session_request_encode(const struct session_reference *reference, struct writer *writer)
{
    write_u128(writer, reference->client);
    write_u64(writer, reference->session);
    write_u64(writer, reference->metadata_watermark);
}

void routing_reply_encode(const struct routing_reply *reply, struct writer *writer)
{
    attach_session_request_encode(&reply->reference, writer);
    write_cluster_node(writer, &reply->node);
}

enum status routing_reply_decode(struct span body, struct routing_reply *reply)
{
    struct reader reader = reader_over(body.data, body.size);
    struct routing_reply found;
    found.reference = read_reference(&reader);
    found.node = read_cluster_node(&reader);
    if (!reader_is_done(&reader)) {
        return ERR_INVALID;
    }
    *reply = found;
    return OK;
}
