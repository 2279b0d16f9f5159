/* What the spool promises: nothing lost, in order, under the same number, within its bound. */
#include "tests/unit/client/scripted.h"

#include <fcntl.h>

static struct tide_client *open_with(struct script *script, struct clock *clock, const char *folder,
                                     size_t max_bytes)
{
    struct tide_client *client;
    if (!script->now_ms)
        script->now_ms = 1000000;
    *clock = script_clock(script);
    struct tide_options options = {.spool_dir = folder, .spool_max_bytes = max_bytes, .max_tries = 1};
    assert_int_equal(open_scripted(script, clock, &options, &client), TIDE_OK);
    return client;
}

static void push_line(struct tide_client *client, int number, enum tide_result expected)
{
    char line[64];
    int len = snprintf(line, sizeof line, "cpu value=%d 1000\n", number);
    assert_int_equal(tide_add(client, line, (size_t)len), TIDE_OK);
    assert_int_equal(tide_push(client), expected);
}

static int sent_value(const struct script *script, size_t i)
{
    int value = -1;
    char text[64] = "";
    struct str lines = sent_lines(script, i);
    memcpy(text, lines.ptr, lines.len < sizeof text ? lines.len : sizeof text - 1);
    assert_int_equal(sscanf(text, "cpu value=%d", &value), 1);
    return value;
}

static void spooled_batches_are_sent_in_order_before_newer_ones(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {NULL, NULL, NULL, ACK}, .answer_count = 4};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    push_line(client, 1, TIDE_SPOOLED);
    push_line(client, 2, TIDE_SPOOLED);
    push_line(client, 3, TIDE_SPOOLED);
    assert_int_equal(tide_spooled(client), 3);
    size_t before = script.sent_count;
    push_line(client, 4, TIDE_OK);
    assert_int_equal(tide_spooled(client), 0);
    assert_int_equal(script.sent_count, before + 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sent_value(&script, before + (size_t)i), i + 1);
        assert_int_equal(sent_number(&script, before + (size_t)i, "seq="), i + 1);
    }
    assert_int_equal(count_files(folder, ".batch", NULL), 0);
    tide_close(client);
    script_fini(&script);
    free_folder(folder);
}

static void a_spooled_batch_keeps_epoch_and_seq_over_a_restart(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script down = {.answers = {NULL}, .answer_count = 1, .now_ms = 5000};
    struct tide_client *client = open_with(&down, &clock, folder, 0);
    push_line(client, 1, TIDE_SPOOLED);
    push_line(client, 2, TIDE_SPOOLED);
    tide_close(client);
    struct script up = {.answers = {ACK}, .answer_count = 1, .now_ms = 9000000};
    client = open_with(&up, &clock, folder, 0);
    assert_int_equal(tide_spooled(client), 2);
    push_line(client, 3, TIDE_OK);
    assert_int_equal(up.sent_count, 3);
    assert_int_equal(sent_number(&up, 0, "epoch="), 5000);
    assert_int_equal(sent_number(&up, 0, "seq="), 1);
    assert_int_equal(sent_number(&up, 1, "seq="), 2);
    assert_int_equal(sent_number(&up, 2, "epoch="), 9000000);
    assert_int_equal(sent_number(&up, 2, "seq="), 1);
    assert_true(str_equal(bytes_view(&up.sent[0]), bytes_view(&down.sent[0])));
    assert_int_equal(client_totals(client)->accepted, 1); /* the earlier run's are not this one's */
    tide_close(client);
    script_fini(&up);
    script_fini(&down);
    free_folder(folder);
}

static void what_was_sent_before_it_was_spooled_is_the_same_bytes(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {NULL, ACK}, .answer_count = 2, .now_ms = 1};
    script.now_ms = 77;
    clock = script_clock(&script);
    struct tide_client *client;
    struct tide_options options = {.spool_dir = folder, .max_tries = 1, .compress = 1, .precision = "s"};
    assert_int_equal(open_scripted(&script, &clock, &options, &client), TIDE_OK);
    for (int i = 0; i < 200; i++)
        assert_int_equal(tide_add(client, "cpu,host=a value=1 10", 21), TIDE_OK);
    assert_int_equal(tide_push(client), TIDE_SPOOLED);
    assert_int_equal(tide_flush(client, 1000), TIDE_OK);
    assert_int_equal(script.sent_count, 2);
    assert_true(str_equal(bytes_view(&script.sent[0]), bytes_view(&script.sent[1])));
    tide_close(client);
    script_fini(&script);
    free_folder(folder);
}

