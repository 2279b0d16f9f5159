#include "server/log/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS_KEPT = 64, TEXT_MAX = 1024 };

#define BACKOFF_FIRST_NS INT64_C(1000000000)
#define BACKOFF_MAX_NS   (INT64_C(3600) * 1000000000)

struct repeat {
    char id[48];
    int64_t written_ns; /* monotonic */
    int64_t backoff_ns;
    uint64_t held_back;
};

struct log {
    FILE *out;
    const struct clock *clock;
    pthread_mutex_t lock; /* all below, and lines on out */
    enum log_level level;
    struct repeat repeats[REPEATS_KEPT];
};

static const char *const level_words[LOG_LEVEL_COUNT] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

struct log *log_open(FILE *out, const struct clock *clock, enum log_level level)
{
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->out = out;
    log->clock = clock;
    log->level = level;
    if (pthread_mutex_init(&log->lock, NULL) != 0) {
        free(log);
        return NULL;
    }
    return log;
}

void log_close(struct log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

enum tm_err log_level_parse(const char *word, enum log_level *out)
{
    for (size_t i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(word, level_words[i]) == 0) {
            *out = (enum log_level)i;
            return TM_OK;
        }
    }
    return TM_INVALID;
}

void log_set_level(struct log *log, enum log_level level)
{
    pthread_mutex_lock(&log->lock);
    log->level = level;
    pthread_mutex_unlock(&log->lock);
}

/* The entry of id; a new one takes the place of the entry that was silent longest. */
static struct repeat *find_repeat(struct log *log, const char *id)
{
    struct repeat *oldest = &log->repeats[0];
    for (size_t i = 0; i < REPEATS_KEPT; i++) {
        struct repeat *r = &log->repeats[i];
        if (strncmp(r->id, id, sizeof r->id - 1) == 0)
            return r;
        if (r->written_ns < oldest->written_ns)
            oldest = r;
    }
    *oldest = (struct repeat){0};
    (void)snprintf(oldest->id, sizeof oldest->id, "%s", id);
    return oldest;
}

/* Whether a message of id is to be written now; *held_back gets how many were not since the last one. */
static int pass_backoff(struct log *log, const char *id, uint64_t *held_back)
{
    int64_t now = clock_mono_ns(log->clock);
    struct repeat *r = find_repeat(log, id);
    if (r->backoff_ns && now - r->written_ns < r->backoff_ns) {
        r->held_back++;
        return 0;
    }
    *held_back = r->held_back;
    if (!r->backoff_ns || now - r->written_ns > 2 * r->backoff_ns)
        r->backoff_ns = BACKOFF_FIRST_NS;
    else
        r->backoff_ns = r->backoff_ns * 2 < BACKOFF_MAX_NS ? r->backoff_ns * 2 : BACKOFF_MAX_NS;
    r->written_ns = now;
    r->held_back = 0;
    return 1;
}

static void put_escaped(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            (void)fprintf(out, "\\x%02x", *c);
        else
            (void)putc(*c, out);
    }
}

static void put_line(struct log *log, enum log_level level, const char *id, const char *text,
                     uint64_t held_back)
{
    time_ms_t now = clock_wall_ms(log->clock);
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    char when[32] = "?";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)fprintf(log->out, "%s.%03dZ %-7s %s ", when, (int)(now % 1000), level_words[level], id);
    put_escaped(log->out, text);
    if (held_back)
        (void)fprintf(log->out, " (and %llu times more since the last line)", (unsigned long long)held_back);
    (void)putc('\n', log->out);
    (void)fflush(log->out);
}

void log_write(struct log *log, enum log_level level, const char *id, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);

    pthread_mutex_lock(&log->lock);
    uint64_t held_back = 0;
    if (level <= log->level && (level >= LOG_LEVEL_INFO || pass_backoff(log, id, &held_back)))
        put_line(log, level, id, text, held_back);
    pthread_mutex_unlock(&log->lock);
}

void log_release(struct log *log, const char *id)
{
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < REPEATS_KEPT; i++) {
        if (strncmp(log->repeats[i].id, id, sizeof log->repeats[i].id - 1) == 0)
            log->repeats[i] = (struct repeat){0};
    }
    pthread_mutex_unlock(&log->lock);
}
