/* A daemon played from a list: what the client's tests talk to instead of a socket. */
#ifndef TM_TEST_CLIENT_SCRIPTED_H
#define TM_TEST_CLIENT_SCRIPTED_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/client/client.h"

enum { SCRIPT_MESSAGES = 64, NS_PER_MS = 1000000 };

#define ACK         "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":@,\"errors\":[]}\n"
#define DUPLICATE   "{\"ok\":true,\"accepted\":0,\"rejected\":0,\"duplicate\":true,\"seq\":@,\"errors\":[]}\n"
#define BUSY        "{\"ok\":false,\"error\":\"busy\",\"message\":\"full\",\"retry_after_ms\":250}\n"
#define FORBIDDEN   "{\"ok\":false,\"error\":\"forbidden\",\"message\":\"no scope\"}\n"
#define STALE_EPOCH "{\"ok\":false,\"error\":\"stale_epoch\",\"message\":\"older epoch\"}\n"

/* Answers are given in order; NULL: none (the time passes). Behind the last one: the last one again. "@" in
 * an answer is the seq of the message. */
struct script {
    const char *answers[16];
    size_t answer_count;
    size_t sent_count;
    struct bytes sent[SCRIPT_MESSAGES];
    int64_t now_ms;
    int64_t paused_ms;
    bool closed;
};

static inline uint64_t sent_number(const struct script *script, size_t i, const char *key)
{
    char head[600] = "";
    size_t len = script->sent[i].len < sizeof head - 1 ? script->sent[i].len : sizeof head - 1;
    memcpy(head, script->sent[i].data, len);
    const char *at = strstr(head, key);
    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

static inline struct str sent_lines(const struct script *script, size_t i)
{
    struct str message = bytes_view(&script->sent[i]);
    const char *feed = memchr(message.ptr, '\n', message.len);
    assert_non_null(feed);
    return (struct str){feed + 1, (size_t)(message.ptr + message.len - feed - 1)};
}

static inline enum tm_err script_exchange(void *self, struct str message, int timeout_ms, struct bytes *reply,
                                          struct tm_why *why)
{
    struct script *script = self;
    (void)why;
    assert_true(script->sent_count < SCRIPT_MESSAGES);
    struct bytes *copy = &script->sent[script->sent_count++];
    bytes_put(copy, message.ptr, message.len);
    size_t i = script->sent_count - 1;
    const char *answer = script->answers[i < script->answer_count ? i : script->answer_count - 1];
    bytes_clear(reply);
    if (!answer || bytes_error(copy)) {
        script->now_ms += timeout_ms;
        return bytes_error(copy) ? TM_NOMEM : TM_BUSY;
    }
    const char *seq = strchr(answer, '@');
    if (!seq) {
        bytes_put(reply, answer, strlen(answer));
        return bytes_error(reply);
    }
    bytes_put(reply, answer, (size_t)(seq - answer));
    bytes_printf(reply, "%llu%s", (unsigned long long)sent_number(script, i, "seq="), seq + 1);
    return bytes_error(reply);
}

static inline void script_pause(void *self, int ms)
{
    struct script *script = self;
    script->paused_ms += ms;
    script->now_ms += ms;
}

static inline void script_close(void *self)
{
    ((struct script *)self)->closed = true;
}

static inline time_ms_t script_wall_ms(void *self)
{
    return ((struct script *)self)->now_ms;
}

static inline int64_t script_mono_ns(void *self)
{
    return ((struct script *)self)->now_ms * NS_PER_MS;
}

static inline struct clock script_clock(struct script *script)
{
    return (struct clock){.self = script, .wall_ms = script_wall_ms, .mono_ns = script_mono_ns};
}

static inline enum tide_result open_scripted(struct script *script, const struct clock *clock,
                                             const struct tide_options *options, struct tide_client **out)
{
    struct tide_options all = *options;
    all.struct_size = sizeof all;
    if (!all.producer)
        all.producer = "tester";
    struct transport transport = {
        .self = script, .exchange = script_exchange, .pause = script_pause, .close = script_close};
    return client_open(&all, &transport, clock, out, NULL);
}

static inline void script_fini(struct script *script)
{
    for (size_t i = 0; i < script->sent_count; i++)
        bytes_fini(&script->sent[i]);
}

/* A folder of its own under /tmp; free_folder removes it with its files. */
static inline char *make_folder(void)
{
    char *folder = strdup("/tmp/tidemark-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static inline void free_folder(char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *item; (item = readdir(dir));)
        (void)unlinkat(dirfd(dir), item->d_name, 0);
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

/* Files in the folder whose name ends so. first gets the path of one of them. */
static inline size_t count_files(const char *folder, const char *suffix, char first[512])
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *item; (item = readdir(dir));) {
        size_t len = strlen(item->d_name);
        if (len < strlen(suffix) || strcmp(item->d_name + len - strlen(suffix), suffix) != 0)
            continue;
        if (first && !count)
            (void)snprintf(first, 512, "%s/%.200s", folder, item->d_name);
        count++;
    }
    closedir(dir);
    return count;
}

#endif
