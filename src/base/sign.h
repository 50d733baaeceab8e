/*
 * sign: Standard Webhooks signatures (the specification's "symmetric" scheme, v1)
 * on what is sent.
 */
#ifndef LEADRELAY_BASE_SIGN_H
#define LEADRELAY_BASE_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"

/* Bytes of key the specification allows. */
#define SIGN_KEY_MIN 24
#define SIGN_KEY_MAX 64

/*
 * Can every line of ${secrets} be used: "whsec_" (optional) and base64 of 24 to
 * 64 bytes?  NULL, or a constant phrase.
 */
const char *sign_check(const struct secret_list *secrets);

/*
 * Append the value of webhook-signature for the message ${id} sent at
 * ${timestamp_s} (seconds since 1970): "v1,…" for each secret, blank between, so
 * that a receiver may rotate.  ${id} has no full stop in it.  0, or -1 when a
 * secret cannot be used or memory ran out.
 */
int sign_message(const struct secret_list *secrets, const char *id,
    int64_t timestamp_s, const char *body, size_t len, struct buf *out);

#endif
