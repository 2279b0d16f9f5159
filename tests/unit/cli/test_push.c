/* Cutting text into records, batches on real sockets, answers back to files and lines, following a file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/push.h"
#include "server/wire/header.h"

static size_t length(const char *text, bool strings, bool last)
{
    return push_record_length(str_of(text), strings, last);
}

static void a_record_is_a_line(void **state)
{
    (void)state;
    assert_int_equal(length("a v=1\nb v=2\n", true, false), 6);
    assert_int_equal(length("a v=1", true, false), 0);
    assert_int_equal(length("a v=1", true, true), 5);
    assert_int_equal(length("\n", true, false), 1);
    assert_int_equal(length("", true, true), 0);
    assert_int_equal(length("# it's \"open\nx", true, false), 13);
}

static void a_line_feed_in_a_string_does_not_end_a_record(void **state)
{
    (void)state;
    assert_int_equal(length("a m=\"x\ny\",n=1 5\nb", true, false), 16);
    assert_int_equal(length("a m=\"x\ny\",n=1 5\nb", false, false), 7);
    assert_int_equal(length("a m=\"x\\\"\ny\"\nb", true, false), 12);
    assert_int_equal(length("a m=\"x\ny", true, false), 0);
    assert_int_equal(length("a m=\"x\ny\"", true, false), 0);
    assert_int_equal(length("a m=\"x\ny\"", true, true), 9);
    /* blanks in front, escapes in the key and in a field's name */
    assert_int_equal(length("  a,t=x\\ y m=\"x\ny\"\nb", true, false), 19);
    assert_int_equal(length("a f\\=\"x=1\nb v=\"\"\n", true, false), 10);
    assert_int_equal(length("a v\\=\"x=1\nb m=\"\nb z\"\n", true, false), 10);
    assert_int_equal(length("a\\\nb m=\"\"\n", true, false), 3);
    /* a quote in a tag opens nothing */
    assert_int_equal(length("a,t=\"x m=1\nb v=\"1\"\n", true, false), 11);
}

static void a_string_without_an_end_costs_its_own_line_only(void **state)
{
    (void)state;
    assert_int_equal(length("a m=\"x\nb v=1\n", true, true), 7);
    assert_int_equal(length("a m=\"x\nb m=\"y\"\n", true, false), 7);
}

/* ---- a daemon in a thread: takes every line but those that begin with "bad" ---- */

struct daemon {
    char url[64];
    pthread_t thread;
    int socket;
    size_t batches;
    size_t lines;
    uint64_t settled;  /* the last seq; a resend counts nothing */
    size_t busy_first; /* so many answers say: wait */
    struct bytes text;
};

static void take_lines(struct daemon *daemon, struct str lines, struct reply *reply)
{
    uint32_t number = 2;
    bytes_put(&daemon->text, lines.ptr, lines.len);
    for (; lines.len; number++) {
        const char *feed = memchr(lines.ptr, '\n', lines.len);
        size_t len = feed ? (size_t)(feed - lines.ptr) + 1 : lines.len;
        struct tm_why why = {"bad indeed"};
        if (len > 3 && memcmp(lines.ptr, "bad", 3) == 0)
            reply_reject(reply, number, &why);
        else
            reply->accepted++;
        daemon->lines++;
        lines.ptr += len;
        lines.len -= len;
    }
}

static void *serve(void *arg)
{
    struct daemon *daemon = arg;
    struct bytes out = {0};
    for (;;) {
        char *data = NULL;
        int len = nn_recv(daemon->socket, &data, NN_MSG, 0);
        if (len < 4 || memcmp(data, "quit", 4) == 0) {
            if (len >= 0)
                nn_freemsg(data);
            break;
        }
        struct header header;
        struct reply reply;
        reply_init(&reply);
        if (header_parse((struct str){data, (size_t)len}, &header, NULL) == TM_OK) {
            reply.has_seq = true;
            reply.seq = header.seq;
            if (daemon->busy_first) {
                daemon->busy_first--;
                reply.refusal = REFUSAL_BUSY;
                reply.retry_after_ms = 20;
            } else if (header.seq <= daemon->settled) {
                reply.duplicate = true;
            } else {
                daemon->settled = header.seq;
                daemon->batches++;
                take_lines(daemon, header.rest, &reply);
            }
        }
        bytes_clear(&out);
        reply_encode(&reply, &out);
        nn_freemsg(data);
        (void)nn_send(daemon->socket, out.data, out.len, 0);
    }
    bytes_fini(&out);
    return NULL;
}

static void start(struct daemon *daemon)
{
    (void)snprintf(daemon->url, sizeof daemon->url, "ipc:///tmp/tidemark-push-%ld.ipc", (long)getpid());
    daemon->socket = nn_socket(AF_SP, NN_REP);
    int most = 2 << 20;
    assert_true(daemon->socket >= 0);
    assert_int_equal(nn_setsockopt(daemon->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &most, sizeof most), 0);
    assert_true(nn_bind(daemon->socket, daemon->url) >= 0);
    assert_int_equal(pthread_create(&daemon->thread, NULL, serve, daemon), 0);
}

