/* Signatures: HMAC-SHA256 over the header line up to " sig=", a line feed, and the rest as it is sent. */
#include "server/wire/header.h"

#include <sodium.h>

static void compute_hmac(struct str secret, struct str signed_part, struct str rest,
                         unsigned char mac[crypto_auth_hmacsha256_BYTES])
{
    static const unsigned char feed = '\n';
    crypto_auth_hmacsha256_state state;
    /* None of these can fail: they compute. */
    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)signed_part.ptr, signed_part.len);
    (void)crypto_auth_hmacsha256_update(&state, &feed, 1);
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)rest.ptr, rest.len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
}

void header_sign(struct str secret, struct str signed_part, struct str rest, char hex[SIGNATURE_HEX + 1])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    _Static_assert(2 * sizeof mac == SIGNATURE_HEX, "a signature is the whole HMAC");
    compute_hmac(secret, signed_part, rest, mac);
    (void)sodium_bin2hex(hex, SIGNATURE_HEX + 1, mac, sizeof mac);
}

bool header_verify(const struct header *header, struct str secret)
{
    unsigned char given[crypto_auth_hmacsha256_BYTES];
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    size_t given_len = 0;
    if (header->signature.len != SIGNATURE_HEX ||
        sodium_hex2bin(given, sizeof given, header->signature.ptr, header->signature.len, NULL, &given_len,
                       NULL) != 0 ||
        given_len != sizeof given)
        return false;
    compute_hmac(secret, header->signed_part, header->rest, mac);
    bool same = sodium_memcmp(given, mac, sizeof mac) == 0;
    sodium_memzero(mac, sizeof mac);
    return same;
}
