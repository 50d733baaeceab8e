libleadrelay_a_SOURCES += \
	src/lead/check.h \
	src/lead/check_bytes.c \
	src/lead/check_date.c \
	src/lead/check_email.c \
	src/lead/check_enum.c \
	src/lead/check_length.c \
	src/lead/check_nested.c \
	src/lead/check_number.c \
	src/lead/compact.c src/lead/compact.h \
	src/lead/json.c src/lead/json.h \
	src/lead/lead.c src/lead/lead.h \
	src/lead/lead_check.c \
	src/lead/lead_sample.c \
	src/lead/lead_schema.c \
	src/lead/number.c src/lead/number.h \
	src/lead/report.c src/lead/report.h \
	src/lead/rules.c src/lead/rules.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/lead/test_json tests/unit/lead/test_lead \
	tests/unit/lead/test_number tests/unit/lead/test_rules
tests_unit_lead_test_json_SOURCES = tests/unit/lead/test_json.c tests/unit/unit.h
tests_unit_lead_test_json_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_lead_test_json_LDADD = $(UNIT_LDADD)
tests_unit_lead_test_lead_SOURCES = tests/unit/lead/test_lead.c tests/unit/unit.h
tests_unit_lead_test_lead_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_lead_test_lead_LDADD = $(UNIT_LDADD)
tests_unit_lead_test_number_SOURCES = tests/unit/lead/test_number.c tests/unit/unit.h
tests_unit_lead_test_number_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_lead_test_number_LDADD = $(UNIT_LDADD)
tests_unit_lead_test_rules_SOURCES = tests/unit/lead/test_rules.c tests/unit/unit.h
tests_unit_lead_test_rules_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_lead_test_rules_LDADD = $(UNIT_LDADD)
endif

# What the rules say, for tests/e2e/test_schema.py: built by check, no test itself.
EXTRA_PROGRAMS = tests/unit/lead/judge
check_DATA = tests/unit/lead/judge$(EXEEXT)
CLEANFILES += tests/unit/lead/judge$(EXEEXT)
tests_unit_lead_judge_SOURCES = tests/unit/lead/judge.c
tests_unit_lead_judge_LDADD = libleadrelay.a $(JSONC_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += tests/e2e/test_schema.py
EXTRA_DIST += tests/fuzz/fuzz_json.c tests/fuzz/fuzz_lead.c tests/fuzz/replay.h
