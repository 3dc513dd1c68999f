#!/usr/bin/env python3
"""The library from Python: sends its words to a topic, then prints the topic from its start.

    tail.py HEADER LIBRARY ADDRESS STREAM TOPIC [WORD...]
"""

import ctypes
import sys
from ctypes import byref

import bindings


def must(library, error):
    if error != library.LV_OK:
        raise SystemExit(library.lv_error_text(error).decode())


def send(library, client, stream, topic, words):
    fates = []
    on_fate = library.lv_fate_function(lambda _, tag, error, *__: fates.append((tag, error)))
    options = library.producer_options(stream=stream, topic=topic, on_fate=on_fate)
    producer = ctypes.c_void_p()
    must(library, library.lv_producer_open(client, byref(options), byref(producer)))
    for number, word in enumerate(words):
        payload = ctypes.c_char_p(word)
        record = library.record(payload=ctypes.cast(payload, ctypes.c_void_p),
                                payload_size=len(word), tag=number)
        must(library, library.lv_producer_send(producer, byref(record)))
    must(library, library.lv_producer_flush(producer, 30000))
    library.lv_producer_close(producer)
    if sorted(fates) != [(number, library.LV_OK) for number in range(len(words))]:
        raise SystemExit(f"the fates were {fates}")


def tail(library, client, stream, topic):
    options = library.consumer_options(stream=stream, topic=topic, ignore_stored=1,
                                       commit=library.LV_COMMIT_NEVER)
    consumer, message = ctypes.c_void_p(), ctypes.c_void_p()
    size = ctypes.c_size_t()
    must(library, library.lv_consumer_open(client, byref(options), byref(consumer)))
    while library.lv_consumer_next(consumer, 500, byref(message)) == library.LV_OK:
        payload = library.lv_message_payload(message, byref(size))
        print(ctypes.string_at(payload, size.value).decode())
    library.lv_consumer_close(consumer)


def main():
    header, path, address, stream, topic, *words = sys.argv[1:]
    library = bindings.load(header, path)
    options = library.client_options(addresses=address.encode(), username=b"iggy",
                                     password=b"iggy")
    client = ctypes.c_void_p()
    must(library, library.lv_client_create(byref(options), byref(client)))
    send(library, client, stream.encode(), topic.encode(), [word.encode() for word in words])
    tail(library, client, stream.encode(), topic.encode())
    library.lv_client_destroy(client)


if __name__ == "__main__":
    main()
