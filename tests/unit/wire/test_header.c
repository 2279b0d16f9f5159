/* The header line: parse, write, sign, and the encoding of what follows it. */
#include "tests/unit/wire/wire_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "server/wire/header.h"

static struct header header;
static struct tm_why why;

#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void parse(const char *message)
{
    memset(&header, 0xa5, sizeof header);
    enum tm_err err = header_parse(str_of(message), &header, &why);
    if (err != TM_OK)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_OK);
}

static void refuse(const char *message, const char *reason)
{
    assert_int_equal(header_parse(str_of(message), &header, &why), TM_INVALID);
    assert_string_equal(why.text, reason);
}

static void a_message_without_a_header_is_all_rest(void **state)
{
    (void)state;
    static const char *const messages[] = {"cpu v=1\n",     "",          "# a comment\ncpu v=1",
                                           "#tm10 seq=1\n", "#tm\n",     "#tm1x\n",
                                           " #tm1\n",       "#tm1\rx\n", "#tm1\ty\n"};
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        parse(messages[i]);
        assert_false(header.present);
        assert_false(header.has_producer);
        assert_int_equal(header.precision, PRECISION_NS);
        assert_int_equal(header.encoding, ENCODING_NONE);
        assert_view(header.rest, messages[i]);
    }
    assert_int_equal(header_parse((struct str){NULL, 0}, &header, &why), TM_OK);
    assert_int_equal(header_parse(STR("#tm1\0seq=1\n"), &header, &why), TM_OK);
    assert_false(header.present);
}

static void every_key_is_read(void **state)
{
    (void)state;
    parse("#tm1 producer=cart-7@eu:1/x_y epoch=18446744073709551615 seq=42 precision=ms encoding=zstd "
          "key=deploy.bot sig=" HEX_A "\nrest\n");
    assert_true(header.present);
    assert_true(header.has_producer);
    assert_view(header.producer, "cart-7@eu:1/x_y");
    assert_true(header.epoch == UINT64_MAX);
    assert_int_equal(header.seq, 42);
    assert_true(header.has_precision);
    assert_int_equal(header.precision, PRECISION_MS);
    assert_int_equal(header.encoding, ENCODING_ZSTD);
    assert_view(header.key, "deploy.bot");
    assert_view(header.signature, HEX_A);
    assert_view(header.signed_part, "#tm1 producer=cart-7@eu:1/x_y epoch=18446744073709551615 seq=42 "
                                    "precision=ms encoding=zstd key=deploy.bot");
    assert_view(header.rest, "rest\n");
}

static void keys_come_in_any_order_with_any_spaces(void **state)
{
    (void)state;
    parse("#tm1  precision=s   seq=1 producer=p epoch=2  \r\nx");
    assert_int_equal(header.precision, PRECISION_S);
    assert_int_equal(header.epoch, 2);
    assert_view(header.rest, "x");
    parse("#tm1\nx");
    assert_true(header.present);
    assert_view(header.rest, "x");
    parse("#tm1");
    assert_true(header.present);
    assert_view(header.rest, "");
    parse("#tm1 precision=us");
    assert_int_equal(header.precision, PRECISION_US);
}

static void bad_headers_are_refused_with_their_column(void **state)
{
    (void)state;
    refuse("#tm1 foo=1\n", "header, column 6: unknown key; known are producer, epoch, seq, precision, "
                           "encoding, key and sig");
    refuse("#tm1 =1\n", "header, column 6: unknown key; known are producer, epoch, seq, precision, encoding, "
                        "key and sig");
    refuse("#tm1 seq\n", "header, column 6: expected key=value");
    refuse("#tm1 precision=ms precision=ms\n", "header, column 19: this key stands in the header already");
    refuse("#tm1 precision=m\n", "header, column 16: expected a precision: ns, us, ms or s");
    refuse("#tm1 encoding=gzip\n",
           "header, column 15: expected the encoding zstd (leave the key out for none)");
    refuse("#tm1 epoch=-1\n", "header, column 12: expected an unsigned integer");
    refuse("#tm1 epoch=\n", "header, column 12: expected an unsigned integer");
    refuse("#tm1 seq=1x\n", "header, column 11: expected an unsigned integer");
    refuse("#tm1 epoch=18446744073709551616\n", "header, column 12: the number is over 18446744073709551615");
    refuse("#tm1 seq=9223372036854775808\n", "header, column 10: the number is over 9223372036854775807");
    refuse("#tm1 producer=\n", "header, column 15: expected 1 to 128 bytes of [A-Za-z0-9._:@/-]");
    refuse("#tm1 producer=a,b\n", "header, column 15: expected 1 to 128 bytes of [A-Za-z0-9._:@/-]");
    refuse("#tm1 key=a\"b\n", "header, column 10: expected 1 to 128 bytes of [A-Za-z0-9._:@/-]");
    refuse("#tm1 sig=00\n", "header, column 10: expected 64 hexadecimal digits");
    refuse("#tm1 sig=g0112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n",
           "header, column 10: expected 64 hexadecimal digits");
}

