/* What is refused: each fault with its exact place and wording, as --check prints it. */
#include "tests/unit/config/config_test.h"

static void an_unknown_setting_is_told_with_the_nearest_name(void **state)
{
    (void)state;
    assert_faults("data_dirr: x\n", "f:1:1: unknown setting \"data_dirr\"; did you mean \"data_dir\"?\n");
    assert_faults("storage:\n  retension: {}\n",
                  "f:2:3: unknown setting \"storage.retension\"; did you mean \"retention\"?\n");
    assert_faults("raw: 5d\n", "f:1:1: unknown setting \"raw\"; did you mean \"storage.retention.raw\"?\n");
    assert_faults("services: [{name: a, ownr: b}]\n",
                  "f:1:22: unknown setting \"services.ownr\"; did you mean \"owner\"?\n");
    assert_faults("zebra: 1\n",
                  "f:1:1: unknown setting \"zebra\"; remove it (tidemarkd --print-config lists all "
                  "settings)\n");
    assert_faults("storage.max_disk: 1\n",
                  "f:1:1: unknown setting \"storage.max_disk\"; write each part between "
                  "the dots as a key of its own, one inside the other\n");
    assert_faults("'': 1\n",
                  "f:1:1: unknown setting \"\"; remove it (tidemarkd --print-config lists all settings)\n");
}

static void a_setting_given_twice_is_told(void **state)
{
    (void)state;
    assert_faults("insecure: true\ninsecure: true\n", "f:2:1: \"insecure\" is given twice; remove one\n");
    assert_faults("log: {}\nstorage: {}\nlog: {}\n", "f:3:1: \"log\" is given twice; remove one\n");
    assert_faults("storage:\n  retention:\n    raw: 1d\n    raw: 1d\n",
                  "f:4:5: \"storage.retention.raw\" is given twice; remove one\n");
}

static void a_wrong_type_is_told(void **state)
{
    (void)state;
    assert_faults("data_dir: [a]\n",
                  "f:1:11: data_dir: a list stands where a text belongs; write it like ./data\n");
    assert_faults(
        "limits:\n  max_series: {a: b}\n",
        "f:2:15: limits.max_series: a mapping stands where an integer belongs; write it like 1000000\n");
    assert_faults("limits: {max_series: '5'}\n",
                  "f:1:22: limits.max_series: \"5\" is text because of its quotes; "
                  "write an integer without quotes\n");
    assert_faults("insecure: \"true\"\n",
                  "f:1:11: insecure: \"true\" is text because of its quotes; write true or "
                  "false without quotes\n");
    assert_faults("log: info\n",
                  "f:1:6: log: a single value stands where a group of settings belongs; write its "
                  "settings as name: value, indented below it\n");
    assert_faults("services: {name: a}\n",
                  "f:1:11: services: a mapping stands where a list belongs; write a list\n");
    assert_faults("services: [a]\n",
                  "f:1:12: services: a single value stands where settings belong; write name: "
                  "value\n");
    assert_faults("- a\n", "f:1:1: a list stands where settings belong; write name: value\n");
    assert_faults("just text\n", "f:1:1: a single value stands where settings belong; write name: value\n");
    assert_faults("[a]: b\n",
                  "f:1:1: a list stands where the name of a setting belongs; write name: value\n");
}

static void a_value_left_out_is_told(void **state)
{
    (void)state;
    assert_faults("data_dir:\n",
                  "f:1:10: data_dir: has no value; write one, for example ./data, or remove the "
                  "line\n");
    assert_faults(
        "storage: {retention: {raw: ~}}\n",
        "f:1:28: storage.retention.raw: has no value; write one, for example 30d, or remove the line\n");
    assert_faults("services:\n",
                  "f:1:10: services: has no value; write one, for example [], or remove the line\n");
    assert_faults(
        "service_from: [a, null]\n",
        "f:1:19: service_from: nothing stands where one label name belongs; write that, or remove it\n");
    assert_faults("data_dir: ''\n", "f:1:11: data_dir: the text is empty; write a path\n");
}

static void a_single_value_for_a_list_is_told_with_the_fix(void **state)
{
    (void)state;
    assert_faults("service_from: app\n",
                  "f:1:15: service_from: \"app\" is a single value where a list belongs; write [app]\n");
    assert_faults("listen: {http: '[::1]:9700'}\n",
                  "f:1:16: listen.http: \"[::1]:9700\" is a single value where a list belongs; write "
                  "['[::1]:9700']\n");
    assert_faults("scoring: {include: none}\n",
                  "f:1:20: scoring.include: \"none\" is a single value where a list belongs; write [none]\n");
    assert_faults(
        "service_from: [[a]]\n",
        "f:1:16: service_from: a list stands where one label name belongs; write that, or remove it\n");
}

