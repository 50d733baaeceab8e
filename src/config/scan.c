/*
 * Tokens are read as libConfuse reads them and handed on as they are, but for names
 * and titles; the states are only as strict as that needs.
 */
#include "config/scan.h"

#include <stdbool.h>
#include <string.h>

#include "config/keys.h"

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_MARK };

/* What the next token ought to be.  Where it is not, libConfuse says so. */
enum state {
	WANT_SECTION,
	WANT_TITLE,
	WANT_BRACE,
	WANT_KEY,
	WANT_EQUALS,
	WANT_VALUE,
	WANT_FIRST,		/* in a list's braces */
	WANT_ITEM		/* or anything else there */
};

struct scan {
	char *p;
	char *end;
	struct fault_place at;
	struct buf *out;
	enum state state;
	const struct section *section;	/* the one we are in; NULL: unknown */
	const char *token;
	size_t token_len;
	int section_line;
	unsigned sections;	/* begun so far: no two are titled alike */
};

/* Characters that end a word (libConfuse's own list). */
static bool
ends_word(char c)
{
	return strchr(" #\"'\t\n\r={}()+,*", c) != NULL;
}

static bool
next_is(const struct scan *s, const char *str)
{
	size_t len = strlen(str);

	return (size_t)(s->end - s->p) >= len && memcmp(s->p, str, len) == 0;
}

/* Past blanks and comments, keeping the lines. */
static void
skip_blanks(struct scan *s)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '#' || next_is(s, "//") || next_is(s, "/*")) {
			if (*s->p != '#')
				fault_add(&s->at, "a comment begins with #");
			while (s->p < s->end && *s->p != '\n')
				s->p++;
			if (s->p == s->end)
				return;
		}
		if (*s->p == '\n')
			s->at.line++;
		else if (strchr(" \t\r", *s->p) == NULL)
			return;
		buf_putc(s->out, *s->p);
	}
}

/* A quoted string, which may run over lines.  False: it has no end. */
static bool
read_string(struct scan *s)
{
	struct fault_place begin = s->at;
	char quote = *s->p;

	for (s->p++; s->p < s->end && *s->p != quote; s->p++) {
		if (*s->p == '\n')
			s->at.line++;
		else if (quote == '"' && (next_is(s, "\\0") || next_is(s, "\\x0")))
			fault_add(&s->at, "no escape may begin with \\0 or \\x0");
		else if (quote == '"' && next_is(s, "${")) {
			fault_add(&s->at, "\"${...}\" is not expanded: write "
			    "\"\\${\" for these two characters");
			*s->p = '_';	/* nor shall libConfuse do it */
		} else if (*s->p == '\\' && s->p + 1 < s->end && *++s->p == '\n')
			s->at.line++;
	}
	if (s->p == s->end) {
		fault_add(&begin, "a string begins here and does not end");
		return false;
	}
	s->p++;
	return true;
}

static enum token
read_token(struct scan *s)
{
	enum token token = TOKEN_MARK;

	skip_blanks(s);
	s->token = s->p;
	if (s->p == s->end)
		return TOKEN_END;
	if (*s->p == '"' || *s->p == '\'') {
		token = read_string(s) ? TOKEN_STRING : TOKEN_END;
	} else if (!ends_word(*s->p)) {
		while (s->p < s->end && !ends_word(*s->p))
			s->p++;
		token = TOKEN_WORD;
	} else
		s->p += next_is(s, "+=") ? 2 : 1;
	s->token_len = (size_t)(s->p - s->token);
	return token;
}

/* Complain of what libConfuse's scanner would take for something else. */
static void
check_word(struct scan *s)
{
	char last = s->token[s->token_len - 1];

	if (last == ';')
		fault_add(&s->at, "a setting ends with its line, not with \";\"");
	if (last == '$' && next_is(s, "{")) {
		fault_add(&s->at, "\"${...}\" is not expanded");
		s->p += strcspn(s->p, "}\n");
		s->p += next_is(s, "}");
	}
	for (size_t i = 0; i < s->token_len; i++)
		if ((unsigned char)s->token[i] < ' ' || s->token[i] == 0x7f) {
			fault_add(&s->at, "a control character stands here");
			return;
		}
}

