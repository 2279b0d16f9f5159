/* From bytes to libyaml's document tree, with the faults that need no knowledge of settings: syntax, size,
 * nesting, and those parts of YAML that a configuration does without (aliases, anchors, tags, documents). */
#ifndef TM_CONFIG_YAML_H
#define TM_CONFIG_YAML_H

#include <yaml.h>

#include "server/config/config_fault.h"

enum { YAML_TEXT_MAX_BYTES = 1 << 20, YAML_DEPTH_MAX = 16 };

/* Loads text. Faults are added; *loaded says whether there is a tree to walk (the caller deletes it). An
 * empty text gives a tree without root. TM_NOMEM. */
enum tm_err yaml_load(struct str text, yaml_document_t *out, bool *loaded,
                      struct config_faults *faults) TM_MUST_CHECK;

/* Where the node begins. */
struct place yaml_place(const yaml_node_t *node);

/* The text of a scalar; a view into the document. */
struct str yaml_text(const yaml_node_t *scalar);

/* Is it a plain scalar that stands for nothing: empty, ~ or null? */
bool yaml_is_null(const yaml_node_t *node);

/* The value that the mapping has under key, NULL without one. */
const yaml_node_t *yaml_child(yaml_document_t *document, const yaml_node_t *mapping, const char *key);

/* "a list", "a mapping" or "a single value". */
const char *yaml_kind(const yaml_node_t *node);

#endif