static void bounds_are_told(void **state)
{
    (void)state;
    assert_faults("limits: {max_series: 0}\n",
                  "f:1:22: limits.max_series: 0 is out of bounds; choose a value from 1 to 100000000\n");
    assert_faults("limits: {max_series: -5}\n",
                  "f:1:22: limits.max_series: -5 is out of bounds; choose a value from 1 to 100000000\n");
    assert_faults(
        "limits: {max_series: 99999999999999999999}\n",
        "f:1:22: limits.max_series: 99999999999999999999 is out of bounds; choose a value from 1 to "
        "100000000\n");
    assert_faults("storage: {retention: {raw: 1m}}\n",
                  "f:1:28: storage.retention.raw: 1m is out of bounds; choose a value from 1h to 100y\n");
    assert_faults(
        "limits: {max_label_value: 1MiB}\n",
        "f:1:27: limits.max_label_value: 1MiB is out of bounds; choose a value from 16B to 64KiB\n");
    assert_faults("service_from: []\n", "f:1:15: service_from: the list has 0 items; it needs at least 1\n");
    assert_faults("reports: {formats: [md, md, md, md, md]}\n",
                  "f:1:20: reports.formats: the list has 5 items; it may have at most 4\n");
}

static void the_bounds_themselves_are_allowed(void **state)
{
    (void)state;
    struct config *c =
        accept_config("limits: {max_series: 100000000, max_series_per_service: +1, max_label_value: 64KiB, "
                      "max_future: 0s}\nstorage: {retention: {raw: 1h, events: 100y}}\n");
    assert_int_equal(c->limits.max_series, 100000000);
    assert_int_equal(c->limits.max_series_per_service, 1);
    config_free(c);
}

static void a_bad_number_is_told(void **state)
{
    (void)state;
    assert_faults(
        "storage: {retention: {raw: 30}}\n",
        "f:1:28: storage.retention.raw: \"30\" is not a duration; write a whole number and one unit of "
        "ms, s, m, h, d, w, y, for example 30d\n");
    assert_faults(
        "storage: {max_disk: plenty}\n",
        "f:1:21: storage.max_disk: \"plenty\" is not a size; write a whole number and one unit of B, "
        "KiB, MiB, GiB, TiB, for example 64MiB\n");
    assert_faults(
        "scoring: {incident_score: sixty}\n",
        "f:1:27: scoring.incident_score: \"sixty\" is not an integer; write digits only, for example "
        "1000\n");
    assert_faults("scoring: {delay: 5S}\n", "f:1:18: scoring.delay: \"5S\" has an unknown unit; write 5s\n");
}

static void the_booleans_of_yaml_1_1_are_told(void **state)
{
    (void)state;
    assert_faults("insecure: yes\n", "f:1:11: insecure: \"yes\" is not a boolean; write true\n");
    assert_faults("insecure: on\n", "f:1:11: insecure: \"on\" is not a boolean; write true\n");
    assert_faults("insecure: No\n", "f:1:11: insecure: \"No\" is not a boolean; write false\n");
    assert_faults("insecure: OFF\n", "f:1:11: insecure: \"OFF\" is not a boolean; write false\n");
    assert_faults("insecure: tRUE\n", "f:1:11: insecure: \"tRUE\" is not a boolean; write true\n");
    assert_faults("insecure: maybe\n", "f:1:11: insecure: \"maybe\" is not a boolean; write true or false\n");
}

static void an_unknown_word_is_told_with_those_allowed(void **state)
{
    (void)state;
    assert_faults(
        "log: {level: loud}\n",
        "f:1:14: log.level: \"loud\" is not known here; write one of error, warning, info, debug\n");
    assert_faults("reports: {formats: [html, pdf]}\n",
                  "f:1:27: reports.formats: \"pdf\" is not known here; write one of html, md, csv, json\n");
    assert_faults("reports: {language: fr}\n",
                  "f:1:21: reports.language: \"fr\" is not known here; write one of en, ko\n");
}

