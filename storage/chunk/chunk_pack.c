#include "storage/chunk/chunk_pack.h"
#include "storage/chunk/chunk_kernels.h"

void pack_plan_block(const uint64_t *residuals, unsigned count, struct pack_plan *plan)
{
    chunk_kernels_best()->plan(residuals, count, plan);
}

void pack_fields(const uint64_t *fields, size_t count, unsigned width, struct bytes *out)
{
    size_t len = (count * width + 7) / 8;
    uint8_t *at = bytes_reserve(out, len + sizeof(uint64_t));
    if (!at || len == 0)
        return;
    uint64_t word = 0;
    unsigned used = 0;
    for (size_t i = 0; i < count; i++) {
        word |= fields[i] << used;
        used += width;
        if (used >= 64) {
            uint64_t stored = htole64(word);
            memcpy(at, &stored, sizeof stored);
            at += sizeof stored;
            used -= 64;
            word = used ? fields[i] >> (width - used) : 0;
        }
    }
    uint64_t stored = htole64(word);
    memcpy(at, &stored, sizeof stored);
    out->len += len;
}

/* Positions, then values. */
static void write_patches(const uint64_t *residuals, unsigned count, const struct pack_plan *plan,
                          struct bytes *out)
{
    uint64_t fields[CHUNK_BLOCK];
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        if (bits_of(residuals[i] - plan->base) > plan->width)
            fields[n++] = i;
    bytes_u8(out, (uint8_t)n);
    bytes_u8(out, (uint8_t)plan->patch_width);
    pack_fields(fields, n, CHUNK_PACK_POSITION_BITS, out);
    n = 0;
    for (unsigned i = 0; i < count; i++)
        if (bits_of(residuals[i] - plan->base) > plan->width)
            fields[n++] = zigzag_from(residuals[i], plan->base);
    pack_fields(fields, n, plan->patch_width, out);
}

static void write_block(const uint64_t *residuals, unsigned count, const struct pack_plan *plan,
                        uint64_t base_before, struct bytes *out)
{
    uint64_t fields[CHUNK_BLOCK];
    bytes_u8(out, (uint8_t)(plan->width | (plan->patch_count ? CHUNK_PACK_PATCHED : 0)));
    bytes_varint(out, zigzag_from(plan->base, base_before));
    if (plan->patch_count)
        write_patches(residuals, count, plan, out);
    for (unsigned i = 0; i < count; i++)
        fields[i] = residuals[i] - plan->base;
    for (unsigned i = 0; i < count && plan->patch_count; i++)
        fields[i] = bits_of(fields[i]) > plan->width ? 0 : fields[i];
    pack_fields(fields, count, plan->width, out);
}

void pack_write(const uint64_t *residuals, size_t count, const struct pack_plan *plans, struct bytes *out)
{
    uint64_t base = 0;
    for (size_t from = 0; from < count; from += CHUNK_BLOCK) {
        unsigned n = (unsigned)(count - from < CHUNK_BLOCK ? count - from : CHUNK_BLOCK);
        struct pack_plan plan;
        if (plans)
            plan = plans[from / CHUNK_BLOCK];
        else
            pack_plan_block(residuals + from, n, &plan);
        write_block(residuals + from, n, &plan, base, out);
        base = plan.base;
    }
}
