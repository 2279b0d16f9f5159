/* What a push promises, against a scripted daemon. */
#include "tests/unit/client/scripted.h"

#include "server/wire/header.h"

static const char line_a[] = "cpu,host=a value=1 1000\n";
static const char line_b[] = "cpu,host=b value=2 1000\n";

struct fixture {
    struct script script;
    struct clock clock;
    struct tide_client *client;
};

static void begin(struct fixture *f, const struct tide_options *options)
{
    f->script.now_ms = 1000000;
    f->clock = script_clock(&f->script);
    assert_int_equal(open_scripted(&f->script, &f->clock, options, &f->client), TIDE_OK);
}

static void end(struct fixture *f)
{
    tide_close(f->client);
    assert_true(f->script.closed);
    script_fini(&f->script);
}

static void add(struct fixture *f, const char *lines)
{
    assert_int_equal(tide_add(f->client, lines, strlen(lines)), TIDE_OK);
}

static void a_push_sends_header_and_lines_and_takes_the_answer(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {ACK}, .answer_count = 1}};
    begin(&f, &(struct tide_options){.precision = "ms"});
    add(&f, line_a);
    add(&f, "cpu,host=c value=3 1000"); /* without its line end */
    assert_int_equal(tide_batched(f.client), strlen(line_a) + 24);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(tide_batched(f.client), 0);
    struct header header;
    assert_int_equal(header_parse(bytes_view(&f.script.sent[0]), &header, NULL), TM_OK);
    assert_true(str_equal(header.producer, STR("tester")));
    assert_int_equal(header.epoch, 1000000);
    assert_int_equal(header.seq, 1);
    assert_int_equal(header.precision, PRECISION_MS);
    assert_true(str_equal(header.rest, STR("cpu,host=a value=1 1000\ncpu,host=c value=3 1000\n")));
    assert_int_equal(tide_answer(f.client)->accepted, 1);
    assert_int_equal(tide_answer(f.client)->duplicate, 0);
    assert_string_equal(tide_error(f.client), "");
    end(&f);
}

static void an_empty_batch_sends_nothing(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {ACK}, .answer_count = 1}};
    begin(&f, &(struct tide_options){0});
    assert_int_equal(tide_push(f.client), TIDE_OK);
    add(&f, "\n\n");
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(f.script.sent_count, 0);
    end(&f);
}

static void a_retry_keeps_seq_and_bytes(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {NULL, NULL, DUPLICATE, ACK}, .answer_count = 4}};
    begin(&f, &(struct tide_options){.compress = 1});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(f.script.sent_count, 3);
    assert_true(str_equal(bytes_view(&f.script.sent[0]), bytes_view(&f.script.sent[1])));
    assert_true(str_equal(bytes_view(&f.script.sent[0]), bytes_view(&f.script.sent[2])));
    assert_int_equal(tide_answer(f.client)->duplicate, 1);
    add(&f, line_b);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(sent_number(&f.script, 3, "seq="), 2);
    end(&f);
}

static void lines_added_after_a_failed_push_go_into_a_batch_of_their_own(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {NULL, NULL, NULL, ACK, ACK}, .answer_count = 5}};
    begin(&f, &(struct tide_options){0});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_FULL);
    assert_int_equal(f.script.sent_count, 3);
    assert_int_equal(tide_batched(f.client), strlen(line_a));
    add(&f, line_b);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(f.script.sent_count, 5);
    assert_int_equal(sent_number(&f.script, 3, "seq="), 1);
    assert_true(str_equal(sent_lines(&f.script, 3), STR("cpu,host=a value=1 1000\n")));
    assert_int_equal(sent_number(&f.script, 4, "seq="), 2);
    assert_true(str_equal(sent_lines(&f.script, 4), STR("cpu,host=b value=2 1000\n")));
    end(&f);
}

static void nothing_newer_is_sent_before_a_batch_is_settled(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {NULL}, .answer_count = 1}};
    begin(&f, &(struct tide_options){.max_tries = 1});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_FULL);
    add(&f, line_b);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tide_push(f.client), TIDE_FULL);
    for (size_t i = 0; i < f.script.sent_count; i++)
        assert_int_equal(sent_number(&f.script, i, "seq="), 1);
    end(&f);
}

static void retry_after_is_waited_for_but_not_longer_than_the_timeout(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {BUSY, ACK}, .answer_count = 2}};
    begin(&f, &(struct tide_options){0});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(f.script.paused_ms, 250);
    assert_int_equal(client_totals(f.client)->busy, 1);
    end(&f);
    struct fixture g = {.script = {.answers = {BUSY, ACK}, .answer_count = 2}};
    begin(&g, &(struct tide_options){.timeout_ms = 100});
    add(&g, line_a);
    assert_int_equal(tide_push(g.client), TIDE_OK);
    assert_int_equal(g.script.paused_ms, 100);
    end(&g);
}

