/* Waking a loop from other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <uv.h>

#include "server/wake/wake.h"

enum { THREADS = 4, ITEMS = 5000 };

struct scene {
    uv_loop_t loop;
    struct wake wake;
    atomic_int made;
    int seen;
    int calls;
    int closed;
    int fd;
};

static void on_closed(void *arg)
{
    struct scene *scene = arg;
    scene->closed++;
}

static void on_wake(void *arg)
{
    struct scene *scene = arg;
    scene->calls++;
    scene->seen = atomic_load(&scene->made);
    if (scene->seen == THREADS * ITEMS)
        assert_true(wake_close(&scene->wake, on_closed));
}

static void *make_items(void *arg)
{
    struct scene *scene = arg;
    for (int i = 0; i < ITEMS; i++) {
        atomic_fetch_add(&scene->made, 1);
        wake_send(&scene->wake);
    }
    return NULL;
}

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){.fd = -1};
    assert_int_equal(uv_loop_init(&scene->loop), 0);
}

/* Were one wake lost, the loop would sleep for ever with items unseen. */
static void what_was_made_before_a_wake_is_seen(void **state)
{
    struct scene scene;
    pthread_t threads[THREADS];
    (void)state;
    open_scene(&scene);
    assert_int_equal(wake_open(&scene.wake, &scene.loop, on_wake, &scene), TM_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_items, &scene), 0);
    /* Threads may still be about to send when the last item is seen: so they end first, and then it is run.
     */
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(scene.seen, THREADS * ITEMS);
    assert_int_equal(scene.closed, 1);
    assert_int_equal(scene.calls, 1); /* one for all that were sent before it */
    assert_int_equal(uv_loop_close(&scene.loop), 0);
}

static void on_one(void *arg)
{
    struct scene *scene = arg;
    scene->calls++;
    scene->seen = atomic_load(&scene->made);
    uv_stop(&scene->loop);
}

static void *make_one(void *arg)
{
    struct scene *scene = arg;
    atomic_fetch_add(&scene->made, 1);
    wake_send(&scene->wake);
    return NULL;
}

static void a_sleeping_loop_is_woken_each_time(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    assert_int_equal(wake_open(&scene.wake, &scene.loop, on_one, &scene), TM_OK);
    for (int i = 1; i <= 200; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, make_one, &scene), 0);
        (void)uv_run(&scene.loop, UV_RUN_DEFAULT);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(scene.seen, i);
        assert_int_equal(scene.calls, i);
    }
    assert_true(wake_close(&scene.wake, NULL));
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&scene.loop), 0);
}

static void closing_gives_the_descriptor_back_and_tells_once(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    assert_int_equal(wake_open(&scene.wake, &scene.loop, on_one, &scene), TM_OK);
    scene.fd = scene.wake.fd;
    wake_send(&scene.wake);
    assert_true(wake_close(&scene.wake, on_closed));
    assert_false(wake_close(&scene.wake, on_closed));
    assert_int_equal(scene.closed, 0); /* by the loop, not at once */
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(scene.closed, 1);
    assert_int_equal(scene.calls, 0);
    assert_int_equal(fcntl(scene.fd, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(uv_loop_close(&scene.loop), 0);
}

static void without_a_descriptor_it_is_refused_and_left_alone(void **state)
{
    struct scene scene;
    struct rlimit before;
    (void)state;
    open_scene(&scene);
    assert_false(wake_close(&scene.wake, on_closed)); /* never opened */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max}), 0);
    enum tm_err err = wake_open(&scene.wake, &scene.loop, on_one, &scene);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(err, TM_IO);
    assert_false(wake_close(&scene.wake, on_closed));
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(scene.closed, 0);
    assert_int_equal(uv_loop_close(&scene.loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_before_a_wake_is_seen),
        cmocka_unit_test(a_sleeping_loop_is_woken_each_time),
        cmocka_unit_test(closing_gives_the_descriptor_back_and_tells_once),
        cmocka_unit_test(without_a_descriptor_it_is_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
