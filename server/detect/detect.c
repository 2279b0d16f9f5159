#include "server/detect/detect.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/detect/detect_choice.h"
#include "server/detect/detect_zone.h"
#include "server/detect/incident_words.h"
#include "server/detect/incidents.h"
#include "server/wake/wake.h"
#include "storage/model/cell.h"
#include "server/detect/planned.h"

/* A part of the states is kept so often; all of them within 6 h. */
#define KEEP_NS INT64_C(80000000000)

enum { NICENESS = 10, STACK_BYTES = 1 << 20, MARKERS_SECONDS = 5 };

/* News of one service, until the worker takes them. */
struct news {
    struct news *next;
    time_ms_t oldest, newest;
    size_t name_len;
    char name[];
};

/* Where what was found stands on its way to the disk. */
enum out_place { OUT_NONE, OUT_READY, OUT_SUBMITTED };

struct detect {
    struct detect_options_daemon options;
    struct detect_choice choice;        /* the worker's */
    struct detect_engine *engine;       /* the worker's */
    struct detect_incidents *incidents; /* likewise */
    struct incident_words *words;
    struct detect_incidents_figures incident_figures; /* under the mutex */
    struct wake ready;
    bool has_thread, is_stopped;
    pthread_t thread;
    unsigned seconds;
    size_t markers_seen;  /* how many there were when they were copied last */
    uint64_t series_seen; /* how many came and went, when it last was told to look */
    enum out_place out;
    bool told_trouble;
    atomic_bool stop;
    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct news *news;
    struct planned *planned;
    struct incident_markers *markers;
    struct detect_choice chosen; /* the next choice, if must_choose */
    bool must_choose;
    double incident_score;
    time_ms_t wall;
    struct detect_bounds bounds;
    char zone[DETECT_ZONE_BYTES];
    bool must_look, must_set, must_step;
    bool is_out; /* the worker waits for what it found to become durable */
    bool is_closing;
    struct detect_figures figures;
};

/* ---- worker ---- */

static bool is_stopping(void *arg)
{
    return atomic_load_explicit(&((struct detect *)arg)->stop, memory_order_relaxed);
}

static void on_log(void *arg, const char *id, const char *text)
{
    log_write(((struct detect *)arg)->options.log, LOG_LEVEL_WARNING, id, "%s", text);
}

/* Gives the engine what the loop left. With the mutex. */
static void take_inbox(struct detect *detect)
{
    while (detect->news) {
        struct news *news = detect->news;
        const struct str name = {news->name, news->name_len};
        if (detect_engine_news(detect->engine, name, news->oldest, news->newest) != TM_OK)
            break;
        detect->news = news->next;
        free(news);
    }
    if (detect->planned)
        detect_engine_plan(detect->engine, &detect->planned);
    if (detect->markers)
        detect_incidents_take_markers(detect->incidents, &detect->markers);
    if (detect->must_look)
        detect_engine_look(detect->engine);
    if (detect->must_choose) {
        struct detect_choice before = detect->choice;
        detect->choice = detect->chosen;
        detect->chosen = (struct detect_choice){.include = NULL};
        detect_engine_choose(detect->engine, &detect->choice);
        detect_choice_fini(&before);
    }
    detect->must_choose = false;
    if (detect->must_set) {
        detect_engine_set(detect->engine, &detect->bounds);
        detect_zone_set(detect->zone);
        detect_engine_set_zone(detect->engine, detect->zone);
        detect_incidents_set(detect->incidents, detect->incident_score);
    }
    detect->must_look = detect->must_set = detect->must_step = false;
}

/* One part of the states, if it is time. Without the mutex. */
static void keep_some(struct detect *detect, int64_t *kept_ns)
{
    struct tm_why why = {""};
    int64_t now = clock_mono_ns(detect->options.clock);
    bool has_words = incident_words_take(detect->words, detect->incidents);
    if (now - *kept_ns < KEEP_NS && !has_words)
        return;
    *kept_ns = now;
    if (detect_engine_keep(detect->engine, &why) != TM_OK)
        on_log(detect, "detect.keep", why.text);
}