/* The section's line and number before its title; a title if it has none. */
static void
put_title(struct scan *s, enum token token)
{
	bool quoted = token == TOKEN_STRING;
	bool brace = token == TOKEN_MARK && *s->token == '{';

	++s->sections;
	if (quoted)
		buf_putc(s->out, *s->token);
	if (token != TOKEN_MARK || brace)
		buf_printf(s->out, "%s%d.%u:", brace ? " " : "", s->section_line,
		    s->sections);
	buf_add(s->out, s->token + quoted, s->token_len - quoted);
}

/* What may stand in a section, or at the top, for the message. */
static void
list_names(const struct scan *s, struct buf *names)
{
	bool top = s->state == WANT_SECTION;

	for (size_t i = 0; i < (top ? (size_t)SECTIONS : keys_count); i++)
		if (top || &keys_sections[keys_table[i].section] == s->section)
			buf_printf(names, "%s%s", names->len == 0 ? "" : ", ",
			    top ? keys_sections[i].name : keys_table[i].name);
}

/* A section's or key's name: itself if there is such a one. */
static void
put_name(struct scan *s)
{
	bool top = s->state == WANT_SECTION;
	struct buf names = { 0 };
	bool known;

	if (top) {
		s->section = keys_section(s->token, s->token_len);
		s->section_line = s->at.line;
		known = s->section != NULL;
	} else
		known = s->section != NULL && keys_find((enum section_id)
		    (s->section - keys_sections), s->token, s->token_len) != NULL;
	if (known) {
		buf_add(s->out, s->token, s->token_len);
		return;
	}
	buf_puts(s->out, SCAN_UNKNOWN);
	if (!top && s->section == NULL)
		return;			/* the section has been reported */
	list_names(s, &names);
	fault_add(&s->at, "unknown %s \"%.*s\"; expected one of: %s",
	    top ? "section" : "key", (int)s->token_len, s->token,
	    buf_ok(&names) ? names.data : "");
	buf_free(&names);
}

/* What to want after a token; ${mark} is 0 for a word or string. */
static enum state
next_state(enum state state, char mark)
{
	switch (state) {
	case WANT_BRACE:
		return mark == '{' ? WANT_KEY : state;
	case WANT_KEY:
		return mark == '}' ? WANT_SECTION : state;
	case WANT_EQUALS:
		return mark == '=' || mark == '+' ? WANT_VALUE : state;
	case WANT_VALUE:
		return mark == '{' ? WANT_FIRST : mark == '}' ? WANT_SECTION :
		    WANT_KEY;
	case WANT_FIRST:
	case WANT_ITEM:
		return mark == '}' ? WANT_KEY : WANT_ITEM;
	default:
		return state;
	}
}

/* Hand one token on, and know what comes next. */
static void
take_token(struct scan *s, enum token token)
{
	char mark = token == TOKEN_MARK ? *s->token : '\0';

	if (mark == '*' || (mark == '+' && s->token_len == 1)) {
		fault_add(&s->at, "\"%c\" may stand only in quotes", mark);
		return;				/* libConfuse would drop it, too */
	}
	if (token == TOKEN_WORD)
		check_word(s);
	if (token == TOKEN_WORD &&
	    (s->state == WANT_SECTION || s->state == WANT_KEY)) {
		put_name(s);
		s->state = s->state == WANT_KEY ? WANT_EQUALS : WANT_TITLE;
		return;
	}
	if (s->state == WANT_TITLE) {
		put_title(s, token);
		s->state = mark == '{' ? WANT_KEY : WANT_BRACE;
		return;
	}
	buf_add(s->out, s->token, s->token_len);
	if (s->state == WANT_FIRST && mark == '}')
		fault_add(&s->at, "a list must not be empty");
	s->state = next_state(s->state, mark);
}

void
scan_text(char *text, size_t len, struct fault_place at, struct buf *out)
{
	struct scan s = { .p = text, .end = text + len, .at = at, .out = out };
	enum token token;

	s.at.line = 1;
	if (next_is(&s, "\xef\xbb\xbf"))
		s.p += 3;
	while ((token = read_token(&s)) != TOKEN_END)
		take_token(&s, token);
	if (s.state == WANT_KEY) {	/* libConfuse takes this for an end */
		s.at.line = s.section_line;
		fault_add(&s.at, "a section begins here and is not closed with \"}\"");
	}
}
