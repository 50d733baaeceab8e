#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define PHRASE_CONTROL "control character in a string"
#define PHRASE_UTF8 "bad UTF-8"
#define PHRASE_ESCAPE "bad escape"
#define PHRASE_SURROGATE "lone surrogate"
#define PHRASE_NUMBER "bad number"
#define PHRASE_END "unexpected end of text"
#define PHRASE_UNEXPECTED "unexpected character"
#define PHRASE_TWICE "duplicate member name"
#define PHRASE_DEEP "nested too deep"
#define PHRASE_OBJECT "not a JSON object"
#define PHRASE_AFTER "text after the object"
#define PHRASE_NUL "NUL in a member name"

/* Scan a copy that ends where its memory does, so that a sanitizer sees overreading. */
static const char *
scan(const char *text, size_t len, size_t *at)
{
	char *copy = malloc(len + (len == 0));
	const char *fault;

	assert_non_null(copy);
	memcpy(copy, text, len);
	fault = json_scan(copy, len, NULL, 0, at);
	free(copy);
	return fault;
}

struct refusal {
	const char *text;
	size_t len;			/* 0: strlen */
	const char *fault;
	size_t at;
};
#define BYTES(s) s, sizeof(s) - 1

static const struct refusal refusals[] = {
	/* no object */
	{ "", 0, PHRASE_OBJECT, 0 },
	{ " \n", 0, PHRASE_OBJECT, 2 },
	{ "[]", 0, PHRASE_OBJECT, 0 },
	{ "1", 0, PHRASE_OBJECT, 0 },
	{ "null", 0, PHRASE_OBJECT, 0 },
	{ "\"a\"", 0, PHRASE_OBJECT, 0 },
	{ "\xef\xbb\xbf{}", 0, PHRASE_OBJECT, 0 },
	{ "\f{}", 0, PHRASE_OBJECT, 0 },
	{ "\xc2\xa0{}", 0, PHRASE_OBJECT, 0 },
	{ "/**/{}", 0, PHRASE_OBJECT, 0 },
	{ BYTES("\0{}"), PHRASE_OBJECT, 0 },
	{ BYTES("{\0\"\0a\0\"\0:\0001\0}\0"), PHRASE_UNEXPECTED, 1 },	/* UTF-16 */
	/* structure */
	{ "{", 0, PHRASE_END, 1 },
	{ "{ ", 0, PHRASE_END, 2 },
	{ "}", 0, PHRASE_OBJECT, 0 },
	{ "{]", 0, PHRASE_UNEXPECTED, 1 },
	{ "{,}", 0, PHRASE_UNEXPECTED, 1 },
	{ "{a:1}", 0, PHRASE_UNEXPECTED, 1 },
	{ "{'a':1}", 0, PHRASE_UNEXPECTED, 1 },
	{ "{1:1}", 0, PHRASE_UNEXPECTED, 1 },
	{ "{null:1}", 0, PHRASE_UNEXPECTED, 1 },
	{ "{\"a\"", 0, PHRASE_END, 4 },
	{ "{\"a\"}", 0, PHRASE_UNEXPECTED, 4 },
	{ "{\"a\" 1}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\",1}", 0, PHRASE_UNEXPECTED, 4 },
	{ "{\"a\"::1}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":", 0, PHRASE_END, 5 },
	{ "{\"a\":}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":1", 0, PHRASE_END, 6 },
	{ "{\"a\":1,", 0, PHRASE_END, 7 },
	{ "{\"a\":1,}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":1,,\"b\":2}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":1 \"b\":2}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":1]", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":1 2}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":[}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":[1}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":[,1]}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":[1,]}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":[1,,2]}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":[1 2]}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":[1:2]}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":[", 0, PHRASE_END, 6 },
	{ "{\"a\":[1", 0, PHRASE_END, 7 },
	{ "{\"a\":[1,", 0, PHRASE_END, 8 },
	{ "{\"a\":[[]", 0, PHRASE_END, 8 },
	{ "{}{}", 0, PHRASE_AFTER, 2 },
	{ "{}}", 0, PHRASE_AFTER, 2 },
	{ "{} x", 0, PHRASE_AFTER, 3 },
	{ "{},", 0, PHRASE_AFTER, 2 },
	{ "{}#", 0, PHRASE_AFTER, 2 },
	{ "{}//", 0, PHRASE_AFTER, 2 },
	{ BYTES("{}\0"), PHRASE_AFTER, 2 },
	{ BYTES("{}\0{}"), PHRASE_AFTER, 2 },
	{ "{/**/}", 0, PHRASE_UNEXPECTED, 1 },
	{ "{\"a\":/**/1}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":1\f}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":\xc2\xa0" "1}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":\xe2\x81\xa0" "1}", 0, PHRASE_UNEXPECTED, 5 },
	/* literals */
	{ "{\"a\":True}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":TRUE}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":tru}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":truex}", 0, PHRASE_UNEXPECTED, 9 },
	{ "{\"a\":true1}", 0, PHRASE_UNEXPECTED, 9 },
	{ "{\"a\":fals", 0, PHRASE_END, 9 },
	{ "{\"a\":nul}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":nan}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":NaN}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":Infinity}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":-Infinity}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":undefined}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":*}", 0, PHRASE_UNEXPECTED, 5 },
	/* numbers */
	{ "{\"a\":-}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":--1}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":+1}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":- 1}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":01}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":-01}", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":00}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":.5}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":-.5}", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":1.}", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":1.e1}", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":1.2.3}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":1e}", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":1e+}", 0, PHRASE_NUMBER, 8 },
	{ "{\"a\":1e+-1}", 0, PHRASE_NUMBER, 8 },
	{ "{\"a\":1e-+1}", 0, PHRASE_NUMBER, 8 },
	{ "{\"a\":1E.5}", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":1e1.5}", 0, PHRASE_UNEXPECTED, 8 },
	{ "{\"a\":1ee1}", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":0x10}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":1_000}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":1,000}", 0, PHRASE_UNEXPECTED, 7 },
	{ "{\"a\":1a}", 0, PHRASE_UNEXPECTED, 6 },
	{ "{\"a\":1", 0, PHRASE_END, 6 },
	{ "{\"a\":-", 0, PHRASE_NUMBER, 6 },
	{ "{\"a\":1e", 0, PHRASE_NUMBER, 7 },
	{ "{\"a\":\xef\xbc\x91}", 0, PHRASE_UNEXPECTED, 5 },	/* full-width 1 */
	/* strings */
	{ "{\"a\":\"", 0, PHRASE_END, 6 },
	{ "{\"a\":\"x", 0, PHRASE_END, 7 },
	{ "{\"a", 0, PHRASE_END, 3 },
	{ "{\"a\":'x'}", 0, PHRASE_UNEXPECTED, 5 },
	{ "{\"a\":\"x\ny\"}", 0, PHRASE_CONTROL, 7 },
	{ "{\"a\":\"\t\"}", 0, PHRASE_CONTROL, 6 },
	{ "{\"a\":\"\x1f\"}", 0, PHRASE_CONTROL, 6 },
	{ BYTES("{\"a\":\"\0\"}"), PHRASE_CONTROL, 6 },
	{ "{\"a\n\":1}", 0, PHRASE_CONTROL, 3 },
	{ "{\"a\":\"\\", 0, PHRASE_END, 6 },
	{ "{\"a\":\"\\\"", 0, PHRASE_END, 8 },
	{ "{\"a\":\"\\x41\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\a\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\'\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\0\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\U0041\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\\n\"}", 0, PHRASE_ESCAPE, 6 },
	{ BYTES("{\"a\":\"\\\0\"}"), PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\\xc3\xa9\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\u\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\u00A\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\u00G0\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\u+041\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\u 041\"}", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\u004", 0, PHRASE_ESCAPE, 6 },
	{ "{\"a\":\"\\ud800\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\uDBFF\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\udc00\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\udfff\\ud800\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\udc00\\udc00\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\ud800\\ud800\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\ud800\\u0041\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\ud800\\n12345\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\ud800x\\udc00\"}", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\ud800\\udc0", 0, PHRASE_SURROGATE, 6 },
	{ "{\"a\":\"\\ud800\\u", 0, PHRASE_SURROGATE, 6 },
	/* UTF-8 */
	{ "{\"a\":\"\x80\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xbf\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xc0\xaf\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xc1\xbf\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xc3\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xc3(\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xe0\x9f\xbf\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xe2\x82\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xed\xa0\x80\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xed\xbf\xbf\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xf0\x8f\xbf\xbf\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xf0\x9f\x98\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xf4\x90\x80\x80\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xf5\x80\x80\x80\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xf8\x88\x80\x80\x80\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xff\"}", 0, PHRASE_UTF8, 6 },
	{ "{\"a\":\"\xe9t\xe9\"}", 0, PHRASE_UTF8, 6 },	/* Latin-1 */
	{ "{\"a\":\"\xf0\x9f", 0, PHRASE_UTF8, 6 },
	{ "{\"\xff\":1}", 0, PHRASE_UTF8, 2 },
	/* names */
	{ "{\"a\":1,\"a\":1}", 0, PHRASE_TWICE, 7 },
	{ "{\"a\":1,\"b\":2,\"a\":3}", 0, PHRASE_TWICE, 13 },
	{ "{\"\":1,\"\":1}", 0, PHRASE_TWICE, 6 },
	{ "{\"a\":1,\"\\u0061\":1}", 0, PHRASE_TWICE, 7 },
	{ "{\"\\u0061\":1,\"a\":1}", 0, PHRASE_TWICE, 12 },
	{ "{\"/\":1,\"\\/\":1}", 0, PHRASE_TWICE, 7 },
	{ "{\"\\n\":1,\"\\u000a\":1}", 0, PHRASE_TWICE, 8 },
	{ "{\"\\u000A\":1,\"\\u000a\":1}", 0, PHRASE_TWICE, 12 },
	{ "{\"\xc3\xa9\":1,\"\\u00e9\":1}", 0, PHRASE_TWICE, 8 },
	{ "{\"\xe2\x82\xac\":1,\"\\u20aC\":1}", 0, PHRASE_TWICE, 9 },
	{ "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}", 0, PHRASE_TWICE, 10 },
	{ "{\"x\":{\"a\":1,\"a\":1}}", 0, PHRASE_TWICE, 12 },
	{ "{\"x\":[{\"a\":{\"b\":1},\"a\":1}]}", 0, PHRASE_TWICE, 19 },
	{ "{\"a\\u0000\":1}", 0, PHRASE_NUL, 1 },
	{ "{\"data\":1,\"data\\u0000x\":2}", 0, PHRASE_NUL, 10 },
};

static void
refuses(void **state)
{
	size_t i, at;

	(void)state;
	for (i = 0; i < COUNT(refusals); i++) {
		const struct refusal *t = &refusals[i];
		const char *fault;

		at = 999;
		fault = scan(t->text, t->len > 0 ? t->len : strlen(t->text), &at);
		if (fault == NULL || strcmp(fault, t->fault) != 0 || at != t->at)
			fail_msg("%s: %s at %zu, not %s at %zu", t->text,
			    fault != NULL ? fault : "accepted", at, t->fault, t->at);
	}
}

static const char *const accepted[] = {
	"{}", " \t\r\n{ \t\r\n} \t\r\n",
	"{\"\":0}", "{\"a\":{}}", "{\"a\":[]}", "{\"a\":[ ]}", "{\"a\" : [ 1 , 2 ] }",
	"{\"a\":true,\"b\":false,\"c\":null}", "{\"a\":[true,false,null,0,\"\"]}",
	"{\"a\":{\"a\":{\"a\":1}}}",		/* same name, different objects */
	"{\"a\":[{\"b\":1},{\"b\":1}],\"b\":1}",
	"{\"a\":1,\"A\":2,\"aa\":3,\"\":4,\" \":5}",
	"{\"ab\":1,\"ba\":2}",
	"{\"a\":0}", "{\"a\":-0}", "{\"a\":0.0}", "{\"a\":-0.0e-0}", "{\"a\":10}",
	"{\"a\":1e1}", "{\"a\":1E+2}", "{\"a\":1.5e-3}", "{\"a\":0e1}",
	"{\"a\":1e999999999999999999999}", "{\"a\":123456789012345678901234567890}",
	"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "{\"a\":\"\\u0000\"}",
	"{\"a\":\"\\u00e9\\uFFFF\\uabCD\"}", "{\"a\":\"\\ud83d\\ude00\"}",
	"{\"a\":\"\\uDBFF\\uDFFF\"}", "{\"a\":\"\\\\u0041\"}", "{\"a\":\"\\\\ud800\"}",
	"{\"a\":\"\x7f\"}", "{\"a\":\"\xc2\x80\xdf\xbf\"}",
	"{\"a\":\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"}",
	"{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}",
	"{\"a\":\"\xef\xbb\xbf\"}", "{\"a\":\"\xe2\x80\xa8\"}",
	"{\"\\u0061\":1,\"\\u0062\":2}", "{\"\\ud83d\\ude00\":1,\"\\ud83d\\ude01\":1}",
	"{\"a\":\"// no /* comment */\"}",
};

static void
accepts(void **state)
{
	size_t i, at;
	const char *fault;

	(void)state;
	for (i = 0; i < COUNT(accepted); i++) {
		fault = scan(accepted[i], strlen(accepted[i]), &at);
		if (fault != NULL)
			fail_msg("%s: %s at %zu", accepted[i], fault, at);
	}
}

/* Whatever is cut off an object's end is missed. */
static void
refuses_every_prefix(void **state)
{
	static const char whole[] =
	    "{\"a\":[1.5e+3,true,{\"\\u00e9\\n\":\"\\ud83d\\ude00\xe2\x82\xac\"}],\"b\":null}";
	size_t len, at;

	(void)state;
	assert_null(scan(whole, sizeof(whole) - 1, &at));
	for (len = 0; len < sizeof(whole) - 1; len++) {
		assert_non_null(scan(whole, len, &at));
		assert_true(at <= len);
	}
}

/* Of the 256 bytes that can stand in each place, only the right ones pass. */
static void
refuses_every_wrong_byte(void **state)
{
	char text[] = "{\"a\":1}";
	size_t i, at, passed;
	int c;
	char was;

	(void)state;
	/* '{', quote, name (all ASCII but controls, quote, backslash), …, ten digits, '}' */
	static const size_t expected[] = { 1, 1, 128 - 32 - 2, 1, 1, 10, 1 };
	for (i = 0; i < sizeof(text) - 1; i++) {
		was = text[i];
		for (passed = 0, c = 0; c < 256; c++) {
			text[i] = (char)c;
			passed += scan(text, sizeof(text) - 1, &at) == NULL;
		}
		text[i] = was;
		assert_int_equal(passed, expected[i]);
	}
}

static void
nest(char *text, int depth, const char *inside)
{
	int i;

	strcpy(text, "{\"a\":");
	for (i = 1; i < depth; i++)
		strcat(text, "[");
	strcat(text, inside);
	for (i = 1; i < depth; i++)
		strcat(text, "]");
	strcat(text, "}");
}

static void
bounds_depth(void **state)
{
	char text[256];
	size_t at;

	(void)state;
	nest(text, JSON_MAX_DEPTH, "");
	assert_null(scan(text, strlen(text), &at));
	nest(text, JSON_MAX_DEPTH, "1");
	assert_null(scan(text, strlen(text), &at));
	nest(text, JSON_MAX_DEPTH, "{}");
	assert_string_equal(scan(text, strlen(text), &at), PHRASE_DEEP);
	assert_int_equal(at, 5 + JSON_MAX_DEPTH - 1);
	nest(text, JSON_MAX_DEPTH + 1, "");
	assert_string_equal(scan(text, strlen(text), &at), PHRASE_DEEP);
}

static void
locates_wanted(void **state)
{
	static const char text[] = " { \"x\" : {\"data\":1} , \"d\\u0061ta\"\n:\t"
	    "{ \"data\" : [ ] } , \"jti\":\"a\\\"}\",\"n\": -1.5e3 }";
	struct json_member m[] = {
		{ "data", NULL, 0 }, { "jti", NULL, 0 }, { "n", NULL, 0 },
		{ "absent", "junk", 4 }
	};
	size_t at;

	(void)state;
	assert_null(json_scan(text, sizeof(text) - 1, m, COUNT(m), &at));
	assert_int_equal(m[0].len, strlen("{ \"data\" : [ ] }"));
	assert_memory_equal(m[0].value, "{ \"data\" : [ ] }", m[0].len);
	assert_int_equal(m[1].len, strlen("\"a\\\"}\""));
	assert_memory_equal(m[1].value, "\"a\\\"}\"", m[1].len);
	assert_int_equal(m[2].len, strlen("-1.5e3"));
	assert_memory_equal(m[2].value, "-1.5e3", m[2].len);
	assert_null(m[3].value);

	/* nothing half located */
	assert_non_null(json_scan("{\"data\":1,", 10, m, COUNT(m), &at));
	assert_null(m[0].value);
}

/* ${count} names, the last one like the ${same}-th (or none like another). */
static char *
many_names(size_t count, size_t same, size_t *len)
{
	char *text = malloc(count * 16 + 2), *p = text;
	size_t i;

	assert_non_null(text);
	*p++ = '{';
	for (i = 0; i < count; i++)
		p += sprintf(p, "\"%zx\":1,", i + 1 == count && same < count ? same : i);
	p[-1] = '}';
	*len = (size_t)(p - text);
	return text;
}

/* On both sides of what is compared by pairs, and of what needs memory. */
static void
finds_repeats_among_many(void **state)
{
	static const size_t counts[] = { 2, 63, 64, 65, 66, 95, 96, 97, 192, 193, 20000 };
	size_t i, len, at;
	const char *fault;
	char *text;

	(void)state;
	for (i = 0; i < COUNT(counts); i++) {
		text = many_names(counts[i], counts[i], &len);
		assert_null(scan(text, len, &at));
		free(text);
		text = many_names(counts[i], counts[i] / 3, &len);
		fault = scan(text, len, &at);
		assert_non_null(fault);
		assert_string_equal(fault, PHRASE_TWICE);
		assert_int_equal(text[at], '"');
		assert_null(memchr(text + at, ',', len - at));	/* the last one */
		free(text);
	}
}

/* Names with escapes keep their own bytes until their object closes. */
static void
tells_escaped_names_apart(void **state)
{
	static const size_t counts[] = { 2, 64, 65, 97 };
	char text[2048], *p;
	size_t i, j, at;

	(void)state;
	for (i = 0; i < COUNT(counts); i++) {
		p = text + sprintf(text, "{\"\\u0040\":0");
		for (j = 1; j < counts[i]; j++)
			p += sprintf(p, ",\"\\u%04zx\":0", 0x40 + j * 7);
		strcpy(p, "}");
		assert_null(scan(text, strlen(text), &at));
		strcpy(p, ",\"@\":0}");
		assert_string_equal(scan(text, strlen(text), &at), PHRASE_TWICE);
		assert_int_equal(at, (size_t)(p - text) + 1);
	}
}

/* An outer object keeps its names while inner ones come and go. */
static void
keeps_names_of_outer_objects(void **state)
{
	char *inner, *text;
	size_t len, at;

	(void)state;
	inner = many_names(5000, 5000, &len);
	text = malloc(len + 64);
	assert_non_null(text);
	len = (size_t)sprintf(text, "{\"a\":1,\"b\":%.*s,\"a\":2}", (int)len, inner);
	assert_string_equal(scan(text, len, &at), PHRASE_TWICE);
	assert_int_equal(at, len - 6);
	free(text);
	free(inner);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(refuses_every_wrong_byte),
		cmocka_unit_test(bounds_depth),
		cmocka_unit_test(finds_repeats_among_many),
		cmocka_unit_test(tells_escaped_names_apart),
		cmocka_unit_test(keeps_names_of_outer_objects),
		cmocka_unit_test(accepts),
		cmocka_unit_test(locates_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
