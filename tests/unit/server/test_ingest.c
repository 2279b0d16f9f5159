/* A message from its receipt to its answer, with a real store behind it whose calls fail and wait when told:
 * every reply and refusal of PROTOCOL.md, and what each leaves behind. */
#include "tests/unit/storage/fixture.h"

#include <sodium.h>

#include "server/ingest/ingest.h"
#include "server/wire/header.h"

enum { REPLIES_MAX = 16 };

static const char keys_yaml[] =
    "auth:\n"
    "  keys:\n"
    "    - {name: cart, secret: 0123456789abcdef-cart, scopes: [\"write:cart\"]}\n"
    "    - {name: ro, secret: 0123456789abcdef-ro, scopes: [read]}\n";

struct rig {
    struct fixture *f;
    struct config *config, *keyed;
    struct counters counters;
    struct ingest *ingest;
    struct reply replies[REPLIES_MAX]; /* in the order in which they came */
    size_t reply_count;
};

static void on_reply(void *arg, const struct reply *reply)
{
    struct rig *rig = arg;
    assert_true(rig->reply_count < REPLIES_MAX);
    rig->replies[rig->reply_count++] = *reply;
}

static struct rig *open_rig(size_t max_pending_bytes)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct config_faults faults = {.count = 0};
    assert_non_null(rig);
    assert_true(sodium_init() >= 0);
    rig->f = fixture_new();
    rig->f->options.max_series = 100;
    rig->f->options.max_series_per_service = 100;
    rig->f->options.max_pending_bytes = max_pending_bytes;
    fixture_open(rig->f);
    assert_int_equal(config_default(&rig->config), TM_OK);
    assert_int_equal(config_parse(str_of(keys_yaml), "test", &rig->keyed, &faults), TM_OK);
    rig->ingest = ingest_open(rig->f->store, rig->config, &rig->counters, &rig->f->clock.clock);
    assert_non_null(rig->ingest);
    return rig;
}

static int set_up(void **state)
{
    *state = open_rig(0);
    return 0;
}

/* Room for a batch under way and no more. */
static int set_up_narrow(void **state)
{
    *state = open_rig(1);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    faulty_hold(&rig->f->faulty, false);
    fixture_close(rig->f);
    assert_int_equal(ingest_pending(rig->ingest), 0);
    ingest_close(rig->ingest);
    config_free(rig->config);
    config_free(rig->keyed);
    folder_remove(rig->f->dir);
    free(rig->f);
    free(rig);
    return 0;
}

static bool offer(struct rig *rig, enum ingest_path path, struct str text, bool anonymous)
{
    struct ingest_message message = {
        .path = path,
        .text = text,
        .access = {.everything = !anonymous},
        .precision = PRECISION_MS,
        .reply = on_reply,
        .arg = rig,
    };
    return ingest_message(rig->ingest, &message);
}

static void send_text(struct rig *rig, const char *text)
{
    assert_true(offer(rig, INGEST_REP, str_of(text), false));
}

static void await(struct rig *rig, size_t replies)
{
    const struct timespec nap = {0, 200000};
    for (int i = 0; i < 50000 && rig->reply_count < replies; i++) {
        store_poll(rig->f->store);
        if (rig->reply_count < replies)
            nanosleep(&nap, NULL);
    }
    assert_int_equal(rig->reply_count, replies);
}

/* Sends, waits, and gives the answer. */
static const struct reply *ask(struct rig *rig, const char *text)
{
    size_t before = rig->reply_count;
    send_text(rig, text);
    await(rig, before + 1);
    return &rig->replies[before];
}

static void assert_taken(const struct reply *reply, uint64_t accepted, uint64_t rejected)
{
    if (reply->refusal)
        fail_msg("refused: %s", reply->message.text);
    assert_int_equal(reply->accepted, accepted);
    assert_int_equal(reply->rejected, rejected);
    assert_false(reply->duplicate);
}

static void assert_duplicate(const struct reply *reply, uint64_t seq)
{
    assert_int_equal(reply->refusal, REFUSAL_NONE);
    assert_true(reply->duplicate && reply->has_seq);
    assert_int_equal(reply->seq, seq);
    assert_int_equal(reply->accepted, 0);
    assert_int_equal(reply->rejected, 0);
}