/* With the mutex, which it lets go meanwhile. */
static enum detect_step step(struct detect *detect)
{
    struct detect_figures figures;
    struct detect_incidents_figures incident_figures;
    time_ms_t wall = detect->wall;
    pthread_mutex_unlock(&detect->mutex);
    struct reader *reader = reader_of_store(detect->options.store);
    enum detect_step came_to = reader ? detect_engine_step(detect->engine, reader, wall) : DETECT_IDLE;
    reader_close(reader);
    detect_engine_figures(detect->engine, &figures);
    detect_incidents_figures(detect->incidents, &incident_figures);
    pthread_mutex_lock(&detect->mutex);
    detect->figures = figures;
    detect->incident_figures = incident_figures;
    return came_to;
}

static void *run_worker(void *arg)
{
    struct detect *detect = arg;
    int64_t kept_ns = clock_mono_ns(detect->options.clock);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* if refused, they are equals */
    pthread_mutex_lock(&detect->mutex);
    while (!detect->is_closing) {
        take_inbox(detect);
        enum detect_step came_to = step(detect);
        if (came_to == DETECT_OUT && !detect->is_closing) {
            detect->is_out = true;
            pthread_mutex_unlock(&detect->mutex); /* the loop may take this core, and want it */
            wake_send(&detect->ready);
            pthread_mutex_lock(&detect->mutex);
        }
        while (detect->is_out && !detect->is_closing)
            pthread_cond_wait(&detect->changed, &detect->mutex);
        if (detect->is_closing)
            break;
        pthread_mutex_unlock(&detect->mutex);
        keep_some(detect, &kept_ns);
        pthread_mutex_lock(&detect->mutex);
        while (came_to == DETECT_IDLE && !detect->must_step && !detect->is_closing)
            pthread_cond_wait(&detect->changed, &detect->mutex);
    }
    pthread_mutex_unlock(&detect->mutex);
    return NULL;
}

/* ---- what was found ---- */

static void on_settled(void *arg, enum tm_err err);

/* Hands it to the store; without luck it is tried again a second later. */
static void submit(struct detect *detect)
{
    struct store *store = detect->options.store;
    struct batch *batch = store_batch_new(store);
    size_t refused = 0;
    enum tm_err err =
        batch ? detect_out_batch(detect_engine_out(detect->engine), store, batch, &refused) : TM_NOMEM;
    if (!err) {
        detect->out = OUT_SUBMITTED;
        err = store_submit(store, &batch, NULL, on_settled, detect);
    }
    store_batch_drop(store, batch);
    if (!err)
        return;
    detect->out = OUT_READY;
    if (!detect->told_trouble)
        log_write(detect->options.log, LOG_LEVEL_WARNING, "detect.waits",
                  "what was scored can't be stored now (%s): scoring waits", tm_err_text(err));
    detect->told_trouble = true;
}

/* The worker may go on. */
static void release_worker(struct detect *detect)
{
    pthread_mutex_lock(&detect->mutex);
    detect->out = OUT_NONE;
    detect->is_out = false;
    pthread_cond_signal(&detect->changed);
    pthread_mutex_unlock(&detect->mutex);
}

static void on_settled(void *arg, enum tm_err err)
{
    struct detect *detect = arg;
    if (detect->is_stopped)
        return;
    if (err) {
        detect->out = OUT_READY;
        return;
    }
    detect->told_trouble = false;
    if (detect->options.found)
        detect_out_each(detect_engine_out(detect->engine), detect->options.found, detect->options.arg);
    release_worker(detect);
}

static void on_ready(void *arg)
{
    struct detect *detect = arg;
    if (detect->is_stopped)
        return;
    pthread_mutex_lock(&detect->mutex);
    bool is_out = detect->is_out;
    pthread_mutex_unlock(&detect->mutex);
    if (is_out && detect->out == OUT_NONE)
        submit(detect);
}

/* ---- loop ---- */

struct gathering {
    const struct detect_options_daemon *options;
    struct news *news;
};

static void gather_news(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    struct gathering *gathering = arg;
    if (gathering->options->news)
        gathering->options->news(gathering->options->arg, service, oldest, newest);
    struct news *news = malloc(sizeof *news + service.len + 1);
    if (!news)
        return; /* it is scored with the next news of this service */
    *news =
        (struct news){.next = gathering->news, .oldest = oldest, .newest = newest, .name_len = service.len};
    if (service.len > 0)
        memcpy(news->name, service.ptr, service.len);
    gathering->news = news;
}