static void stop(struct daemon *daemon)
{
    int quit = nn_socket(AF_SP, NN_REQ);
    assert_true(nn_connect(quit, daemon->url) >= 0);
    assert_int_equal(nn_send(quit, "quit", 4, 0), 4);
    assert_int_equal(pthread_join(daemon->thread, NULL), 0);
    nn_close(quit);
    nn_close(daemon->socket);
    (void)unlink(daemon->url + strlen("ipc://"));
    bytes_fini(&daemon->text);
}

static const char *const names[] = {"one.lp", "two.lp"};

static void open_push(struct push *push, const char *url, int timeout_ms, const char *spool)
{
    struct tm_why why;
    struct sender_options options = {.url = url,
                                     .producer = "test",
                                     .precision = "ns",
                                     .timeout_ms = timeout_ms,
                                     .max_tries = 1,
                                     .spool_dir = spool};
    *push = (struct push){.file_names = names, .batch_lines = 3, .give_up_ms = 300};
    assert_int_equal(sender_open(&options, &push->sender, &why), TM_OK);
}

static void close_push(struct push *push)
{
    sender_close(push->sender);
    push_fini(push);
}

static enum tm_err take_text(struct push *push, struct push_source *source, const char *text, bool last)
{
    bytes_put(&source->rest, text, strlen(text));
    return push_take(push, source, last);
}

