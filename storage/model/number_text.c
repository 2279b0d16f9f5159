#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "storage/model/number.h"

/* Digits are copied in one piece, with what is behind them: that takes no call. */
enum { DIGITS_MAX = 20, PIECE_BYTES = 20 };

static size_t count_digits(uint64_t value)
{
    size_t count = 1;
    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

size_t number_text_unsigned(uint64_t value, char *text)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    size_t count = count_digits(value), at = count;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(text + at, pairs + value % 100 * 2, 2);
    }
    if (at == 2)
        memcpy(text, pairs + value * 2, 2);
    else
        text[0] = (char)('0' + value);
    return count;
}

/* "d.ddde+XX"; exponent: of the first digit. */
static size_t put_scientific(const char *digits, size_t count, int exponent, char *text)
{
    size_t len = 0;
    unsigned distance = (unsigned)(exponent < 0 ? -exponent : exponent);
    text[len++] = digits[0];
    if (count > 1) {
        text[len++] = '.';
        memcpy(text + len, digits + 1, count - 1);
        len += count - 1;
    }
    text[len++] = 'e';
    text[len++] = exponent < 0 ? '-' : '+';
    if (distance < 10)
        text[len++] = '0';
    return len + number_text_unsigned(distance, text + len);
}

/* Without an exponent: zeros before or behind, or a point among the digits, of which there are at most 17. */
static size_t put_plain(const char *digits, size_t count, int exponent, char *text)
{
    size_t whole = exponent < 0 ? 0 : (size_t)exponent + 1;
    if (whole == 0) {
        size_t head = (size_t)(1 - exponent);
        memset(text, '0', head);
        text[1] = '.';
        memcpy(text + head, digits, PIECE_BYTES);
        return head + count;
    }
    if (whole >= count) {
        memcpy(text, digits, PIECE_BYTES);
        memset(text + count, '0', whole - count);
        return whole;
    }
    memcpy(text, digits, PIECE_BYTES);
    text[whole] = '.';
    memcpy(text + whole + 1, digits + whole, PIECE_BYTES);
    return count + 1;
}

static size_t put_word(const char *word, char *text)
{
    size_t len = strlen(word);
    memcpy(text, word, len + 1);
    return len;
}

size_t number_text(double value, char text[NUMBER_TEXT_BYTES])
{
    char digits[DIGITS_MAX + PIECE_BYTES] = {0};
    if (isnan(value))
        return put_word("NaN", text);
    if (isinf(value))
        return put_word(value > 0 ? "+Inf" : "-Inf", text);
    size_t len = signbit(value) != 0;
    double magnitude = fabs(value);
    text[0] = '-';
    if (magnitude == 0)
        return len + put_word("0", text + len);
    struct number_digits shortest = number_shortest(magnitude);
    size_t count = number_text_unsigned(shortest.digits, digits);
    int exponent = shortest.exponent + (int)count - 1;
    if (magnitude < 1e-6 || magnitude >= 1e21)
        len += put_scientific(digits, count, exponent, text + len);
    else
        len += put_plain(digits, count, exponent, text + len);
    text[len] = '\0';
    return len;
}