/* Copies of the markers, when there are others and now and then: they are few, and the worker may not look at
 * the store's. Before the news of what came behind them. */
static void give_markers(struct detect *detect)
{
    const struct markers *markers = store_markers(detect->options.store);
    size_t count = markers ? markers_count(markers) : 0;
    if (detect->seconds++ % MARKERS_SECONDS != 0 && count == detect->markers_seen)
        return;
    detect->markers_seen = count;
    struct planned *planned = planned_new(markers);
    struct incident_markers *near = incident_markers_new(markers);
    pthread_mutex_lock(&detect->mutex);
    if (planned) {
        planned_free(detect->planned);
        detect->planned = planned;
    }
    if (near) {
        incident_markers_free(detect->markers);
        detect->markers = near;
    }
    pthread_mutex_unlock(&detect->mutex);
}

void detect_tick(struct detect *detect)
{
    struct gathering gathering = {.options = &detect->options};
    struct store_stats stats;
    store_news(detect->options.store, gather_news, &gathering);
    store_stats(detect->options.store, &stats);
    uint64_t series = stats.series + stats.series_left * 2;
    give_markers(detect);
    if (detect->out == OUT_READY)
        submit(detect);
    pthread_mutex_lock(&detect->mutex);
    while (gathering.news) {
        struct news *news = gathering.news;
        gathering.news = news->next;
        news->next = detect->news;
        detect->news = news;
    }
    detect->wall = clock_wall_ms(detect->options.clock);
    detect->must_look = detect->must_look || series != detect->series_seen;
    detect->must_step = true;
    pthread_cond_signal(&detect->changed);
    pthread_mutex_unlock(&detect->mutex);
    detect->series_seen = series;
}

/* Without memory what was chosen stays. */
static void configure_choice(struct detect *detect, const struct config *config)
{
    struct detect_choice choice = {.include = NULL};
    struct tm_why why = {""};
    if (!detect_choice_differs(detect->options.config, config))
        return;
    if (detect_choice_read(config, &choice, &why) != TM_OK) {
        log_write(detect->options.log, LOG_LEVEL_WARNING, "detect.choice",
                  "the same series as before are scored: %s", why.text);
        detect_choice_fini(&choice);
        return;
    }
    pthread_mutex_lock(&detect->mutex);
    struct detect_choice before = detect->chosen;
    detect->chosen = choice;
    detect->must_choose = true;
    pthread_mutex_unlock(&detect->mutex);
    detect_choice_fini(&before);
}

void detect_configure(struct detect *detect, const struct config *config)
{
    configure_choice(detect, config);
    detect->options.config = config;
    pthread_mutex_lock(&detect->mutex);
    detect->bounds = (struct detect_bounds){config->scoring.delay_ms, config->scoring.grace_ms,
                                            (size_t)config->scoring.memory_bytes};
    (void)snprintf(detect->zone, sizeof detect->zone, "%s", config->scoring.timezone);
    detect->incident_score = (double)config->scoring.incident_score;
    detect->must_set = true;
    pthread_mutex_unlock(&detect->mutex);
}

bool detect_feedback(struct detect *detect, struct str service, struct str env, uint64_t incident,
                     enum score_feedback feedback)
{
    return incident_words_add(detect->words, service, env, incident, feedback);
}

void detect_incident_figures(const struct detect *detect, struct detect_incidents_figures *out)
{
    struct detect *self = (struct detect *)(uintptr_t)detect; /* its mutex */
    pthread_mutex_lock(&self->mutex);
    *out = self->incident_figures;
    pthread_mutex_unlock(&self->mutex);
}

void detect_figures(const struct detect *detect, struct detect_figures *out)
{
    struct detect *self = (struct detect *)(uintptr_t)detect; /* its mutex */
    pthread_mutex_lock(&self->mutex);
    *out = self->figures;
    pthread_mutex_unlock(&self->mutex);
}

/* ---- life ---- */

