/* Keys and scopes: who may do what, over HTTP and by service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "server/access/access.h"

static char *words(const char *text)
{
    return strdup(text);
}

static void add_key(struct config *config, const char *name, const char *secret, const char *scope,
                    const char *more)
{
    config->auth.keys = realloc(config->auth.keys, (config->auth.key_count + 1) * sizeof *config->auth.keys);
    struct config_key *key = &config->auth.keys[config->auth.key_count++];
    *key = (struct config_key){.name = words(name), .secret = words(secret)};
    key->scopes.at = calloc(2, sizeof *key->scopes.at);
    key->scopes.at[key->scopes.count++] = words(scope);
    if (more)
        key->scopes.at[key->scopes.count++] = words(more);
}

static int open_keys(void **state)
{
    struct config *config = NULL;
    if (sodium_init() < 0 || config_default(&config))
        return -1;
    add_key(config, "shop", "a-secret-of-the-shop", "write:shop", "write:cart");
    add_key(config, "viewer", "a-secret-of-viewers!", "read", NULL);
    add_key(config, "root", "a-secret-of-the-boss", "admin", NULL);
    add_key(config, "agents", "a-secret-for-agents!", "write:*", NULL);
    *state = config;
    return 0;
}

static int close_keys(void **state)
{
    config_free(*state);
    return 0;
}

static void without_keys_everybody_may_do_everything(void **state)
{
    struct config *config = NULL;
    (void)state;
    assert_int_equal(config_default(&config), TM_OK);
    struct access access = access_of_header(config, "Bearer whatever");
    assert_true(access_allows(&access, SCOPE_ADMIN));
    assert_true(access_allows_service(&access, STR("any")));
    config_free(config);
}

static void with_keys_an_unknown_caller_may_do_nothing(void **state)
{
    const char *const headers[] = {NULL,
                                   "",
                                   "Bearer",
                                   "Bearer ",
                                   "Bearer wrong",
                                   "Basic !!!",
                                   "Basic c2hvcDo=",
                                   "Digest a-secret-of-the-shop",
                                   "Bearer a-secret-of-the-shop2",
                                   "Bearer a-secret-of-the-sho"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct access access = access_of_header(*state, headers[i]);
        assert_null(access.key);
        assert_false(access_allows(&access, SCOPE_READ));
        assert_false(access_allows(&access, SCOPE_WRITE));
        assert_false(access_allows(&access, SCOPE_ADMIN));
        assert_false(access_allows_service(&access, STR("shop")));
    }
}

static void a_bearer_token_finds_its_key(void **state)
{
    struct access access = access_of_header(*state, "bearer a-secret-of-viewers!");
    assert_non_null(access.key);
    assert_string_equal(access.key->name, "viewer");
    assert_true(access_allows(&access, SCOPE_READ));
    assert_false(access_allows(&access, SCOPE_WRITE));
    assert_false(access_allows(&access, SCOPE_ADMIN));
}

static void basic_auth_needs_name_and_secret_of_one_key(void **state)
{
    char good[160], crossed[160], base64[128];
    sodium_bin2base64(base64, sizeof base64, (const unsigned char *)"shop:a-secret-of-the-shop", 25,
                      sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(good, sizeof good, "Basic %s", base64);
    assert_non_null(access_of_header(*state, good).key);
    sodium_bin2base64(base64, sizeof base64, (const unsigned char *)"shop:a-secret-of-the-boss", 25,
                      sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(crossed, sizeof crossed, "Basic %s", base64);
    assert_null(access_of_header(*state, crossed).key);
}

static void a_write_scope_reaches_its_services_only(void **state)
{
    struct access access = {.key = access_find(*state, STR("shop"))};
    assert_true(access_allows(&access, SCOPE_WRITE));
    assert_false(access_writes_all(&access));
    assert_true(access_allows_service(&access, STR("shop")));
    assert_true(access_allows_service(&access, STR("cart")));
    assert_false(access_allows_service(&access, STR("shopping")));
    assert_false(access_allows_service(&access, STR("sho")));
    assert_false(access_allows_service(&access, STR("")));
    assert_false(access_allows(&access, SCOPE_READ));
}

static void a_star_writes_every_service(void **state)
{
    struct access access = {.key = access_find(*state, STR("agents"))};
    assert_true(access_writes_all(&access));
    assert_true(access_allows_service(&access, STR("anything")));
    assert_false(access_allows(&access, SCOPE_ADMIN));
}

static void admin_includes_read_and_write(void **state)
{
    struct access access = {.key = access_find(*state, STR("root"))};
    assert_true(access_allows(&access, SCOPE_READ));
    assert_true(access_allows(&access, SCOPE_WRITE));
    assert_true(access_allows(&access, SCOPE_ADMIN));
    assert_true(access_allows_service(&access, STR("shop")));
}

static void an_unknown_key_name_is_not_found(void **state)
{
    assert_null(access_find(*state, STR("nobody")));
    assert_null(access_find(*state, STR("")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_keys, close_keys)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys_everybody_may_do_everything),
        TEST(with_keys_an_unknown_caller_may_do_nothing),
        TEST(a_bearer_token_finds_its_key),
        TEST(basic_auth_needs_name_and_secret_of_one_key),
        TEST(a_write_scope_reaches_its_services_only),
        TEST(a_star_writes_every_service),
        TEST(admin_includes_read_and_write),
        TEST(an_unknown_key_name_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