static void names_have_a_bound(void **state)
{
    (void)state;
    char message[256];
    char name[130];
    memset(name, 'p', sizeof name);
    name[128] = '\0';
    (void)snprintf(message, sizeof message, "#tm1 producer=%s epoch=1 seq=1\n", name);
    parse(message);
    assert_int_equal(header.producer.len, HEADER_PRODUCER_MAX);
    name[128] = 'p';
    name[129] = '\0';
    (void)snprintf(message, sizeof message, "#tm1 producer=%s epoch=1 seq=1\n", name);
    refuse(message, "header, column 15: expected 1 to 128 bytes of [A-Za-z0-9._:@/-]");
}

static void what_belongs_together_comes_together(void **state)
{
    (void)state;
    static const char *const apart = "header: producer, epoch and seq come together or not at all";
    refuse("#tm1 producer=p\n", apart);
    refuse("#tm1 producer=p seq=1\n", apart);
    refuse("#tm1 epoch=1 seq=1\n", apart);
    refuse("#tm1 producer=p epoch=1 seq=1 key=k\n", "header: key and sig come together or not at all");
    refuse("#tm1 producer=p epoch=1 seq=1 sig=" HEX_A "\n",
           "header: key and sig come together or not at all");
    refuse("#tm1 key=k sig=" HEX_A "\n",
           "header: a signed message needs producer, epoch and seq, so that it can't be replayed");
}

static void nothing_follows_the_signature(void **state)
{
    (void)state;
    refuse("#tm1 producer=p epoch=1 seq=1 key=k sig=" HEX_A " precision=ms\n",
           "header, column 106: sig must be the last key: what follows it would not be signed");
}

static void a_header_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "#tm1\n",
        "#tm1 precision=ns\n",
        "#tm1 producer=a epoch=1 seq=9223372036854775807 precision=us encoding=zstd\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct bytes out = {0};
        parse(lines[i]);
        header_write(&header, &out);
        assert_view(bytes_view(&out), lines[i]);
        bytes_fini(&out);
    }
}

/* How a client signs: write, take the line feed off, sign, put the signature behind. */
static void sign_message(struct header *unsigned_header, const char *secret, const char *rest,
                         struct bytes *out)
{
    header_write(unsigned_header, out);
    out->len--;
    char hex[SIGNATURE_HEX + 1];
    header_sign(str_of(secret), bytes_view(out), str_of(rest), hex);
    bytes_printf(out, " sig=%s\n%s", hex, rest);
    assert_int_equal(bytes_error(out), TM_OK);
}

static void a_signed_message_verifies_with_its_secret_only(void **state)
{
    (void)state;
    struct header unsigned_header = {
        .has_producer = true, .producer = STR("p"), .epoch = 7, .seq = 8, .key = STR("k")};
    struct bytes message = {0};
    sign_message(&unsigned_header, "secret", "cpu v=1\n", &message);
    assert_int_equal(header_parse(bytes_view(&message), &header, &why), TM_OK);
    assert_true(header_verify(&header, STR("secret")));
    assert_false(header_verify(&header, STR("Secret")));
    assert_false(header_verify(&header, STR("")));
    /* Any byte changed: refused, or no longer the same header. */
    for (size_t i = 0; i < message.len; i++) {
        message.data[i] ^= 1;
        enum tm_err err = header_parse(bytes_view(&message), &header, &why);
        assert_false(err == TM_OK && header.signature.len > 0 && header_verify(&header, STR("secret")));
        message.data[i] ^= 1;
    }
    bytes_fini(&message);
}