static void assert_refused(const struct rig *rig, const struct reply *reply, enum refusal refusal,
                           int64_t retry_after_ms, enum counter counter, const char *words)
{
    assert_int_equal(reply->refusal, refusal);
    assert_int_equal(reply->retry_after_ms, retry_after_ms);
    if (!strstr(reply->message.text, words))
        fail_msg("refused with \"%s\", not with \"%s\"", reply->message.text, words);
    assert_true(rig->counters.value[counter] > 0);
}

/* The store takes batches again. */
static void heal(struct rig *rig)
{
    rig->f->clock.mono_ns += INT64_C(2000000000);
    store_poll(rig->f->store);
    assert_null(store_trouble(rig->f->store));
}

/* One batch whose sync waits; what is sent after it stands in one group, whose write fails. */
static void begin_trouble(struct rig *rig)
{
    const struct timespec nap = {0, 200000};
    int syncs = faulty_calls(&rig->f->faulty, CALL_SYNC);
    faulty_hold(&rig->f->faulty, true);
    send_text(rig, "first value=1\n");
    while (faulty_calls(&rig->f->faulty, CALL_SYNC) == syncs)
        nanosleep(&nap, NULL);
    faulty_fail(&rig->f->faulty, CALL_PWRITE, 1, EIO);
}

static void end_trouble(struct rig *rig)
{
    const struct timespec nap = {0, 200000};
    faulty_hold(&rig->f->faulty, false);
    while (!store_trouble(rig->f->store)) {
        store_poll(rig->f->store);
        nanosleep(&nap, NULL);
    }
    store_poll(rig->f->store);
}

/* ---- answers ---- */

static void a_batch_is_answered_once_it_is_durable_and_not_before(void **state)
{
    struct rig *rig = *state;
    faulty_hold(&rig->f->faulty, true);
    send_text(rig, "cpu value=1\ncpu value=2 1763999999000\n");
    for (int i = 0; i < 20; i++) {
        const struct timespec nap = {0, 1000000};
        store_poll(rig->f->store);
        nanosleep(&nap, NULL);
    }
    assert_int_equal(rig->reply_count, 0);
    assert_int_equal(ingest_pending(rig->ingest), 1);
    faulty_hold(&rig->f->faulty, false);
    await(rig, 1);
    assert_taken(&rig->replies[0], 2, 0);
    assert_false(rig->replies[0].has_seq);
    assert_int_equal(ingest_pending(rig->ingest), 0);
    assert_int_equal(count_of(rig->f->store, "cpu"), 2);
    assert_int_equal(ingest_last_ms(rig->ingest), WALL_START);
}

static void accepted_and_rejected_lines_are_counted_in_reply_and_counters(void **state)
{
    struct rig *rig = *state;
    const struct reply *reply = ask(rig, "#tm1 producer=p epoch=1 seq=7\ncpu value=1\nbad\n"
                                         "tally,name=x,service=s amount=1i\ncpu value=NaN\ncpu a=1,b=2\n");
    assert_taken(reply, 3, 2);
    assert_true(reply->has_seq);
    assert_int_equal(reply->seq, 7);
    assert_int_equal(reply->error_count, 2);
    assert_int_equal(reply->errors[0].line, 3);
    assert_int_equal(reply->errors[1].line, 5);
    const uint64_t *c = rig->counters.value;
    assert_int_equal(c[COUNTER_LINES], 5);
    assert_int_equal(c[COUNTER_LINES_REFUSED], 2);
    assert_int_equal(c[COUNTER_SAMPLES], 3);
    assert_int_equal(c[COUNTER_EVENTS_TALLY], 1);
    assert_int_equal(c[COUNTER_BATCHES_REP], 1);
    assert_int_equal(rig->counters.ack.count, 1);
}

static void only_the_first_twenty_reasons_are_told(void **state)
{
    struct rig *rig = *state;
    char text[64 * 4 + 1] = "";
    for (int i = 0; i < 64; i++)
        strcat(text, "bad\n");
    const struct reply *reply = ask(rig, text);
    assert_taken(reply, 0, 64);
    assert_int_equal(reply->error_count, REPLY_ERRORS_MAX);
    assert_int_equal(reply->errors[19].line, 20);
}

static void a_message_without_lines_is_answered_at_once(void **state)
{
    struct rig *rig = *state;
    send_text(rig, "# words only\n\n");
    assert_int_equal(rig->reply_count, 1);
    assert_taken(&rig->replies[0], 0, 0);
}

