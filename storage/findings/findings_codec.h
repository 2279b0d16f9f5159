/* Findings as bytes: a line of a batch, and a value of the catalog (storage/FORMAT.md). storage/ only. */
#ifndef TM_STORAGE_FINDINGS_CODEC_H
#define TM_STORAGE_FINDINGS_CODEC_H

#include "storage/findings/findings.h"
#include "storage/model/bytes.h"

/* Appends it as a line of a batch, whose time the event bears; out->failed without memory. */
void finding_encode(const struct finding *finding, struct bytes *out);
/* Views into line. TM_CORRUPT: this is none. */
enum tm_err finding_decode(time_ms_t time, struct str line, struct finding *out) TM_MUST_CHECK;

/* What packing and unpacking many needs; made when first needed. Zero-initialised is empty. */
struct finding_zip {
    struct ZSTD_CCtx_s *pack;
    struct ZSTD_DCtx_s *unpack;
};

/* Frees both contexts; it is empty then. */
void finding_zip_fini(struct finding_zip *zip);

/* Appends it as a value, without kind, id and time, which are in the key; out->failed without memory. */
void finding_pack(const struct finding *finding, struct finding_zip *zip, struct bytes *out);

/* A value as read. */
struct finding_packed {
    struct finding finding; /* but for body */
    bool is_packed;
    uint32_t body_len;
    struct str body; /* as it stands */
};
/* in: the value behind its checksum; key: kind, time and id, as its key says. Views into in. TM_CORRUPT: a
 * bound is not held. */
enum tm_err finding_unpack(const struct finding *key, struct cursor in,
                           struct finding_packed *out) TM_MUST_CHECK;
/* Appends the body. TM_CORRUPT, TM_NOMEM. */
enum tm_err finding_unpack_body(const struct finding_packed *packed, struct finding_zip *zip,
                                struct bytes *out) TM_MUST_CHECK;

/* Whether it is a wanted one, by all but kind and id. */
bool finding_matches(const struct finding *finding, const struct findings_wanted *wanted);
/* No wanted one begins before this time. */
time_ms_t findings_first_time(const struct findings_wanted *wanted);

#endif