static void epochs_grow_even_if_the_clock_goes_back(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script late = {.answers = {ACK}, .answer_count = 1, .now_ms = 8000};
    struct tide_client *client = open_with(&late, &clock, folder, 0);
    assert_int_equal(client->epoch, 8000);
    tide_close(client);
    struct script early = {.answers = {ACK}, .answer_count = 1, .now_ms = 3000};
    client = open_with(&early, &clock, folder, 0);
    assert_int_equal(client->epoch, 8001);
    tide_close(client);
    free_folder(folder);
}

static void without_the_state_file_epochs_still_pass_those_of_the_files(void **state)
{
    (void)state;
    char *folder = make_folder();
    char path[512];
    struct clock clock;
    struct script late = {.answers = {NULL}, .answer_count = 1, .now_ms = 8000};
    struct tide_client *client = open_with(&late, &clock, folder, 0);
    push_line(client, 1, TIDE_SPOOLED);
    tide_close(client);
    (void)snprintf(path, sizeof path, "%s/state", folder);
    assert_int_equal(unlink(path), 0);
    struct script early = {.answers = {NULL}, .answer_count = 1, .now_ms = 3000};
    client = open_with(&early, &clock, folder, 0);
    assert_int_equal(client->epoch, 8001);
    tide_close(client);
    script_fini(&late);
    free_folder(folder);
}

static void a_full_spool_keeps_the_batch_in_the_client(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {NULL, NULL, NULL, NULL, ACK}, .answer_count = 5};
    struct tide_client *client = open_with(&script, &clock, folder, 160);
    push_line(client, 1, TIDE_SPOOLED);
    push_line(client, 2, TIDE_SPOOLED);
    push_line(client, 3, TIDE_FULL);
    assert_int_equal(tide_spooled(client), 2);
    assert_non_null(strstr(tide_error(client), "spool is full"));
    assert_true(tide_batched(client) > 0);
    assert_int_equal(tide_add(client, "cpu value=4 1000", 16), TIDE_OK);
    script.sent_count = 0; /* from here on: silence twice, then answers */
    for (size_t i = 0; i < 4; i++)
        bytes_fini(&script.sent[i]);
    script.answers[0] = ACK;
    script.answer_count = 1;
    assert_int_equal(tide_push(client), TIDE_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sent_value(&script, (size_t)i), i + 1);
    tide_close(client);
    script_fini(&script);
    free_folder(folder);
}

static void closing_spools_what_is_not_acknowledged(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {NULL}, .answer_count = 1};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    assert_int_equal(tide_add(client, "cpu value=1 1000", 16), TIDE_OK);
    tide_close(client);
    assert_int_equal(count_files(folder, ".batch", NULL), 1);
    struct script up = {.answers = {ACK}, .answer_count = 1, .now_ms = 2000000};
    client = open_with(&up, &clock, folder, 0);
    assert_int_equal(tide_flush(client, 1000), TIDE_OK);
    assert_int_equal(sent_value(&up, 0), 1);
    tide_close(client);
    script_fini(&script);
    script_fini(&up);
    free_folder(folder);
}

static void a_damaged_file_is_set_aside_and_the_rest_is_sent(void **state)
{
    (void)state;
    char *folder = make_folder();
    char path[512];
    struct clock clock;
    struct script script = {.answers = {NULL}, .answer_count = 1};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    push_line(client, 1, TIDE_SPOOLED);
    tide_close(client);
    assert_int_equal(count_files(folder, ".batch", path), 1);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    char byte;
    assert_int_equal(pread(fd, &byte, 1, 50), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, 50), 1);
    close(fd);
    struct script up = {.answers = {ACK}, .answer_count = 1, .now_ms = 2000000};
    client = open_with(&up, &clock, folder, 0);
    push_line(client, 2, TIDE_OK);
    assert_int_equal(up.sent_count, 1);
    assert_int_equal(sent_value(&up, 0), 2);
    assert_non_null(strstr(tide_error(client), "1 spooled batches were damaged"));
    assert_int_equal(count_files(folder, ".bad", NULL), 1);
    assert_int_equal(count_files(folder, ".batch", NULL), 0);
    tide_close(client);
    script_fini(&script);
    script_fini(&up);
    free_folder(folder);
}