static void a_batch_without_good_lines_settles_its_seq_all_the_same(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "#tm1 producer=p epoch=1 seq=1\nbad\n";
    assert_taken(ask(rig, text), 0, 1);
    assert_duplicate(ask(rig, text), 1);
}

/* ---- de-duplication ---- */

static void a_settled_seq_is_a_duplicate_without_effect(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "#tm1 producer=p epoch=1 seq=1\nexception,service=s,type=x message=\"m\"\n";
    assert_taken(ask(rig, text), 1, 0);
    assert_duplicate(ask(rig, text), 1);
    assert_int_equal(stats_of(rig->f->store).events, 1);
    assert_int_equal(rig->counters.value[COUNTER_DUPLICATES], 1);
    assert_int_equal(rig->counters.value[COUNTER_LINES], 1);
}

static void a_duplicate_of_a_batch_under_way_is_answered_after_it(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "#tm1 producer=p epoch=1 seq=1\nexception,service=s,type=x message=\"m\"\n";
    faulty_hold(&rig->f->faulty, true);
    send_text(rig, text);
    send_text(rig, text);
    store_poll(rig->f->store);
    assert_int_equal(rig->reply_count, 0);
    assert_int_equal(ingest_pending(rig->ingest), 2);
    faulty_hold(&rig->f->faulty, false);
    await(rig, 2);
    assert_taken(&rig->replies[0], 1, 0);
    assert_duplicate(&rig->replies[1], 1);
    assert_int_equal(stats_of(rig->f->store).events, 1);
}

static void a_duplicate_of_a_batch_that_fails_is_refused_with_it(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "#tm1 producer=p epoch=1 seq=1\nexception,service=s,type=x message=\"m\"\n";
    begin_trouble(rig);
    send_text(rig, text);
    send_text(rig, text);
    end_trouble(rig);
    await(rig, 3);
    assert_taken(&rig->replies[0], 1, 0);
    for (size_t i = 1; i < 3; i++)
        assert_refused(rig, &rig->replies[i], REFUSAL_READ_ONLY, 2000, COUNTER_REFUSED_READ_ONLY, "journal");
    heal(rig);
    assert_taken(ask(rig, text), 1, 0);
    assert_int_equal(stats_of(rig->f->store).events, 1);
}

static void a_lower_epoch_is_stale_and_a_higher_one_starts_afresh(void **state)
{
    struct rig *rig = *state;
    assert_taken(ask(rig, "#tm1 producer=p epoch=5 seq=9\ncpu value=1\n"), 1, 0);
    assert_refused(rig, ask(rig, "#tm1 producer=p epoch=4 seq=10\ncpu value=2\n"), REFUSAL_STALE_EPOCH, -1,
                   COUNTER_REFUSED_STALE_EPOCH, "an epoch that only grows");
    assert_taken(ask(rig, "#tm1 producer=p epoch=6 seq=1\ncpu value=3\n"), 1, 0);
}

static void the_last_seq_with_other_bytes_is_a_conflict(void **state)
{
    struct rig *rig = *state;
    assert_taken(ask(rig, "#tm1 producer=p epoch=1 seq=1\ncpu value=1\n"), 1, 0);
    assert_refused(rig, ask(rig, "#tm1 producer=p epoch=1 seq=1\ncpu value=2\n"), REFUSAL_SEQ_CONFLICT, -1,
                   COUNTER_REFUSED_SEQ_CONFLICT, "two senders share one producer name");
    assert_true(last_of(rig->f->store, "cpu") == 1);
}

static void a_gap_is_taken_and_counted(void **state)
{
    struct rig *rig = *state;
    assert_taken(ask(rig, "#tm1 producer=p epoch=1 seq=1\ncpu value=1\n"), 1, 0);
    assert_taken(ask(rig, "#tm1 producer=p epoch=1 seq=5\ncpu value=2\n"), 1, 0);
    assert_int_equal(stats_of(rig->f->store).producer_gaps, 1);
    assert_duplicate(ask(rig, "#tm1 producer=p epoch=1 seq=3\ncpu value=3\n"), 3);
}

/* ---- refusals ---- */

