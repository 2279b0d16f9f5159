/* Generated messages with volatile parts, of known groups: how far the grouping agrees with the truth, pair
 * by pair. Messages that differ in wording only are groups of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "storage/model/fingerprint.h"

enum { MESSAGES = 10000, TEXT_MAX = 1024 };

/* In a template: %n number, %u UUID, %h hash of 8 to 40 digits, %i id of letters and digits, %p pointer, %4
 * IPv4 with port, %6 IPv6, %q quoted text, %f path, %t time, %e e-mail, %w URL, %d duration, %k pod, %l list,
 * %s size. */
static const char *const templates[] = {
    "Index %n out of bounds for length %n",
    "Order %u not found",
    "Order %u not paid",
    "Order %u was cancelled",
    "No item %n in cart %h",
    "No price %n in cart %h",
    "Connection to %4 refused",
    "Connection to %4 timed out after %d",
    "Connection to %4 reset by peer",
    "No route to %6",
    "dial tcp %4: connect: connection refused",
    "dial tcp %4: i/o timeout",
    "read tcp %4->%4: read: connection reset by peer",
    "Timeout after %d waiting for lock %i",
    "Deadlock found when trying to get lock %i; try restarting transaction",
    "Duplicate entry %q for key %q",
    "Unknown column %q in field list",
    "relation %q does not exist",
    "column %q does not exist",
    "could not open file %f: No such file or directory",
    "could not open file %f: Permission denied",
    "failed to parse %f at line %n, column %n",
    "Unexpected token %q in JSON at position %n",
    "invalid literal for int() with base 10: %q",
    "object at %p has no attribute %q",
    "com.acme.Session@%h is expired since %t",
    "com.acme.Session@%h is closed",
    "user %e is not allowed to read %w",
    "user %e is not allowed to write %w",
    "GET %w returned status %n",
    "POST %w returned status %n",
    "certificate of %w expired at %t",
    "pod %k evicted: memory limit %s exceeded",
    "pod %k evicted: disk pressure",
    "Java heap space: failed to allocate %s, %s free",
    "payment %i declined by issuer, code %n",
    "payment %i declined by gateway, code %n",
    "payment %i expired at %t",
    "request %u from %4 failed in %d: upstream closed",
    "request %u from %4 failed in %d: bad gateway",
    "segment %f is corrupt at offset %p (crc %h)",
    "trace %h span %h dropped: queue holds %n of %n",
    "ids %l are missing",
    "ids %l are locked",
    "rate limit of %n per %d reached for key %i",
    "worker %n lost heartbeat at %t, last seen %d ago",
    "Cannot read property %q of undefined",
    "Cannot set property %q of undefined",
    "token of session %i is older than %d",
    "quota of %s exceeded by tenant %n",
};

enum { TEMPLATES = sizeof templates / sizeof templates[0] };

static uint64_t random_state = 42;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % bound;
}

static size_t put_random(char *out, size_t len, const char *alphabet)
{
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[random_below((uint32_t)strlen(alphabet))];
    return len;
}

static const char hex_digits[] = "0123456789abcdef";
static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static size_t put_hex(char *out)
{
    static const size_t lengths[] = {8, 12, 16, 32, 40};
    return put_random(out, lengths[random_below(5)], hex_digits);
}

static size_t put_uuid(char *out)
{
    size_t len = put_random(out, 36, hex_digits);
    out[8] = out[13] = out[18] = out[23] = '-';
    return len;
}

static size_t put_number(char *out)
{
    unsigned magnitude = 1;
    for (uint32_t i = random_below(9); i > 0; i--)
        magnitude *= 10;
    return (size_t)sprintf(out, "%s%u", random_below(20) ? "" : "-", random_below(magnitude * 9));
}

static size_t put_time(char *out)
{
    unsigned day = 1 + random_below(28);
    unsigned hour = random_below(24);
    switch (random_below(3)) {
    case 0:
        return (size_t)sprintf(out, "2026-%02u-%02uT%02u:%02u:%02u.%03uZ", 1 + random_below(12), day, hour,
                               random_below(60), random_below(60), random_below(1000));
    case 1:
        return (size_t)sprintf(out, "2026-%02u-%02u %02u:%02u:%02u", 1 + random_below(12), day, hour,
                               random_below(60), random_below(60));
    default:
        return (size_t)sprintf(out, "Mon Nov %2u %02u:%02u:%02u UTC 2026", day, hour, random_below(60),
                               random_below(60));
    }
}

static size_t put_duration(char *out)
{
    unsigned n = 1 + random_below(900);
    switch (random_below(4)) {
    case 0:
        return (size_t)sprintf(out, "%ums", n);
    case 1:
        return (size_t)sprintf(out, "%u.%us", n % 60, random_below(10));
    case 2:
        return (size_t)sprintf(out, "%um%us", n % 60, random_below(60));
    default:
        return (size_t)sprintf(out, "%us", n);
    }
}

static size_t put_words(char *out)
{
    static const char *const words[] = {"price", "user_id",  "cart-17", "a b",        "99",
                                        "it",    "SKU 4711", "<",       "order.items"};
    char quote = "'\"`"[random_below(3)];
    return (size_t)sprintf(out, "%c%s%c", quote, words[random_below(9)], quote);
}

