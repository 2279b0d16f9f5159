/* A shipper's state: what follows a right checksum is refused or is a state that encodes and decodes to
 * itself; what has another checksum is refused. */
#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <xxhash.h>

#include "server/cli/ship/ship_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum tm_err decode(const struct bytes *file, struct ship_state *out)
{
    struct tm_why why = {""};
    enum tm_err err = ship_state_decode(bytes_view(file), out, &why);
    /* What is no JSON counts as lack of memory, see there. */
    assert(!err || ((err == TM_CORRUPT || err == TM_NOMEM) && why.text[0]));
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes file = {0}, once = {0}, twice = {0};
    struct ship_state state = {0}, again = {0};
    bytes_printf(&file, "%016" PRIx64 "\n", (uint64_t)XXH3_64bits(data, size));
    bytes_put(&file, data, size);
    if (decode(&file, &state) == TM_OK) {
        assert(state.epoch > 0 && state.log_count <= SHIP_LOGS_MAX);
        ship_state_encode(&state, &once);
        assert(decode(&once, &again) == TM_OK);
        ship_state_encode(&again, &twice);
        assert(str_equal(bytes_view(&once), bytes_view(&twice)));
    }
    ship_state_fini(&again);
    file.data[size % 16] ^= 1;
    assert(decode(&file, &again) == TM_CORRUPT);
    ship_state_fini(&state);
    ship_state_fini(&again);
    bytes_fini(&file);
    bytes_fini(&once);
    bytes_fini(&twice);
    return 0;
}