static void a_spooled_batch_of_a_stale_epoch_is_kept_aside_not_sent_under_another(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {NULL}, .answer_count = 1};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    push_line(client, 1, TIDE_SPOOLED);
    tide_close(client);
    struct script up = {.answers = {STALE_EPOCH, ACK}, .answer_count = 2, .now_ms = 2000000};
    client = open_with(&up, &clock, folder, 0);
    push_line(client, 2, TIDE_OK);
    assert_int_equal(up.sent_count, 2);
    assert_int_equal(sent_value(&up, 1), 2);
    assert_int_equal(count_files(folder, ".refused", NULL), 1);
    assert_non_null(strstr(tide_error(client), "stale_epoch"));
    tide_close(client);
    script_fini(&script);
    script_fini(&up);
    free_folder(folder);
}

static void half_written_files_are_removed(void **state)
{
    (void)state;
    char *folder = make_folder();
    char path[512];
    struct clock clock;
    (void)snprintf(path, sizeof path, "%s/00000000000000000001-00000000000000000001.batch.tmp", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    struct script script = {.answers = {ACK}, .answer_count = 1};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    assert_int_equal(tide_spooled(client), 0);
    assert_int_equal(count_files(folder, ".tmp", NULL), 0);
    tide_close(client);
    free_folder(folder);
}

static void one_folder_has_one_client(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {ACK}, .answer_count = 1};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    struct tide_options options = {.struct_size = sizeof options, .producer = "x", .spool_dir = folder};
    struct tide_client *second;
    struct tm_why why;
    assert_int_equal(client_open_url(&options, &second, &why), TIDE_IO);
    assert_null(second);
    assert_non_null(strstr(why.text, "used by another process"));
    tide_close(client);
    free_folder(folder);
}

static void a_spool_that_cannot_be_written_keeps_the_batch(void **state)
{
    (void)state;
    char *folder = make_folder();
    struct clock clock;
    struct script script = {.answers = {NULL}, .answer_count = 1};
    struct tide_client *client = open_with(&script, &clock, folder, 0);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/state", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    push_line(client, 1, TIDE_IO);
    assert_true(tide_batched(client) > 0);
    tide_close(client);
    script_fini(&script);
    free(folder);
}

static void every_flipped_bit_of_a_file_is_noticed(void **state)
{
    (void)state;
    struct message message = {
        .producer = STR("p"), .epoch = 3, .seq = 4, .precision = PRECISION_MS, .body = STR("a v=1\n")};
    struct message again;
    struct bytes file = {0};
    spool_encode(&message, &file);
    assert_int_equal(spool_decode(bytes_view(&file), &again), TM_OK);
    assert_int_equal(again.epoch, 3);
    assert_int_equal(again.seq, 4);
    assert_int_equal(again.precision, PRECISION_MS);
    assert_int_equal(again.encoding, ENCODING_NONE);
    assert_true(str_equal(again.producer, STR("p")));
    assert_true(str_equal(again.body, STR("a v=1\n")));
    for (size_t bit = 0; bit < file.len * 8; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(spool_decode(bytes_view(&file), &again), TM_CORRUPT);
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < file.len; len++)
        assert_int_equal(spool_decode((struct str){(const char *)file.data, len}, &again), TM_CORRUPT);
    bytes_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spooled_batches_are_sent_in_order_before_newer_ones),
        cmocka_unit_test(a_spooled_batch_keeps_epoch_and_seq_over_a_restart),
        cmocka_unit_test(what_was_sent_before_it_was_spooled_is_the_same_bytes),
        cmocka_unit_test(epochs_grow_even_if_the_clock_goes_back),
        cmocka_unit_test(without_the_state_file_epochs_still_pass_those_of_the_files),
        cmocka_unit_test(a_full_spool_keeps_the_batch_in_the_client),
        cmocka_unit_test(closing_spools_what_is_not_acknowledged),
        cmocka_unit_test(a_damaged_file_is_set_aside_and_the_rest_is_sent),
        cmocka_unit_test(a_spooled_batch_of_a_stale_epoch_is_kept_aside_not_sent_under_another),
        cmocka_unit_test(half_written_files_are_removed),
        cmocka_unit_test(one_folder_has_one_client),
        cmocka_unit_test(a_spool_that_cannot_be_written_keeps_the_batch),
        cmocka_unit_test(every_flipped_bit_of_a_file_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