static void an_upper_case_signature_is_the_same(void **state)
{
    (void)state;
    char hex[SIGNATURE_HEX + 1];
    header_sign(STR("s"), STR("#tm1 x"), STR("rest"), hex);
    for (size_t i = 0; i < SIGNATURE_HEX; i++)
        hex[i] = (char)(hex[i] >= 'a' ? hex[i] - 32 : hex[i]);
    struct header signed_header = {
        .signature = str_of(hex), .signed_part = STR("#tm1 x"), .rest = STR("rest")};
    assert_true(header_verify(&signed_header, STR("s")));
    signed_header.signature.len = 63;
    assert_false(header_verify(&signed_header, STR("s")));
    signed_header.signature.len = 0;
    assert_false(header_verify(&signed_header, STR("s")));
}

static void a_signature_is_the_hmac_sha256_of_other_implementations(void **state)
{
    (void)state;
    /* HMAC-SHA256("Jefe", "what do ya want \nfor nothing?"), computed with Python's hmac. */
    char hex[SIGNATURE_HEX + 1];
    header_sign(STR("Jefe"), STR("what do ya want "), STR("for nothing?"), hex);
    assert_string_equal(hex, "2b9465add41e8aa0dbcc02871fef19654a8699bde87fd049e66a6aa765dbc5e1");
}

/* ---- bodies ---- */

static enum tm_err decode(struct str rest, size_t max_bytes, struct bytes *out, struct str *lines)
{
    struct header zstd = {.present = true, .encoding = ENCODING_ZSTD, .rest = rest};
    return header_decode_body(&zstd, max_bytes, out, lines, &why);
}

static void without_an_encoding_the_body_is_the_rest(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct str lines;
    parse("#tm1\ncpu v=1\n");
    assert_int_equal(header_decode_body(&header, 4, &out, &lines, &why), TM_OK);
    assert_ptr_equal(lines.ptr, header.rest.ptr);
    assert_view(lines, "cpu v=1\n");
    assert_int_equal(out.capacity, 0);
}

static void a_compressed_body_comes_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 65535, 65536, 65537, 300000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        char *raw = malloc(sizes[s] + 1);
        assert_non_null(raw);
        for (size_t i = 0; i < sizes[s]; i++)
            raw[i] = (char)(i * i >> 7);
        struct bytes packed = {0};
        struct bytes out = {0};
        struct str lines;
        bytes_put(&out, "old", 3);
        assert_int_equal(header_compress((struct str){raw, sizes[s]}, &packed), TM_OK);
        assert_int_equal(decode(bytes_view(&packed), sizes[s], &out, &lines), TM_OK);
        assert_int_equal(lines.len, sizes[s]);
        assert_memory_equal(lines.ptr, raw, sizes[s]);
        if (sizes[s] > 0) {
            assert_int_equal(decode(bytes_view(&packed), sizes[s] - 1, &out, &lines), TM_TOO_LARGE);
            assert_int_equal(lines.len, 0);
        }
        bytes_fini(&packed);
        bytes_fini(&out);
        free(raw);
    }
}

/* A frame that does not tell its size, as streaming compressors write it. */
static void compress_streaming(const char *raw, size_t len, struct bytes *out)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    ZSTD_inBuffer in = {raw, len / 2, 0};
    ZSTD_outBuffer to = {bytes_reserve(out, ZSTD_compressBound(len) + 64), ZSTD_compressBound(len) + 64, 0};
    assert_int_equal(ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush), 0);
    in = (ZSTD_inBuffer){raw + len / 2, len - len / 2, 0};
    assert_int_equal(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0);
    out->len += to.pos;
    (void)ZSTD_freeCCtx(context);
}

