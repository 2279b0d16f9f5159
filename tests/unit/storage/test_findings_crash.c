/* A kill at every step of a flush, and a replacement behind it: what was acknowledged last is there, once. */
#include "tests/unit/storage/crash.h"

#include "storage/findings/findings.h"

enum { FINDINGS = 30, ROUNDS = 3, POINTS_MAX = 200 };

/* Round r moves finding n, and says so. */
static time_ms_t time_of(int n, int round)
{
    return DAY0 + (n * 7 + round * 11) % FINDINGS * 1000;
}

static void live(struct fixture *f)
{
    for (int round = 1; round <= ROUNDS; round++) {
        for (int n = 1; n <= FINDINGS; n++) {
            char body[32];
            (void)snprintf(body, sizeof body, "{\"round\":%d}", round);
            const struct finding finding = {
                .kind = FINDING_INCIDENT, .id = (uint64_t)n, .time = time_of(n, round), .body = str_of(body)};
            struct batch *batch = store_batch_new(f->store);
            if (store_batch_finding(batch, &finding) != TM_OK || send_batch(f->store, batch, NULL) != TM_OK)
                _exit(1);
        }
        assert_int_equal(send_one(f->store, "s", DAY0, round), TM_OK);
        if (store_flush(f->store) != TM_OK)
            _exit(1);
    }
}

struct look {
    int rounds[FINDINGS + 1]; /* 0: not there */
    size_t count;
};

static bool look_one(void *arg, const struct finding *finding)
{
    struct look *look = arg;
    assert_in_range(finding->id, 1, FINDINGS);
    assert_int_equal(look->rounds[finding->id], 0);
    look->rounds[finding->id] = finding->body.ptr[9] - '0';
    assert_int_equal(finding->time, time_of((int)finding->id, look->rounds[finding->id]));
    look->count++;
    return true;
}

/* They were told in order: those of a round, and behind them those of the round before. */
static void check(struct fixture *f)
{
    struct look look = {.count = 0};
    const struct findings_wanted wanted = {.kind = FINDING_INCIDENT, .span = READER_ALWAYS};
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(findings_search(reader, &wanted, look_one, &look, &f->why), TM_OK);
    reader_close(reader);
    if (look.count == 0)
        return; /* died while opening */
    for (int n = 2; n <= FINDINGS; n++) {
        assert_true(look.rounds[n] == look.rounds[n - 1] || look.rounds[n] == look.rounds[n - 1] - 1);
        assert_true(look.rounds[n] >= look.rounds[1] - 1);
    }
    double last = value_at(f->store, "s", DAY0); /* told behind all of its round */
    assert_true(last < 1 || look.rounds[FINDINGS] >= (int)last);
    assert_int_equal(stats_of(f->store).damaged_records, 0);
}

static void a_kill_at_any_step_of_a_flush_loses_and_doubles_none(void **state)
{
    (void)state;
    bool died = true;
    int points = 0;
    for (int n = 1; died && n < POINTS_MAX; n++) {
        struct fixture *f = fixture_new();
        died = die_at(f, n, live);
        points = n;
        f->options.fault_point = NULL;
        fixture_open(f);
        check(f);
        assert_int_equal(store_flush(f->store), TM_OK);
        check(f);
        fixture_reopen(f);
        check(f);
        fixture_close(f);
        folder_remove(f->dir);
        free(f);
    }
    assert_false(died);
    assert_true(points > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_step_of_a_flush_loses_and_doubles_none),
    };
    return cmocka_run_group_tests_name("findings, killed", tests, NULL, NULL);
}
