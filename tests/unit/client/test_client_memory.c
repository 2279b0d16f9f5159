/* The n-th allocation fails, for every n: no crash, no leak, no false acknowledgement. */
#include "tests/unit/client/scripted.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* Sanitizers own the allocator; the plain builds run this. */
static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    skip();
}
#else

/* Seen by the libraries too, whose allocations must fail as well. */
#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *old, size_t size);
EXPORTED void free(void *old);

static __thread long countdown = -1; /* fails when it reaches 0; -1: never */
static __thread long live_count;

static bool fails(void)
{
    if (countdown < 0)
        return false;
    return countdown == 0 || countdown-- == 0;
}

void *malloc(size_t size)
{
    void *new = fails() ? NULL : __libc_malloc(size);
    live_count += new != NULL;
    return new;
}

void *calloc(size_t count, size_t size)
{
    void *new = fails() ? NULL : __libc_calloc(count, size);
    live_count += new != NULL;
    return new;
}

void *realloc(void *old, size_t size)
{
    void *new = fails() ? NULL : __libc_realloc(old, size);
    live_count += new && !old;
    return new;
}

void free(void *old)
{
    live_count -= old != NULL;
    __libc_free(old);
}

/* A life of a client: two batches, one spooled and one sent. Returns the batches acknowledged. */
static int live(struct script *script, const struct clock *clock, const char *folder)
{
    struct tide_client *client;
    struct tide_options options = {
        .spool_dir = folder, .max_tries = 1, .compress = 1, .key_name = "k", .key_secret = "s"};
    if (open_scripted(script, clock, &options, &client) != TIDE_OK)
        return 0;
    int acknowledged = 0;
    for (int i = 0; i < 2; i++) {
        enum tide_result added = tide_add(client, "cpu,host=abcdefgh value=1,other=2 1000\n", 39);
        enum tide_result pushed = tide_push(client);
        acknowledged += added == TIDE_OK && pushed == TIDE_OK;
        assert_true(pushed == TIDE_OK || pushed == TIDE_SPOOLED || pushed == TIDE_NOMEM ||
                    pushed == TIDE_IO || pushed == TIDE_FULL);
    }
    (void)tide_flush(client, 100);
    tide_close(client);
    return acknowledged;
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    int whole_runs = 0;
    for (long n = 0; n < 400 && whole_runs < 3; n++) {
        char *folder = make_folder();
        struct script *script = calloc(1, sizeof *script);
        *script = (struct script){.answers = {NULL, ACK}, .answer_count = 2, .now_ms = 1000};
        struct clock clock = script_clock(script);
        long before = live_count;
        countdown = n;
        int acknowledged = live(script, &clock, folder);
        bool reached = countdown == 0;
        countdown = -1;
        /* What the script recorded is the test's own. */
        script_fini(script);
        assert_true(script->closed);
        assert_int_equal(live_count, before);
        whole_runs += !reached;
        if (!reached)
            assert_int_equal(acknowledged, 1);
        free(script);
        free_folder(folder);
    }
    assert_int_equal(whole_runs, 3);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
