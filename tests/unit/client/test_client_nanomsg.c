/* The client on real sockets, against a small daemon in a thread that plays scripted answers. */
#include "tests/unit/client/scripted.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>

/* Answers `count` messages with the listed texts ("@" is the seq), NULL: receives and says nothing. */
struct player {
    char url[128];
    const char *answers[8];
    size_t count;
    uint64_t seqs[8];
    pthread_t thread;
    int socket;
};

static void answer(struct player *player, size_t i, const char *text)
{
    char out[512];
    const char *seq = strchr(text, '@');
    int len = seq ? snprintf(out, sizeof out, "%.*s%llu%s", (int)(seq - text), text,
                             (unsigned long long)player->seqs[i], seq + 1)
                  : snprintf(out, sizeof out, "%s", text);
    (void)nn_send(player->socket, out, (size_t)len, 0);
}

static void *play(void *arg)
{
    struct player *player = arg;
    for (size_t i = 0; i < player->count; i++) {
        char *data = NULL;
        int len = nn_recv(player->socket, &data, NN_MSG, 0);
        if (len < 0)
            return NULL;
        char *text = strndup(data, (size_t)len);
        const char *seq = text ? strstr(text, "seq=") : NULL;
        player->seqs[i] = seq ? strtoull(seq + 4, NULL, 10) : 0;
        free(text);
        nn_freemsg(data);
        if (player->answers[i])
            answer(player, i, player->answers[i]);
    }
    return NULL;
}

static void start(struct player *player)
{
    (void)snprintf(player->url, sizeof player->url, "ipc:///tmp/tidemark-test-%ld.ipc", (long)getpid());
    player->socket = nn_socket(AF_SP, NN_REP);
    assert_true(player->socket >= 0);
    int timeout_ms = 10000;
    assert_int_equal(
        nn_setsockopt(player->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout_ms, sizeof timeout_ms), 0);
    assert_true(nn_bind(player->socket, player->url) >= 0);
    assert_int_equal(pthread_create(&player->thread, NULL, play, player), 0);
}

static void stop(struct player *player)
{
    assert_int_equal(pthread_join(player->thread, NULL), 0);
    nn_close(player->socket);
    (void)unlink(player->url + strlen("ipc://"));
}

static struct tide_client *open_client(const struct player *player, int timeout_ms)
{
    struct tide_client *client;
    struct tide_options options = {
        .struct_size = sizeof options, .url = player->url, .producer = "t", .timeout_ms = timeout_ms};
    assert_int_equal(tide_open(&options, &client), TIDE_OK);
    return client;
}

static void batches_are_acknowledged_over_a_socket(void **state)
{
    (void)state;
    struct player player = {.answers = {ACK, ACK}, .count = 2};
    start(&player);
    struct tide_client *client = open_client(&player, 5000);
    assert_int_equal(tide_push_lines(client, "a v=1\nb v=2\n", 12), TIDE_OK);
    assert_int_equal(tide_push_lines(client, "a v=2", 5), TIDE_OK);
    assert_int_equal(tide_answer(client)->accepted, 1);
    tide_close(client);
    stop(&player);
    assert_int_equal(player.seqs[0], 1);
    assert_int_equal(player.seqs[1], 2);
}

static void silence_is_tried_again_under_the_same_seq(void **state)
{
    (void)state;
    struct player player = {.answers = {NULL, BUSY, DUPLICATE}, .count = 3};
    start(&player);
    struct tide_client *client = open_client(&player, 300);
    assert_int_equal(tide_push_lines(client, "a v=1\n", 6), TIDE_OK);
    assert_int_equal(tide_answer(client)->duplicate, 1);
    assert_int_equal(client_totals(client)->tries, 3);
    tide_close(client);
    stop(&player);
    for (int i = 0; i < 3; i++)
        assert_int_equal(player.seqs[i], 1);
}

static void a_daemon_that_is_not_there_yet_is_waited_for(void **state)
{
    (void)state;
    struct player player = {.answers = {ACK}, .count = 1};
    (void)snprintf(player.url, sizeof player.url, "ipc:///tmp/tidemark-test-%ld.ipc", (long)getpid());
    struct tide_client *client = open_client(&player, 100);
    assert_int_equal(tide_push_lines(client, "a v=1\n", 6), TIDE_FULL);
    assert_non_null(strstr(tide_error(client), "no answer within 100 ms"));
    start(&player);
    for (int i = 0; i < 20 && tide_push(client) != TIDE_OK; i++)
        continue;
    assert_int_equal(tide_batched(client), 0);
    tide_close(client);
    stop(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_acknowledged_over_a_socket),
        cmocka_unit_test(silence_is_tried_again_under_the_same_seq),
        cmocka_unit_test(a_daemon_that_is_not_there_yet_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
