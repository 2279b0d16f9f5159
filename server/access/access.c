#include "server/access/access.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CREDENTIAL_MAX = 1024 };

struct access access_anonymous(const struct config *config)
{
    return (struct access){.everything = config->auth.key_count == 0};
}

const struct config_key *access_find(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->auth.key_count; i++) {
        if (str_equal(str_of(config->auth.keys[i].name), name))
            return &config->auth.keys[i];
    }
    return NULL;
}

/* Compares by keyed digests, so that time tells nothing of length or content. */
static bool secret_equal(struct str given, const char *secret)
{
    unsigned char one_time_key[crypto_generichash_KEYBYTES], a[crypto_generichash_BYTES],
        b[crypto_generichash_BYTES];
    randombytes_buf(one_time_key, sizeof one_time_key);
    (void)crypto_generichash(a, sizeof a, (const unsigned char *)given.ptr, given.len, one_time_key,
                             sizeof one_time_key);
    (void)crypto_generichash(b, sizeof b, (const unsigned char *)secret, strlen(secret), one_time_key,
                             sizeof one_time_key);
    return sodium_memcmp(a, b, sizeof a) == 0;
}

/* The key with this secret, and with this name where one is given; every key is looked at. */
static const struct config_key *match_key(const struct config *config, const struct str *name,
                                          struct str secret)
{
    const struct config_key *found = NULL;
    for (size_t i = 0; i < config->auth.key_count; i++) {
        const struct config_key *key = &config->auth.keys[i];
        bool named = !name || str_equal(str_of(key->name), *name);
        if (secret_equal(secret, key->secret) && named)
            found = key;
    }
    return found;
}

static const struct config_key *match_basic(const struct config *config, const char *base64)
{
    unsigned char plain[CREDENTIAL_MAX];
    size_t len = 0;
    const struct config_key *key = NULL;
    if (sodium_base642bin(plain, sizeof plain, base64, strlen(base64), " ", &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0) {
        const char *text = (const char *)plain, *colon = memchr(text, ':', len);
        if (colon) {
            struct str name = {text, (size_t)(colon - text)};
            key = match_key(config, &name, (struct str){colon + 1, len - name.len - 1});
        }
    }
    sodium_memzero(plain, sizeof plain);
    return key;
}

struct access access_of_header(const struct config *config, const char *authorization)
{
    struct access access = access_anonymous(config);
    if (access.everything || !authorization)
        return access;
    if (strncasecmp(authorization, "bearer ", 7) == 0)
        access.key = match_key(config, NULL, str_of(authorization + 7));
    else if (strncasecmp(authorization, "basic ", 6) == 0)
        access.key = match_basic(config, authorization + 6);
    return access;
}

static bool has_scope(const struct config_key *key, const char *scope, size_t len)
{
    for (size_t i = 0; i < key->scopes.count; i++) {
        if (strncmp(key->scopes.at[i], scope, len) == 0)
            return true;
    }
    return false;
}

bool access_allows(const struct access *access, enum scope scope)
{
    static const struct str words[] = {
        [SCOPE_READ] = {"read", 5}, /* with the NUL: the whole word */
        [SCOPE_WRITE] = {"write:", 6},
        [SCOPE_ADMIN] = {"admin", 6},
    };
    if (access->everything)
        return true;
    if (!access->key)
        return false;
    return has_scope(access->key, words[SCOPE_ADMIN].ptr, words[SCOPE_ADMIN].len) ||
           has_scope(access->key, words[scope].ptr, words[scope].len);
}

bool access_writes_all(const struct access *access)
{
    if (access->everything)
        return true;
    return access->key && (has_scope(access->key, "write:*", 8) || has_scope(access->key, "admin", 6));
}

bool access_allows_service(const struct access *access, struct str service)
{
    if (access_writes_all(access))
        return true;
    for (size_t i = 0; access->key && i < access->key->scopes.count; i++) {
        const char *scope = access->key->scopes.at[i];
        if (strncmp(scope, "write:", 6) == 0 && str_equal(str_of(scope + 6), service))
            return true;
    }
    return false;
}