static void a_bad_http_address_is_told(void **state)
{
    (void)state;
    const struct {
        const char *address;
        const char *fault;
    } cases[] = {
        {"localhost", "has no port; write it as host:port, for example 127.0.0.1:9700"},
        {"[::1]", "has no port; write it as host:port, for example 127.0.0.1:9700"},
        {"127.0.0.1:", "has a bad port; write a number from 0 (picks a free one) to 65535"},
        {"127.0.0.1:65536", "has a bad port; write a number from 0 (picks a free one) to 65535"},
        {"127.0.0.1:-1", "has a bad port; write a number from 0 (picks a free one) to 65535"},
        {"127.0.0.1:http", "has a bad port; write a number from 0 (picks a free one) to 65535"},
        {":9700", "has no host; write 127.0.0.1:9700 for this machine only or 0.0.0.0:9700 for all"},
        {"::1:9700", "has an IPv6 host without brackets; write it as [::1]:9700"},
        {"[::x]:9700", "has no IPv6 address between the brackets; write it as [::1]:9700"},
        {"[]:9700", "has no IPv6 address between the brackets; write it as [::1]:9700"},
        {"http://127.0.0.1:9700", "has a scheme; write host:port only, for example 127.0.0.1:9700"},
        {"*:9700", "has no valid host; write an IP address or a name, 0.0.0.0 for every interface"},
        {"127.0.0.300:9700", "has no valid host; write an IP address or a name, 0.0.0.0 for every interface"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        char expected[300];
        (void)snprintf(text, sizeof text, "listen:\n  http: ['%s']\n", cases[i].address);
        (void)snprintf(expected, sizeof expected, "f:2:10: listen.http: \"%s\" %s\n", cases[i].address,
                       cases[i].fault);
        assert_faults(text, expected);
    }
}

static void a_bad_nanomsg_address_is_told(void **state)
{
    (void)state;
    const struct {
        const char *address;
        const char *fault;
    } cases[] = {
        {"ws://127.0.0.1:80", "is refused, since malformed bytes can stop the ws transport of nanomsg; write "
                              "tcp://host:port or ipc://path"},
        {"inproc://a", "is no nanomsg address; write tcp://host:port or ipc://path"},
        {"127.0.0.1:9701", "is no nanomsg address; write tcp://host:port or ipc://path"},
        {"tcp://127.0.0.1", "has no port; write it as tcp://host:port, for example tcp://127.0.0.1:9700"},
        {"tcp://:9701",
         "has no host; write tcp://127.0.0.1:9701 for this machine only or tcp://0.0.0.0:9701 for "
         "all"},
        {"tcp://::1:9701", "has an IPv6 host without brackets; write it as tcp://[::1]:9700"},
        {"tcp://localhost:9701", "has a host that nanomsg can't bind; write an IP address, for example "
                                 "tcp://127.0.0.1:9701, or * for every interface"},
        {"ipc://", "names no socket file; write ipc://path, for example ipc://DATA_DIR/run/ingest_rep"},
        {"ipc://run/", "names no socket file; write ipc://path, for example ipc://DATA_DIR/run/ingest_rep"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        char expected[300];
        (void)snprintf(text, sizeof text, "listen:\n  publish:\n    - '%s'\n", cases[i].address);
        (void)snprintf(expected, sizeof expected, "f:3:7: listen.publish: \"%s\" %s\n", cases[i].address,
                       cases[i].fault);
        assert_faults(text, expected);
    }
}

static void an_address_used_twice_is_told(void **state)
{
    (void)state;
    assert_faults("listen: {http: ['127.0.0.1:1', '127.0.0.1:1']}\n",
                  "f:1:32: listen.http: \"127.0.0.1:1\" is listed twice; remove one\n");
    assert_faults(
        "listen: {publish: ['tcp://127.0.0.1:9700']}\n",
        "f:1:20: listen.publish: \"tcp://127.0.0.1:9700\" is also an address of listen.http; choose "
        "another port or path\n");
    assert_faults(
        "listen: {http: ['127.0.0.1:9703']}\n",
        "f:1:17: listen.http: \"127.0.0.1:9703\" is also an address of listen.publish; choose another "
        "port or path\n");
}

#define TEN     "0123456789"
#define FIFTY   TEN TEN TEN TEN TEN
#define HUNDRED FIFTY FIFTY

static void a_long_socket_path_is_told_where_it_comes_from(void **state)
{
    (void)state;
    assert_faults("listen: {publish: ['ipc:///" HUNDRED "0123456']}\n",
                  "f:1:20: listen.publish: the socket path \"/" FIFTY
                  "0123456789012...\" has 108 bytes; shorten it to "
                  "107, the system takes no more\n");
    assert_faults(
        "data_dir: /" HUNDRED "\nlisten: {ingest_pull: []}\n",
        "f:1:11: data_dir: makes the socket path of listen.ingest_rep 116 bytes long, and the system "
        "takes 107; shorten data_dir, or set listen.ingest_rep to a shorter ipc://path\n");
    struct config *c = accept_config("listen: {publish: ['ipc:///" HUNDRED "012345']}\n");
    config_free(c);
}

static void an_open_listener_without_keys_is_told(void **state)
{
    (void)state;
    assert_faults(
        "listen:\n  http: [127.0.0.1:9700, 0.0.0.0:80]\n  publish: ['tcp://*:9703']\n",
        "f:2:26: listen.http: other machines can reach \"0.0.0.0:80\" and auth.keys is empty; add a key, "
        "listen on 127.0.0.1, or set insecure: true\n"
        "f:3:13: listen.publish: other machines can reach \"tcp://*:9703\" and auth.keys is empty; add a "
        "key, listen on 127.0.0.1, or set insecure: true\n");
}

static void a_bad_pattern_is_told_with_its_offset(void **state)
{
    (void)state;
    assert_faults(
        "services:\n  - name: a\n    page_groups:\n      - {name: b, match: 'x(y'}\n",
        "f:4:26: services.page_groups.match: \"x(y\" is no valid pattern, at offset 3: missing closing "
        "parenthesis; mend it there\n");
}

static void a_bad_selector_is_told(void **state)
{
    (void)state;
    assert_faults(
        "scoring:\n  include: ['{']\n  exclude: [cpu, 'cpu{a=~\"(\"}', '']\n",
        "f:2:13: scoring.include: \"{\" is no selector, at 1:2: parse error: unexpected end of input "
        "inside braces; write a metric's name, labels in braces, or both\n"
        "f:3:18: scoring.exclude: \"cpu{a=~\"(\"}\" is no selector, at 1:8: parse error: byte 1 of the "
        "pattern: this parenthesis is not closed; write a metric's name, labels in braces, or both\n"
        "f:3:33: scoring.exclude: the text is empty; write a selector\n");
}

static void a_name_given_twice_is_told(void **state)
{
    (void)state;
    assert_faults("services:\n  - name: a\n  - name: b\n  - {owner: x, name: a}\n",
                  "f:4:22: services.name: \"a\" is given twice; remove one, or put both into one item\n");
    assert_faults("auth:\n  keys:\n"
                  "    - {name: a, secret: 0123456789abcdef, scopes: [read]}\n"
                  "    - {name: a, secret: 0123456789abcdef, scopes: [read]}\n",
                  "f:4:14: auth.keys.name: \"a\" is the name of an earlier key; choose another\n");
}

static void a_missing_field_is_told(void **state)
{
    (void)state;
    assert_faults("services:\n  - owner: x\n",
                  "f:2:5: services.name: is missing here; add name: and a text\n");
    assert_faults("services: [{name: a, page_groups: [{name: b}]}]\n",
                  "f:1:36: services.page_groups.match: is missing here; add match: and a text\n");
    assert_faults("auth: {keys: [{}]}\n",
                  "f:1:15: auth.keys.name: is missing here; add name: and a text\n"
                  "f:1:15: auth.keys.scopes: is missing here; add scopes: and a list\n"
                  "f:1:15: auth.keys: this key has no secret; add secret_file: and a path\n");
}

static void a_key_has_one_secret_of_sixteen_bytes(void **state)
{
    (void)state;
    assert_faults("auth: {keys: [{name: a, scopes: [read]}]}\n",
                  "f:1:15: auth.keys: this key has no secret; add secret_file: and a path\n");
    assert_faults("auth: {keys: [{name: a, secret: 0123456789abcdef, secret_file: /x, scopes: [read]}]}\n",
                  "f:1:64: auth.keys.secret_file: stands beside secret; keep one of the two\n");
    assert_faults("auth: {keys: [{name: a, secret: '', scopes: [read]}]}\n",
                  "f:1:33: auth.keys.secret: the text is empty; write a text of 16 bytes or more\n");
    assert_faults("auth: {keys: [{name: a, secret: 0123456789abcde, scopes: [read]}]}\n",
                  "f:1:33: auth.keys.secret: the text is only 15 bytes long; write at least 16\n");
    assert_faults("auth: {keys: [{name: a, secret: \"0123456789abcdef\\0\", scopes: [read]}]}\n",
                  "f:1:33: auth.keys.secret: holds a NUL byte; remove it\n");
}

static void a_bad_name_or_scope_of_a_key_is_told(void **state)
{
    (void)state;
    assert_faults(
        "auth: {keys: [{name: a b, secret: 0123456789abcdef, scopes: [write, 'write:', read, read]}]}\n",
        "f:1:22: auth.keys.name: \"a b\" is no name of a key; write letters, digits, _, . and - only\n"
        "f:1:62: auth.keys.scopes: \"write\" is no scope; write one of write:SERVICE, write:*, read, "
        "admin\n"
        "f:1:69: auth.keys.scopes: \"write:\" is no scope; write one of write:SERVICE, write:*, read, "
        "admin\n"
        "f:1:85: auth.keys.scopes: \"read\" is listed twice; remove one\n");
    assert_faults("auth: {keys: [{name: a, secret: 0123456789abcdef, scopes: []}]}\n",
                  "f:1:59: auth.keys.scopes: the list has 0 items; it needs at least 1\n");
}

/* The one fault of a secret file with this content and mode. */
static void assert_secret_file_fault(const char *content, mode_t mode, const char *fault)
{
    char text[200];
    char expected[400];
    char *path = make_file(content, mode);
    (void)snprintf(text, sizeof text, "auth: {keys: [{name: a, secret_file: %s, scopes: [read]}]}\n", path);
    (void)snprintf(expected, sizeof expected, "f:1:38: auth.keys.secret_file: \"%s\": %s\n", path, fault);
    assert_faults(text, expected);
    drop_file(path);
}

static void a_bad_secret_file_is_told(void **state)
{
    (void)state;
    char long_secret[1100];
    memset(long_secret, 'x', sizeof long_secret);
    long_secret[sizeof long_secret - 1] = '\0';
    assert_secret_file_fault("0123456789abcdef", 0604,
                             "is open to other users (mode 604); close it with chmod 600");
    assert_secret_file_fault("0123456789abcdef", 0601,
                             "is open to other users (mode 601); close it with chmod 600");
    assert_secret_file_fault("\n", 0600, "the text is empty; write a text of 16 bytes or more");
    assert_secret_file_fault("tooshort\n", 0600, "the text is only 8 bytes long; write at least 16");
    assert_secret_file_fault(long_secret, 0600, "is longer than a secret may be; shorten it to 1024 bytes");
    assert_faults("auth: {keys: [{name: a, secret_file: /nowhere/at/all, scopes: [read]}]}\n",
                  "f:1:38: auth.keys.secret_file: \"/nowhere/at/all\": can't be opened (No such file or "
                  "directory); name a readable file\n");
    assert_faults(
        "auth: {keys: [{name: a, secret_file: /dev/null, scopes: [read]}]}\n",
        "f:1:38: auth.keys.secret_file: \"/dev/null\": is not a plain file; put the secret into one\n");
}

static void a_bad_zone_is_told(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "Mars/Base", "../zoneinfo/UTC", "/etc/localtime", "zone.tab", "Europe", "Europe/", "utc2"};
    for (size_t i = 0; i < COUNT(zones); i++) {
        char text[100];
        char expected[300];
        (void)snprintf(text, sizeof text, "reports: {timezone: %s}\n", zones[i]);
        (void)snprintf(
            expected, sizeof expected,
            "f:1:21: reports.timezone: \"%s\" is no time zone under /usr/share/zoneinfo; write UTC or a "
            "name such as Europe/Berlin (package tzdata)\n",
            zones[i]);
        assert_faults(text, expected);
    }
}

static void a_bad_time_of_the_week_is_told(void **state)
{
    (void)state;
    static const char *const times[] = {"Mon",        "mon 07:00", "Mon 7:00",  "Mon 24:00", "Mon 07:60",
                                        "Mon 07:00 ", "07:00",     "Mon  7:00", "Mon 07-00"};
    for (size_t i = 0; i < COUNT(times); i++) {
        char text[100];
        char expected[300];
        (void)snprintf(text, sizeof text, "reports: {at: '%s'}\n", times[i]);
        (void)snprintf(
            expected, sizeof expected,
            "f:1:15: reports.at: \"%s\" is no time of the week; write one of Mon Tue Wed Thu Fri Sat Sun "
            "and HH:MM, for example Mon 07:00\n",
            times[i]);
        assert_faults(text, expected);
    }
}

static void bad_labels_and_recipients_are_told(void **state)
{
    (void)state;
    assert_faults(
        "service_from: [9a, a-b]\n",
        "f:1:16: service_from: \"9a\" is no label name; write letters, digits and _, and no digit first\n"
        "f:1:20: service_from: \"a-b\" is no label name; write letters, digits and _, and no digit "
        "first\n");
    assert_faults("events: {labels: [status, __x]}\n",
                  "f:1:19: events.labels: \"status\" is set by tidemark itself; remove it from this list\n"
                  "f:1:27: events.labels: \"__x\" is set by tidemark itself; remove it from this list\n");
    assert_faults(
        "reports: {deliver: [ops]}\n",
        "f:1:21: reports.deliver: \"ops\" is nowhere to deliver to; write an http:// or https:// URL or "
        "mailto:ADDRESS\n");
}

static void what_delivery_needs_is_told(void **state)
{
    (void)state;
    static const char nowhere[] =
        "is nowhere to deliver to; write an http:// or https:// URL or mailto:ADDRESS\n";
    static const char *const bad[] = {
        "mailto:",       "mailto:ops",         "mailto:a b@example.org", "https://",
        "http:///x",     "mailto:a@b@c",       "mailto:<a@example.org>", "ftp://example.org",
        "https://a/\\b", "https://a/<script>", "mailto:a@b?cc=c@d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200], expected[300];
        (void)snprintf(text, sizeof text, "services: [{name: a, deliver: ['%s']}]\n", bad[i]);
        (void)snprintf(expected, sizeof expected, "f:1:32: services.deliver: \"%s\" %s", bad[i], nowhere);
        assert_faults(text, expected);
    }
    assert_faults("reports: {deliver: ['http://a/b'], formats: [html]}\n",
                  "f:1:45: reports.formats: what is delivered is made from the json; add json\n");
    assert_faults("reports:\n  deliver: ['mailto:a@example.org']\n",
                  "f:2:12: reports.mail.from: mail needs a sender; set it to an address such as "
                  "tidemark@example.org\n");
    assert_faults("services: [{name: a, deliver: ['mailto:a@example.org']}]\n",
                  "f:1:11: reports.mail.from: mail needs a sender; set it to an address such as "
                  "tidemark@example.org\n");
    assert_faults(
        "reports: {url: 'https://a/?b', mail: {server: 'http://a', from: 'a'}, deliver: ['mailto:a@b']}\n",
        "f:1:16: reports.url: \"https://a/?b\" is no address of a web server; write one such as "
        "https://tidemark.example.org\n"
        "f:1:47: reports.mail.server: \"http://a\" is no mail server; write smtp://HOST:PORT or "
        "smtps://HOST:PORT\n"
        "f:1:65: reports.mail.from: \"a\" is no mail address; write one such as "
        "tidemark@example.org\n");
    assert_faults("reports: {mail: {password_file: /nowhere/at/all}}\n",
                  "f:1:33: reports.mail.password_file: \"/nowhere/at/all\": can't be opened (No such file or "
                  "directory); name a readable file\n");
}

static void a_password_open_to_others_is_told(void **state)
{
    (void)state;
    char text[300], expected[400];
    char *path = make_file("a password\n", 0644);
    (void)snprintf(text, sizeof text, "reports: {mail: {password_file: %s}}\n", path);
    (void)snprintf(
        expected, sizeof expected,
        "f:1:33: reports.mail.password_file: \"%s\": is open to other users (mode 644); close it with "
        "chmod 600\n",
        path);
    assert_faults(text, expected);
    drop_file(path);
}

static void a_message_has_to_fit_when_unpacked(void **state)
{
    (void)state;
    assert_faults(
        "limits:\n  max_message: 32MiB\n",
        "f:2:16: limits.max_decompressed: is smaller than limits.max_message; set it to 32MiB or more\n");
    assert_faults(
        "limits:\n  max_message: 2MiB\n  max_decompressed: 1MiB\n",
        "f:3:21: limits.max_decompressed: is smaller than limits.max_message; set it to 2MiB or more\n");
}

static void the_placeholder_is_no_folder(void **state)
{
    (void)state;
    assert_faults(
        "data_dir: DATA_DIR/x\n",
        "f:1:11: data_dir: \"DATA_DIR/x\" begins with DATA_DIR, which stands for this folder in other "
        "settings; name the folder\n");
}

static void a_syntax_error_is_told_with_its_place(void **state)
{
    (void)state;
    assert_faults(
        "a: [1, 2\nb: 3\n",
        "f:2:2: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence begun on "
        "line 1; indent with spaces and put text with special characters in quotes\n");
    assert_faults("data_dir: \"x\n",
                  "f:1:13: not valid YAML: found unexpected end of stream while scanning a quoted "
                  "scalar begun on line 1; indent with spaces and put text with special "
                  "characters in quotes\n");
    assert_faults("\n\nfoo: bar: baz\n",
                  "f:3:9: not valid YAML: mapping values are not allowed in this context; "
                  "indent with spaces and put text with special characters in quotes\n");
    assert_faults("storage:\n\tmin_free: 1\n",
                  "f:2:1: not valid YAML: this line is indented with a tab; indent it with spaces\n");
    assert_faults(
        "%YAML 3.0\n---\na: 1\n",
        "f:1:1: not valid YAML: found incompatible YAML document; indent with spaces and put text with "
        "special characters in quotes\n");
}

static void anchors_aliases_and_tags_are_refused(void **state)
{
    (void)state;
    assert_faults(
        "data_dir: &x here\nlog: {level: !!str info}\n",
        "f:1:11: the anchor \"&x\" is not supported; remove it, or put text that begins with & in "
        "quotes\n"
        "f:2:14: the tag \"tag:yaml.org,2002:str\" is not supported; remove it, or put text that begins "
        "with ! in quotes\n");
    assert_faults(
        "data_dir: *x\nservice_from: *y\n",
        "f:1:11: the alias \"*x\" is not supported; write its value out, or put text that begins with * "
        "in quotes\n"
        "f:2:15: the alias \"*y\" is not supported; write its value out, or put text that begins with * "
        "in quotes\n");
}

static void one_file_is_one_document(void **state)
{
    (void)state;
    assert_faults("insecure: true\n---\ninsecure: false\n",
                  "f:2:1: a second document begins here; remove this line, one file is one document\n");
}

static void odd_bytes_are_told_with_their_place(void **state)
{
    (void)state;
    assert_faults_of_bytes(STR("log:\n  \xC3\xA9: \0"),
                           "f:2:6: the file holds a NUL byte; save it as plain UTF-8 text\n");
    assert_faults("log:\n  \xFF: 1\n",
                  "f:2:3: not valid YAML: invalid leading UTF-8 octet; save the file as plain "
                  "UTF-8 text\n");
    assert_faults("log: {}\x01\n",
                  "f:1:8: not valid YAML: control characters are not allowed; save the file as "
                  "plain UTF-8 text\n");
    assert_faults("a: 1\r\nb: \xE2\x80\xA8\n",
                  "f:2:4: the file holds an invisible line break (U+0085, U+2028 or "
                  "U+2029); remove it\n");
    assert_faults("data_dir: \"a\\nb\"\n",
                  "f:1:11: data_dir: \"a?b\" holds a line break, a control or an invisible "
                  "character at byte 2; remove it\n");
    assert_faults("data_dir: \"a\\u2028b\"\n",
                  "f:1:11: data_dir: \"a\xE2\x80\xA8"
                  "b\" holds a line break, a control or an invisible character at byte 2; remove it\n");
}

static void deep_nesting_is_refused_at_once(void **state)
{
    (void)state;
    static char text[1 << 20];
    memset(text, '[', sizeof text);
    assert_faults_of_bytes((struct str){text, sizeof text},
                           "f:1:17: nested more than 16 deep; no setting is, remove it\n");
}

static void a_huge_file_is_refused(void **state)
{
    (void)state;
    static char text[(1 << 20) + 2];
    memset(text, '\n', sizeof text);
    assert_faults_of_bytes((struct str){text, (1 << 20) + 1},
                           "f:1:1: the file is longer than 1048576 bytes (1MiB); shorten it\n");
    text[1 << 20] = '\0';
    config_free(accept_config(text));
}

static void a_file_that_cannot_be_read_is_told_without_a_line(void **state)
{
    (void)state;
    struct config *config;
    struct config_faults faults = {.count = 0};
    assert_int_equal(config_load("/nowhere/at/all", &config, &faults), TM_INVALID);
    assert_int_equal(config_load("/tmp", &config, &faults), TM_INVALID);
    assert_null(config);
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.at[0].line, 0);
    assert_string_equal(faults.at[0].text,
                        "can't be opened (No such file or directory); name a readable file");
    assert_string_equal(faults.at[1].text, "can't be read (Is a directory); name a readable file");
    char *printed = NULL;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    config_faults_print(&faults, "x", out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(printed, "x: can't be opened (No such file or directory); name a readable file\n"
                                 "x: can't be read (Is a directory); name a readable file\n");
    free(printed);
}

static void all_faults_are_told_in_the_order_of_the_file(void **state)
{
    (void)state;
    assert_faults(
        "listen:\n  http: [0.0.0.0:1]\nlog:\n  level: loud\nlimits:\n  max_message: 1B\nx: &a 1\n",
        "f:2:10: listen.http: other machines can reach \"0.0.0.0:1\" and auth.keys is empty; add a key, "
        "listen on 127.0.0.1, or set insecure: true\n"
        "f:4:10: log.level: \"loud\" is not known here; write one of error, warning, info, debug\n"
        "f:6:16: limits.max_message: 1B is out of bounds; choose a value from 1KiB to 64MiB\n"
        "f:7:1: unknown setting \"x\"; remove it (tidemarkd --print-config lists all settings)\n"
        "f:7:4: the anchor \"&a\" is not supported; remove it, or put text that begins with & in "
        "quotes\n");
}

static void faults_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    char text[4000];
    size_t at = 0;
    for (int i = 0; i < 250; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "k%03d: 1\n", i);
    char *printed = refuse_bytes(str_of(text));
    const char *last = "f: 50 more faults are not shown; mend these first\n";
    assert_string_equal(printed + strlen(printed) - strlen(last), last);
    assert_non_null(strstr(printed, "f:200:1: unknown setting \"k199\"; remove it"));
    assert_null(strstr(printed, "k200"));
    free(printed);
}