static size_t put_path(char *out)
{
    size_t len = (size_t)sprintf(out, "%s/", random_below(2) ? "/var/lib/acme" : "/srv/data/cart");
    len += put_random(out + len, 1 + random_below(8), hex_digits);
    return len + (size_t)sprintf(out + len, "/segment-%u.db", random_below(100000));
}

static size_t put_url(char *out)
{
    size_t len = (size_t)sprintf(out, "https://shop%u.example.com/p/", random_below(9));
    len += put_random(out + len, 1 + random_below(12), alnum);
    return len + (size_t)sprintf(out + len, "?q=%u", random_below(1000));
}

static size_t put_list(char *out)
{
    size_t len = 0;
    for (uint32_t i = random_below(6) + 1; i > 0; i--)
        len += (size_t)sprintf(out + len, "%u%s", random_below(100000), i > 1 ? ", " : "");
    return len;
}

static size_t put_size(char *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GB", "kb"};
    return (size_t)sprintf(out, "%u.%u%s", random_below(2000), random_below(10), units[random_below(5)]);
}

static size_t put_ipv6(char *out)
{
    return (size_t)sprintf(out, "[2001:db8:%x::%x]:%u", random_below(65536), 1 + random_below(65535),
                           random_below(65536));
}

static size_t put_pod(char *out)
{
    static const char safe[] = "bcdfghjklmnpqrstvwxz2456789";
    size_t len = (size_t)sprintf(out, "cart-");
    len += put_random(out + len, 9 + random_below(2), safe);
    out[len++] = '-';
    return len + put_random(out + len, 5, safe);
}

static size_t put_id(char *out)
{
    size_t len = (size_t)sprintf(out, "pi_");
    return len + put_random(out + len, 14 + random_below(10), alnum);
}

static size_t put_part(char kind, char *out)
{
    switch (kind) {
    case 'n':
        return put_number(out);
    case 'u':
        return put_uuid(out);
    case 'h':
        return put_hex(out);
    case 'i':
        return put_id(out);
    case 'p':
        return (size_t)sprintf(out, "0x%08x", random_below(UINT32_MAX));
    case '4':
        return (size_t)sprintf(out, "10.%u.%u.%u:%u", random_below(256), random_below(256), random_below(256),
                               random_below(65536));
    case '6':
        return put_ipv6(out);
    case 'q':
        return put_words(out);
    case 'f':
        return put_path(out);
    case 't':
        return put_time(out);
    case 'e':
        return (size_t)sprintf(out, "jan.%u@mail%u.example.com", random_below(10000), random_below(5));
    case 'w':
        return put_url(out);
    case 'd':
        return put_duration(out);
    case 'k':
        return put_pod(out);
    case 'l':
        return put_list(out);
    case 's':
        return put_size(out);
    default:
        fail();
        return 0;
    }
}

static size_t generate(const char *template, char *out)
{
    size_t len = 0;
    for (; *template; template ++) {
        if (*template == '%')
            len += put_part(*++template, out + len);
        else
            out[len++] = *template;
        assert_true(len < TEXT_MAX / 2);
    }
    return len;
}

struct message {
    uint64_t hash;
    unsigned group;
};

static int by_hash(const void *a, const void *b)
{
    const struct message *left = a;
    const struct message *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return (left->group > right->group) - (left->group < right->group);
}

static double pairs(double n)
{
    return n * (n - 1) / 2;
}

static void grouping_agrees_with_the_truth_pair_by_pair(void **state)
{
    (void)state;
    static struct message messages[MESSAGES];
    double true_pairs = 0;
    double found_pairs = 0;
    double both = 0;
    unsigned counts[TEMPLATES] = {0};
    for (size_t i = 0; i < MESSAGES; i++) {
        char text[TEXT_MAX];
        struct fingerprint print;
        unsigned group = random_below(TEMPLATES);
        size_t len = generate(templates[group], text);
        fingerprint_compute(STR("AcmeError"), (struct str){text, len}, STR(""), &print);
        messages[i] = (struct message){print.hash, group};
        counts[group]++;
    }
    qsort(messages, MESSAGES, sizeof messages[0], by_hash);
    for (size_t i = 0; i < TEMPLATES; i++)
        true_pairs += pairs(counts[i]);
    for (size_t i = 0, hash_from = 0, group_from = 0; i < MESSAGES; i++) {
        bool last = i + 1 == MESSAGES;
        bool hash_ends = last || messages[i + 1].hash != messages[i].hash;
        if (hash_ends || messages[i + 1].group != messages[i].group) {
            both += pairs((double)(i + 1 - group_from));
            group_from = i + 1;
        }
        if (hash_ends) {
            found_pairs += pairs((double)(i + 1 - hash_from));
            hash_from = i + 1;
        }
    }
    double precision = both / found_pairs;
    double recall = both / true_pairs;
    printf("%d messages, %d groups: precision %.4f, recall %.4f\n", MESSAGES, TEMPLATES, precision, recall);
    assert_true(precision >= 0.98);
    assert_true(recall >= 0.98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(grouping_agrees_with_the_truth_pair_by_pair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
