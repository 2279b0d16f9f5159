/* Batches over HTTP, against a small server in a thread that plays scripted answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/cli/http.h"
#include "server/cli/sender.h"

/* One connection per answer. NULL: closes without one. */
struct server {
    const char *answers[6];
    size_t count;
    char requests[6][2048];
    char url[64];
    int listener;
    pthread_t thread;
};

/* Reads the head and a body of the length it names. */
static void read_request(int fd, char *request, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, request + len, size - 1 - len, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        request[len] = '\0';
        const char *body = strstr(request, "\r\n\r\n");
        const char *field = strstr(request, "Content-Length: ");
        size_t body_len = field ? strtoul(field + 16, NULL, 10) : 0;
        if (body && len >= (size_t)(body + 4 - request) + body_len)
            return;
    }
}

static void *serve(void *arg)
{
    struct server *server = arg;
    for (size_t i = 0; i < server->count; i++) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        read_request(fd, server->requests[i], sizeof server->requests[i]);
        if (server->answers[i])
            (void)send(fd, server->answers[i], strlen(server->answers[i]), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    close(server->listener);
}

static struct sender *open_sender(const struct server *server, const char *secret)
{
    struct tm_why why;
    struct sender *sender;
    struct sender_options options = {.server = server->url,
                                     .producer = "t",
                                     .precision = "ms",
                                     .key_name = secret ? "k" : NULL,
                                     .key_secret = secret,
                                     .timeout_ms = 2000,
                                     .max_tries = 3};
    assert_int_equal(sender_open(&options, &sender, &why), TM_OK);
    return sender;
}

#define CLOSE                "Connection: close\r\n"
#define NO_CONTENT           "HTTP/1.1 204 No Content\r\n" CLOSE "\r\n"
#define ANSWER(status, body) "HTTP/1.1 " status "\r\n" CLOSE "\r\n" body

static void a_204_settles_the_batch(void **state)
{
    (void)state;
    struct server server = {.answers = {NO_CONTENT}, .count = 1};
    start(&server);
    struct sender *sender = open_sender(&server, "open sesame");
    assert_int_equal(sender_send(sender, STR("a v=1\n")), SENDER_SETTLED);
    stop(&server);
    assert_int_equal(strncmp(server.requests[0], "POST /write HTTP/1.1\r\n", 22), 0);
    assert_non_null(strstr(server.requests[0], "\r\nAuthorization: Bearer open sesame\r\n"));
    assert_null(strstr(server.requests[0], "Expect:"));
    assert_non_null(strstr(server.requests[0], "\r\n\r\n#tm1 producer=t epoch="));
    assert_non_null(strstr(server.requests[0], " seq=1 precision=ms\na v=1\n"));
    assert_null(strstr(server.requests[0], "sig="));
    sender_close(sender);
}

static void a_busy_or_silent_daemon_gets_the_same_batch_again(void **state)
{
    (void)state;
    struct server server = {
        .answers = {ANSWER("429 Too Many",
                           "{\"ok\":false,\"error\":\"busy\",\"message\":\"m\",\"retry_after_ms\":20}"),
                    NULL, NO_CONTENT, NO_CONTENT},
        .count = 4};
    start(&server);
    struct sender *sender = open_sender(&server, NULL);
    assert_int_equal(sender_send(sender, STR("a v=1\n")), SENDER_SETTLED);
    assert_int_equal(sender_send(sender, STR("b v=1\n")), SENDER_SETTLED);
    stop(&server);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(server.requests[i], " seq=1 precision=ms\na v=1\n"));
    assert_non_null(strstr(server.requests[3], " seq=2 precision=ms\nb v=1\n"));
    assert_int_equal(sender_counts(sender).tries, 4);
    assert_int_equal(sender_counts(sender).busy, 1);
    assert_int_equal(sender_seq(sender), 2);
    sender_close(sender);
}

