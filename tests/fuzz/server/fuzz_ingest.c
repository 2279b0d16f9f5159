/* A whole message, as it comes from a gate or an HTTP body, against header, decoding, lines and a real store.
 * Property: every line that is neither empty nor a comment is either accepted or rejected with a reason. */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/ingest/lines.h"
#include "server/wire/header.h"

static void no_wake(void *arg)
{
    (void)arg;
}

static struct store *open_scratch_store(void)
{
    char folder[] = "/dev/shm/tm-fuzz-XXXXXX";
    struct tm_why why;
    struct store *store = NULL;
    if (sodium_init() < 0 || !mkdtemp(folder))
        abort();
    struct store_options options = {.dir = folder,
                                    .clock = clock_system(),
                                    .wake = no_wake,
                                    .max_series = 2000,
                                    .max_series_per_service = 1000,
                                    .segment_bytes = 1 << 20};
    if (store_open(&options, &store, &why))
        abort();
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        abort();
    return store;
}

static void take(struct store *store, const struct config *config, struct event_cache *cache, struct str text,
                 enum precision precision)
{
    struct reply reply;
    reply_init(&reply);
    struct lines lines = {.store = store,
                          .config = config,
                          .access = {.everything = true},
                          .writes_all = true,
                          .now = 1764000000000,
                          .batch = store_batch_new(store),
                          .reply = &reply,
                          .cache = cache};
    event_cache_begin(cache);
    assert(lines.batch);
    if (lines_take(&lines, text, precision, 1))
        abort();
    uint64_t events = 0;
    for (size_t i = 0; i < EVENT_KIND_COUNT; i++)
        events += lines.events[i];
    /* Adds to one cell are one. */
    assert(store_batch_count(lines.batch) >= lines.samples);
    assert(events > 0 || store_batch_count(lines.batch) == lines.samples);
    assert(reply.accepted + reply.rejected >= events);
    for (size_t i = 0; i < reply.error_count; i++)
        assert(reply.errors[i].line > 0 && reply.errors[i].why.text[0]);
    struct bytes json = {0};
    reply_encode(&reply, &json);
    struct reply back;
    assert(reply_decode(bytes_view(&json), &back) == TM_OK);
    assert(back.accepted == reply.accepted && back.rejected == reply.rejected);
    bytes_fini(&json);
    store_batch_drop(store, lines.batch);
    lines_fini(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    static struct config *config;
    static struct event_cache *cache;
    struct header header;
    struct tm_why why;
    struct bytes decoded = {0};
    struct str text;
    if (!store) {
        store = open_scratch_store();
        if (config_default(&config))
            abort();
        cache = event_cache_new(config, store_hash_seed(store));
        if (!cache)
            abort();
    }
    if (header_parse((struct str){(const char *)data, size}, &header, &why) == TM_OK &&
        header_decode_body(&header, 1 << 20, &decoded, &text, &why) == TM_OK)
        take(store, config, cache, text, header.precision);
    bytes_fini(&decoded);
    return 0;
}
