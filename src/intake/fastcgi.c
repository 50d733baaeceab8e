/*
 * A record goes through three steps: its header (open_record says where the content
 * goes), its content (take_content), and its end (close_record), behind the padding.
 */
#include "intake/fastcgi.h"

#include <fastcgi.h>
#include <string.h>

#include "base/buf.h"

/* Where a record's content goes. */
enum sink { SINK_DROP, SINK_SMALL, SINK_PARAMS, SINK_BODY };

/* Fields of a record's header (FastCGI 1.0 section 3.3). */
enum { HEAD_VERSION, HEAD_TYPE, HEAD_ID_HIGH, HEAD_ID_LOW, HEAD_CONTENT_HIGH,
    HEAD_CONTENT_LOW, HEAD_PADDING };

static uint16_t
record_id(const struct fastcgi *f)
{
	return (uint16_t)(f->head[HEAD_ID_HIGH] << 8 | f->head[HEAD_ID_LOW]);
}

static uint16_t
record_length(const struct fastcgi *f)
{
	return (uint16_t)(f->head[HEAD_CONTENT_HIGH] << 8 |
	    f->head[HEAD_CONTENT_LOW]);
}

/* Append a record with ${len} bytes of content, at most FCGI_MAX_LENGTH. */
static void
put_record(struct buf *out, uint8_t type, uint16_t id, const void *content,
    size_t len)
{
	const uint8_t head[FCGI_HEADER_LEN] = {
		[HEAD_VERSION] = FCGI_VERSION_1,
		[HEAD_TYPE] = type,
		[HEAD_ID_HIGH] = (uint8_t)(id >> 8),
		[HEAD_ID_LOW] = (uint8_t)id,
		[HEAD_CONTENT_HIGH] = (uint8_t)(len >> 8),
		[HEAD_CONTENT_LOW] = (uint8_t)len,
	};

	buf_add(out, head, sizeof(head));
	buf_add(out, content, len);
}

static void
put_end(struct buf *out, uint16_t id, uint8_t status)
{
	const uint8_t body[8] = { [4] = status };

	put_record(out, FCGI_END_REQUEST, id, body, sizeof(body));
}

/*
 * Take one length of a name-value pair (section 3.4): one byte, or four with
 * the highest bit set.  False when the bytes do not suffice.
 */
static bool
take_length(const uint8_t **at, const uint8_t *end, size_t *length)
{
	const uint8_t *p = *at;

	if (p == end)
		return false;
	if (*p < 0x80) {
		*length = *p;
		*at = p + 1;
		return true;
	}
	if (end - p < 4)
		return false;
	*length = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	    (size_t)p[2] << 8 | p[3];
	*at = p + 4;
	return true;
}

/*
 * Take a name-value pair: on return *at is behind it.  The comparisons are
 * between what is left and one length at a time, so that no sum can overflow.
 */
static bool
take_pair(const uint8_t **at, const uint8_t *end, const uint8_t **name,
    size_t *name_len, size_t *value_len)
{
	if (!take_length(at, end, name_len) || !take_length(at, end, value_len) ||
	    *name_len > (size_t)(end - *at) ||
	    *value_len > (size_t)(end - *at) - *name_len)
		return false;
	*name = *at;
	*at += *name_len + *value_len;
	return true;
}

/* Could this pair be an environment variable?  Others are left out. */
static bool
pair_is_sound(const uint8_t *name, size_t name_len, size_t value_len)
{
	return name_len > 0 && memchr(name, '=', name_len) == NULL &&
	    memchr(name, '\0', name_len + value_len) == NULL;
}

/*
 * Turn the pairs into "NAME=VALUE" strings where they stand: a pair's two
 * lengths take at least two bytes, the '=' and the NUL exactly two.
 */
static bool
decode_params(struct fastcgi *f)
{
	const uint8_t *at, *end, *name;
	size_t name_len, value_len, count = 0;
	char *text;

	buf_add(&f->pairs, "", 0);		/* so that there is memory to point to */
	if (!buf_ok(&f->pairs))
		return false;
	at = (const uint8_t *)f->pairs.data;
	end = at + f->pairs.len;
	while (!f->params_too_large && at != end) {
		text = f->pairs.data + (at - (const uint8_t *)f->pairs.data);
		if (!take_pair(&at, end, &name, &name_len, &value_len))
			return false;
		if (!pair_is_sound(name, name_len, value_len))
			continue;
		if (count++ == FASTCGI_PAIRS_MAX)
			f->params_too_large = true;
		memmove(text, name, name_len);
		text[name_len] = '=';
		memmove(text + name_len + 1, name + name_len, value_len);
		text[name_len + 1 + value_len] = '\0';
		buf_add(&f->list, &text, sizeof(text));
	}
	if (f->params_too_large)
		buf_reset(&f->list);
	text = NULL;
	buf_add(&f->list, &text, sizeof(text));
	f->params = (char **)(void *)f->list.data;
	return buf_ok(&f->list);
}

