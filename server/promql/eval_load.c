/* Reading the series of a selector. Worker threads read samples and make columns, some series at a time; the
 * caller takes the columns in order, so that a result does not depend on who was faster.
 *
 * The series are cut into blocks. A block's place is filled by whoever takes it next, and taken by the
 * caller; there are twice as many places as workers, so that memory is bounded and nobody waits for long. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/promql/eval.h"
#include "server/promql/reading.h"

enum {
    WORKERS_MAX = 16,
    PARALLEL_SERIES_MIN = 48, /* below, threads cost more than they bring */
    STOP_EVERY = 16,          /* series; who asks whether to stop looks at a clock */
    BLOCK_DOUBLES = 1 << 15,
    BLOCK_SERIES_MAX = 128
};

/* Does it reach to where samples are no longer kept? */
static enum tm_err find_tier(struct eval *eval, struct load *load, struct tier *tier)
{
    time_ms_t raw_ms = INT64_MIN;
    enum tm_err err =
        eval->source->raw_from ? eval->source->raw_from(eval->source->self, &raw_ms, eval->why) : TM_OK;
    load->tier = NULL;
    if (err || load->span.from >= raw_ms)
        return err;
    *tier = (struct tier){.plan = load->plan,
                          .function = load->function,
                          .raw_ms = raw_ms,
                          .bucket_ms = tier_bucket_ms(load->plan, load->function)};
    load->tier = tier;
    return TM_OK;
}

static enum tm_err select_series(struct eval *eval, const struct load *load, struct source_series *found)
{
    struct trace_selector *entry = trace_find(eval->query->trace, load->selector, load->span);
    int64_t begun_ns = entry ? trace_now_ns() : 0;
    enum tm_err err = eval->source->select(eval->source->self, &load->selector->vector.selector, load->span,
                                           found, eval->why);
    if (!entry)
        return err;
    entry->select_ns += trace_now_ns() - begun_ns;
    entry->selected += found->count;
    return err;
}

/* ---- by one thread ---- */

/* Of the series that is wanted next. */
static enum tm_err give_samples(struct eval *eval, struct reading *reading, uint64_t series,
                                struct bytes *labels, bool is_blind, const struct samples_sink *each)
{
    struct samples samples = {0};
    enum tm_err err = eval_check(eval);
    if (!err)
        err = reading_next(reading, &samples, eval->why);
    if (err || samples.count == 0)
        return err;
    bytes_clear(labels);
    if (!is_blind)
        eval->source->labels(eval->source->self, series, labels);
    return bytes_error(labels) ? eval_no_memory(eval) : each->each(each->arg, bytes_view(labels), &samples);
}

/* reading: reads the series that each is given; made and ended here. */
static enum tm_err give_all(struct eval *eval, const struct load *load, const struct source_series *found,
                            const struct samples_sink *each, struct reading *reading)
{
    struct bytes labels = {0};
    enum tm_err err = TM_OK;
    *reading = reading_begin(eval, load, eval->source->self);
    reading_want(reading, found->at, found->count);
    for (size_t i = 0; !err && i < found->count; i++)
        err = give_samples(eval, reading, found->at[i], &labels, load->is_blind, each);
    reading_count(eval, load, reading, 1);
    reading_fini(reading);
    bytes_fini(&labels);
    return err;
}

enum tm_err eval_load_samples(struct eval *eval, const struct load *load, const struct samples_sink *each)
{
    struct source_series found = {0};
    struct tier tier;
    struct reading reading;
    struct load whole = *load;
    enum tm_err err = find_tier(eval, &whole, &tier);
    if (!err)
        err = select_series(eval, &whole, &found);
    if (!err)
        err = give_all(eval, &whole, &found, each, &reading);
    source_series_fini(&found);
    return err;
}

struct alone {
    struct eval *eval;
    const struct load *load;
    double *column;
    struct reading reading;
};

static enum tm_err compute_alone(void *arg, struct str labels, const struct samples *samples)
{
    struct alone *alone = arg;
    const struct load *load = alone->load;
    enum tm_err err = reading_compute(&alone->reading, load, samples, alone->column, alone->eval->why);
    if (err == TM_NOMEM)
        return eval_no_memory(alone->eval);
    if (err || !has_values(alone->column, load->steps))
        return err;
    return load->deliver(load->arg, labels, alone->column);
}

