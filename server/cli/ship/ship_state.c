/* The state as bytes: XXH3 of all that follows in 16 hex digits, a line of JSON, the batch's lines. */
#include "server/cli/ship/ship_state.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "server/client/message.h"
#include "server/wire/reply.h"

enum { VERSION = 1, HASH_DIGITS = 16 };

static void encode_place(const struct ship_place *place, struct bytes *out)
{
    bytes_printf(out,
                 "{\"device\":\"%" PRIx64 "\",\"inode\":\"%" PRIx64 "\",\"born_ns\":%" PRId64
                 ",\"offset\":%" PRIu64 ",\"line\":%" PRIu64 ",\"tail_len\":%" PRIu32
                 ",\"tail_hash\":\"%" PRIx64 "\",\"head_len\":%" PRIu32 ",\"head_hash\":\"%" PRIx64
                 "\",\"mtime_ns\":%" PRId64 ",\"read\":%s,\"done\":%s}",
                 place->id.device, place->id.inode, place->id.born_ns, place->offset, place->line,
                 place->tail_len, place->tail_hash, place->head_len, place->head_hash, place->mtime_ns,
                 place->is_read ? "true" : "false", place->is_done ? "true" : "false");
}

static void encode_head(const struct ship_state *state, struct bytes *out)
{
    bytes_printf(out,
                 "{\"version\":%d,\"producer\":\"%s\",\"epoch\":%" PRIu64 ",\"seq\":%" PRIu64
                 ",\"packed\":%s,\"logs\":[",
                 VERSION, state->producer, state->epoch, state->seq, state->is_packed ? "true" : "false");
    for (size_t i = 0; i < state->log_count; i++) {
        const struct ship_log_state *log = &state->logs[i];
        bytes_printf(out, "%s{\"name\":", i ? "," : "");
        bytes_json_string(out, str_of(log->name));
        bytes_printf(out, ",\"watermark_ns\":%" PRId64 ",\"files\":[", log->watermark_ns);
        for (size_t j = 0; j < log->file_count; j++) {
            if (j)
                bytes_u8(out, ',');
            encode_place(&log->files[j], out);
        }
        bytes_printf(out, "]}");
    }
    bytes_printf(out, "]}\n");
}

void ship_state_encode(const struct ship_state *state, struct bytes *out)
{
    char digits[HASH_DIGITS + 1];
    size_t begin = out->len;
    bytes_printf(out, "%0*d\n", HASH_DIGITS, 0);
    size_t content = out->len;
    encode_head(state, out);
    bytes_put(out, state->batch.data, state->batch.len);
    if (bytes_error(out))
        return;
    (void)snprintf(digits, sizeof digits, "%016" PRIx64,
                   (uint64_t)XXH3_64bits(out->data + content, out->len - content));
    memcpy(out->data + begin, digits, HASH_DIGITS);
}

/* ---- decoding ---- */

static bool read_hex(const char *text, uint64_t *out)
{
    char *end;
    if (!text || !*text || strlen(text) > HASH_DIGITS || strspn(text, "0123456789abcdef") != strlen(text))
        return false;
    *out = strtoull(text, &end, 16);
    return *end == '\0';
}

/* Why jansson did not take it. Some of its failed allocations leave no code. */
static enum tm_err json_fault(const json_error_t *error, const char *what, struct tm_why *why)
{
    enum json_error_code code = json_error_code(error);
    if (code == json_error_out_of_memory || code == json_error_unknown)
        return tm_fail(why, TM_NOMEM, "out of memory");
    return tm_fail(why, TM_CORRUPT, "%s", what);
}

static enum tm_err decode_place(json_t *root, struct ship_place *out, struct tm_why *why)
{
    const char *device, *inode, *tail_hash, *head_hash = "0";
    json_int_t offset, line, tail_len;
    json_int_t born_ns = 0, head_len = 0, mtime_ns = 0; /* not in states of before */
    int done, is_read = 0;
    json_error_t error = {0};
    if (json_unpack_ex(root, &error, 0, "{s:s, s:s, s?I, s:I, s:I, s:I, s:s, s?I, s?s, s?I, s?b, s:b}",
                       "device", &device, "inode", &inode, "born_ns", &born_ns, "offset", &offset, "line",
                       &line, "tail_len", &tail_len, "tail_hash", &tail_hash, "head_len", &head_len,
                       "head_hash", &head_hash, "mtime_ns", &mtime_ns, "read", &is_read, "done", &done) != 0)
        return json_fault(&error, "a file's place is none", why);
    if (offset < 0 || line < 0 || tail_len != (offset < SHIP_TAIL_BYTES ? offset : SHIP_TAIL_BYTES) ||
        (head_len != 0 && head_len != tail_len))
        return tm_fail(why, TM_CORRUPT, "a file's place is out of bounds");
    *out = (struct ship_place){.id = {.born_ns = born_ns},
                               .offset = (uint64_t)offset,
                               .line = (uint64_t)line,
                               .tail_len = (uint32_t)tail_len,
                               .head_len = (uint32_t)head_len,
                               .mtime_ns = mtime_ns,
                               .is_read = is_read != 0,
                               .is_done = done != 0};
    if (!read_hex(device, &out->id.device) || !read_hex(inode, &out->id.inode) ||
        !read_hex(tail_hash, &out->tail_hash) || !read_hex(head_hash, &out->head_hash))
        return tm_fail(why, TM_CORRUPT, "a file's place is out of bounds");
    return TM_OK;
}

