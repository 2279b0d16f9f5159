/* The live feed: topics and events as text, and clients of a real HTTP server in the same loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "server/feed/feed.h"
#include "server/feed/feed_event.h"
#include "server/log/log.h"
#include "storage/findings/findings.h"
#include "storage/model/bytes.h"

/* ---- text ---- */

static void a_topic_takes_itself_and_what_is_under_it(void **state)
{
    (void)state;
    assert_true(feed_takes(STR(""), STR("status")));
    assert_true(feed_takes(STR("incident"), STR("incident")));
    assert_true(feed_takes(STR("incident"), STR("incident.cart")));
    assert_true(feed_takes(STR("verdict,incident.cart"), STR("incident.cart")));
    assert_true(feed_takes(STR("incident.cart"), STR("incident.cart.eu")));
    assert_false(feed_takes(STR("incident.cart"), STR("incident.cart2")));
    assert_false(feed_takes(STR("incident.cart"), STR("incident")));
    assert_false(feed_takes(STR("incident"), STR("incidents")));
    assert_false(feed_takes(STR(","), STR("incident")));
}

static void lists_of_topics_are_bounded_and_plain(void **state)
{
    (void)state;
    assert_true(feed_topics_are_valid(STR(""), 2));
    assert_true(feed_topics_are_valid(STR("anomaly,incident.a.b"), 2));
    assert_true(feed_topics_are_valid(STR("verdict,status"), 2));
    assert_false(feed_topics_are_valid(STR("anomaly,incident,verdict"), 2));
    assert_false(feed_topics_are_valid(STR("anomaly,,incident"), 5));
    assert_false(feed_topics_are_valid(STR("incident.a b"), 2));
    assert_false(feed_topics_are_valid(STR("incident.a\n"), 2));
    assert_false(feed_topics_are_valid(STR("incident.\xc3\xb6"), 2));
    assert_false(feed_topics_are_valid(STR("incidents"), 2));
    assert_false(feed_topics_are_valid(STR("cart.incident"), 2));
}