static void refused_lines_are_named_by_file_and_line(void **state)
{
    (void)state;
    static struct push push;
    struct daemon daemon = {0};
    struct push_source one = {.file = 0};
    struct push_source two = {.file = 1};
    start(&daemon);
    open_push(&push, daemon.url, 5000, NULL);
    assert_int_equal(take_text(&push, &one, "a v=1\n\n# comment\nb m=\"1\n2\"\nba", false), TM_OK);
    assert_int_equal(take_text(&push, &one, "d v=1\nc v=1\nbad v=2", true), TM_OK);
    assert_int_equal(take_text(&push, &two, "bad v=3\n", true), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(push.line_count, 6);
    assert_int_equal(push.refused_count, 3);
    assert_int_equal(push_unacknowledged(&push), 0);
    assert_int_equal(push.refusal_count, 3);
    assert_int_equal(push.refusals[0].origin.file, 0);
    assert_int_equal(push.refusals[0].origin.line, 6);
    assert_string_equal(push.refusals[0].why.text, "bad indeed");
    assert_int_equal(push.refusals[1].origin.line, 8);
    assert_int_equal(push.refusals[2].origin.file, 1);
    assert_int_equal(push.refusals[2].origin.line, 1);
    assert_int_equal(daemon.batches, 2);
    bytes_fini(&one.rest);
    bytes_fini(&two.rest);
    close_push(&push);
    stop(&daemon);
}

static void prometheus_faults_are_named_before_sending(void **state)
{
    (void)state;
    static struct push push;
    struct daemon daemon = {0};
    struct push_source one = {.file = 0};
    start(&daemon);
    open_push(&push, daemon.url, 5000, NULL);
    push.prometheus = true;
    assert_int_equal(take_text(&push, &one, "# HELP a b\na 1\na NaN\nb{x=\"y\"} 2 5\n", true), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(push.line_count, 3);
    assert_int_equal(push.refused_count, 1);
    assert_int_equal(push.refusals[0].origin.line, 3);
    assert_true(str_equal(bytes_view(&daemon.text), STR("a value=1\nb,x=y value=2 5\n")));
    bytes_fini(&one.rest);
    close_push(&push);
    stop(&daemon);
}

static void a_line_over_the_message_limit_is_refused_and_the_next_is_sent(void **state)
{
    (void)state;
    static struct push push;
    struct daemon daemon = {0};
    struct push_source one = {.file = 0};
    start(&daemon);
    open_push(&push, daemon.url, 5000, NULL);
    char *piece = calloc(1, (400 << 10) + 1);
    assert_non_null(piece);
    memset(piece, 'x', 400 << 10);
    for (int i = 0; i < 5; i++)
        assert_int_equal(take_text(&push, &one, piece, false), TM_OK);
    assert_int_equal(take_text(&push, &one, "\nb v=1\n", true), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(push.line_count, 2);
    assert_int_equal(push.refused_count, 1);
    assert_int_equal(push.refusals[0].origin.line, 1);
    assert_true(str_equal(bytes_view(&daemon.text), STR("b v=1\n")));
    assert_int_equal(one.line, 2);
    free(piece);
    bytes_fini(&one.rest);
    close_push(&push);
    stop(&daemon);
}

static void batches_are_cut_by_lines_and_by_size(void **state)
{
    (void)state;
    static struct push push;
    struct daemon daemon = {.busy_first = 2};
    struct push_source one = {.file = 0};
    start(&daemon);
    open_push(&push, daemon.url, 5000, NULL);
    char line[1024];
    (void)snprintf(line, sizeof line, "a m=\"%01000d\"\n", 1);
    for (int i = 0; i < 7; i++)
        assert_int_equal(take_text(&push, &one, "a v=1\n", false), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(daemon.batches, 3);
    push.batch_lines = 100000;
    for (int i = 0; i < 1100; i++)
        assert_int_equal(take_text(&push, &one, line, false), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(daemon.batches, 5);
    assert_int_equal(daemon.lines, 1107);
    assert_int_equal(push.refused_count, 0);
    bytes_fini(&one.rest);
    close_push(&push);
    stop(&daemon);
}

static void without_a_daemon_lines_are_not_acknowledged(void **state)
{
    (void)state;
    static struct push push;
    struct push_source one = {.file = 0};
    open_push(&push, "ipc:///tmp/tidemark-nobody.ipc", 100, NULL);
    assert_int_equal(take_text(&push, &one, "a v=1\nb v=1\n", true), TM_OK);
    assert_int_equal(push_send(&push), TM_CLOSED);
    assert_int_equal(push_unacknowledged(&push), 2);
    assert_non_null(strstr(push.why.text, "one.lp:1: stopped here"));
    bytes_fini(&one.rest);
    close_push(&push);
}

static void spooled_lines_count_as_unacknowledged_until_they_are_sent(void **state)
{
    (void)state;
    static struct push push;
    struct daemon daemon = {0};
    struct push_source one = {.file = 0};
    char folder[] = "/tmp/tidemark-push-XXXXXX";
    char state_file[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(daemon.url, sizeof daemon.url, "ipc:///tmp/tidemark-push-%ld.ipc", (long)getpid());
    open_push(&push, daemon.url, 100, folder);
    assert_int_equal(take_text(&push, &one, "a v=1\nb v=1\nc v=1\nd v=1\n", true), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(push_unacknowledged(&push), 4);
    start(&daemon);
    for (int i = 0; i < 50 && !sender_flush(push.sender, 200); i++)
        continue;
    assert_int_equal(push_unacknowledged(&push), 0);
    assert_int_equal(daemon.lines, 4);
    bytes_fini(&one.rest);
    close_push(&push);
    stop(&daemon);
    (void)snprintf(state_file, sizeof state_file, "%s/state", folder);
    assert_int_equal(unlink(state_file), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- following ---- */

struct writer {
    char path[64];
    char old[80];
    volatile int stop;
};

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void *write_and_rotate(void *arg)
{
    struct writer *writer = arg;
    usleep(300000);
    append(writer->path, "f v=2\nf v=");
    usleep(1200000);
    append(writer->path, "3\nf v=4");
    assert_int_equal(rename(writer->path, writer->old), 0);
    append(writer->path, "g v=1\n");
    usleep(1300000);
    append(writer->path, "g v=2\ng v=3");
    __atomic_store_n(&writer->stop, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void a_followed_file_is_sent_whole_over_rotation(void **state)
{
    (void)state;
    static struct push push;
    struct daemon daemon = {0};
    struct writer writer = {.path = "/tmp/tidemark-follow-XXXXXX"};
    int fd = mkstemp(writer.path);
    assert_true(fd >= 0);
    close(fd);
    (void)snprintf(writer.old, sizeof writer.old, "%s.1", writer.path);
    const char *const followed[] = {writer.path};
    struct push_source source = {.file = 0, .fd = -1};
    pthread_t thread;
    start(&daemon);
    open_push(&push, daemon.url, 5000, NULL);
    push.file_names = followed;
    push.batch_lines = 100;
    push.stop = &writer.stop;
    append(writer.path, "f v=1\n");
    assert_int_equal(pthread_create(&thread, NULL, write_and_rotate, &writer), 0);
    assert_int_equal(push_follow(&push, &source, 1), TM_OK);
    assert_int_equal(push_send(&push), TM_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(
        str_equal(bytes_view(&daemon.text), STR("f v=1\nf v=2\nf v=3\nf v=4\ng v=1\ng v=2\ng v=3\n")));
    assert_true(daemon.batches >= 3);
    bytes_fini(&source.rest);
    close_push(&push);
    stop(&daemon);
    assert_int_equal(unlink(writer.path), 0);
    assert_int_equal(unlink(writer.old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_a_line),
        cmocka_unit_test(a_line_feed_in_a_string_does_not_end_a_record),
        cmocka_unit_test(a_string_without_an_end_costs_its_own_line_only),
        cmocka_unit_test(refused_lines_are_named_by_file_and_line),
        cmocka_unit_test(prometheus_faults_are_named_before_sending),
        cmocka_unit_test(a_line_over_the_message_limit_is_refused_and_the_next_is_sent),
        cmocka_unit_test(batches_are_cut_by_lines_and_by_size),
        cmocka_unit_test(without_a_daemon_lines_are_not_acknowledged),
        cmocka_unit_test(spooled_lines_count_as_unacknowledged_until_they_are_sent),
        cmocka_unit_test(a_followed_file_is_sent_whole_over_rotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
