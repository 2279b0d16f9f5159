/* Power loss: histories of several lives with kills, clean stops and a full disk are recorded, then the power
 * is cut at a random point of each, many times over. Every acknowledged batch must be there exactly once with
 * its values, nothing that was refused or never sent, and what was not acknowledged can be sent again. */
#include "tests/unit/storage/recorder.h"

enum { SEEDS_DEFAULT = 500, CUTS_PER_HISTORY = 25, LIVES = 5, BATCHES_PER_LIFE = 12, NUMBERS_MAX = 512 };
enum { SAMPLES_EACH = 3, SEGMENT_BYTES = 2048, PRODUCERS = 3 };

struct ledger {
    struct recorder *recorder;
    struct answer_slot {
        struct ledger *ledger;
        int number;
        int calls;
    } slots[NUMBERS_MAX];
    int count;
    uint64_t random;
};

static void note_answer(void *arg, enum tm_err err)
{
    struct answer_slot *slot = arg;
    slot->calls++;
    recorder_note(slot->ledger->recorder, err == TM_OK ? OP_ACK : OP_FAIL, slot->number);
}

/* Everything about a batch follows from its number. */
static struct producer_mark mark_of_number(int number)
{
    static const char *const producers[PRODUCERS] = {"a", "b", "c"};
    return mark_of(producers[number % PRODUCERS], 7, (uint64_t)(number / PRODUCERS + 1));
}

static struct batch *batch_of_number(struct store *store, int number)
{
    char name[16], line[16];
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    for (int i = 0; i < SAMPLES_EACH; i++) {
        (void)snprintf(name, sizeof name, "s%d", (number + i) % 7);
        put(store, batch, name, number * 10 + i, number + i * 0.25);
    }
    (void)snprintf(line, sizeof line, "%d", number);
    assert_int_equal(store_batch_event(batch, EVENT_HTTP, number, str_of(line)), TM_OK);
    return batch;
}

static void send_number(struct ledger *ledger, struct store *store, int number)
{
    struct producer_mark mark = mark_of_number(number);
    struct answer_slot *slot = &ledger->slots[number];
    *slot = (struct answer_slot){ledger, number, 0};
    struct batch *batch = batch_of_number(store, number);
    recorder_note(ledger->recorder, OP_SENT, number);
    if (store_submit(store, &batch, &mark, note_answer, slot) != TM_OK) {
        store_batch_drop(store, batch);
        note_answer(slot, TM_READ_ONLY);
    }
}

static void set_full(struct recorder *recorder, bool full)
{
    pthread_mutex_lock(&recorder->mutex);
    recorder->is_full = full;
    pthread_mutex_unlock(&recorder->mutex);
}

static void set_death(struct recorder *recorder, long after)
{
    pthread_mutex_lock(&recorder->mutex);
    recorder->die_after = after;
    pthread_mutex_unlock(&recorder->mutex);
}

static void set_dead(struct recorder *recorder, bool dead)
{
    pthread_mutex_lock(&recorder->mutex);
    recorder->is_dead = dead;
    recorder->die_after = -1;
    pthread_mutex_unlock(&recorder->mutex);
}

static void live_once(struct ledger *ledger, struct fixture *f, int life)
{
    struct recorder *r = ledger->recorder;
    struct store *store;
    struct tm_why why;
    assert_int_equal(store_open_io(&f->options, &r->io, &store, &why), TM_OK);
    bool killed = random_next(&ledger->random) % 2;
    if (killed)
        set_death(r, random_next(&ledger->random) % 60);
    for (int i = 0; i < BATCHES_PER_LIFE; i++) {
        set_full(r, life == 2 && i >= 4 && i < 7);
        send_number(ledger, store, ledger->count++);
        __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
        if (random_next(&ledger->random) % 2)
            continue; /* several in one group */
        while (ledger->slots[ledger->count - 1].calls == 0)
            store_poll(store);
        __atomic_fetch_add(&f->clock.mono_ns, INT64_C(2000000000), __ATOMIC_RELAXED);
        store_poll(store);
    }
    set_full(r, false);
    if (killed)
        set_dead(r, true);
    store_close(store);
    set_dead(r, false);
}

static void write_history(struct ledger *ledger, struct fixture *f)
{
    for (int life = 0; life < LIVES; life++)
        live_once(ledger, f, life);
}

/* ---- judging ---- */

struct found {
    int events[NUMBERS_MAX];
    int samples[NUMBERS_MAX];
    int strangers;
};

static bool count_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct found *found = arg;
    char text[16] = "";
    (void)kind;
    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(line));
    if (time < 0 || time >= NUMBERS_MAX || atoi(text) != (int)time)
        found->strangers++;
    else
        found->events[time]++;
    return true;
}

struct sample_walk {
    struct found *found;
    struct reader *reader;
};

static bool count_samples(void *arg, uint32_t series, struct str encoded)
{
    struct sample_walk *walk = arg;
    struct labels labels;
    const time_ms_t *times;
    const double *values;
    size_t count;
    assert_int_equal(labels_decode(encoded, &labels), TM_OK);
    struct str name = labels_get(&labels, STR(LABEL_NAME));
    assert_int_equal(reader_samples(walk->reader, series, EVERYTHING, &times, &values, &count), TM_OK);
    for (size_t i = 0; i < count; i++) {
        int number = (int)(times[i] / 10);
        int k = (int)(times[i] % 10);
        char expected[16];
        (void)snprintf(expected, sizeof expected, "s%d", (number + k) % 7);
        if (k >= SAMPLES_EACH || values[i] != number + k * 0.25 || !str_equal(name, str_of(expected)))
            walk->found->strangers++;
        else
            walk->found->samples[number]++;
    }
    return true;
}