static enum tm_err load_alone(struct eval *eval, const struct load *load, const struct source_series *found)
{
    enum tm_err err;
    struct alone alone = {.eval = eval, .load = load, .column = eval_column(eval, load->steps, &err)};
    if (!err)
        err = give_all(eval, load, found, &(struct samples_sink){compute_alone, &alone}, &alone.reading);
    eval_column_free(eval, alone.column, load->steps);
    return err;
}

/* ---- by several ---- */

/* Some series of the selection, as columns. */
struct place {
    size_t block; /* that is in it, or SIZE_MAX: free */
    bool is_full;
    enum tm_err err;
    struct tm_why why;
    double *columns;
    bool *has; /* values, of each column */
};

struct crew {
    struct eval *eval;
    const struct load *load;
    const struct source_series *found;
    size_t block_series;
    size_t block_count;
    size_t place_count;
    struct place *places;
    double *columns;
    bool *has;
    size_t next;  /* block to be begun; under the lock, as places are */
    size_t taken; /* blocks that the caller has taken */
    atomic_bool is_over;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t freed;
};

struct worker {
    struct crew *crew;
    pthread_t thread;
    struct reading reading;
};

static size_t block_end(const struct crew *crew, size_t block)
{
    size_t end = (block + 1) * crew->block_series;
    return end < crew->found->count ? end : crew->found->count;
}

static void fill_place(struct worker *worker, struct place *place, size_t block)
{
    struct crew *crew = worker->crew;
    const struct load *load = crew->load;
    const struct promql_limits *limits = &crew->eval->limits;
    size_t first = block * crew->block_series;
    place->err = TM_OK;
    reading_want(&worker->reading, crew->found->at + first, block_end(crew, block) - first);
    for (size_t i = first; !place->err && i < block_end(crew, block); i++) {
        struct samples samples = {0};
        double *column = place->columns + (i - first) * load->steps;
        place->has[i - first] = false;
        if (atomic_load_explicit(&crew->is_over, memory_order_relaxed))
            place->err = TM_CLOSED;
        else if ((i - first) % STOP_EVERY == 0 && limits->stop && limits->stop(limits->stop_arg))
            place->err = tm_fail(&place->why, TM_CLOSED, "query was canceled in query execution");
        else
            place->err = reading_next(&worker->reading, &samples, &place->why);
        if (place->err || samples.count == 0)
            continue;
        place->err = reading_compute(&worker->reading, load, &samples, column, &place->why);
        if (place->err == TM_NOMEM)
            (void)reading_no_memory(&place->why);
        place->has[i - first] = !place->err && has_values(column, load->steps);
    }
}

/* The next block and its place; false: there are no more. */
static bool begin_block(struct crew *crew, size_t *block, struct place **place)
{
    (void)pthread_mutex_lock(&crew->lock);
    while (crew->next < crew->block_count && crew->next >= crew->taken + crew->place_count &&
           !atomic_load(&crew->is_over))
        (void)pthread_cond_wait(&crew->freed, &crew->lock);
    bool any = crew->next < crew->block_count && !atomic_load(&crew->is_over);
    if (any) {
        *block = crew->next++;
        *place = &crew->places[*block % crew->place_count];
    }
    (void)pthread_mutex_unlock(&crew->lock);
    return any;
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    struct crew *crew = worker->crew;
    struct place *place;
    size_t block;
    while (begin_block(crew, &block, &place)) {
        fill_place(worker, place, block);
        (void)pthread_mutex_lock(&crew->lock);
        place->block = block;
        place->is_full = true;
        (void)pthread_cond_signal(&crew->filled);
        (void)pthread_mutex_unlock(&crew->lock);
    }
    return NULL;
}

static struct place *wait_for_block(struct crew *crew, size_t block)
{
    struct place *place = &crew->places[block % crew->place_count];
    (void)pthread_mutex_lock(&crew->lock);
    while (!place->is_full)
        (void)pthread_cond_wait(&crew->filled, &crew->lock);
    (void)pthread_mutex_unlock(&crew->lock);
    return place;
}

static void free_place(struct crew *crew, struct place *place)
{
    (void)pthread_mutex_lock(&crew->lock);
    place->is_full = false;
    crew->taken++;
    (void)pthread_cond_broadcast(&crew->freed);
    (void)pthread_mutex_unlock(&crew->lock);
}