static void a_service_is_one_word_of_a_topic(void **state)
{
    (void)state;
    const struct {
        struct str service;
        const char *topic;
    } cases[] = {
        {STR(""), "incident"},
        {STR("cart-1.eu_w~"), "incident.cart-1.eu_w~"},
        {STR("a b/\n\xff%"), "incident.a%20b%2F%0A%FF%25"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes out = {0};
        feed_topic("incident", cases[i].service, &out);
        assert_int_equal(bytes_error(&out), TM_OK);
        assert_string_equal((char *)out.data, cases[i].topic);
        bytes_fini(&out);
    }
}

static void json_of_many_lines_is_one_field(void **state)
{
    (void)state;
    struct bytes out = {0};
    feed_event(&out, 7, STR("incident.cart"), STR("{\n\"a\":\r\n1}"));
    bytes_u8(&out, '\0');
    assert_string_equal((char *)out.data, "event: incident\nid: 7\ndata: { \"a\":  1}\n\n");
    bytes_fini(&out);
}

/* ---- clients ---- */

enum { TURNS = 20000, TEXT_BYTES = 64 << 10, BEAT_MS = 20 };

struct rig {
    uv_loop_t loop;
    struct counters counters;
    struct config *config;
    struct log *log;
    struct http_server *http;
    struct feed *feed;
    char published[256]; /* "topic json;" of all that PUB was told */
};

static void on_publish(void *arg, const char *topic, struct str json)
{
    struct rig *rig = arg;
    size_t len = strlen(rig->published);
    (void)snprintf(rig->published + len, sizeof rig->published - len, "%s %.*s;", topic, STR_ARG(json));
}

static void on_request(void *arg, struct http_exchange *exchange)
{
    feed_follow(((struct rig *)arg)->feed, exchange);
}

static int set_up(void **state)
{
    static const struct http_route routes[] = {{"/stream", HTTP_GET, HTTP_READ, on_request}};
    struct rig *rig = calloc(1, sizeof *rig);
    struct tm_why why;
    assert_non_null(rig);
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(config_default(&rig->config), TM_OK);
    free(rig->config->listen.http.at[0]);
    rig->config->listen.http.at[0] = strdup("127.0.0.1:0");
    rig->log = log_open(stderr, clock_system(), LOG_LEVEL_ERROR);
    const struct feed_options feed = {.loop = &rig->loop,
                                      .counters = &rig->counters,
                                      .publish = on_publish,
                                      .publish_arg = rig,
                                      .heartbeat_ms = BEAT_MS};
    rig->feed = feed_open(&feed);
    assert_non_null(rig->feed);
    const struct http_options http = {.loop = &rig->loop,
                                      .log = rig->log,
                                      .config = rig->config,
                                      .counters = &rig->counters,
                                      .routes = routes,
                                      .route_count = 1,
                                      .arg = rig};
    assert_int_equal(http_open(&http, &rig->http, &why), TM_OK);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    http_close(rig->http);
    feed_close(rig->feed);
    assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    log_close(rig->log);
    config_free(rig->config);
    free(rig);
    return 0;
}

/* A client's socket with its request sent. */
static int follow(const struct rig *rig, const char *topics)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char request[200];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    to.sin_port = htons((uint16_t)atoi(strrchr(http_address(rig->http, 0), ':') + 1));
    assert_true(fd >= 0);
    assert_true(connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
    int len = snprintf(request, sizeof request, "GET /stream?topics=%s HTTP/1.1\r\nHost: x\r\n\r\n", topics);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    return fd;
}

/* Lets the loop turn until wanted stands in what the client got, or it was closed (wanted NULL). text: all so
 * far. */
static void turn_until(struct rig *rig, int fd, char text[TEXT_BYTES], const char *wanted)
{
    size_t len = strlen(text);
    for (int i = 0; i < TURNS; i++) {
        (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
        ssize_t got = recv(fd, text + len, TEXT_BYTES - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
        text[len] = '\0';
        if (wanted ? strstr(text, wanted) != NULL : got == 0)
            return;
        if (got <= 0)
            (void)usleep(200);
    }
    fail_msg("never came: %s; there is: %s", wanted ? wanted : "the end", text);
}

static void turn_until_clients(struct rig *rig, size_t count)
{
    for (int i = 0; i < TURNS && feed_clients(rig->feed) != count; i++) {
        (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
        (void)usleep(200);
    }
    assert_int_equal(feed_clients(rig->feed), count);
}

static void each_client_gets_its_topics_and_pub_gets_all(void **state)
{
    struct rig *rig = *state;
    static char cart[TEXT_BYTES], all[TEXT_BYTES];
    int one = follow(rig, "incident.cart"), two = follow(rig, "");
    turn_until(rig, one, cart, "retry: 3000\n\n");
    turn_until(rig, two, all, "retry: 3000\n\n");
    feed_publish(rig->feed, "status", STR("{}"));
    feed_publish_of(rig->feed, "incident", STR("shop"), STR("{\"n\":1}"));
    feed_publish_of(rig->feed, "incident", STR("cart"), STR("{\"n\":2}"));
    turn_until(rig, one, cart, "event: incident\nid: 3\ndata: {\"n\":2}\n\n");
    turn_until(rig, two, all,
               "event: status\nid: 1\ndata: {}\n\nevent: incident\nid: 2\ndata: {\"n\":1}\n\n"
               "event: incident\nid: 3\ndata: {\"n\":2}\n\n");
    assert_null(strstr(cart, "\"n\":1"));
    assert_string_equal(rig->published, "status {};incident.shop {\"n\":1};incident.cart {\"n\":2};");
    assert_int_equal(rig->counters.value[COUNTER_FEED_SENT], 4);
    assert_int_equal(rig->counters.value[COUNTER_FEED_DROPPED], 0);
    close(one);
    close(two);
    turn_until_clients(rig, 0);
}

static void a_silent_line_has_a_heartbeat(void **state)
{
    struct rig *rig = *state;
    static char text[TEXT_BYTES];
    int fd = follow(rig, "verdict");
    turn_until(rig, fd, text, "retry: 3000\n\n");
    turn_until(rig, fd, text, "\r\n:\n\n\r\n");
    close(fd);
    turn_until_clients(rig, 0);
}

/* Its socket takes what it takes; what waits beyond that is bounded. */
static void who_takes_nothing_is_dropped(void **state)
{
    struct rig *rig = *state;
    static char text[TEXT_BYTES], body[64 << 10];
    memset(body, ' ', sizeof body);
    body[0] = '{';
    body[sizeof body - 1] = '}';
    int fd = follow(rig, "incident");
    turn_until(rig, fd, text, "retry: 3000\n\n");
    int sent = 0;
    for (; sent < 1000 && feed_clients(rig->feed) > 0; sent++) {
        feed_publish(rig->feed, "incident", (struct str){body, sizeof body});
        (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    }
    assert_in_range(sent, FEED_BEHIND_MAX_BYTES / sizeof body, 999);
    assert_int_equal(rig->counters.value[COUNTER_FEED_DROPPED], 1);
    close(fd);
}

static void there_are_at_most_so_many(void **state)
{
    struct rig *rig = *state;
    static char text[TEXT_BYTES];
    int fds[FEED_CLIENTS_MAX];
    for (int i = 0; i < FEED_CLIENTS_MAX; i++)
        fds[i] = follow(rig, "");
    turn_until_clients(rig, FEED_CLIENTS_MAX);
    int more = follow(rig, "");
    turn_until(rig, more, text, "HTTP/1.1 503");
    close(fds[0]);
    turn_until_clients(rig, FEED_CLIENTS_MAX - 1);
    for (int i = 1; i < FEED_CLIENTS_MAX; i++)
        close(fds[i]);
    close(more);
    turn_until_clients(rig, 0);
}

static void at_the_end_all_streams_are_whole(void **state)
{
    struct rig *rig = *state;
    static char text[TEXT_BYTES], late[TEXT_BYTES];
    int fd = follow(rig, "");
    turn_until(rig, fd, text, "retry: 3000\n\n");
    turn_until(rig, fd, text, ":\n\n\r\n"); /* it waits for what comes */
    feed_publish(rig->feed, "status", STR("{\"last\":1}"));
    feed_stop(rig->feed);
    assert_int_equal(feed_clients(rig->feed), 0);
    turn_until(rig, fd, text, "0\r\n\r\n");
    assert_non_null(strstr(text, "{\"last\":1}"));
    int other = follow(rig, "");
    turn_until(rig, other, late, "the daemon stops");
    close(fd);
    close(other);
}

static void findings_are_told_as_their_items(void **state)
{
    struct rig *rig = *state;
    struct finding finding = {.id = 0x2a, .service = STR("cart"), .body = STR("{\"a\":1}")};
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++) {
        finding.kind = (enum finding_kind)kind;
        feed_publish_finding(rig->feed, &finding);
    }
    finding.kind = FINDING_VERDICT;
    finding.body = STR("{\"id\":\"x\"}");
    feed_publish_finding(rig->feed, &finding);
    assert_string_equal(rig->published, "anomaly.cart {\"id\":\"000000000000002a\",\"a\":1};"
                                        "incident.cart {\"id\":\"000000000000002a\",\"a\":1};"
                                        "verdict.cart {\"id\":\"000000000000002a\",\"a\":1};"
                                        "verdict.cart {\"id\":\"x\"};");
}

int main(void)
{
#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_takes_itself_and_what_is_under_it),
        cmocka_unit_test(lists_of_topics_are_bounded_and_plain),
        cmocka_unit_test(a_service_is_one_word_of_a_topic),
        cmocka_unit_test(json_of_many_lines_is_one_field),
        IN_LOOP(each_client_gets_its_topics_and_pub_gets_all),
        IN_LOOP(a_silent_line_has_a_heartbeat),
        IN_LOOP(who_takes_nothing_is_dropped),
        IN_LOOP(there_are_at_most_so_many),
        IN_LOOP(at_the_end_all_streams_are_whole),
        IN_LOOP(findings_are_told_as_their_items),
    };
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
