/* Findings as bytes. The first byte says which: 0 a line of a batch, 1 a value of the catalog (behind the
 * byte its kind). What is taken holds every bound, and written again it is read as the same. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/findings/findings_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TIME = 1000 };

static struct finding_zip zip; /* kept, as a search keeps it */

static void require(bool good)
{
    if (!good)
        abort();
}

static void require_same(const struct finding *a, const struct finding *b)
{
    require(a->kind == b->kind && a->id == b->id && a->time == b->time && a->end == b->end &&
            a->score == b->score && str_equal(a->service, b->service) && str_equal(a->env, b->env) &&
            str_equal(a->body, b->body));
}

/* A sound one survives both ways of writing. */
static void check_finding(const struct finding *finding)
{
    struct bytes line = {0}, value = {0}, body = {0};
    struct finding again;
    struct finding_packed packed;
    require(finding_is_valid(finding));
    finding_encode(finding, &line);
    require(bytes_error(&line) == TM_OK && finding_decode(TIME, bytes_view(&line), &again) == TM_OK);
    require_same(finding, &again);
    finding_pack(finding, &zip, &value);
    require(bytes_error(&value) == TM_OK);
    require(finding_unpack(finding, cursor_of(value.data, value.len), &packed) == TM_OK);
    require(finding_unpack_body(&packed, &zip, &body) == TM_OK);
    packed.finding.body = bytes_view(&body);
    require_same(finding, &packed.finding);
    bytes_fini(&line);
    bytes_fini(&value);
    bytes_fini(&body);
}

static void check_value(const uint8_t *data, size_t len)
{
    struct cursor in = cursor_of(data, len);
    struct finding key = {.time = TIME, .id = 7};
    struct finding_packed packed;
    struct bytes body = {0};
    key.kind = (enum finding_kind)(cursor_u8(&in) % FINDING_KIND_COUNT);
    if (finding_unpack(&key, in, &packed) == TM_OK && finding_unpack_body(&packed, &zip, &body) == TM_OK) {
        require(body.len == packed.body_len);
        packed.finding.body = bytes_view(&body);
        check_finding(&packed.finding);
    }
    bytes_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct finding finding;
    if (len == 0)
        return 0;
    if (data[0] % 2 == 1)
        check_value(data + 1, len - 1);
    else if (finding_decode(TIME, (struct str){(const char *)data + 1, len - 1}, &finding) == TM_OK)
        check_finding(&finding);
    return 0;
}