static enum tm_err deliver_block(struct crew *crew, const struct place *place, size_t block,
                                 struct bytes *labels)
{
    struct eval *eval = crew->eval;
    const struct load *load = crew->load;
    size_t first = block * crew->block_series;
    enum tm_err err = place->err;
    if (err) {
        if (eval->why)
            *eval->why = place->why;
        return err;
    }
    for (size_t i = first; !err && i < block_end(crew, block); i++) {
        if (!place->has[i - first])
            continue;
        bytes_clear(labels);
        if (!load->is_blind)
            eval->source->labels(eval->source->self, crew->found->at[i], labels);
        err = bytes_error(labels)
                  ? eval_no_memory(eval)
                  : load->deliver(load->arg, bytes_view(labels), place->columns + (i - first) * load->steps);
    }
    return err;
}

static enum tm_err take_blocks(struct crew *crew)
{
    struct bytes labels = {0};
    enum tm_err err = TM_OK;
    for (size_t block = 0; !err && block < crew->block_count; block++) {
        struct place *place = wait_for_block(crew, block);
        err = deliver_block(crew, place, block, &labels);
        free_place(crew, place);
    }
    bytes_fini(&labels);
    return err;
}

static bool make_places(struct crew *crew)
{
    size_t series = crew->place_count * crew->block_series;
    crew->places = calloc(crew->place_count, sizeof *crew->places);
    crew->columns = malloc(series * crew->load->steps * sizeof *crew->columns);
    crew->has = calloc(series, sizeof *crew->has);
    if (!crew->places || !crew->columns || !crew->has)
        return false;
    for (size_t i = 0; i < crew->place_count; i++) {
        crew->places[i].columns = crew->columns + i * crew->block_series * crew->load->steps;
        crew->places[i].has = crew->has + i * crew->block_series;
    }
    return true;
}

/* As many workers as there is memory and room for; the caller takes what they make. */
static enum tm_err run_crew(struct crew *crew, size_t wanted)
{
    struct worker workers[WORKERS_MAX];
    struct eval *eval = crew->eval;
    const struct source *source = eval->source;
    size_t started = 0;
    for (; started < wanted; started++) {
        struct worker *worker = &workers[started];
        void *self = source->beside(source->self);
        *worker = (struct worker){.crew = crew, .reading = reading_begin(eval, crew->load, self)};
        if (self && pthread_create(&worker->thread, NULL, run_worker, worker) == 0)
            continue;
        if (self)
            source->leave(self);
        break;
    }
    enum tm_err err = started ? take_blocks(crew) : TM_BUSY;
    (void)pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->is_over, true);
    (void)pthread_cond_broadcast(&crew->freed);
    (void)pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        reading_count(eval, crew->load, &workers[i].reading, started);
        reading_fini(&workers[i].reading);
        source->leave(workers[i].reading.self);
    }
    return err;
}

static enum tm_err load_by_several(struct eval *eval, const struct load *load,
                                   const struct source_series *found, size_t wanted)
{
    struct crew crew = {.eval = eval, .load = load, .found = found, .place_count = wanted * 2};
    crew.block_series = BLOCK_DOUBLES / load->steps;
    if (crew.block_series > BLOCK_SERIES_MAX)
        crew.block_series = BLOCK_SERIES_MAX;
    if (crew.block_series == 0)
        crew.block_series = 1;
    crew.block_count = (found->count + crew.block_series - 1) / crew.block_series;
    uint64_t doubles = (uint64_t)crew.place_count * crew.block_series * load->steps;
    enum tm_err err = eval_hold(eval, doubles);
    if (err)
        return err;
    (void)pthread_mutex_init(&crew.lock, NULL);
    (void)pthread_cond_init(&crew.filled, NULL);
    (void)pthread_cond_init(&crew.freed, NULL);
    err = make_places(&crew) ? run_crew(&crew, wanted) : TM_BUSY;
    pthread_cond_destroy(&crew.freed);
    pthread_cond_destroy(&crew.filled);
    pthread_mutex_destroy(&crew.lock);
    free(crew.places);
    free(crew.columns);
    free(crew.has);
    eval_release(eval, doubles);
    return err == TM_BUSY && crew.taken == 0 ? load_alone(eval, load, found) : err;
}

enum tm_err eval_load(struct eval *eval, const struct load *load)
{
    struct source_series found = {0};
    size_t wanted = eval->limits.threads < WORKERS_MAX ? eval->limits.threads : WORKERS_MAX;
    struct tier tier;
    struct load whole = *load;
    enum tm_err err = find_tier(eval, &whole, &tier);
    load = &whole;
    if (!err)
        err = select_series(eval, load, &found);
    if (!err && wanted > 1 && eval->source->beside && found.count >= PARALLEL_SERIES_MIN)
        err = load_by_several(eval, load, &found, wanted);
    else if (!err)
        err = load_alone(eval, load, &found);
    source_series_fini(&found);
    return err;
}