static void refused_lines_are_numbered_without_the_header(void **state)
{
    (void)state;
    struct server server = {
        .answers = {ANSWER("400 Bad Request",
                           "{\"ok\":true,\"accepted\":1,\"rejected\":1,\"duplicate\":false,\"seq\":1,"
                           "\"errors\":[{\"line\":3,\"reason\":\"column 1: odd\"}]}")},
        .count = 1};
    start(&server);
    struct sender *sender = open_sender(&server, NULL);
    assert_int_equal(sender_send(sender, STR("a v=1\nodd\n")), SENDER_SETTLED);
    stop(&server);
    const struct reply *reply = sender_reply(sender);
    assert_int_equal(reply->rejected, 1);
    assert_int_equal(reply->error_count, 1);
    assert_int_equal(reply->errors[0].line, 2);
    assert_string_equal(reply->errors[0].why.text, "column 1: odd");
    sender_close(sender);
}

static void a_refusal_for_good_is_not_tried_again(void **state)
{
    (void)state;
    struct server server = {
        .answers = {ANSWER("403 Forbidden", "{\"status\":\"error\",\"error\":\"no scope\"}"),
                    ANSWER("413 Too Large", "{\"ok\":false,\"error\":\"too_large\",\"message\":\"m\"}")},
        .count = 2};
    start(&server);
    struct sender *sender = open_sender(&server, NULL);
    assert_int_equal(sender_send(sender, STR("a v=1\n")), SENDER_REFUSED);
    assert_non_null(strstr(sender_error(sender), "HTTP status 403"));
    assert_int_equal(sender_send(sender, STR("a v=1\n")), SENDER_REFUSED);
    assert_string_equal(sender_error(sender), "too_large: m");
    assert_int_equal(sender_counts(sender).tries, 2);
    stop(&server);
    sender_close(sender);
}

static void without_a_server_the_batch_stays_and_goes_later(void **state)
{
    (void)state;
    struct server server = {.answers = {NO_CONTENT}, .count = 1};
    (void)snprintf(server.url, sizeof server.url, "http://127.0.0.1:1");
    struct sender *sender = open_sender(&server, NULL);
    assert_int_equal(sender_send(sender, STR("a v=1\n")), SENDER_UNSETTLED);
    assert_non_null(strstr(sender_error(sender), "could not reach tidemarkd at http://127.0.0.1:1: "));
    assert_non_null(strstr(sender_error(sender), "is it running?"));
    assert_int_equal(sender_again(sender), SENDER_UNSETTLED);
    assert_int_equal(sender_seq(sender), 1);
    sender_close(sender);
}

static void a_get_gives_status_and_body(void **state)
{
    (void)state;
    struct server server = {
        .answers = {ANSWER("503 No", "later"), "HTTP/1.1 200 OK\r\nRetry-After: 7\r\n" CLOSE "\r\nyes"},
        .count = 2};
    start(&server);
    struct http *http;
    struct http_answer answer = {0};
    struct tm_why why;
    assert_int_equal(http_open(server.url, "", &http, &why), TM_OK);
    assert_int_equal(http_get(http, "/x?y=1", 2000, &answer, &why), TM_OK);
    assert_int_equal(answer.status, 503);
    assert_true(str_equal(bytes_view(&answer.body), STR("later")));
    assert_int_equal(answer.retry_after_s, -1);
    assert_int_equal(http_get(http, "/x", 2000, &answer, &why), TM_OK);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.retry_after_s, 7);
    assert_true(str_equal(bytes_view(&answer.body), STR("yes")));
    stop(&server);
    assert_int_equal(strncmp(server.requests[0], "GET /x?y=1 HTTP/1.1\r\n", 21), 0);
    bytes_fini(&answer.body);
    http_close(http);
}

static void addresses_that_are_not_http_are_refused(void **state)
{
    (void)state;
    struct http *http;
    struct tm_why why;
    assert_int_equal(http_open("127.0.0.1:9700", "", &http, &why), TM_INVALID);
    assert_int_equal(http_open("file:///etc/passwd", "", &http, &why), TM_INVALID);
    assert_null(http);
    http_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_204_settles_the_batch),
        cmocka_unit_test(a_busy_or_silent_daemon_gets_the_same_batch_again),
        cmocka_unit_test(refused_lines_are_numbered_without_the_header),
        cmocka_unit_test(a_refusal_for_good_is_not_tried_again),
        cmocka_unit_test(without_a_server_the_batch_stays_and_goes_later),
        cmocka_unit_test(a_get_gives_status_and_body),
        cmocka_unit_test(addresses_that_are_not_http_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
