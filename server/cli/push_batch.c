/* Records into batches, batches to the sender, answers back to file names and lines. */
#include "server/cli/push.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/cli/push_prometheus.h"

enum { READ_BYTES = 256 << 10, IDLE_MS = 1000, NS_PER_MS = 1000000 };

void push_note(struct push *push, struct push_origin origin, const struct tm_why *why)
{
    if (push->refusal_count < PUSH_REFUSALS_MAX)
        push->refusals[push->refusal_count++] = (struct push_refusal){origin, *why};
}

static void note_reply(struct push *push)
{
    const struct reply *reply = sender_reply(push->sender);
    push->refused_count += reply->rejected;
    if (reply->duplicate)
        push->duplicate_count += push->record_count;
    for (size_t i = 0; i < reply->error_count; i++) {
        uint32_t line = reply->errors[i].line;
        if (line >= 1 && line <= push->origin_count)
            push_note(push, push->origins[line - 1], &reply->errors[i].why);
    }
}

static void clear_batch(struct push *push)
{
    bytes_clear(&push->text);
    push->origin_count = 0;
    push->record_count = 0;
}

/* A batch without an answer is tried again under its number until the time is up or somebody stops us. */
static enum sender_state insist(struct push *push, enum sender_state state)
{
    const struct clock *clock = clock_system();
    int64_t start_ns = clock_mono_ns(clock);
    while (state == SENDER_UNSETTLED && !(push->stop && *push->stop)) {
        int64_t spent_ms = (clock_mono_ns(clock) - start_ns) / NS_PER_MS;
        if (push->give_up_ms && spent_ms >= push->give_up_ms)
            break;
        state = sender_again(push->sender);
    }
    return state;
}

enum tm_err push_send(struct push *push)
{
    enum tm_err err = TM_OK;
    if (!push->record_count)
        return TM_OK;
    enum sender_state state = insist(push, sender_send(push->sender, bytes_view(&push->text)));
    switch (state) {
    case SENDER_SETTLED:
        note_reply(push);
        break;
    case SENDER_SPOOLED:
        push->spooled[push->spooled_count++ % (sizeof push->spooled / sizeof push->spooled[0])] =
            push->record_count;
        break;
    case SENDER_REFUSED:
        if (push->is_strict) {
            push->lost_count += push->record_count;
            err = tm_fail(&push->why, TM_FORBIDDEN, "the daemon refuses a batch: %.300s",
                          sender_error(push->sender));
            break;
        }
        push->refused_count += push->record_count;
        (void)tm_fail(&push->why, TM_FORBIDDEN, "%s", sender_error(push->sender));
        push_note(push, push->origins[0], &push->why);
        break;
    default:
        push->lost_count += push->record_count;
        err = tm_fail(
            &push->why, TM_CLOSED, "%s:%u: stopped here, the lines from this one on are not acknowledged: %s",
            push->file_names[push->origins[0].file], push->origins[0].line, sender_error(push->sender));
    }
    clear_batch(push);
    if (push->on_sent)
        push->on_sent(push);
    return err;
}

/* step: 1 where each physical line of the text is one of the file's, 0 where all come from one. */
static enum tm_err add_origins(struct push *push, struct push_origin origin, size_t line_count, uint32_t step)
{
    while (push->origin_capacity - push->origin_count < line_count) {
        size_t capacity = push->origin_capacity ? push->origin_capacity * 2 : 8192;
        struct push_origin *origins = realloc(push->origins, capacity * sizeof *origins);
        if (!origins)
            return tm_fail(&push->why, TM_NOMEM, "out of memory");
        push->origins = origins;
        push->origin_capacity = capacity;
    }
    for (size_t i = 0; i < line_count; i++) {
        push->origins[push->origin_count++] = origin;
        origin.line += step;
    }
    return TM_OK;
}

void push_refuse(struct push *push, struct push_origin origin, const struct tm_why *why)
{
    push->line_count++;
    push->refused_count++;
    push_note(push, origin, why);
}

static enum tm_err refuse(struct push *push, struct push_origin origin, const struct tm_why *why)
{
    push_refuse(push, origin, why);
    return TM_OK;
}

static enum tm_err refuse_long(struct push *push, struct push_origin origin)
{
    struct tm_why why;
    (void)tm_fail(&why, TM_TOO_LARGE, "the line is over %d bytes, more than one message can hold; not sent",
                  SENDER_BATCH_MAX_BYTES);
    return refuse(push, origin, &why);
}

/* A line of an access log as an event. */
static enum tm_err convert_log(struct push *push, struct str line, struct push_origin *origin,
                               struct tm_why *why)
{
    struct log_record record;
    struct log_fault fault = {0};
    if (line.len && line.ptr[line.len - 1] == '\n')
        line.len--;
    enum tm_err err = access_log_read(push->log, line, &record, &fault);
    if (!err)
        access_log_write(push->log, &record, &push->text);
    origin->column = err ? (uint32_t)fault.column : 0;
    *why = fault.why;
    return err == TM_TOO_LARGE ? TM_INVALID : err;
}

/* Puts the record, or what it is converted to, behind the batch's text. *len: the bytes added. */
static enum tm_err append_text(struct push *push, struct str record, struct push_origin *origin,
                               struct tm_why *why, size_t *len)
{
    size_t before = push->text.len;
    enum tm_err err = TM_OK;
    if (push->log) {
        err = convert_log(push, record, origin, why);
    } else if (push->prometheus) {
        err = prometheus_convert(record, &push->text, why);
    } else {
        bytes_put(&push->text, record.ptr, record.len);
        if (!record.len || record.ptr[record.len - 1] != '\n')
            bytes_u8(&push->text, '\n');
    }
    if (!err && bytes_error(&push->text))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    *len = push->text.len - before;
    return err;
}