static void more_than_may_wait_for_the_disk_is_busy_and_settles_nothing(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "#tm1 producer=p epoch=1 seq=1\ncpu value=2\n";
    faulty_hold(&rig->f->faulty, true);
    send_text(rig, "cpu value=1\n");
    send_text(rig, text);
    assert_int_equal(rig->reply_count, 1);
    assert_refused(rig, &rig->replies[0], REFUSAL_BUSY, 200, COUNTER_REFUSED_BUSY, "waiting for the disk");
    faulty_hold(&rig->f->faulty, false);
    await(rig, 2);
    assert_taken(ask(rig, text), 1, 0);
}

static void a_store_that_can_not_write_is_read_only_and_says_why(void **state)
{
    struct rig *rig = *state;
    faulty_fail(&rig->f->faulty, CALL_PWRITE, 1, EIO);
    assert_refused(rig, ask(rig, "cpu value=1\n"), REFUSAL_READ_ONLY, 2000, COUNTER_REFUSED_READ_ONLY,
                   "journal");
    send_text(rig, "cpu value=2\n");
    assert_int_equal(rig->reply_count, 2); /* at once: nothing is tried meanwhile */
    assert_refused(rig, &rig->replies[1], REFUSAL_READ_ONLY, 2000, COUNTER_REFUSED_READ_ONLY, "journal");
    heal(rig);
    assert_taken(ask(rig, "cpu value=3\n"), 1, 0);
    assert_int_equal(count_of(rig->f->store, "cpu"), 1);
    assert_int_equal(rig->counters.value[COUNTER_LINES], 1);
}

/* lines behind a header of producer p, signed as key with secret. */
static struct str sign(struct bytes *out, const char *key, const char *secret, const char *lines)
{
    char hex[SIGNATURE_HEX + 1], line[256];
    (void)snprintf(line, sizeof line, "#tm1 producer=p epoch=1 seq=1 key=%s", key);
    header_sign(str_of(secret), str_of(line), str_of(lines), hex);
    bytes_clear(out);
    bytes_printf(out, "%s sig=%s\n%s", line, hex, lines);
    return bytes_view(out);
}

static void ask_signed(struct rig *rig, const char *key, const char *secret)
{
    struct bytes text = {0};
    size_t before = rig->reply_count;
    assert_true(offer(rig, INGEST_REP,
                      sign(&text, key, secret, "cpu,service=cart value=1\ncpu,service=shop value=1\n"),
                      true));
    bytes_fini(&text);
    await(rig, before + 1);
}

static void with_keys_only_signed_messages_of_a_write_key_are_taken(void **state)
{
    struct rig *rig = *state;
    ingest_configure(rig->ingest, rig->keyed);
    assert_true(offer(rig, INGEST_REP, STR("cpu value=1\n"), true));
    assert_refused(rig, &rig->replies[0], REFUSAL_FORBIDDEN, -1, COUNTER_REFUSED_FORBIDDEN,
                   "takes signed messages only");
    ask_signed(rig, "nobody", "0123456789abcdef-cart");
    assert_refused(rig, &rig->replies[1], REFUSAL_UNKNOWN_KEY, -1, COUNTER_REFUSED_KEY, "auth.keys");
    ask_signed(rig, "cart", "0123456789abcdef-wrong");
    assert_refused(rig, &rig->replies[2], REFUSAL_BAD_SIGNATURE, -1, COUNTER_REFUSED_SIGNATURE,
                   "HMAC-SHA256");
    ask_signed(rig, "ro", "0123456789abcdef-ro");
    assert_refused(rig, &rig->replies[3], REFUSAL_FORBIDDEN, -1, COUNTER_REFUSED_FORBIDDEN, "no write scope");
    assert_int_equal(stats_of(rig->f->store).samples, 0);
    assert_int_equal(stats_of(rig->f->store).producers, 0);
    ask_signed(rig, "cart", "0123456789abcdef-cart");
    assert_taken(&rig->replies[4], 1, 1); /* shop is not cart's */
    assert_int_equal(rig->replies[4].errors[0].line, 3);
}

static void a_broken_header_or_body_is_refused_whole(void **state)
{
    struct rig *rig = *state;
    assert_refused(rig, ask(rig, "#tm1 producer=p\ncpu value=1\n"), REFUSAL_BAD_HEADER, -1,
                   COUNTER_REFUSED_HEADER, "");
    assert_refused(rig, ask(rig, "#tm1 encoding=zstd\nno frame"), REFUSAL_BAD_ENCODING, -1,
                   COUNTER_REFUSED_ENCODING, "zstd");
    assert_int_equal(stats_of(rig->f->store).samples, 0);
}