static void a_frame_that_hides_its_size_is_bounded_too(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    char *raw = calloc(1, LEN);
    assert_non_null(raw);
    struct bytes packed = {0};
    struct bytes out = {0};
    struct str lines;
    compress_streaming(raw, LEN, &packed);
    assert_int_equal(decode(bytes_view(&packed), LEN, &out, &lines), TM_OK);
    assert_int_equal(lines.len, LEN);
    bytes_fini(&out);
    assert_int_equal(decode(bytes_view(&packed), LEN - 1, &out, &lines), TM_TOO_LARGE);
    assert_string_equal(why.text, "the message decodes to more than 1048575 bytes; send smaller batches");
    assert_true(out.capacity <= 2 * LEN);
    assert_int_equal(decode(bytes_view(&packed), 1000, &out, &lines), TM_TOO_LARGE);
    bytes_fini(&packed);
    bytes_fini(&out);
    free(raw);
}

static void a_body_is_exactly_one_frame(void **state)
{
    (void)state;
    struct bytes packed = {0};
    struct bytes out = {0};
    struct str lines;
    assert_int_equal(header_compress(STR("cpu v=1\n"), &packed), TM_OK);
    size_t one = packed.len;
    for (size_t len = 0; len < one; len++)
        assert_int_equal(decode((struct str){(char *)packed.data, len}, 100, &out, &lines), TM_INVALID);
    assert_int_equal(header_compress(STR("cpu v=2\n"), &packed), TM_OK);
    assert_int_equal(decode(bytes_view(&packed), 100, &out, &lines), TM_INVALID);
    packed.len = one;
    bytes_u8(&packed, 'x');
    assert_int_equal(decode(bytes_view(&packed), 100, &out, &lines), TM_INVALID);
    assert_string_equal(why.text, "1 bytes follow the zstd frame; a message has exactly one frame");
    assert_int_equal(decode(STR("cpu v=1\n"), 100, &out, &lines), TM_INVALID);
    assert_string_equal(why.text, "encoding=zstd, but what follows the header is no zstd frame");
    /* A skippable frame is none. */
    assert_int_equal(decode(STR("\x50\x2a\x4d\x18\x01\0\0\0x"), 100, &out, &lines), TM_INVALID);
    bytes_fini(&packed);
    bytes_fini(&out);
}

static void a_frame_may_not_ask_for_a_huge_window(void **state)
{
    (void)state;
    /* Magic, a descriptor without content size, a window of 2^27 bytes and more, one empty last block. */
    struct bytes out = {0};
    struct str lines;
    assert_int_equal(decode(STR("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00"), 1000, &out, &lines), TM_TOO_LARGE);
    assert_non_null(strstr(why.text, "window"));
    /* The same frame with a window of 2^23. */
    assert_int_equal(decode(STR("\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00"), 1000, &out, &lines), TM_OK);
    bytes_fini(&out);
}

static void a_failed_buffer_is_told(void **state)
{
    (void)state;
    struct bytes failed = {.failed = true};
    assert_int_equal(header_compress(STR("x"), &failed), TM_NOMEM);
    header_write(&(struct header){.has_precision = true}, &failed);
    assert_int_equal(bytes_error(&failed), TM_NOMEM);
    assert_int_equal(failed.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_without_a_header_is_all_rest),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(keys_come_in_any_order_with_any_spaces),
        cmocka_unit_test(bad_headers_are_refused_with_their_column),
        cmocka_unit_test(names_have_a_bound),
        cmocka_unit_test(what_belongs_together_comes_together),
        cmocka_unit_test(nothing_follows_the_signature),
        cmocka_unit_test(a_header_is_written_as_it_is_read),
        cmocka_unit_test(a_signed_message_verifies_with_its_secret_only),
        cmocka_unit_test(an_upper_case_signature_is_the_same),
        cmocka_unit_test(a_signature_is_the_hmac_sha256_of_other_implementations),
        cmocka_unit_test(without_an_encoding_the_body_is_the_rest),
        cmocka_unit_test(a_compressed_body_comes_back),
        cmocka_unit_test(a_frame_that_hides_its_size_is_bounded_too),
        cmocka_unit_test(a_body_is_exactly_one_frame),
        cmocka_unit_test(a_frame_may_not_ask_for_a_huge_window),
        cmocka_unit_test(a_failed_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