static bool is_blank(const struct push *push, struct str record)
{
    size_t i = 0;
    while (i < record.len &&
           (record.ptr[i] == ' ' || record.ptr[i] == '\t' || record.ptr[i] == '\r' || record.ptr[i] == '\n'))
        i++;
    return i == record.len || (record.ptr[i] == '#' && !push->log);
}

static size_t count_lines(struct str record)
{
    size_t count = 1;
    const char *at = record.ptr;
    const char *end = record.ptr + record.len - 1; /* its own line end does not count */
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        count++;
        at++;
    }
    return count;
}

/* lines: of the file, that the record has; 0: it was made from one line and may hold line feeds. */
static enum tm_err take_record(struct push *push, struct push_origin origin, struct str record, size_t lines)
{
    struct tm_why why;
    size_t len;
    push->byte_count += record.len;
    if (is_blank(push, record))
        return TM_OK;
    if (record.len >= SENDER_BATCH_MAX_BYTES)
        return refuse_long(push, origin);
    if (push->text.len + record.len + 1 >= SENDER_BATCH_MAX_BYTES) {
        enum tm_err err = push_send(push);
        if (err)
            return err;
    }
    enum tm_err err = append_text(push, record, &origin, &why, &len);
    if (err == TM_INVALID)
        return refuse(push, origin, &why);
    if (err) {
        push->why = why;
        return err;
    }
    /* Escapes may have made a converted line longer than what was checked above. */
    if (push->text.len >= SENDER_BATCH_MAX_BYTES) {
        push->text.len -= len;
        err = push_send(push);
        if (err || len >= SENDER_BATCH_MAX_BYTES)
            return err ? err : refuse_long(push, origin);
        return take_record(push, origin, record, lines);
    }
    push->line_count++;
    push->record_count++;
    struct str added = {(const char *)push->text.data + push->text.len - len, len};
    bool is_one = !lines || push->log;
    err = add_origins(push, origin, is_one ? count_lines(added) : lines, is_one ? 0 : 1);
    if (err || push->record_count < push->batch_lines)
        return err;
    return push_send(push);
}

enum tm_err push_line(struct push *push, struct push_origin origin, struct str line)
{
    return take_record(push, origin, line, 0);
}

/* Passes over the rest of a record that is over the limit. */
static size_t skip_long(struct push_source *source, struct str rest)
{
    const char *feed = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
    if (!feed)
        return rest.len;
    source->skipping = false;
    source->line++;
    return (size_t)(feed - rest.ptr) + 1;
}

enum tm_err push_take(struct push *push, struct push_source *source, bool last)
{
    enum tm_err err = TM_OK;
    struct str rest = bytes_view(&source->rest);
    while (rest.len && !err) {
        size_t len;
        struct push_origin origin = {source->file, source->line + 1, 0};
        if (source->skipping) {
            len = skip_long(source, rest);
        } else {
            bool full = rest.len >= SENDER_BATCH_MAX_BYTES;
            len = push_record_length(rest, !push->prometheus && !push->log, last || full);
            if (!len)
                break;
            struct str record = {rest.ptr, len};
            if (full && !last && rest.ptr[len - 1] != '\n') {
                source->skipping = true;
                err = refuse_long(push, origin);
            } else {
                size_t lines = count_lines(record);
                source->line += (uint32_t)lines;
                err = take_record(push, origin, record, lines);
            }
        }
        rest.ptr += len;
        rest.len -= len;
    }
    if (rest.len)
        memmove(source->rest.data, rest.ptr, rest.len);
    source->rest.len = rest.len;
    return err;
}

enum tm_err push_fill(struct push *push, struct push_source *source, ssize_t *len)
{
    uint8_t *at = bytes_reserve(&source->rest, READ_BYTES);
    if (!at)
        return tm_fail(&push->why, TM_NOMEM, "out of memory");
    *len = read(source->fd, at, READ_BYTES);
    if (*len < 0 && errno != EINTR)
        return tm_fail(&push->why, TM_IO, "cannot read %s: %s", push->file_names[source->file],
                       strerror(errno));
    source->rest.len += *len > 0 ? (size_t)*len : 0;
    return TM_OK;
}

enum tm_err push_read(struct push *push, struct push_source *source, bool *end)
{
    struct pollfd wait = {.fd = source->fd, .events = POLLIN};
    ssize_t len;
    /* A slow sender's lines should not wait for the batch to fill up. */
    int ready = poll(&wait, 1, IDLE_MS);
    if (ready == 0)
        return push_send(push);
    if (ready < 0 && errno == EINTR)
        return TM_OK;
    enum tm_err err = push_fill(push, source, &len);
    if (err || len < 0)
        return err;
    *end = len == 0;
    return push_take(push, source, *end);
}

uint64_t push_unacknowledged(const struct push *push)
{
    enum { RING = sizeof push->spooled / sizeof push->spooled[0] };
    uint64_t left = push->sender ? sender_spooled(push->sender) : 0;
    uint64_t count = push->lost_count;
    /* The spool is a queue: what is left in it are the batches that came last. */
    for (uint64_t i = 0; i < left && i < push->spooled_count && i < RING; i++)
        count += push->spooled[(push->spooled_count - 1 - i) % RING];
    return count;
}

void push_fini(struct push *push)
{
    bytes_fini(&push->text);
    free(push->origins);
    push->origins = NULL;
}