/* FCGI_BEGIN_REQUEST: start a request, or refuse it. */
static enum fastcgi_step
begin_request(struct fastcgi *f)
{
	uint16_t id = record_id(f);
	int role = f->small[0] << 8 | f->small[1];

	if (f->phase != FASTCGI_IDLE) {
		if (id == f->id)
			return FASTCGI_CLOSE;
		put_end(&f->reply, id, FCGI_CANT_MPX_CONN);
		return FASTCGI_MORE;
	}
	if (role != FCGI_RESPONDER) {
		put_end(&f->reply, id, FCGI_UNKNOWN_ROLE);
		return FASTCGI_CLOSE;
	}
	f->id = id;
	f->keep = (f->small[2] & FCGI_KEEP_CONN) != 0;
	f->phase = FASTCGI_PARAMS;
	return FASTCGI_MORE;
}

/* FCGI_ABORT_REQUEST: forget the request, say so, go on if the peer wants that. */
static enum fastcgi_step
abort_request(struct fastcgi *f)
{
	bool keep = f->keep;

	put_end(&f->reply, f->id, FCGI_REQUEST_COMPLETE);
	fastcgi_next(f, SIZE_MAX);
	return keep ? FASTCGI_MORE : FASTCGI_CLOSE;
}

/* FCGI_GET_VALUES: name what we know, each once however often it was asked for. */
static void
answer_values(struct fastcgi *f)
{
	static const struct {
		const char *name;
		const char *value;
	} known[] = {
		{ FCGI_MAX_CONNS, "1024" },
		{ FCGI_MAX_REQS, "1024" },
		{ FCGI_MPXS_CONNS, "0" },
	};
	const uint8_t *at = f->small, *end = f->small + f->small_len, *name;
	size_t name_len, value_len, i;
	struct buf result = { 0 };
	bool said[sizeof(known) / sizeof(known[0])] = { false };

	while (take_pair(&at, end, &name, &name_len, &value_len)) {
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (said[i] || name_len != strlen(known[i].name) ||
			    memcmp(name, known[i].name, name_len) != 0)
				continue;
			said[i] = true;
			buf_putc(&result, (char)name_len);
			buf_putc(&result, (char)strlen(known[i].value));
			buf_puts(&result, known[i].name);
			buf_puts(&result, known[i].value);
		}
	}
	put_record(&f->reply, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID,
	    result.data, result.len);
	buf_free(&result);
}

/*
 * What to do with a record of a stream: is it for the request under way, to be
 * ignored (it belongs to a request that was refused, or comes late for one that
 * is done: section 3.3), or out of order?
 */
static enum fastcgi_step
open_stream(struct fastcgi *f, enum fastcgi_phase phase, enum sink sink)
{
	bool mine = record_id(f) == f->id;

	if (f->phase == FASTCGI_IDLE ? !mine : mine && f->phase != phase)
		return FASTCGI_CLOSE;
	f->sink = mine && f->phase == phase ? sink : SINK_DROP;
	return FASTCGI_MORE;
}

/* A record's header is whole. */
static enum fastcgi_step
open_record(struct fastcgi *f)
{
	uint8_t type = f->head[HEAD_TYPE];

	if (f->head[HEAD_VERSION] != FCGI_VERSION_1)
		return FASTCGI_CLOSE;
	f->content_left = record_length(f);
	f->padding_left = f->head[HEAD_PADDING];
	f->small_len = 0;
	f->sink = SINK_SMALL;
	if (record_id(f) == FCGI_NULL_REQUEST_ID)
		return type == FCGI_GET_VALUES || type > FCGI_DATA ?
		    FASTCGI_MORE : FASTCGI_CLOSE;
	switch (type) {
	case FCGI_BEGIN_REQUEST:
		return f->content_left == 8 ? FASTCGI_MORE : FASTCGI_CLOSE;
	case FCGI_ABORT_REQUEST:
		return FASTCGI_MORE;
	case FCGI_PARAMS:
		return open_stream(f, FASTCGI_PARAMS, SINK_PARAMS);
	case FCGI_STDIN:
		return open_stream(f, FASTCGI_STDIN, SINK_BODY);
	default:
		return FASTCGI_CLOSE;
	}
}