static void a_wait_the_daemon_asked_for_holds_for_the_next_push_too(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {BUSY, ACK}, .answer_count = 2}};
    begin(&f, &(struct tide_options){.max_tries = 1});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_FULL);
    assert_int_equal(f.script.paused_ms, 0);
    f.script.now_ms += 100;
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(f.script.paused_ms, 150);
    end(&f);
}

static void a_stale_answer_is_skipped(void **state)
{
    (void)state;
    struct fixture f = {
        .script = {
            .answers =
                {"{\"ok\":true,\"accepted\":9,\"rejected\":0,\"duplicate\":false,\"seq\":77,\"errors\":[]}",
                 "{\"ok\":true,\"accepted\":9,\"rejected\":0,\"duplicate\":false,\"seq\":null,\"errors\":[]}",
                 ACK},
            .answer_count = 3}};
    begin(&f, &(struct tide_options){0});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(f.script.sent_count, 3);
    assert_int_equal(tide_answer(f.client)->accepted, 1);
    end(&f);
}

static void an_answer_that_is_not_ours_is_no_acknowledgement(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {"", "hello", "{\"ok\":tru"}, .answer_count = 3}};
    begin(&f, &(struct tide_options){0});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_FULL);
    assert_non_null(strstr(tide_error(f.client), "not tidemark's"));
    end(&f);
}

static void a_refused_batch_is_given_back_once_with_the_reason(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {FORBIDDEN, ACK}, .answer_count = 2}};
    begin(&f, &(struct tide_options){0});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_REJECTED);
    assert_string_equal(tide_error(f.client), "forbidden: no scope");
    assert_int_equal(tide_batched(f.client), 0);
    assert_int_equal(f.script.sent_count, 1);
    end(&f);
}

static void refused_lines_are_numbered_as_the_caller_counts(void **state)
{
    (void)state;
    struct fixture f = {
        .script = {.answers = {"{\"ok\":true,\"accepted\":1,\"rejected\":1,\"duplicate\":false,\"seq\":@,"
                               "\"errors\":[{\"line\":3,\"reason\":\"column 9: odd\"}]}"},
                   .answer_count = 1}};
    begin(&f, &(struct tide_options){0});
    add(&f, line_a);
    add(&f, "cpu,x odd\n");
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(tide_answer(f.client)->rejected, 1);
    assert_int_equal(tide_answer(f.client)->first_error_line, 2);
    assert_string_equal(tide_answer(f.client)->first_error, "column 9: odd");
    end(&f);
}

static void a_batch_over_the_limit_is_refused_before_sending(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {ACK}, .answer_count = 1}};
    begin(&f, &(struct tide_options){.max_message_bytes = 2048});
    char long_line[2000];
    memset(long_line, 'x', sizeof long_line);
    assert_int_equal(tide_add(f.client, long_line, 2000), TIDE_TOO_LARGE);
    assert_int_equal(tide_add(f.client, long_line, 1536), TIDE_TOO_LARGE);
    assert_int_equal(tide_batched(f.client), 0);
    assert_int_equal(tide_add(f.client, long_line, 1000), TIDE_OK);
    assert_int_equal(tide_add(f.client, long_line, 1000), TIDE_TOO_LARGE);
    assert_int_equal(tide_batched(f.client), 1001);
    assert_int_equal(tide_push_lines(f.client, long_line, 2000), TIDE_TOO_LARGE);
    for (size_t i = 0; i < f.script.sent_count; i++)
        assert_true(f.script.sent[i].len <= 2048);
    end(&f);
}

static void push_lines_cuts_at_line_ends_only(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {ACK}, .answer_count = 1}};
    begin(&f, &(struct tide_options){.max_message_bytes = 2048});
    struct bytes text = {0};
    struct bytes seen = {0};
    for (int i = 0; i < 500; i++)
        bytes_printf(&text, "cpu,host=h%d value=%d 1000\n", i, i * i);
    assert_int_equal(tide_push_lines(f.client, (const char *)text.data, text.len), TIDE_OK);
    assert_true(f.script.sent_count > 5);
    for (size_t i = 0; i < f.script.sent_count; i++) {
        struct str lines = sent_lines(&f.script, i);
        assert_true(f.script.sent[i].len <= 2048);
        assert_int_equal(lines.ptr[lines.len - 1], '\n');
        assert_int_equal(sent_number(&f.script, i, "seq="), i + 1);
        bytes_put(&seen, lines.ptr, lines.len);
    }
    assert_true(str_equal(bytes_view(&seen), bytes_view(&text)));
    bytes_fini(&text);
    bytes_fini(&seen);
    end(&f);
}