static enum tm_err open_engine(struct detect *detect, struct tm_why *why)
{
    const struct config *config = detect->options.config;
    char dir[4096];
    enum tm_err err = detect_choice_read(config, &detect->choice, why);
    if (err)
        return err;
    const struct detect_incidents_options incidents = {.least = (double)config->scoring.incident_score,
                                                       .step_ms = config->scoring.interval_ms,
                                                       .offset_s = detect_zone_offset_s};
    detect->incidents = detect_incidents_new(&incidents);
    detect->words = incident_words_new();
    if (!detect->incidents || !detect->words)
        return tm_fail(why, TM_NOMEM, "out of memory for incidents");
    (void)snprintf(dir, sizeof dir, "%s/scoring", config->data_dir);
    const struct detect_options options = {
        .dir = dir,
        .step_ms = (config->scoring.interval_ms + CELL_MS - 1) / CELL_MS * CELL_MS,
        .delay_ms = config->scoring.delay_ms,
        .grace_ms = config->scoring.grace_ms,
        .history_ms = config->storage.retention.raw_ms,
        .memory_bytes = (size_t)config->scoring.memory_bytes,
        .include = detect->choice.include,
        .include_count = detect->choice.include_count,
        .exclude = detect->choice.exclude,
        .exclude_count = detect->choice.exclude_count,
        .offset_s = detect_zone_offset_s,
        .zone = config->scoring.timezone,
        .incidents = detect->incidents,
        .stop = is_stopping,
        .stop_arg = detect,
        .log = on_log,
        .log_arg = detect,
    };
    detect->engine = detect_engine_new(&options);
    return detect->engine ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory for scoring");
}

static enum tm_err start_thread(struct detect *detect, struct tm_why *why)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    detect->has_thread = pthread_create(&detect->thread, &attributes, run_worker, detect) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return detect->has_thread ? TM_OK : tm_fail(why, TM_NOMEM, "no thread for scoring can be started");
}

struct detect *detect_open(const struct detect_options_daemon *options, struct tm_why *why)
{
    struct detect *detect = calloc(1, sizeof *detect);
    if (!detect) {
        tm_why_write(why, "out of memory for scoring");
        return NULL;
    }
    detect->options = *options;
    detect->wall = clock_wall_ms(options->clock);
    pthread_mutex_init(&detect->mutex, NULL);
    pthread_cond_init(&detect->changed, NULL);
    detect_zone_set(options->config->scoring.timezone);
    enum tm_err err = open_engine(detect, why);
    if (!err)
        err = wake_open(&detect->ready, options->loop, on_ready, detect)
                  ? tm_fail(why, TM_IO, "no descriptor for scoring; raise the limit on open files")
                  : TM_OK;
    if (err) {
        detect_free(detect);
        return NULL;
    }
    give_markers(detect); /* what is learned first knows of them too */
    err = start_thread(detect, why);
    if (err) { /* it is freed behind the loop, which has its handle */
        log_write(options->log, LOG_LEVEL_ERROR, "detect.off", "nothing is scored: %s", why->text);
        detect_stop(detect);
    }
    return detect;
}

void detect_stop(struct detect *detect)
{
    if (!detect || detect->is_stopped)
        return;
    atomic_store(&detect->stop, true);
    pthread_mutex_lock(&detect->mutex);
    detect->is_closing = true;
    pthread_cond_signal(&detect->changed);
    pthread_mutex_unlock(&detect->mutex);
    if (detect->has_thread)
        pthread_join(detect->thread, NULL);
    detect->is_stopped = true;
    (void)wake_close(&detect->ready, NULL);
}

void detect_free(struct detect *detect)
{
    if (!detect)
        return;
    while (detect->news) {
        struct news *next = detect->news->next;
        free(detect->news);
        detect->news = next;
    }
    planned_free(detect->planned);
    incident_markers_free(detect->markers);
    detect_engine_free(detect->engine);
    detect_incidents_free(detect->incidents);
    incident_words_free(detect->words);
    detect_choice_fini(&detect->choice);
    detect_choice_fini(&detect->chosen);
    pthread_cond_destroy(&detect->changed);
    pthread_mutex_destroy(&detect->mutex);
    free(detect);
}