/* A record has been read to its end. */
static enum fastcgi_step
close_record(struct fastcgi *f)
{
	const uint8_t unknown[8] = { f->head[HEAD_TYPE] };
	bool ends_stream = record_length(f) == 0;

	if (record_id(f) == FCGI_NULL_REQUEST_ID) {
		if (f->head[HEAD_TYPE] == FCGI_GET_VALUES)
			answer_values(f);
		else
			put_record(&f->reply, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID,
			    unknown, sizeof(unknown));
		return FASTCGI_MORE;
	}
	switch (f->head[HEAD_TYPE]) {
	case FCGI_BEGIN_REQUEST:
		return begin_request(f);
	case FCGI_ABORT_REQUEST:
		return f->phase != FASTCGI_IDLE && record_id(f) == f->id ?
		    abort_request(f) : FASTCGI_MORE;
	case FCGI_PARAMS:
		if (f->sink != SINK_PARAMS || !ends_stream)
			return FASTCGI_MORE;
		f->phase = FASTCGI_STDIN;
		return decode_params(f) ? FASTCGI_MORE : FASTCGI_CLOSE;
	default:
		return f->sink == SINK_BODY && ends_stream ?
		    FASTCGI_REQUEST : FASTCGI_MORE;
	}
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Take ${len} bytes of a record's content.  False: out of memory. */
static bool
take_content(struct fastcgi *f, const uint8_t *bytes, size_t len)
{
	switch ((enum sink)f->sink) {
	case SINK_SMALL:
		len = least(len, sizeof(f->small) - f->small_len);
		memcpy(f->small + f->small_len, bytes, len);
		f->small_len += len;
		return true;
	case SINK_PARAMS:
		if (len > FASTCGI_PARAMS_MAX - f->pairs.len)
			f->params_too_large = true;
		if (!f->params_too_large)
			buf_add(&f->pairs, bytes, len);
		return buf_ok(&f->pairs);
	case SINK_BODY:
		f->body_total += len;
		buf_add(&f->body, bytes, least(len, f->body_keep - f->body.len));
		return buf_ok(&f->body);
	case SINK_DROP:
		break;
	}
	return true;
}

enum fastcgi_step
fastcgi_feed(struct fastcgi *f, const uint8_t *bytes, size_t len, size_t *used)
{
	enum fastcgi_step step = FASTCGI_MORE;
	size_t at, n;

	for (at = 0; at < len && step == FASTCGI_MORE; at += n) {
		if (f->head_len < FCGI_HEADER_LEN) {
			n = least(len - at, (size_t)FCGI_HEADER_LEN - f->head_len);
			memcpy(f->head + f->head_len, bytes + at, n);
			f->head_len = (uint8_t)(f->head_len + n);
			if (f->head_len < FCGI_HEADER_LEN)
				continue;
			step = open_record(f);
		} else if (f->content_left > 0) {
			n = least(len - at, f->content_left);
			if (!take_content(f, bytes + at, n))
				step = FASTCGI_CLOSE;
			f->content_left = (uint16_t)(f->content_left - n);
		} else {
			n = least(len - at, f->padding_left);
			f->padding_left = (uint8_t)(f->padding_left - n);
		}
		if (step == FASTCGI_MORE && f->content_left == 0 &&
		    f->padding_left == 0) {
			f->head_len = 0;
			step = close_record(f);
		}
	}
	*used = at;
	return step;
}

bool
fastcgi_begun(const struct fastcgi *f)
{
	return f->phase != FASTCGI_IDLE || f->head_len > 0;
}

void
fastcgi_answer(const struct fastcgi *f, const char *text, size_t len,
    struct buf *out)
{
	size_t n;

	for (; len > 0; text += n, len -= n) {
		n = least(len, FCGI_MAX_LENGTH);
		put_record(out, FCGI_STDOUT, f->id, text, n);
	}
	put_record(out, FCGI_STDOUT, f->id, NULL, 0);
	put_end(out, f->id, FCGI_REQUEST_COMPLETE);
}

void
fastcgi_empty(struct buf *b, size_t spare)
{
	if (b->cap > spare)
		buf_free(b);
	else
		buf_reset(b);
}

void
fastcgi_init(struct fastcgi *f, size_t body_keep)
{
	*f = (struct fastcgi){ .body_keep = body_keep };
}

void
fastcgi_next(struct fastcgi *f, size_t spare)
{
	fastcgi_empty(&f->pairs, spare);
	fastcgi_empty(&f->body, spare);
	fastcgi_empty(&f->list, spare);
	f->params = NULL;
	f->params_too_large = false;
	f->body_total = 0;
	f->keep = false;
	f->phase = FASTCGI_IDLE;
}

void
fastcgi_reset(struct fastcgi *f, size_t spare)
{
	fastcgi_next(f, spare);
	fastcgi_empty(&f->reply, spare);
	f->id = 0;
	f->head_len = 0;
	f->content_left = 0;
	f->padding_left = 0;
}

void
fastcgi_free(struct fastcgi *f)
{
	buf_free(&f->pairs);
	buf_free(&f->body);
	buf_free(&f->reply);
	buf_free(&f->list);
	*f = (struct fastcgi){ 0 };
}