static void a_key_signs_header_and_body(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {ACK}, .answer_count = 1}};
    begin(&f, &(struct tide_options){.key_name = "ci", .key_secret = "open sesame"});
    add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    struct header header;
    assert_int_equal(header_parse(bytes_view(&f.script.sent[0]), &header, NULL), TM_OK);
    assert_true(str_equal(header.key, STR("ci")));
    assert_true(header_verify(&header, STR("open sesame")));
    assert_false(header_verify(&header, STR("open sesam")));
    f.script.sent[0].data[f.script.sent[0].len - 2] ^= 1;
    assert_int_equal(header_parse(bytes_view(&f.script.sent[0]), &header, NULL), TM_OK);
    assert_false(header_verify(&header, STR("open sesame")));
    end(&f);
}

static void a_batch_is_compressed_only_if_that_makes_it_smaller(void **state)
{
    (void)state;
    struct fixture f = {.script = {.answers = {ACK}, .answer_count = 1}};
    begin(&f, &(struct tide_options){.compress = 1});
    struct header header;
    struct bytes raw = {0};
    struct str lines;
    add(&f, "a v=1\n");
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(header_parse(bytes_view(&f.script.sent[0]), &header, NULL), TM_OK);
    assert_int_equal(header.encoding, ENCODING_NONE);
    for (int i = 0; i < 100; i++)
        add(&f, line_a);
    assert_int_equal(tide_push(f.client), TIDE_OK);
    assert_int_equal(header_parse(bytes_view(&f.script.sent[1]), &header, NULL), TM_OK);
    assert_int_equal(header.encoding, ENCODING_ZSTD);
    assert_int_equal(header_decode_body(&header, 1 << 20, &raw, &lines, NULL), TM_OK);
    assert_int_equal(lines.len, 100 * strlen(line_a));
    bytes_fini(&raw);
    end(&f);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    struct tide_client *client = (struct tide_client *)1;
    struct tide_options wrong[] = {
        {.struct_size = 0},
        {.struct_size = sizeof wrong[0], .producer = "two words"},
        {.struct_size = sizeof wrong[0], .producer = ""},
        {.struct_size = sizeof wrong[0], .key_name = "k"},
        {.struct_size = sizeof wrong[0], .key_secret = "s"},
        {.struct_size = sizeof wrong[0], .precision = "h"},
        {.struct_size = sizeof wrong[0], .spool_dir = "/tmp/x"},
        {.struct_size = sizeof wrong[0], .timeout_ms = -1},
        {.struct_size = sizeof wrong[0], .max_message_bytes = 100},
        {.struct_size = sizeof wrong[0], .url = "nonsense"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(tide_open(&wrong[i], &client), TIDE_INVALID);
        assert_null(client);
    }
    assert_int_equal(tide_open(NULL, &client), TIDE_INVALID);
    assert_int_equal(tide_add(NULL, "x", 1), TIDE_INVALID);
    assert_int_equal(tide_push(NULL), TIDE_INVALID);
    tide_close(NULL);
}

static void options_of_an_older_header_are_taken(void **state)
{
    (void)state;
    /* A program whose header ended at producer: what lies behind must not be read. */
    struct tide_options old = {.struct_size = offsetof(struct tide_options, spool_dir), .producer = "old"};
    memset((char *)&old + old.struct_size, 0xff, sizeof old - old.struct_size);
    struct tide_client *client;
    assert_int_equal(tide_open(&old, &client), TIDE_OK);
    tide_close(client);
    assert_int_equal(tide_abi(), TIDE_ABI);
    assert_string_equal(tide_version(), TIDEMARK_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_sends_header_and_lines_and_takes_the_answer),
        cmocka_unit_test(an_empty_batch_sends_nothing),
        cmocka_unit_test(a_retry_keeps_seq_and_bytes),
        cmocka_unit_test(lines_added_after_a_failed_push_go_into_a_batch_of_their_own),
        cmocka_unit_test(nothing_newer_is_sent_before_a_batch_is_settled),
        cmocka_unit_test(retry_after_is_waited_for_but_not_longer_than_the_timeout),
        cmocka_unit_test(a_wait_the_daemon_asked_for_holds_for_the_next_push_too),
        cmocka_unit_test(a_stale_answer_is_skipped),
        cmocka_unit_test(an_answer_that_is_not_ours_is_no_acknowledgement),
        cmocka_unit_test(a_refused_batch_is_given_back_once_with_the_reason),
        cmocka_unit_test(refused_lines_are_numbered_as_the_caller_counts),
        cmocka_unit_test(a_batch_over_the_limit_is_refused_before_sending),
        cmocka_unit_test(push_lines_cuts_at_line_ends_only),
        cmocka_unit_test(a_key_signs_header_and_body),
        cmocka_unit_test(a_batch_is_compressed_only_if_that_makes_it_smaller),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(options_of_an_older_header_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
