/*
 * reply: what an answer of leadrelay says, as far as commands look into it.
 */
#ifndef LEADRELAY_CLI_REPLY_H
#define LEADRELAY_CLI_REPLY_H

struct buf;
struct json_object;

/* The member ${name} when it is a string, else NULL.  ${object} may be NULL. */
const char *reply_string(struct json_object *object, const char *name);

/*
 * "accepted", "duplicate", "probe", or what the problem's type ends in ("token-stale");
 * NULL for what is no answer of leadrelay's.
 */
const char *reply_word(struct json_object *object);

/*
 * Append a line for each rule that is broken, of the array that tells them: after
 * ${indent} where in the payload, after ${gap} what is wrong there.
 */
void reply_errors(struct buf *out, struct json_object *errors,
    const char *indent, const char *gap);

#endif