static void what_is_over_a_limit_is_too_large(void **state)
{
    struct rig *rig = *state;
    size_t over = (size_t)rig->config->limits.max_message_bytes + 1;
    char *text = malloc(over);
    assert_non_null(text);
    memset(text, '#', over);
    assert_true(offer(rig, INGEST_REP, (struct str){text, over}, false));
    assert_refused(rig, &rig->replies[0], REFUSAL_TOO_LARGE, -1, COUNTER_REFUSED_TOO_LARGE,
                   "limits.max_message");
    struct ingest_message cut = {.path = INGEST_REP, .reply = on_reply, .arg = rig};
    ingest_refuse_too_large(rig->ingest, &cut);
    assert_refused(rig, &rig->replies[1], REFUSAL_TOO_LARGE, -1, COUNTER_REFUSED_TOO_LARGE,
                   "limits.max_message");
    assert_int_equal(rig->counters.value[COUNTER_REFUSED_TOO_LARGE], 2);
    free(text);
}

static void one_that_unpacks_over_the_limit_is_too_large(void **state)
{
    struct rig *rig = *state;
    size_t over = (size_t)rig->config->limits.max_decompressed_bytes + 1;
    char *text = malloc(over);
    struct bytes message = {0};
    assert_non_null(text);
    memset(text, '\n', over);
    bytes_printf(&message, "#tm1 encoding=zstd\n");
    assert_int_equal(header_compress((struct str){text, over}, &message), TM_OK);
    assert_true(offer(rig, INGEST_REP, bytes_view(&message), false));
    assert_refused(rig, &rig->replies[0], REFUSAL_TOO_LARGE, -1, COUNTER_REFUSED_TOO_LARGE, "");
    bytes_fini(&message);
    free(text);
}

static void a_stopping_daemon_says_try_again_and_finishes_what_it_took(void **state)
{
    struct rig *rig = *state;
    faulty_hold(&rig->f->faulty, true);
    send_text(rig, "cpu value=1\n");
    ingest_stop(rig->ingest);
    send_text(rig, "cpu value=2\n");
    assert_int_equal(rig->reply_count, 1);
    assert_refused(rig, &rig->replies[0], REFUSAL_BUSY, 1000, COUNTER_REFUSED_BUSY, "stopping");
    faulty_hold(&rig->f->faulty, false);
    await(rig, 2);
    assert_taken(&rig->replies[1], 1, 0);
}

/* ---- pushed messages ---- */

static bool push(struct rig *rig, const char *text)
{
    return offer(rig, INGEST_PULL, str_of(text), false);
}

static void a_pushed_seq_is_ignored(void **state)
{
    struct rig *rig = *state;
    static const char text[] = "#tm1 producer=p epoch=1 seq=1\nexception,service=s,type=x message=\"m\"\n";
    assert_true(push(rig, text) && push(rig, text));
    await(rig, 2);
    assert_taken(&rig->replies[0], 1, 0);
    assert_taken(&rig->replies[1], 1, 0);
    assert_false(rig->replies[1].has_seq);
    assert_int_equal(stats_of(rig->f->store).events, 2);
    assert_int_equal(rig->counters.value[COUNTER_BATCHES_PULL], 2);
}

static void a_push_that_the_store_can_not_take_now_is_left_with_its_sender(void **state)
{
    struct rig *rig = *state;
    faulty_hold(&rig->f->faulty, true);
    assert_true(push(rig, "cpu value=1\n"));
    assert_false(push(rig, "cpu value=2\n"));
    assert_int_equal(ingest_pending(rig->ingest), 1);
    assert_int_equal(rig->counters.value[COUNTER_BATCHES_PULL], 1);
    faulty_hold(&rig->f->faulty, false);
    await(rig, 1);
    assert_true(push(rig, "cpu value=2\n"));
    await(rig, 2);
}

