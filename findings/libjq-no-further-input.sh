#!/bin/sh
#
# libjq 1.6 (Debian 12): where there is no further input, `input` ends in an error
# whose message is "break", as if a label had been left.
#
# Guess before running it: it says "No more inputs"; a host that wants other words sets
# a callback with jq_set_input_cb() that returns an invalid value with its message.
#
# Seen: "break", with no callback and with one that returns an invalid value, and from
# jq(1) too.  A callback with a message of its own gets through to `input`; but then
# `inputs`, which ends at "break" and at nothing else, fails with that message instead
# of giving what came so far.  So a host has to let "break" pass, and find better words
# when a program ends with it.
#
# In builtin.c, f_input(), and builtin.jq, "def inputs".

set -eu

version=1.6-2.1+deb12u3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq download "libjq1=$version" "libjq-dev=$version" "jq=$version" libonig5=6.9.8-1 2>/dev/null
for package in *.deb; do
	dpkg -x "$package" root
done
library=$(dirname "$(find root -name libjq.so.1)")

cat >t.c <<'C'
#include <jq.h>
#include <stdio.h>

static jv
plain(jq_state *jq, void *arg)
{
	(void)jq;
	(void)arg;
	return jv_invalid();
}

static jv
own_words(jq_state *jq, void *arg)
{
	(void)jq;
	(void)arg;
	return jv_invalid_with_msg(jv_string("there is only one input"));
}

static void
run(jq_state *jq, const char *program)
{
	jv value, message;
	int count = 0;

	if (!jq_compile(jq, program))
		return;
	jq_start(jq, jv_parse("1"), 0);
	while (jv_is_valid(value = jq_next(jq))) {
		jv_free(value);
		count++;
	}
	message = jv_invalid_get_msg(value);
	printf("  %s: %d values, %s\n", program, count,
	    jv_get_kind(message) == JV_KIND_NULL ? "no error" :
	    jv_string_value(jv_dump_string(message, 0)));
}

int
main(void)
{
	static const struct { const char *name; jq_input_cb callback; } cases[] = {
		{ "no callback", NULL }, { "an invalid value", plain },
		{ "a message of its own", own_words },
	};
	jq_state *jq = jq_init();

	for (int i = 0; i < 3; i++) {
		printf("%s:\n", cases[i].name);
		jq_set_input_cb(jq, cases[i].callback, NULL);
		run(jq, "input");
		run(jq, "[inputs]");
	}
	return 0;
}
C
gcc -I root/usr/include -o t t.c "$library/libjq.so.1" -Wl,-rpath-link,"$library"
export LD_LIBRARY_PATH="$library"
{
	./t
	echo "jq(1):"
	root/usr/bin/jq -n input </dev/null 2>&1 || true
} >seen
cat seen
cat >expected <<'TEXT'
no callback:
  input: 0 values, "break"
  [inputs]: 1 values, no error
an invalid value:
  input: 0 values, "break"
  [inputs]: 1 values, no error
a message of its own:
  input: 0 values, "there is only one input"
  [inputs]: 0 values, "there is only one input"
jq(1):
jq: error (at <stdin>:0): break
TEXT
if ! cmp -s seen expected; then
	echo "it is no longer so; expected:" >&2
	cat expected >&2
	exit 1
fi
echo "as described: libjq $version"