static void look(struct store *store, struct found *found)
{
    *found = (struct found){0};
    struct reader *reader = reader_of_store(store);
    struct sample_walk walk = {found, reader};
    struct tm_why why;
    assert_int_equal(reader_events(reader, EVENT_HTTP, EVERYTHING, count_event, found, &why), TM_OK);
    assert_int_equal(reader_series(reader, count_samples, &walk), TM_OK);
    reader_close(reader);
    assert_int_equal(found->strangers, 0);
}

enum fate { FATE_UNSENT, FATE_SENT, FATE_ACKED, FATE_FAILED };

static void read_fates(const struct recorder *r, size_t upto, enum fate *fates)
{
    static const enum fate of_op[] = {[OP_SENT] = FATE_SENT, [OP_ACK] = FATE_ACKED, [OP_FAIL] = FATE_FAILED};
    for (int i = 0; i < NUMBERS_MAX; i++)
        fates[i] = FATE_UNSENT;
    for (size_t i = 0; i < upto; i++) {
        if (r->ops[i].kind == OP_SENT || r->ops[i].kind == OP_ACK || r->ops[i].kind == OP_FAIL)
            fates[r->ops[i].file] = of_op[r->ops[i].kind];
    }
}

static void judge_batches(const struct found *found, const enum fate *fates)
{
    for (int i = 0; i < NUMBERS_MAX; i++) {
        if (fates[i] == FATE_ACKED)
            assert_int_equal(found->events[i], 1);
        if (fates[i] == FATE_UNSENT || fates[i] == FATE_FAILED)
            assert_int_equal(found->events[i], 0);
        assert_in_range(found->events[i], 0, 1);
        assert_int_equal(found->samples[i], found->events[i] * SAMPLES_EACH);
    }
}

/* The sender of the last one of each producer that it had no answer for sends it again. */
static void resend_last(struct store *store, const enum fate *fates, struct found *found)
{
    for (int producer = 0; producer < PRODUCERS; producer++) {
        int last = -1;
        for (int i = producer; i < NUMBERS_MAX; i += PRODUCERS) {
            if (fates[i] != FATE_UNSENT)
                last = i;
        }
        if (last < 0 || fates[last] == FATE_ACKED)
            continue;
        struct producer_mark mark = mark_of_number(last);
        enum producer_state state = store_producer_check(store, &mark);
        assert_int_equal(state == PRODUCER_DUPLICATE, found->events[last] == 1);
        if (state != PRODUCER_DUPLICATE)
            assert_int_equal(send_batch(store, batch_of_number(store, last), &mark), TM_OK);
    }
    struct found after;
    look(store, &after);
    for (int producer = 0; producer < PRODUCERS; producer++) {
        for (int i = producer; i < NUMBERS_MAX; i += PRODUCERS)
            assert_in_range(after.events[i], found->events[i], 1);
    }
}

static void judge_cut(struct ledger *ledger, struct fixture *f, size_t upto, uint64_t seed)
{
    enum fate fates[NUMBERS_MAX];
    struct found found;
    struct store *store;
    struct tm_why why;
    struct reader *reader = NULL;
    char *dir = folder_make();
    struct store_options options = f->options;
    options.dir = dir;
    recorder_cut(ledger->recorder, upto, seed, dir);
    read_fates(ledger->recorder, upto, fates);
    enum tm_err err = reader_open(dir, &reader, &why);
    assert_true(err == TM_OK || err == TM_NOT_FOUND);
    reader_close(reader);
    for (int i = 0; i < 2; i++) {
        err = store_open_io(&options, &f->faulty.io, &store, &why);
        if (err)
            print_error("seed %lu, cut at %zu: %s\n", (unsigned long)seed, upto, why.text);
        assert_int_equal(err, TM_OK);
        look(store, &found);
        if (i == 0) {
            judge_batches(&found, fates);
            resend_last(store, fates, &found);
        }
        store_close(store);
    }
    folder_remove(dir);
}

static void no_power_cut_loses_or_doubles_a_batch(void **state)
{
    struct fixture *f = *state;
    const char *wanted = getenv("POWERLOSS_SEEDS");
    uint64_t seeds = wanted ? strtoull(wanted, NULL, 10) : SEEDS_DEFAULT;
    f->options.segment_bytes = SEGMENT_BYTES;
    f->options.log = NULL;
    for (uint64_t seed = 0; seed < seeds;) {
        char *dir = folder_make();
        struct ledger *ledger = calloc(1, sizeof *ledger);
        assert_non_null(ledger);
        ledger->recorder = recorder_new(dir);
        ledger->random = seed + 1;
        f->options.dir = dir;
        write_history(ledger, f);
        for (int i = 0; i < CUTS_PER_HISTORY && seed < seeds; i++, seed++) {
            size_t upto = random_next(&ledger->random) % (ledger->recorder->count + 1);
            judge_cut(ledger, f, upto, seed);
        }
        recorder_free(ledger->recorder);
        free(ledger);
        folder_remove(dir);
    }
    f->options.dir = f->dir;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_power_cut_loses_or_doubles_a_batch, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