static void a_long_text_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    assert_faults("log: {level: " FIFTY "0123456789012\xC3\xA9xxx}\n",
                  "f:1:14: log.level: \"" FIFTY
                  "0123456789012...\" is not known here; write one of error, warning, "
                  "info, debug\n");
}

static void a_secret_is_never_quoted(void **state)
{
    (void)state;
    char *printed =
        refuse_bytes(str_of("auth:\n  keys:\n"
                            "    - {name: a, secret: hush-hush, scopes: [read]}\n"
                            "    - {name: b, secret: [hush-hush], scopes: [read]}\n"
                            "    - {name: c, secret: \"hush-hush-hush-hush\\0\", scopes: [read]}\n"));
    assert_null(strstr(printed, "hush"));
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_setting_is_told_with_the_nearest_name),
        cmocka_unit_test(a_setting_given_twice_is_told),
        cmocka_unit_test(a_wrong_type_is_told),
        cmocka_unit_test(a_value_left_out_is_told),
        cmocka_unit_test(a_single_value_for_a_list_is_told_with_the_fix),
        cmocka_unit_test(bounds_are_told),
        cmocka_unit_test(the_bounds_themselves_are_allowed),
        cmocka_unit_test(a_bad_number_is_told),
        cmocka_unit_test(the_booleans_of_yaml_1_1_are_told),
        cmocka_unit_test(an_unknown_word_is_told_with_those_allowed),
        cmocka_unit_test(a_bad_http_address_is_told),
        cmocka_unit_test(a_bad_nanomsg_address_is_told),
        cmocka_unit_test(an_address_used_twice_is_told),
        cmocka_unit_test(a_long_socket_path_is_told_where_it_comes_from),
        cmocka_unit_test(an_open_listener_without_keys_is_told),
        cmocka_unit_test(a_bad_pattern_is_told_with_its_offset),
        cmocka_unit_test(a_bad_selector_is_told),
        cmocka_unit_test(a_name_given_twice_is_told),
        cmocka_unit_test(a_missing_field_is_told),
        cmocka_unit_test(a_key_has_one_secret_of_sixteen_bytes),
        cmocka_unit_test(a_bad_name_or_scope_of_a_key_is_told),
        cmocka_unit_test(a_bad_secret_file_is_told),
        cmocka_unit_test(a_bad_zone_is_told),
        cmocka_unit_test(a_bad_time_of_the_week_is_told),
        cmocka_unit_test(bad_labels_and_recipients_are_told),
        cmocka_unit_test(what_delivery_needs_is_told),
        cmocka_unit_test(a_password_open_to_others_is_told),
        cmocka_unit_test(a_message_has_to_fit_when_unpacked),
        cmocka_unit_test(the_placeholder_is_no_folder),
        cmocka_unit_test(a_syntax_error_is_told_with_its_place),
        cmocka_unit_test(anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(one_file_is_one_document),
        cmocka_unit_test(odd_bytes_are_told_with_their_place),
        cmocka_unit_test(deep_nesting_is_refused_at_once),
        cmocka_unit_test(a_huge_file_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told_without_a_line),
        cmocka_unit_test(all_faults_are_told_in_the_order_of_the_file),
        cmocka_unit_test(faults_beyond_the_bound_are_counted),
        cmocka_unit_test(a_long_text_is_cut_at_a_whole_character),
        cmocka_unit_test(a_secret_is_never_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
