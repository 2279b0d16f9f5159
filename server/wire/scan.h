/* Finding the next byte that matters, 16 at a time where the machine has SSE2. Private to server/wire.
 *
 * None of these reads a byte outside [at, end). */
#ifndef TM_WIRE_SCAN_H
#define TM_WIRE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __SSE2__
#include <emmintrin.h>
enum { SCAN_BLOCK = 16 };

static inline __m128i scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}
#endif

static inline bool scan_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Where a key may end: the first space, backslash or control byte; end if there is none. */
static inline const char *scan_key(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        __m128i block = scan_load(at);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, space), block);
        int found = _mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(block, backslash)));
        if (found)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && (unsigned char)*at > ' ' && *at != '\\')
        at++;
    return at;
}

/* What matters in a quoted string: the first quote, backslash or line feed; end if there is none. */
static inline const char *scan_string(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i feed = _mm_set1_epi8('\n');
    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        __m128i block = scan_load(at);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
        int found = _mm_movemask_epi8(_mm_or_si128(hit, _mm_cmpeq_epi8(block, feed)));
        if (found)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && *at != '\n')
        at++;
    return at;
}

/* The first byte outside 1..127; end if there is none. */
static inline const char *scan_ascii(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i zero = _mm_setzero_si128();
    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        int plain = _mm_movemask_epi8(_mm_cmpgt_epi8(scan_load(at), zero));
        if (plain != 0xffff)
            return at + __builtin_ctz(~(unsigned)plain);
    }
#endif
    while (at < end && (unsigned char)(*at - 1) < 127)
        at++;
    return at;
}

#endif