static enum tm_err decode_log(json_t *root, struct ship_state *state, struct tm_why *why)
{
    const char *name;
    json_int_t watermark_ns;
    json_t *files;
    json_error_t error = {0};
    if (json_unpack_ex(root, &error, 0, "{s:s, s:I, s:o}", "name", &name, "watermark_ns", &watermark_ns,
                       "files", &files) != 0)
        return json_fault(&error, "a log's entry is none", why);
    if (name[0] != '/' || !json_is_array(files) || json_array_size(files) > SHIP_FILES_MAX)
        return tm_fail(why, TM_CORRUPT, "a log's entry is none");
    size_t known = state->log_count;
    struct ship_log_state *log = ship_state_log(state, name, why);
    if (!log)
        return TM_NOMEM;
    if (state->log_count == known)
        return tm_fail(why, TM_CORRUPT, "a log stands in it twice");
    log->watermark_ns = watermark_ns;
    size_t count = json_array_size(files);
    enum tm_err err = ship_state_reserve(log, count, why);
    for (size_t i = 0; !err && i < count; i++)
        err = decode_place(json_array_get(files, i), &log->files[log->file_count++], why);
    return err;
}

static enum tm_err decode_head(json_t *root, struct ship_state *out, struct tm_why *why)
{
    const char *producer;
    json_int_t version, epoch, seq;
    int packed;
    json_t *logs;
    json_error_t error = {0};
    if (json_unpack_ex(root, &error, 0, "{s:I, s:s, s:I, s:I, s:b, s:o}", "version", &version, "producer",
                       &producer, "epoch", &epoch, "seq", &seq, "packed", &packed, "logs", &logs) != 0)
        return json_fault(&error, "its head lacks something", why);
    if (version != VERSION)
        return tm_fail(why, TM_CORRUPT, "its version is %lld, this program writes %d", (long long)version,
                       VERSION);
    if (strlen(producer) >= sizeof out->producer || !message_name_valid(str_of(producer)) || epoch < 1 ||
        seq < 0 || !json_is_array(logs) || json_array_size(logs) > SHIP_LOGS_MAX)
        return tm_fail(why, TM_CORRUPT, "its head is out of bounds");
    memcpy(out->producer, producer, strlen(producer) + 1);
    out->epoch = (uint64_t)epoch;
    out->seq = (uint64_t)seq;
    out->is_packed = packed != 0;
    enum tm_err err = TM_OK;
    for (size_t i = 0; !err && i < json_array_size(logs); i++)
        err = decode_log(json_array_get(logs, i), out, why);
    return err;
}

enum tm_err ship_state_decode(struct str file, struct ship_state *out, struct tm_why *why)
{
    char digits[HASH_DIGITS + 1] = "";
    uint64_t hash = 0;
    struct str rest = {file.ptr + HASH_DIGITS + 1, file.len - HASH_DIGITS - 1};
    if (file.len <= HASH_DIGITS + 1)
        return tm_fail(why, TM_CORRUPT, "it is cut");
    memcpy(digits, file.ptr, HASH_DIGITS);
    if (file.ptr[HASH_DIGITS] != '\n' || !read_hex(digits, &hash) || hash != XXH3_64bits(rest.ptr, rest.len))
        return tm_fail(why, TM_CORRUPT, "its checksum is wrong");
    const char *feed = memchr(rest.ptr, '\n', rest.len);
    size_t head = feed ? (size_t)(feed - rest.ptr) : rest.len;
    json_error_t error = {0};
    json_t *root = json_loadb(rest.ptr, head, 0, &error);
    /* Jansson calls a failed allocation bad syntax; the checksum says that the text is what was written. */
    enum tm_err err =
        root ? decode_head(root, out, why) : tm_fail(why, TM_NOMEM, "out of memory (or its head is no JSON)");
    json_decref(root);
    size_t batch = head < rest.len ? rest.len - head - 1 : 0;
    if (!err && batch && out->seq == 0)
        return tm_fail(why, TM_CORRUPT, "its batch has no number");
    bytes_put(&out->batch, rest.ptr + rest.len - batch, batch);
    return err || !bytes_error(&out->batch) ? err : tm_fail(why, TM_NOMEM, "out of memory");
}

void ship_state_fini(struct ship_state *state)
{
    for (size_t i = 0; i < state->log_count; i++) {
        free(state->logs[i].name);
        free(state->logs[i].files);
    }
    free(state->logs);
    bytes_fini(&state->batch);
    *state = (struct ship_state){0};
}

enum tm_err ship_state_reserve(struct ship_log_state *log, size_t file_count, struct tm_why *why)
{
    struct ship_place *files = file_count ? realloc(log->files, file_count * sizeof *files) : log->files;
    if (file_count && !files)
        return tm_fail(why, TM_NOMEM, "out of memory");
    log->files = files;
    return TM_OK;
}

struct ship_log_state *ship_state_log(struct ship_state *state, const char *name, struct tm_why *why)
{
    for (size_t i = 0; i < state->log_count; i++)
        if (strcmp(state->logs[i].name, name) == 0)
            return &state->logs[i];
    if (state->log_count == SHIP_LOGS_MAX) {
        tm_why_write(why, "the state holds %d logs already; take another one with --state", SHIP_LOGS_MAX);
        return NULL;
    }
    struct ship_log_state *logs = realloc(state->logs, (state->log_count + 1) * sizeof *logs);
    if (logs)
        state->logs = logs;
    char *copy = logs ? strdup(name) : NULL;
    if (!copy) {
        tm_why_write(why, "out of memory");
        return NULL;
    }
    logs[state->log_count] = (struct ship_log_state){.name = copy};
    return &logs[state->log_count++];
}