static void a_push_whose_write_failed_is_kept_and_written_again_in_order(void **state)
{
    struct rig *rig = *state;
    begin_trouble(rig);
    assert_true(push(rig, "cpu value=1 1763999999000\n") && push(rig, "cpu value=2 1763999999000\n") &&
                push(rig, "cpu value=3 1763999999000\n"));
    end_trouble(rig);
    assert_int_equal(rig->reply_count, 1); /* the first one's */
    assert_int_equal(ingest_pending(rig->ingest), 3);
    ingest_retry(rig->ingest); /* too early: nothing happens */
    assert_int_equal(ingest_pending(rig->ingest), 3);
    heal(rig);
    assert_false(push(rig, "cpu value=4 1763999999000\n")); /* the older ones first */
    ingest_retry(rig->ingest);
    await(rig, 4);
    for (size_t i = 1; i < 4; i++)
        assert_taken(&rig->replies[i], 1, 0);
    assert_true(last_of(rig->f->store, "cpu") == 3);
    assert_true(push(rig, "cpu value=4 1763999999000\n"));
    await(rig, 5);
    assert_int_equal(rig->counters.value[COUNTER_BATCHES_PULL], 4);
    assert_int_equal(rig->counters.value[COUNTER_SAMPLES], 5);
    fixture_reopen(rig->f);
    assert_true(last_of(rig->f->store, "cpu") == 4);
    assert_int_equal(count_of(rig->f->store, "cpu"), 1);
}

static void what_is_kept_at_the_end_is_refused(void **state)
{
    struct rig *rig = *state;
    begin_trouble(rig);
    assert_true(push(rig, "cpu value=1\n"));
    end_trouble(rig);
    assert_int_equal(ingest_pending(rig->ingest), 1);
    ingest_stop(rig->ingest);
    assert_int_equal(rig->reply_count, 2);
    assert_refused(rig, &rig->replies[1], REFUSAL_READ_ONLY, 2000, COUNTER_REFUSED_READ_ONLY, "journal");
}

static void what_fails_while_the_store_closes_is_refused_with_the_reason(void **state)
{
    struct rig *rig = *state;
    begin_trouble(rig);
    send_text(rig, "cpu value=1\n");
    faulty_hold(&rig->f->faulty, false);
    fixture_close(rig->f);
    assert_int_equal(rig->reply_count, 2);
    assert_taken(&rig->replies[0], 1, 0);
    assert_refused(rig, &rig->replies[1], REFUSAL_READ_ONLY, 2000, COUNTER_REFUSED_READ_ONLY, "journal");
}

#define WITH_RIG(test)        cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITH_NARROW_RIG(test) cmocka_unit_test_setup_teardown(test, set_up_narrow, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_batch_is_answered_once_it_is_durable_and_not_before),
        WITH_RIG(accepted_and_rejected_lines_are_counted_in_reply_and_counters),
        WITH_RIG(only_the_first_twenty_reasons_are_told),
        WITH_RIG(a_message_without_lines_is_answered_at_once),
        WITH_RIG(a_batch_without_good_lines_settles_its_seq_all_the_same),
        WITH_RIG(a_settled_seq_is_a_duplicate_without_effect),
        WITH_RIG(a_duplicate_of_a_batch_under_way_is_answered_after_it),
        WITH_RIG(a_duplicate_of_a_batch_that_fails_is_refused_with_it),
        WITH_RIG(a_lower_epoch_is_stale_and_a_higher_one_starts_afresh),
        WITH_RIG(the_last_seq_with_other_bytes_is_a_conflict),
        WITH_RIG(a_gap_is_taken_and_counted),
        WITH_NARROW_RIG(more_than_may_wait_for_the_disk_is_busy_and_settles_nothing),
        WITH_RIG(a_store_that_can_not_write_is_read_only_and_says_why),
        WITH_RIG(with_keys_only_signed_messages_of_a_write_key_are_taken),
        WITH_RIG(a_broken_header_or_body_is_refused_whole),
        WITH_RIG(what_is_over_a_limit_is_too_large),
        WITH_RIG(one_that_unpacks_over_the_limit_is_too_large),
        WITH_RIG(a_stopping_daemon_says_try_again_and_finishes_what_it_took),
        WITH_RIG(a_pushed_seq_is_ignored),
        WITH_NARROW_RIG(a_push_that_the_store_can_not_take_now_is_left_with_its_sender),
        WITH_RIG(a_push_whose_write_failed_is_kept_and_written_again_in_order),
        WITH_RIG(what_is_kept_at_the_end_is_refused),
        WITH_RIG(what_fails_while_the_store_closes_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
