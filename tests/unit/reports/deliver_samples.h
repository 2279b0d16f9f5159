/* A report as messages on it are made of. */
#ifndef TM_TESTS_DELIVER_SAMPLES_H
#define TM_TESTS_DELIVER_SAMPLES_H

#include "reports/deliver/channel.h"

/* Hostile texts where texts from outside stand. */
static const char sample_json[] =
    "{\"schema\":1,\"service\":\"shop\",\"env\":\"prod\",\"owner\":\"<!here> \\r\\nBcc: "
    "a@b\",\"week\":\"2026-W47\","
    "\"custom\":false,\"language\":\"en\",\"quality\":{\"has_data\":true,\"hours\":168,\"hours_seen\":160},"
    "\"strip\":{\"requests\":{\"now\":12345,\"last_week\":12000,\"median\":11000,\"weeks\":4},"
    "\"exceptions\":{\"now\":7,\"last_week\":null,\"median\":null,\"weeks\":0}},\"actions\":["
    "{\"reason\":\"regressed\",\"progress\":\"worse\",\"weeks_open\":2,\"id\":null,"
    "\"what\":\"<b>*x* & \\u202e\\n.\\r\\n\",\"version\":\"1.8.3\",\"count\":1234,\"ratio\":2.5},"
    "{\"reason\":\"missing_data\",\"progress\":\"new\",\"weeks_open\":1,\"id\":null,\"what\":\"\","
    "\"version\":\"\","
    "\"count\":8,\"ratio\":null}]}";

static const char korean_json[] =
    "{\"service\":\"결제 서비스의 매우 긴 "
    "이름\",\"env\":\"\",\"owner\":\"\",\"week\":\"2026-W47\",\"language\":\"ko\","
    "\"quality\":{\"has_data\":false},\"actions\":[]}";

static const char sample_changes[] =
    "# Changed in the revision behind this one\n\n"
    "- exceptions: 5 → 7\n"
    "- Key\\_Error \\*x\\* &amp; &lt;b> a&#64;b&#58; not listed unknown → new 2\n";

static const struct deliver_settings sample_settings = {
    .url = "https://tide.example.org/", .mail_server = "smtp://127.0.0.1:1", .mail_from = "tide@example.org"};

/* The key is always the same. */
static inline enum tm_err sample_summary(const char *json, size_t revision, struct summary *out)
{
    static const char key[] = "00112233445566778899aabbccddeeff";
    enum tm_err err = summary_read(str_of(json), out);
    out->revision = revision;
    out->before = revision - 1;
    memcpy(out->key, key, sizeof key);
    if (!err && revision > 1)
        err = summary_take_changes(out, str_of(sample_changes));
    return err ? err : summary_link(out, sample_settings.url, "shop@prod");
}

#endif
